"""Rows of two roads as one, minutes that nobody told, and latencies in little memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.sources.wire.socket_server import START
from undertow.core.chunk import Chunk, chunk_of
from undertow.core.events import Bar, OffExchangePrint, Quote, Trade
from undertow.core.time import HOUR, MINUTE, SECOND
from undertow.sources.wire.socket_latency import Latencies
from undertow.sources.wire.socket_merge import Merge, moved, recorded
from undertow.sources.wire.socket_minutes import Minutes
from undertow.sources.wire.socket_numbers import counts, instants, prices, sizes

SYMBOLS = ("A", "B")


def ticks(seq: list[int], *, kind: type = Trade, at: int = START, price: int = 100, venue: str = "XNAS") -> Chunk:
    n = len(seq)
    stamps = np.full(n, at, np.int64)
    columns = {"price": np.full(n, price), "size": np.full(n, 5), "exchange": np.array([venue] * n, object)}
    columns["venue"] = columns["exchange"]
    chunk = chunk_of(kind, SYMBOLS, key=np.zeros(n, np.int64), event_at=stamps, known_at=stamps, columns=columns)
    return replace(chunk, seq=np.array(seq, np.int64))


def bars(ends: list[int], *, key: int = 0, close: int = 100, span: int = MINUTE) -> Chunk:
    at, n = np.array(ends, np.int64), len(ends)
    columns = {name: np.full(n, close) for name in ("open", "high", "low", "close", "volume")} | {"span": np.full(n, span)}
    return chunk_of(Bar, SYMBOLS, key=np.full(n, key), event_at=at, known_at=at + SECOND, columns=columns)


def test_a_tick_is_known_by_its_number_however_its_time_is_told() -> None:
    merge = Merge()
    assert len(merge.take(ticks([1, 2, 2, 3]), streamed=True)) == 3
    again = merge.take(ticks([2, 3, 4], at=START + 400_000), streamed=False)  # REST tells ns where the socket tells ms
    assert again.seq.tolist() == [4]
    assert len(merge.take(ticks([1], venue="XNYS"), streamed=False)) == 1
    assert len(merge.take(ticks([1], at=START + 24 * HOUR), streamed=True)) == 1  # the next day counts anew
    assert len(merge.take(ticks([1], kind=Quote), streamed=True)) == 1
    assert merge.duplicates == {"trade": 3}
    assert len(merge.take(ticks([0, 0]), streamed=True)) == 1  # unnumbered: by time, price and size
    assert len(merge.take(ticks([0], price=101), streamed=True)) == 1


def test_prints_that_only_rest_numbers_stand_for_as_many_streamed_ones() -> None:
    merge = Merge(unnumbered=(OffExchangePrint,))
    assert len(merge.take(ticks([71, 72], kind=OffExchangePrint), streamed=True)) == 2
    assert len(merge.take(ticks([71], kind=OffExchangePrint), streamed=True)) == 0
    rest = merge.take(ticks([1, 2, 3], kind=OffExchangePrint), streamed=False)
    assert rest.seq.tolist() == [3]
    assert len(merge.take(ticks([1, 2, 3], kind=OffExchangePrint), streamed=False)) == 0
    late = merge.take(ticks([73, 74], kind=OffExchangePrint), streamed=True)  # the third, which REST told first, and a fourth
    assert late.seq.tolist() == [74]


def test_prints_that_only_rest_numbers_are_known_when_memory_has_just_turned() -> None:
    merge = Merge(keep=MINUTE, unnumbered=(OffExchangePrint,))
    merge.take(ticks([71], kind=OffExchangePrint), streamed=True)
    merge.take(ticks([72], kind=OffExchangePrint, at=START + MINUTE), streamed=True)
    assert len(merge.take(ticks([1], kind=OffExchangePrint), streamed=False)) == 0
    assert merge.duplicates == {"off_exchange_print": 1}


def test_memory_of_ticks_ends_and_of_bars_does_not() -> None:
    merge = Merge(keep=MINUTE)
    merge.take(bars([START]), streamed=True)
    for minutes in (0, 1, 2):
        merge.take(ticks([7], at=START + minutes * MINUTE), streamed=True)
    assert merge.duplicates == {"trade": 2}
    merge.take(ticks([8], at=START + 4 * MINUTE), streamed=True)
    merge.take(ticks([9], at=START + 6 * MINUTE), streamed=True)
    assert len(merge.take(ticks([7], at=START + 8 * MINUTE), streamed=True)) == 1
    assert len(merge.take(bars([START]), streamed=False)) == 0


def test_a_bar_told_otherwise_is_a_conflict_and_the_first_stays() -> None:
    merge = Merge()
    assert len(merge.take(bars([START]), streamed=True)) == 1
    assert len(merge.take(bars([START]), streamed=False)) == 0
    assert not merge.conflicts
    assert len(merge.take(bars([START], close=101), streamed=False)) == 0
    assert len(merge.take(bars([START], span=SECOND, close=101), streamed=True)) == 1
    assert merge.conflicts == {"bar": 1}
    assert (merge.contradicted[0].first[3], merge.contradicted[0].second[3]) == (100, 101)


def test_what_rest_fills_in_is_known_when_it_came() -> None:
    chunk = recorded(moved(replace(ticks([5, 4]), symbols=("B", "A")), SYMBOLS), START + HOUR)
    assert chunk.known_at.tolist() == [START + HOUR] * 2
    assert chunk.seq.tolist() == [4, 5]
    assert chunk.key.tolist() == [1, 1]
    assert chunk.grade.tolist() == [0, 0]


def test_a_minute_with_trades_and_no_bar_is_asked_for_and_all_are_looked_through_again() -> None:
    minutes = Minutes(symbols=SYMBOLS)
    assert minutes.due(START) == []
    minutes.saw(ticks([1], at=START + 10 * SECOND))
    minutes.saw(ticks([2], at=START + 70 * SECOND))
    minutes.saw(bars([START + MINUTE]))
    assert minutes.due(START + MINUTE + 4 * SECOND) == []
    assert minutes.due(START + MINUTE + 5 * SECOND) == []
    (gap,) = minutes.due(START + 2 * MINUTE + 5 * SECOND)
    assert (gap.symbols, gap.kinds) == (("A",), (Bar,))
    assert gap.after < START + 2 * MINUTE < gap.until
    assert minutes.due(START + 3 * MINUTE) == []
    (slow,) = minutes.due(START + 5 * MINUTE + 6 * SECOND)
    assert slow.symbols == ()
    assert slow.after < START < START + 5 * MINUTE < slow.until
    night = Minutes(symbols=SYMBOLS)
    night.due(START + 12 * HOUR)
    assert night.due(START + 13 * HOUR) == []


def test_where_there_are_no_bars_other_kinds_are_looked_through_and_no_bar_is_missed() -> None:
    minutes = Minutes(symbols=SYMBOLS, settle=5 * SECOND, every=5 * MINUTE, kinds=(OffExchangePrint,))
    minutes.due(START)
    minutes.saw(ticks([1], kind=OffExchangePrint, at=START + SECOND))
    assert minutes.due(START + 2 * MINUTE) == []
    (gap,) = minutes.due(START + 6 * MINUTE)
    assert (gap.kinds, gap.why) == ((OffExchangePrint,), "looked through again")


def test_latencies() -> None:
    late = Latencies()
    at = np.full(1000, START)
    chunk = ticks(list(range(1, 1001)))
    late.add(chunk, at + np.arange(1000) * 10**6)
    late.add(chunk[:1], at[:1] - SECOND)
    told = late.report()["trade"]
    assert told.rows == 1001
    assert abs(told.median / 5e8 - 1) < 0.04
    assert abs(told.p99 / 9.9e8 - 1) < 0.04
    assert (told.longest, told.ahead, told.furthest_ahead) == (999 * 10**6, 1, SECOND)


def test_empty_columns() -> None:
    for column in (prices, sizes, instants, counts):
        assert column([]).tolist() == []
