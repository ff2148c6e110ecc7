"""The server of a journal may go away, be full, or be somebody else: it is told, nothing recorded is lost, and no password is shown."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from contextlib import closing
from pathlib import Path

import pytest
from pg8000.native import Connection
from typer.testing import CliRunner

from tests.tape.postgres import DATABASE, OWNER, PASSWORD, QUOTED, Server, binaries, schema_of, serving
from tests.tape.test_journal import draft, filled
from undertow.app.commands.journal import journal as commands
from undertow.core.errors import BadInput, StoreError, UndertowError
from undertow.tape.journal.address import Address
from undertow.tape.journal.journal import NAME, URL, Journal, journal_of, place_of
from undertow.tape.journal.store import Head

ROOT = Path(__file__).parents[2]


# --- what is lost -----------------------------------------------------------------------------------------------------


def test_a_server_that_goes_away_is_told_and_nothing_recorded_is_lost() -> None:
    with serving(hidden=True) as server:
        check_how_the_line_is_hidden(server)
        check_a_server_that_may_lose_what_it_has(server)
        url = server.url("gone", loopback=True)
        with Journal.to_write(url) as journal, Journal.to_read(url) as reader:
            journal.append(draft(0))
            server.process.send_signal(signal.SIGINT)
            server.process.wait(30)
            with pytest.raises(StoreError, match=r"lost its connection.*none of this may be taken as recorded, though it may be") as told:
                journal.append(draft(1))
            with pytest.raises(StoreError, match="open it again"):
                journal.append(draft(1))
            with pytest.raises(StoreError, match="lost its connection"):
                reader.head()
            with pytest.raises(StoreError, match="no PostgreSQL answers there") as refused:
                Journal.to_write(url)
        for error in (told, refused):
            assert_hidden("".join(traceback.format_exception(error.value)) + repr(error.value))


def check_how_the_line_is_hidden(server: Server) -> None:
    named = server.url("tls", loopback=True).replace("127.0.0.1", "localhost")
    own = f"&sslrootcert={server.folder / 'own.crt'}"
    for url in (f"{named}&sslmode=verify-full{own}", f"{named.replace('localhost', '127.0.0.1')}&sslmode=verify-ca{own}", named):
        with Journal.to_write(url) as journal:
            journal.append(draft(0))
            row = journal._store._line.ask("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")  # type: ignore[attr-defined]
            assert row == [[True]]
    for url in (f"{named.replace('localhost', '127.0.0.1')}&sslmode=verify-full{own}", f"{named}&sslmode=verify-full"):
        with pytest.raises(StoreError, match="certificate verify failed") as told:
            Journal.to_write(url)
        assert_hidden("".join(traceback.format_exception(told.value)))


def check_a_server_that_may_lose_what_it_has(server: Server) -> None:
    for value in ("off", "on"):
        with closing(Connection(OWNER, unix_sock=f"{server.folder}/.s.PGSQL.{server.port}", database=DATABASE)) as connection:
            connection.run(f"ALTER SYSTEM SET fsync = {value}")
            connection.run("SELECT pg_reload_conf()")
            while connection.run("SHOW fsync") != [[value]]:
                time.sleep(0.01)
        if value == "off":
            with pytest.raises(StoreError, match="fsync off: a power cut would lose orders"):
                Journal.to_write(server.url())


def test_a_journal_that_was_dumped_and_restored_goes_on(postgres: Server) -> None:
    folder = binaries()
    if folder is None or not (folder / "pg_dump").exists():
        pytest.skip("pg_dump is not installed")
    url = postgres.url()
    filled(url, 3)
    where = ["-h", str(postgres.folder), "-p", str(postgres.port), "-U", OWNER]
    dumped = subprocess.run([folder / "pg_dump", *where, "-n", schema_of(url), DATABASE], check=True, capture_output=True).stdout
    postgres.ask("CREATE DATABASE restored TEMPLATE template0")
    subprocess.run([folder / "psql", *where, "-q", "-v", "ON_ERROR_STOP=1", "restored"], input=dumped, check=True, capture_output=True)
    with Journal.to_write(url.replace(f"/{DATABASE}?", "/restored?")) as journal:
        assert journal.append(draft(3))[0].sequence == 4
        assert journal.verify().entries == 4


def test_a_lost_connection_loses_the_right_to_write(postgres: Server) -> None:
    url = postgres.url()
    with Journal.to_write(url) as journal:
        journal.append(draft(0))
        name = f"undertow process {os.getpid()} on%"
        postgres.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE :name", name=name)
        with Journal.to_write(url) as other:
            other.append(draft(1))
            for _ in range(2):
                with pytest.raises(StoreError, match=r"lost its connection|has lost its connection"):
                    journal.append(draft(2))
            assert other.append(draft(3))[0].sequence == 3
            assert other.verify().fault is None


def test_no_room_loses_nothing_that_was_recorded(postgres: Server) -> None:
    """The server's own refusal in the middle of an append: none of it is there, and the next one is as if it had not been."""
    url = postgres.url()
    full = "BEGIN IF NEW.id = 'full' THEN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END IF; RETURN NEW; END"
    with Journal.to_write(url) as journal:
        journal.append(draft(0))
        postgres.ask(
            f"SET search_path = {schema_of(url)}; CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $${full}$$;"
            " CREATE TRIGGER full_disk BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION full_disk()"
        )
        with pytest.raises(StoreError, match=r"could not extend file.*what was recorded before is kept"):
            journal.append(draft(1), draft(2, name="full"), draft(3))
        assert journal.append(draft(4))[0].sequence == 2
        assert journal.verify().entries == 2


def test_another_thread_and_a_fork_leave_the_writer_alone(postgres: Server) -> None:
    said: list[str] = []
    url = postgres.url()
    with Journal.to_write(url) as journal:

        def other() -> None:
            try:
                journal.append(draft(0))
            except StoreError as error:
                said.append(str(error))

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        code = (
            "import os, sys\nfrom undertow.tape.journal.journal import Journal\nfrom undertow.tape.journal.entry import Draft, Kind\n"
            "one = Draft(at=1, kind=Kind.NOTE, id='one')\njournal = Journal.to_write(sys.argv[1])\nif os.fork() == 0:\n"
            "    try:\n        journal.append(one)\n    except Exception as error:\n        print(error, flush=True)\n"
            "    journal.close()\n    os._exit(0)\nos.wait()\nprint(journal.append(one)[0].sequence)\n"
        )
        forked = subprocess.run([sys.executable, "-c", code, postgres.url()], capture_output=True, text=True, cwd=ROOT, check=True)
        assert journal.append(draft(1))[0].sequence == 1
    assert said
    assert all("another process or thread" in each for each in (*said, forked.stdout))
    assert forked.stdout.endswith("\n1\n")


def test_an_answer_cut_off_by_hand_ends_the_connection(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal.to_write(postgres.url()) as journal:
        journal.append(draft(0))
        with monkeypatch.context() as patch:
            patch.setattr("pg8000.core.CoreConnection.handle_messages", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                journal.append(draft(1))
        with pytest.raises(StoreError, match="in the middle of an answer"):
            journal.append(draft(1))


def test_a_reader_in_the_middle_of_a_table_keeps_no_writer_waiting(postgres: Server) -> None:
    url = postgres.url()
    filled(url, 3)
    with Journal.to_write(url) as journal, closing(Journal.to_read(url)) as reader:
        store = reader._store
        store._line.ask("BEGIN ISOLATION LEVEL REPEATABLE READ")  # type: ignore[attr-defined]  # as a dump of the database does
        assert sum(1 for _ in reader.entries()) == 3
        begun = time.perf_counter()
        journal.append(draft(3))
        assert time.perf_counter() - begun < 20  # the server gives up on a lock after 30 s
        assert sum(1 for _ in reader.entries()) == 3


# --- the address ------------------------------------------------------------------------------------------------------


def assert_hidden(text: str) -> None:
    for secret in (PASSWORD, QUOTED, "w@rd", "w%40rd"):
        assert secret not in text


def test_a_password_opens_and_is_never_shown(postgres: Server) -> None:
    url = postgres.url(loopback=True)
    filled(url, 2)
    address = Address(url)
    assert_hidden(f"{address} {address!r} {address.named('one')}")
    assert address.scrub(f"a {PASSWORD} b") == "a [password] b"
    with pytest.raises(TypeError):
        json.dumps(address)
    with pytest.raises(TypeError, match="not written down"):
        address.__reduce__()
    wrong = url.replace(QUOTED, QUOTED + "x")
    for bad in (wrong, url.replace(f":{QUOTED}@", "@"), url.replace(f":{postgres.port}", ":1"), f"{url}&sslmode=require"):
        with pytest.raises(StoreError, match="could not be opened") as told:
            Journal.to_write(bad)
        assert_hidden("".join(traceback.format_exception(told.value)))


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{PASSWORD}@here/undertow",  # a / in the password: what comes before it is no port
        "postgresql://me:w@rd@here:port/undertow",
        "postgresql://me:w@rd@/undertow",
        "postgresql://me:w@rd@here",
        "postgresql://:w@rd@here/undertow",
        "mysql://me:w@rd@here/undertow",
        "postgresql://me:w@rd@here/undertow?sslmode=perhaps",
        "postgresql://me:w@rd@here/undertow?password=w@rd",
        "postgresql://me:w@rd@here/undertow?schema=a&schema=b",
        "postgresql://me:w@rd@here/undertow?schema=pg_a",
        "postgresql://me:w@rd@here/undertow?schema",
        "postgresql://me:w@rd@[here/undertow",
    ],
)
def test_a_url_that_is_none_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(BadInput, match="URL of the journal") as told:
        Address(url)
    assert_hidden("".join(traceback.format_exception(told.value)))


def test_how_the_line_is_hidden() -> None:
    def context(more: str, host: str = "db.example") -> object:
        return Address(f"postgresql://me:x@{host}/undertow{more}").arguments()["ssl_context"]

    assert context("?sslmode=disable") is False
    assert context("?sslmode=prefer") is None
    assert context("", "localhost") is None
    for more, checked, required in (("", False, False), ("?sslmode=verify-ca", False, True), ("?sslmode=verify-full", True, True)):
        made = context(more)
        assert (made.check_hostname, made.verify_mode.name == "CERT_REQUIRED") == (checked, required)  # type: ignore[attr-defined]
    with pytest.raises(BadInput, match="sslrootcert"):
        context("?sslmode=verify-full&sslrootcert=/nowhere.pem")


# --- which journal an account has -------------------------------------------------------------------------------------


def test_an_account_has_a_file_or_a_chain_of_its_name(postgres: Server, tmp_path: Path) -> None:
    environment = {URL: postgres.url("books")}
    for name in ("alpaca-1", "alpaca-2"):
        assert place_of(tmp_path / name, {URL: " "}) == tmp_path / name / NAME
        with journal_of(tmp_path / name, environment) as journal:
            journal.append(draft(0, name=name))
        with journal_of(tmp_path / name, {}) as journal:
            assert journal.head() == Head()
    with journal_of(tmp_path / "alpaca-2", environment, to_write=False) as journal:
        assert [entry.id for entry in journal.entries()] == ["alpaca-2"]
    assert [row[0] for row in postgres.ask("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'books%' ORDER BY 1")] == [
        "books-alpaca-1",
        "books-alpaca-2",
    ]
    with pytest.raises(BadInput, match=URL):
        place_of(tmp_path, {URL: "sqlite:///w@rd"})


def test_the_commands_follow_the_url(postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, home = CliRunner().invoke, ["--home", str(tmp_path / "alpaca-3")]
    monkeypatch.setenv(URL, postgres.url("shown", loopback=True))
    none = run(commands, ["verify", *home])
    assert none.exit_code == 2
    assert "There is no journal at postgresql://127.0.0.1:" in none.output
    with journal_of(tmp_path / "alpaca-3", os.environ) as journal:
        entries = journal.append(*(draft(i) for i in range(3)))
    told = run(commands, ["verify", "--json", *home])
    assert told.exit_code == 0
    assert json.loads(told.output)["entries"] == 3
    assert json.loads(told.output)["journal"].endswith("?schema=shown-alpaca-3")
    lines = [json.loads(line) for line in run(commands, ["export", *home]).stdout.splitlines()]
    assert [line["hash"] for line in lines] == [entry.hash for entry in entries]
    monkeypatch.setenv(URL, "postgresql://me:w@rd@here")
    refused = run(commands, ["export", *home])
    assert refused.exit_code == 2
    for each in (none, told, refused):
        assert_hidden(each.output)


def test_every_error_is_one_of_ours(tmp_path: Path) -> None:
    """A port where something else answers, or nothing ever does."""
    import socket

    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()

        def answer() -> None:
            line, _ = other.accept()
            with closing(line):
                line.recv(8)
                line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(UndertowError, match="no PostgreSQL answers there"):
            Journal.to_read(f"postgresql://me:{QUOTED}@127.0.0.1:{other.getsockname()[1]}/undertow")
        thread.join()
