"""A PostgreSQL server of the tests' own: made in a temporary folder, reached through a socket and the loopback, gone at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import Connection

from undertow.tape.journal.address import Address
from undertow.tape.journal.journal import NAME

PASSWORD = "p/w@rd:%30 of the journal?"
QUOTED = "p%2Fw%40rd%3A%2530%20of%20the%20journal%3F"
OWNER = "undertow"  #: a superuser, as whom nothing but the guards stands in the way
DATABASE = "postgres"
_NUMBERS = count(1)


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where it listens."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] = field(repr=False)

    def url(self, schema: str | None = None, *, user: str = OWNER, loopback: bool = False) -> str:
        """A URL of a schema, by default one that is not there yet; through the loopback a password is asked for."""
        schema = schema or f"test{next(_NUMBERS)}"
        if loopback:
            return f"postgresql://{user}:{QUOTED}@127.0.0.1:{self.port}/{DATABASE}?schema={schema}"
        return f"postgresql://{user}@:{self.port}/{DATABASE}?host={self.folder}&schema={schema}"

    def ask(self, statement: str, **values: Any) -> list[list[Any]]:
        """What a superuser gets who knows nothing of journals; several statements are one transaction."""
        with closing(Connection(OWNER, unix_sock=f"{self.folder}/.s.PGSQL.{self.port}", database=DATABASE)) as connection:
            return connection.run(statement, **values) or []


def schema_of(url: str) -> str:
    """In which schema a URL puts its tables."""
    return Address(url).schema


def binaries() -> Path | None:
    """The folder with ``initdb`` and ``postgres``; None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name.split(".")[0]), reverse=True)
    return next((folder for folder in folders if (folder / "postgres").exists() and (folder / "initdb").exists()), None)


@contextmanager
def serving(*, hidden: bool = False) -> Iterator[Server]:
    """A server; skips the test where there is none to be had.

    hidden : whether it speaks TLS, as ``localhost`` with the certificate ``own.crt`` in its folder
    """
    found = binaries()
    if found is None:
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="undertow-pg-"))
    who: dict[str, Any] = {}
    if os.getuid() == 0:  # the server refuses to run as the superuser of the machine
        user = _somebody()
        os.chown(folder, user.pw_uid, user.pw_gid)
        who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    try:
        secret = folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        made = [found / "initdb", "-D", folder / "data", "-U", OWNER, "-E", "UTF8", "--locale=C", "--no-sync", "--pwfile", secret]
        made += ["--auth-local=trust", "--auth-host=scram-sha-256"]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL, cwd=folder, env=_environment(), timeout=120, **who)
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder, "shared_buffers": "16MB"}
        if hidden:
            _certify(folder, who)
            settings |= {"ssl": "on", "ssl_cert_file": folder / "own.crt", "ssl_key_file": folder / "own.key"}
        command = [found / "postgres", "-D", folder / "data", *(f"--{name}={value}" for name, value in settings.items())]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=_environment(), **who)
        try:
            server = Server(folder=folder, port=port, process=process)
            _wait(server)
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # closes every connection
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)
                process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One server for all tests of a worker."""
    with serving() as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def fresh(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """Each call gives a place where no journal is yet: a file, or a schema."""
    if request.param == "sqlite":
        return lambda: str(tmp_path_factory.mktemp("journal") / NAME)
    server: Server = request.getfixturevalue("postgres")
    return server.url


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}


def _somebody() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.skip("there is no user as whom PostgreSQL could run")


def _certify(folder: Path, who: dict[str, Any]) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    asked = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "own.key", "-out", "own.crt", "-days", "2"]
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([openssl, "req", "-x509", *asked, *named], check=True, capture_output=True, cwd=folder, env=_environment(), **who)
    (folder / "own.key").chmod(0o600)


def _wait(server: Server) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            server.ask("SELECT 1")
            return
        except (InterfaceError, DatabaseError, OSError):
            if time.monotonic() > deadline or server.process.poll() is not None:
                raise RuntimeError((server.folder / "log").read_text(errors="replace")) from None
            time.sleep(0.02)
