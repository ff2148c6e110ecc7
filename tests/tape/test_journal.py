"""The journal gives back what was written, in a chain; one writes at a time, a full disk loses nothing, and the file refuses changes."""

from __future__ import annotations

import csv
import io
import json
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from undertow.app.commands.journal import journal as commands
from undertow.core.errors import BadData, BadInput, NotSupported, StoreError
from undertow.tape.journal.entry import FIRST, LONGEST_BODY, Draft, Entry, Kind, as_read, canonical, chained
from undertow.tape.journal.ids import LONGEST, client_order_id, decision_id, decision_of
from undertow.tape.journal.journal import NAME, Journal, head_of
from undertow.tape.journal.sqlite import SqliteStore
from undertow.tape.journal.store import Head, Wanted

ROOT = Path(__file__).parents[2]
AT = 1_795_000_000 * 10**9
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
DRAFTS = st.builds(
    Draft,
    at=st.integers(-(2**63), 2**63 - 1),
    kind=st.sampled_from(Kind),
    id=st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=30),
    body=st.dictionaries(TEXTS, VALUES, max_size=4),
)


def draft(i: int, kind: Kind = Kind.NOTE, name: str = "one", **body: object) -> Draft:
    return Draft(at=AT + i, kind=kind, id=name, body={"i": i, **body})


def filled(place: Path | str, count: int) -> tuple[Entry, ...]:
    """A journal with so many entries, one an append."""
    with Journal.to_write(place) as journal:
        return tuple(entry for i in range(count) for entry in journal.append(draft(i)))


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let the system refuse to write more than ``size`` bytes to any file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# --- entries and ids --------------------------------------------------------------------------------------------------


def test_the_bytes_under_a_hash_are_those_that_are_written_down() -> None:
    entry = chained(Draft(at=-2, kind=Kind.FILL, id="ab", body={"é": 1}), 7, FIRST)
    written = bytes.fromhex("0000000000000007fffffffffffffffe")
    written += b"\0\0\0\x40" + b"0" * 64 + b"\0\0\0\4fill" + b"\0\0\0\2ab" + b"\0\0\0\x08" + '{"é":1}'.encode()
    assert entry.hash == sha256(b"undertow journal 1\n" + written).hexdigest()
    assert entry.content() == {"é": 1}


@given(st.dictionaries(TEXTS, VALUES, max_size=5))
def test_a_body_has_one_text(body: dict[str, object]) -> None:
    text = canonical(body)
    assert canonical(dict(reversed(body.items()))) == text
    assert canonical(json.loads(text)) == text
    assert json.loads(text) == body


@pytest.mark.parametrize(
    "body",
    [{"a": float("nan")}, {"a": float("inf")}, {"a": object()}, {"a": "\ud800"}, {1: 2, "1": 3}, {"a": "x" * LONGEST_BODY}],
    ids=["nan", "infinite", "an object", "half a letter", "one name twice", "too long"],
)
def test_what_json_cannot_tell_is_refused(body: dict[str, object], fresh: Callable[[], str]) -> None:
    with Journal.to_write(fresh()) as journal:
        with pytest.raises(BadInput, match="body of an entry"):
            journal.append(draft(0), Draft(at=AT, kind=Kind.NOTE, id="a", body=body))
        assert journal.head() == Head()


@pytest.mark.parametrize("bad", [{"id": ""}, {"id": "a\n"}, {"id": "é"}, {"id": "a" * 129}, {"at": 2**63}])
def test_an_id_and_an_instant_have_limits(bad: dict[str, object]) -> None:
    with pytest.raises(BadInput, match=r"must have 1 to 128|not within 64 bits"):
        chained(Draft(**{"at": 0, "kind": Kind.NOTE, "id": "a", **bad}), 1, FIRST)


def test_order_ids_are_short_the_same_anywhere_and_never_meet() -> None:
    runs, instants, symbols, strategies = ("a", "ab", "1"), range(40), ("A", "AB", "BRK.B", "BRKB", "bc"), ("c", "bc", "")
    made = {
        client_order_id(run, at, symbol, strategy + "x", n)
        for run in runs
        for at in (*instants, AT, -1)
        for symbol in symbols
        for strategy in strategies
        for n in (0, 1, 9_999)
    }
    assert len(made) == 3 * 42 * 5 * 3 * 3
    assert len({name.lower() for name in made}) == len(made)
    wide = client_order_id("run" * 50, AT, "SPY261218C00600000X", "strategy" * 20, 9_999)
    assert max(len(name) for name in (*made, wide)) <= LONGEST
    assert all(name.isascii() and name.replace("-", "").isalnum() for name in (*made, wide))
    assert client_order_id("demo", 0, "BRK.B", "flow", 3) == "ut-BRKB-f2xtcs5sc6hsq5yqi3pe2apg3a-3"
    assert decision_of(client_order_id("demo", 0, "BRK.B", "flow", 3)) == decision_id("demo", 0, "BRK.B", "flow")
    for bad in (("", 0, "A", "s", 0), ("r", 0, "", "s", 0), ("r", 0, "A", "", 0), ("r", 0, "A", "s", -1), ("r", 0, "A", "s", 10_000)):
        with pytest.raises(BadInput):
            client_order_id(*bad)


# --- what goes in comes out -------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(DRAFTS, max_size=4), max_size=6), st.integers(0, 5))
def test_any_appends_verify_and_come_back(fresh: Callable[[], str], appends: list[list[Draft]], reopened: int) -> None:
    path = fresh()
    journal = Journal.to_write(path)
    for i, drafts in enumerate(appends):
        if i == reopened:
            journal.close()
            journal = Journal.to_write(path)
        journal.append(*drafts)
    flat = [one for drafts in appends for one in drafts]
    with closing(journal):
        entries = list(journal.entries())
        verdict = journal.verify()
        assert verdict.fault is None
        assert verdict.entries == len(flat)
        assert verdict.head == journal.head()
    assert [Draft(at=e.at, kind=e.kind, id=e.id, body=e.content()) for e in entries] == flat
    assert [e.sequence for e in entries] == list(range(1, len(flat) + 1))
    assert [e.previous for e in entries] == [FIRST, *(e.hash for e in entries)][: len(entries)]


def test_entries_are_found_by_id_kind_number_and_time(fresh: Callable[[], str]) -> None:
    path = fresh()
    with Journal.to_write(path) as journal:
        kinds = list(Kind)
        journal.append(*(draft(i, kinds[i % 3], f"id{i % 2}") for i in range(12)))
        for wanted, expected in (
            (Wanted(id="id1"), [2, 4, 6, 8, 10, 12]),
            (Wanted(kinds=(kinds[0],)), [1, 4, 7, 10]),
            (Wanted(kinds=(kinds[0], kinds[1]), id="id0"), [1, 5, 7, 11]),
            (Wanted(first=4, last=6), [4, 5, 6]),
            (Wanted(after=AT + 2, until=AT + 4), [4, 5]),
            (Wanted(id="nobody"), []),
        ):
            assert [entry.sequence for entry in journal.entries(wanted)] == expected
            with Journal.to_read(path) as reader:  # while it is open to be written
                assert [entry.sequence for entry in reader.entries(wanted)] == expected


def test_many_entries_are_read_in_batches_while_more_are_written(fresh: Callable[[], str]) -> None:
    path = fresh()
    with Journal.to_write(path) as journal, Journal.to_read(path) as reader:
        journal.append(*(draft(i) for i in range(4_500)))
        reading = reader.entries()
        assert next(reading).sequence == 1
        journal.append(draft(4_500))  # a reader in the middle keeps nobody waiting
        assert sum(1 for _ in reading) == 4_500
        assert reader.verify().entries == 4_501


# --- who may write ----------------------------------------------------------------------------------------------------

SECOND = """
import sys
from undertow.core.errors import StoreError
from undertow.tape.journal.journal import Journal
try:
    Journal.to_write(sys.argv[1])
except StoreError as error:
    print(error)
"""


def test_a_second_writer_is_refused_by_name(fresh: Callable[[], str]) -> None:
    path = fresh()
    with Journal.to_write(path) as journal:
        journal.append(draft(0))
        with pytest.raises(StoreError, match=f"written by process {os.getpid()}"):
            Journal.to_write(path)
        other = subprocess.run([sys.executable, "-c", SECOND, path], capture_output=True, text=True, cwd=ROOT, check=True)
        assert f"is being written by process {os.getpid()}" in other.stdout
        assert ": two would send orders twice" in other.stdout
        journal.append(draft(1))  # being asked did the first no harm
    with Journal.to_write(path) as journal:
        assert journal.append(draft(2))[0].sequence == 3
        assert journal.verify().entries == 3
    with pytest.raises(StoreError, match="closed"):
        journal.head()


def test_who_opened_to_read_cannot_write(fresh: Callable[[], str]) -> None:
    path = fresh()
    filled(path, 1)
    with Journal.to_read(path) as journal:
        with pytest.raises(StoreError, match="not opened to be written"):
            journal.append(draft(1))
        assert journal.verify().entries == 1


def test_a_writer_that_went_around_the_lock_stops_ours(tmp_path: Path) -> None:
    path = tmp_path / NAME
    with Journal.to_write(path) as journal:
        (first,) = journal.append(draft(0))
        foreign = chained(draft(1), 2, first.hash)
        with closing(sqlite3.connect(path)) as file, file:
            file.execute(
                "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)",
                (2, foreign.at, foreign.kind, foreign.id, foreign.body, foreign.previous, foreign.hash),
            )
        with pytest.raises(StoreError, match="someone else wrote to it"):
            journal.append(draft(2))
        assert [entry.sequence for entry in journal.entries()] == [1, 2]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET body = '{}' WHERE sequence = 2",
        "DELETE FROM entries WHERE sequence = 3",
        "INSERT OR REPLACE INTO entries SELECT sequence, at + 1, kind, id, body, previous, hash FROM entries WHERE sequence = 3",
        "INSERT INTO entries SELECT 9, at, kind, id, body, previous, hash FROM entries WHERE sequence = 3",
        "UPDATE head SET sequence = 2",
        "DELETE FROM head",
        "INSERT OR REPLACE INTO head VALUES (1, 0, '')",
    ],
)
def test_the_file_itself_refuses_changes(statement: str, tmp_path: Path) -> None:
    filled(tmp_path / NAME, 3)
    with closing(sqlite3.connect(tmp_path / NAME)) as file, pytest.raises(sqlite3.IntegrityError, match=r"only added to|must"):
        file.execute(statement)
    with Journal.to_write(tmp_path / NAME) as journal:
        assert journal.verify().entries == 3


def test_a_journal_without_guards_is_not_added_to(tmp_path: Path) -> None:
    filled(tmp_path / NAME, 3)
    with closing(sqlite3.connect(tmp_path / NAME)) as file:
        file.execute("DROP TRIGGER entries_DELETE")
    with pytest.raises(BadData, match="guards"):
        Journal.to_write(tmp_path / NAME)
    with Journal.to_read(tmp_path / NAME) as journal:
        assert journal.verify().fault is None


def test_only_journals_are_opened(tmp_path: Path) -> None:
    for content in (b"", b"no database at all" * 100):
        (tmp_path / NAME).write_bytes(content)
        with pytest.raises(BadData, match=r"is no journal|is damaged"):
            Journal.to_write(tmp_path / NAME)
        assert (tmp_path / NAME).read_bytes() == content
    with pytest.raises(StoreError, match="unable to open"):
        Journal.to_read(tmp_path / "nothing.sqlite")
    with pytest.raises(NotSupported, match="as a path it is no URL"):
        SqliteStore(Path("postgresql://here/undertow"), to_write=True)
    (tmp_path / NAME).unlink()
    (tmp_path / f"{NAME}-journal").write_bytes(b"left over")
    with pytest.raises(StoreError, match="moved or lost"):
        Journal.to_write(tmp_path / NAME)
    filled(tmp_path / "later.sqlite", 1)
    with closing(sqlite3.connect(tmp_path / "later.sqlite")) as file:
        file.execute("PRAGMA user_version = 2")
    with pytest.raises(NotSupported, match="format 2"):
        Journal.to_read(tmp_path / "later.sqlite")


# --- a full disk ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [40_000, 57_344, 100_001])
def test_a_full_disk_loses_nothing_that_was_recorded(size: int, tmp_path: Path) -> None:
    path = tmp_path / NAME
    kept = 0
    with Journal.to_write(path) as journal:
        with files_of_at_most(size):
            with suppress(StoreError):
                while kept < 1_000:
                    journal.append(draft(kept, text="x" * 300), draft(kept, text="y" * 300))
                    kept += 2
            assert 0 < kept < 1_000
            with pytest.raises(StoreError, match="none of this may be taken as recorded, and what was recorded before is kept"):
                journal.append(draft(kept, text="x" * 300), draft(kept, text="y" * 300))
            with pytest.raises(StoreError, match="could not be used"):
                journal.append(draft(-1, text="z" * size))
            assert journal.verify().fault is None
            assert journal.verify().entries == kept
        assert journal.append(draft(kept))[0].sequence == kept + 1  # there is room again
    with Journal.to_write(path) as journal:
        assert journal.append(draft(0))[0].sequence == kept + 2
        assert journal.verify().fault is None
        assert sum(1 for _ in journal.entries()) == kept + 2


def test_no_room_for_a_new_journal_leaves_none(tmp_path: Path) -> None:
    with files_of_at_most(500), pytest.raises(StoreError, match="could not be used"):
        Journal.to_write(tmp_path / "home" / NAME)
    assert not (tmp_path / "home" / NAME).exists()
    filled(tmp_path / "home" / NAME, 2)


# --- the command ------------------------------------------------------------------------------------------------------


def test_verify_says_how_many_fit_and_export_gives_them(tmp_path: Path) -> None:
    home = ["--home", str(tmp_path)]
    run = CliRunner().invoke
    empty = run(commands, ["verify", *home])
    assert empty.exit_code == 2
    assert "There is no journal at" in empty.output
    with Journal.to_write(tmp_path / NAME) as journal:
        journal.append(*(draft(i, Kind.FILL if i % 2 else Kind.NOTE, f"d{i}", text='a "b", ü\n') for i in range(4)))
        entries = list(journal.entries())
        told = run(commands, ["verify", *home])  # while it is written
        assert told.exit_code == 0
        assert "4 entries fit, the last of 2026-11-18" in told.output
    anchor = str(head_of(told.output.split("anchor: ")[1]))
    assert run(commands, ["verify", "--anchor", anchor, *home]).exit_code == 0
    assert run(commands, ["verify", "--anchor", "4:beef", *home]).exit_code == 2
    found = json.loads(run(commands, ["verify", "--json", *home]).output)
    assert found["head"] == {"sequence": 4, "hash": entries[-1].hash}

    lines = [json.loads(line) for line in run(commands, ["export", *home]).stdout.splitlines()]
    assert [chained(Draft(at=a["at"], kind=a["kind"], id=a["id"], body=a["body"]), a["sequence"], a["previous"]) for a in lines] == entries
    out = tmp_path / "out.csv"
    done = run(commands, ["export", "--out", str(out), "--kinds", "fill", *home])
    assert done.output == f"2 entries: {out}\n"
    rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8"))))
    assert [(row["sequence"], row["body"], row["hash"]) for row in rows] == [(str(e.sequence), e.body, e.hash) for e in entries[1::2]]
    assert len(run(commands, ["export", "--format", "csv", "--first", "2", "--last", "3", "--id", "d2", *home]).stdout.splitlines()) == 2
    for bad in (["--out", str(tmp_path / "a.xlsx")], ["--kinds", "fills"], ["--out", str(tmp_path / "no" / "a.csv")]):
        refused = run(commands, ["export", *bad, *home])
        assert refused.exit_code == 2
        assert refused.output.startswith("error: ")


def test_a_broken_journal_is_told_and_not_exported(tmp_path: Path) -> None:
    filled(tmp_path / NAME, 5)
    with closing(sqlite3.connect(tmp_path / NAME)) as file, file:
        file.execute("DROP TRIGGER entries_UPDATE")
        file.execute("UPDATE entries SET at = at + 1 WHERE sequence = 3")
    told = CliRunner().invoke(commands, ["verify", "--home", str(tmp_path)])
    assert told.exit_code == 1
    assert "2 entries fit" in told.output
    assert "BROKEN, changed: entry 3 was changed after it was written" in told.output
    out = tmp_path / "out.jsonl"
    refused = CliRunner().invoke(commands, ["export", "--out", str(out), "--home", str(tmp_path)])
    assert refused.exit_code == 1
    assert "error: Entry 3 of the journal was changed" in refused.output
    assert all(path.name.startswith(NAME) for path in tmp_path.iterdir()), "half a file was left"
    assert CliRunner().invoke(commands, ["export", "--last", "2", "--out", str(out), "--home", str(tmp_path)]).exit_code == 0


SAME = {"a": 1.5, "b": [True, None, {"c": "é"}], "d": -0.0}


@pytest.mark.parametrize(("body", "same"), [(SAME, True), ({"a": (1, 2)}, False), ({"a": Kind.NOTE}, False), ({"a": {2: 1}}, False)])
def test_a_body_stands_for_what_is_read_only_where_that_is_the_very_same(body: dict[str, object], same: bool) -> None:
    told = as_read(body)
    assert (told is not None) is same
    if told is not None:
        assert repr(told) == repr(json.loads(canonical(body)))
