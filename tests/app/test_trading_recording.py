"""The rows of a session: on the disk at once, on the tape later, and never lost or doubled by a crash in between."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from undertow.app.trading.ahead import Ahead
from undertow.app.trading.recording import AHEAD, Recording
from undertow.core.chunk import Chunk, chunk_of
from undertow.core.errors import StoreError
from undertow.core.events import Quote, Trade
from undertow.tape.store import Tape

SYMBOLS = ("AAA", "BBB")
BEGIN = 1_750_000_000 * 10**9


def quotes(first: int, n: int = 3) -> Chunk:
    at = BEGIN + first + np.arange(n)
    price = 1_000_000 + np.arange(n)
    columns = {"bid": price, "ask": price + 1, "bid_size": price, "ask_size": price}
    made = chunk_of(Quote, SYMBOLS, key=np.arange(n) % 2, event_at=at, known_at=at, columns=columns)
    return replace(made, seq=first + np.arange(n), sources=("wire",))


def trades(first: int) -> Chunk:
    at = np.array([BEGIN + first, BEGIN + first + 1])
    columns = {"price": at, "size": at, "conditions": np.array(["14,37", "é"], object)}
    return chunk_of(Trade, SYMBOLS, key=np.array([1, 0]), event_at=at, known_at=at, columns=columns)


def waiting(folder: Path) -> list[Chunk]:
    """What is ahead of the tape, forgotten with that."""
    found: list[Chunk] = []
    Ahead(folder / AHEAD).take_over(found.append)
    return found


def same(one: Chunk, other: Chunk) -> bool:
    rows = [np.array_equal(getattr(one, name), getattr(other, name)) for name in ("key", "event_at", "known_at", "seq", "grade")]
    columns = [np.array_equal(one.columns[name], other.columns[name]) for name in one.columns]
    types = [one.columns[name].dtype == other.columns[name].dtype for name in one.columns]
    return all((*rows, *columns, *types)) and (one.kind, one.symbols, one.sources) == (other.kind, other.symbols, other.sources)


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    written = [quotes(0), trades(0), quotes(10, 1)]
    ahead = Ahead(tmp_path / AHEAD)
    ahead.add(written[:2])
    ahead.add(written[2:])
    found = waiting(tmp_path)
    assert len(found) == 3
    assert all(same(one, other) for one, other in zip(written, found, strict=True))
    assert not waiting(tmp_path)


def test_a_reader_finds_what_a_killed_session_left(tmp_path: Path) -> None:
    Recording(tmp_path).write([quotes(0), quotes(3, 0)])
    assert not Tape(tmp_path).kinds()
    found = list(Recording(tmp_path).read(SYMBOLS, 0, 2**63 - 1))
    assert [len(chunk) for chunk in found] == [3]
    assert not (tmp_path / AHEAD).stat().st_size


def test_a_crash_while_the_tape_takes_over_doubles_nothing(tmp_path: Path) -> None:
    session = Recording(tmp_path)
    session.write([quotes(0)])
    raw = (tmp_path / AHEAD).read_bytes()
    session.settle()
    (tmp_path / AHEAD).write_bytes(raw)  # killed between the commit and the forgetting
    again = Recording(tmp_path)
    again.write([quotes(0), quotes(3)])
    again.settle()
    assert [len(chunk) for chunk in again.read(SYMBOLS, 0, 2**63 - 1)] == [6]


@pytest.mark.parametrize("lost", [1, 20, 100])
def test_a_torn_record_was_never_there_and_hides_nothing_after_it(tmp_path: Path, lost: int) -> None:
    Recording(tmp_path).write([quotes(0)])
    Ahead(tmp_path / AHEAD).add([quotes(3)])
    raw = (tmp_path / AHEAD).read_bytes()
    (tmp_path / AHEAD).write_bytes(raw[:-lost])
    again = Recording(tmp_path)
    again.write([quotes(6)])
    (found,) = again.read(SYMBOLS, 0, 2**63 - 1)
    assert (found.known_at - BEGIN).tolist() == [0, 1, 2, 6, 7, 8]


def test_what_the_disk_refuses_is_said_and_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Recording(tmp_path)
    session.write([quotes(0)])

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(StoreError, match=r"No space left on device.*not traded on"):
            session.write([quotes(3)])
    session.write([quotes(6)])
    (found,) = session.read(SYMBOLS, 0, 2**63 - 1)
    assert (found.known_at - BEGIN).tolist() == [0, 1, 2, 6, 7, 8]


def test_the_disk_works_beside_who_began_and_is_waited_for_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session, lets, plain, done = Recording(tmp_path), Event(), os.fsync, list[int]()

    def slow(handle: int) -> None:
        assert lets.wait(30)
        plain(handle)
        done.append(handle)

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", slow)
        session.begin([quotes(0)])
        assert not done
        lets.set()
        session.end()
        assert done
    (found,) = session.read(SYMBOLS, 0, 2**63 - 1)
    assert len(found) == 3


def test_what_was_begun_and_not_ended_is_ended_before_it_is_taken_over(tmp_path: Path) -> None:
    session = Recording(tmp_path)
    session.begin([quotes(0)])
    session.settle()
    session.end()
    assert [len(chunk) for chunk in session.read(SYMBOLS, 0, 2**63 - 1)] == [3]
    session.begin([quotes(3, 0)])  # no rows: nothing to wait for
    session.end()
