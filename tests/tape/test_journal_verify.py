"""Whatever one does to a journal, verification names the first entry that does not fit, and why."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tape.test_journal import draft, filled
from undertow.core.errors import BadData, BadInput, NotSupported, StoreError
from undertow.tape.journal.entry import Entry, Raw, chained
from undertow.tape.journal.journal import NAME, Journal, head_of
from undertow.tape.journal.store import Head
from undertow.tape.journal.verify import Fault, Verdict, Why

COUNT = 12
COLUMNS = ("at", "kind", "id", "body", "previous", "hash", "sequence")
PLACES = st.integers(1, COUNT)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a journal with a dozen entries."""
    path = tmp_path_factory.mktemp("whole") / NAME
    filled(path, COUNT)
    return path.read_bytes()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where each example puts its own."""
    return tmp_path_factory.mktemp("changed") / NAME


def verdict(path: Path, anchor: Head | None = None) -> Verdict:
    with Journal.to_read(path) as journal:
        return journal.verify(anchor)


def found(path: Path) -> tuple[int, Why]:
    """The entry that is named, and why."""
    verdict_ = verdict(path)
    assert isinstance(verdict_.fault, Fault)
    assert verdict_.fault.says
    if verdict_.fault.sequence and verdict_.fault.why is not Why.ADDED and verdict_.entries != verdict_.fault.sequence:
        assert verdict_.entries == verdict_.fault.sequence - 1
    return verdict_.fault.sequence, verdict_.fault.why


def tamper(path: Path, whole: bytes, *statements: tuple[str, tuple[object, ...]]) -> None:
    """A whole journal, then changed by somebody who takes its guards away."""
    path.write_bytes(whole)
    with closing(sqlite3.connect(path)) as file, file:
        for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            file.execute(f"DROP TRIGGER {name}")
        for statement, values in statements:
            file.execute(statement, values)


def flipped(value: object, at: int, bit: int) -> object:
    """A value with one bit of one of its bytes changed."""
    if isinstance(value, int):
        return value ^ 1 << (at * 8 + bit) % 62
    text = bytearray(str(value).encode())
    text[at % len(text)] ^= 1 << bit
    return bytes(text)


@settings(max_examples=200, deadline=None)
@given(place=PLACES, column=st.sampled_from(COLUMNS), at=st.integers(0, 80), bit=st.integers(0, 7))
def test_any_changed_byte_of_an_entry_is_located(whole: bytes, path: Path, place: int, column: str, at: int, bit: int) -> None:
    path.write_bytes(whole)
    with closing(sqlite3.connect(path)) as file:
        (value,) = file.execute(f"SELECT {column} FROM entries WHERE sequence = ?", (place,)).fetchone()
    changed = flipped(value, at, bit)
    if column == "sequence" and 1 <= int(str(changed)) <= COUNT:
        return  # a swap, tested below
    tamper(path, whole, (f"UPDATE entries SET {column} = CAST(? AS {type_of(column)}) WHERE sequence = ?", (changed, place)))
    assert found(path) == (place, Why.MOVED if column == "sequence" else Why.CHANGED)


def type_of(column: str) -> str:
    return "INTEGER" if column in ("at", "sequence") else "TEXT"


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 99) | st.integers(100, 2**20), st.integers(0, 7))
def test_any_changed_byte_of_the_file_is_found_or_changes_nothing(whole: bytes, path: Path, place: int, bit: int) -> None:
    """SQLite leaves room in a page: a byte there means nothing, and the entries are the same."""
    content = bytearray(whole)
    content[place % len(content)] ^= 1 << bit
    path.write_bytes(whole)
    with Journal.to_read(path) as journal:
        expected = list(journal.entries())
    path.write_bytes(content)
    try:
        fault = verdict(path).fault
    except (BadData, StoreError, NotSupported):
        return
    if fault is None:
        with Journal.to_read(path) as journal:
            assert list(journal.entries()) == expected


@settings(max_examples=40, deadline=None)
@given(PLACES)
def test_a_removed_entry_is_missed(whole: bytes, path: Path, place: int) -> None:
    tamper(path, whole, ("DELETE FROM entries WHERE sequence = ?", (place,)))
    assert found(path) == (place, Why.SHORT if place == COUNT else Why.MISSING)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, COUNT - 1))
def test_a_removed_entry_whose_place_was_closed_is_missed(whole: bytes, path: Path, place: int) -> None:
    closed = [("UPDATE entries SET sequence = ? WHERE sequence = ?", (i - 1, i)) for i in range(place + 1, COUNT + 1)]
    tamper(path, whole, ("DELETE FROM entries WHERE sequence = ?", (place,)), *closed)
    assert found(path) == (place, Why.MISSING)


@settings(max_examples=60, deadline=None)
@given(PLACES, PLACES)
def test_swapped_entries_are_out_of_order(whole: bytes, path: Path, a: int, b: int) -> None:
    moves = ((-1, a), (a, b), (b, -1))
    tamper(path, whole, *(("UPDATE entries SET sequence = ? WHERE sequence = ?", move) for move in moves))
    if a == b:
        assert verdict(path).fault is None
    else:
        assert found(path) == (min(a, b), Why.MOVED)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, COUNT - 1))
def test_an_end_that_was_cut_off_is_missed(whole: bytes, path: Path, kept: int) -> None:
    tamper(path, whole, ("DELETE FROM entries WHERE sequence > ?", (kept,)))
    assert found(path) == (kept + 1, Why.SHORT)
    with pytest.raises(BadData, match=r"guards|last entry"):
        Journal.to_write(path)


def test_the_end_itself(whole: bytes, path: Path) -> None:
    tamper(path, whole, ("DELETE FROM head", ()))
    assert found(path) == (0, Why.SHORT)
    tamper(path, whole, ("UPDATE head SET hash = ?", ("0" * 64,)))
    assert found(path) == (COUNT, Why.CHANGED)
    tamper(path, whole, ("UPDATE head SET sequence = sequence + 1", ()))
    assert found(path) == (COUNT + 1, Why.SHORT)
    tamper(path, whole, ("UPDATE head SET sequence = sequence - 1", ()))
    assert found(path) == (COUNT - 1, Why.CHANGED)
    tamper(path, whole, ("INSERT INTO entries SELECT 13, at, kind, id, body, previous, hash FROM entries WHERE sequence = 4", ()))
    assert found(path) == (COUNT + 1, Why.ADDED)
    tamper(path, whole, ("UPDATE head SET sequence = ?", (2**62,)), ("UPDATE entries SET body = '{}' WHERE sequence = 3", ()))
    assert found(path) == (3, Why.CHANGED)


def entries_of(path: Path) -> list[Entry]:
    with Journal.to_read(path) as journal:
        return list(journal.entries())


def test_an_entry_rewritten_with_a_hash_that_fits(whole: bytes, path: Path) -> None:
    path.write_bytes(whole)
    entries = entries_of(path)
    forged = chained(draft(99), 5, entries[3].hash)
    tamper(path, whole, ("UPDATE entries SET at = ?, body = ?, hash = ? WHERE sequence = 5", (forged.at, forged.body, forged.hash)))
    told = verdict(path).fault
    assert told is not None
    assert (told.sequence, told.why) == (6, Why.CHANGED)
    assert "one of the two was rewritten" in told.says


def test_a_whole_chain_rewritten_is_found_by_an_anchor(whole: bytes, path: Path) -> None:
    path.write_bytes(whole)
    end = verdict(path).head
    assert verdict(path, end).fault is None
    assert head_of(str(end)) == end
    path.unlink()
    with Journal.to_write(path) as journal:
        journal.append(*(draft(i) for i in range(5)), *(draft(100 + i) for i in range(COUNT)))
        assert journal.verify().fault is None
        told = journal.verify(end).fault
        assert told is not None
        assert (told.sequence, told.why) == (COUNT, Why.CHANGED)
        later = journal.verify(replace(end, sequence=100)).fault
        assert later is not None
        assert later.why is Why.SHORT
    for bad in ("", "0:" + "0" * 64, "1:" + "g" * 64, "1", "x:" + "0" * 64):
        with pytest.raises(BadInput, match="is no anchor"):
            head_of(bad)


def test_an_entry_of_the_wrong_type_is_told(whole: bytes, path: Path) -> None:
    tamper(path, whole, ("UPDATE entries SET at = 'noon' WHERE sequence = 7", ()))
    assert found(path)[1] is Why.CHANGED
    tamper(path, whole, ("UPDATE entries SET kind = 'dream' WHERE sequence = 7", ()))
    assert found(path) == (7, Why.CHANGED)
    with Journal.to_read(path) as journal, pytest.raises(BadData, match="Entry 7 of the journal was changed"):
        list(journal.entries())


def test_a_kind_of_a_later_version_is_named() -> None:
    raw = Raw(sequence=1, at=0, kind=b"dream", id=b"a", body=b"{}", previous=b"0" * 64, hash=b"")
    with pytest.raises(BadData, match="of a kind, dream, that this version does not know"):
        replace(raw, hash=raw.digest().encode()).entry()
