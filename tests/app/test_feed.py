"""What a session meets: every row once, never in the past, minutes as longer bars, and however the kinds come."""

from __future__ import annotations

import asyncio
from itertools import pairwise, permutations
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sources.test_longer import OPEN, SPAN, SYMBOLS, minutes
from undertow.app.trading.feed import SETTLE, Played, Streamed
from undertow.core.chunk import Chunk, Origin, chunk_of, concat
from undertow.core.events import Bar, Event, Grade, Quote, Trade
from undertow.core.time import MINUTE, SECOND
from undertow.sources.longer import Longer

TICKS = tuple(OPEN + SPAN * i for i in range(1, 9))
Rows = list[tuple[str, str, int, int]]


class Standing:
    """A clock that moves only by being waited for."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now(self) -> int:
        return self.at

    async def sleep(self, span: int) -> None:
        self.at += span


def rows_of(kind: type[Event], seed: int, count: int = 60, symbols: tuple[str, ...] = SYMBOLS) -> Chunk:
    """Trades or quotes of eight times five minutes."""
    chance = np.random.default_rng(seed)
    known = np.sort(OPEN + chance.integers(1, 8 * SPAN, count))
    key, origin = chance.integers(0, len(symbols), count), Origin(Grade.RECORDED, ("stream",))
    return chunk_of(kind, symbols, key=key, event_at=known - SECOND, known_at=known, columns={}, origin=origin)


def streamed(after: int = OPEN) -> Streamed:
    return Streamed(SYMBOLS, SPAN, Standing(after), after, after)


def told(chunks: list[Chunk]) -> Rows:
    """Rows without the order of their kinds."""
    found = [
        (one.kind.kind, one.symbols[key], int(event), int(known))
        for one in chunks
        for key, event, known in zip(one.key.tolist(), one.event_at.tolist(), one.known_at.tolist(), strict=True)
    ]
    return sorted(found)


def cut(chunk: Chunk, parts: int) -> list[Chunk]:
    return [chunk[int(a) : int(b)] for a, b in pairwise(np.linspace(0, len(chunk), parts + 1))]


# --- a market that is played --------------------------------------------------------------------------------------------------------


def test_a_market_that_is_played_tells_every_row_once_and_none_too_early() -> None:
    chunks = [rows_of(Trade, 1), rows_of(Quote, 2)]
    feed, found = Played(chunks, OPEN, 1e12), Rows()
    for tick in TICKS:
        got = asyncio.run(feed.until(tick))
        assert feed.now() == tick
        assert all(tick - SPAN < known <= tick for *_, known in told(got))
        assert all(len(one) for one in got)
        found += told(got)
    assert sorted(found) == told(chunks)


def test_what_is_skipped_is_told_once_and_time_does_not_go_back() -> None:
    feed = Played([rows_of(Trade, 1)], OPEN, 1e12)
    first = told(feed.skip(TICKS[3]))
    assert told(feed.skip(TICKS[2])) == []
    assert feed.now() == TICKS[3]
    assert sorted(first + told(asyncio.run(feed.until(TICKS[-1])))) == told([rows_of(Trade, 1)])


def test_it_waits_between_instants_at_its_speed_and_never_before_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    feed = Played([], OPEN, 60.0)
    for tick in (*TICKS[:2], TICKS[1] + 18 * 60 * MINUTE):
        asyncio.run(feed.until(tick))
    assert waits == [5.0, 60.0]  # the night is an hour long


# --- a market that is alive ---------------------------------------------------------------------------------------------------------


def test_rows_wait_for_the_decision_after_their_receipt() -> None:
    feed, whole, found = streamed(), rows_of(Trade, 3), Rows()
    for before, tick in zip((OPEN, *TICKS), TICKS, strict=False):
        feed.take(whole.between(before, tick))
        got = told(asyncio.run(feed.until(tick)))
        assert feed.now() == tick
        found += got
    assert sorted(found) == told([whole])


def test_a_row_that_comes_late_is_known_from_then_on() -> None:
    feed, whole = streamed(), rows_of(Trade, 4)
    early, late = whole.between(OPEN, TICKS[1]), whole.between(TICKS[1], TICKS[2])
    feed.cut(TICKS[1])  # was decided without them
    feed.take(early)
    feed.take(late)
    got = told(feed.cut(TICKS[2]))
    assert len(got) == len(early) + len(late)
    assert min(known for *_, known in got) == TICKS[1] + 1
    assert sorted(event for _, _, event, _ in got) == sorted([*early.event_at.tolist(), *late.event_at.tolist()])
    assert all(known > TICKS[1] for *_, known in got)


def test_a_row_from_the_future_waits_until_it_is_known() -> None:
    feed, whole = streamed(), rows_of(Quote, 5)
    feed.take(whole)
    assert sorted(row for tick in TICKS for row in told(feed.cut(tick))) == told([whole])


def test_minutes_become_longer_bars_and_are_not_told_themselves() -> None:
    """A bar that ends at a decision is told at the next: its last minute is still on its way."""
    whole, feed, own, found = minutes(6), streamed(), Longer(SYMBOLS, SPAN, SETTLE), list[Chunk]()
    for before, tick in zip((OPEN, *TICKS), TICKS, strict=False):
        own.push(whole.between(before, tick))
        feed.take(whole.between(before, tick))
        got = feed.cut(tick)
        assert told(got) == told([own.due(tick)])
        assert all(end <= tick - SETTLE for _, _, end, _ in told(got))
        found += got
    assert sum(map(len, found)) > 8
    assert {int(span) for one in found for span in one.columns["span"]} == {SPAN}
    assert {one.kind for one in found} == {Bar}


def test_bars_that_were_there_before_are_told_with_the_first_cut() -> None:
    """Long ones as they are; short ones were for charts, and those that the warm-up knows are not told again."""
    long = concat([Longer(SYMBOLS, SPAN).due(OPEN), joined(minutes(7, 10), TICKS[2])])
    feed = streamed(TICKS[0])
    feed.prime([long, minutes(7, 10), rows_of(Trade, 8)])
    got = feed.cut(TICKS[2])
    assert [row for row in told(got) if row[0] == "bar"] == [row for row in told([long]) if row[3] > TICKS[0]]
    assert [row for row in told(got) if row[0] == "trade"] == told([rows_of(Trade, 8).between(TICKS[0], TICKS[2])])


def joined(short: Chunk, until: int) -> Chunk:
    longer = Longer(SYMBOLS, SPAN)
    longer.push(short)
    return longer.due(until)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.randoms(use_true_random=False))
def test_the_order_in_which_kinds_and_symbols_come_does_not_matter(seed: int, parts: int, chance: Random) -> None:
    """Rows of one kind keep their order, as one stream tells them; kinds come from several."""
    kinds = [minutes(seed), rows_of(Trade, seed), rows_of(Quote, seed, symbols=SYMBOLS[::-1])]
    apart, mixed = streamed(), streamed()
    for before, tick in zip((OPEN, *TICKS), TICKS, strict=False):
        now = [chunk.between(before, tick) for chunk in kinds]
        for chunk in now:
            apart.take(chunk)
        lines = [cut(chunk, parts) for chunk in now]
        while any(lines):
            mixed.take(chance.choice([line for line in lines if line]).pop(0))
        assert told(mixed.cut(tick)) == told(apart.cut(tick))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_everyone_else_hears_chunks_as_they_come(order: tuple[int, ...]) -> None:
    feed, heard = streamed(), list[Chunk]()
    feed.told = heard.append
    chunks = [minutes(1), rows_of(Trade, 1), rows_of(Quote, 1)]
    for i in order:
        feed.take(chunks[i])
    assert [one.kind for one in heard] == [chunks[i].kind for i in order]
