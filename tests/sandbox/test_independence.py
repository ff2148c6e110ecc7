"""What a symbol does on a date depends on seed, symbol and date alone: never on the range, the cut or the company."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk, concat
from undertow.core.errors import BadInput
from undertow.core.events import CorporateAction, Event
from undertow.core.protocols import Source
from undertow.core.time import HOUR
from undertow.sandbox.market import KINDS, Market
from undertow.sources.simulated import SimulatedSource

NAMES = ("AAPL", "TSLA", "SPY", "BRK.B", "X")
MARKET = Market(3)
FIRST = MARKET.sessions.start
LAST = MARKET.sessions.stop

positions = st.one_of(st.integers(FIRST, FIRST + 120), st.integers(FIRST, LAST - 30))
companies = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True)


def of_symbol(chunk: Chunk, symbol: str) -> Chunk:
    return chunk[chunk.key == chunk.symbols.index(symbol)] if symbol in chunk.symbols else chunk[:0]


def assert_same(a: Chunk, b: Chunk, *, key: bool = True) -> None:
    for name in ("event_at", "known_at", "seq", "grade", *(("key",) if key else ())):
        x, y = getattr(a, name), getattr(b, name)
        assert (x.dtype, x.tobytes()) == (y.dtype, y.tobytes()), (a.kind, name)
    for name, x in a.columns.items():
        y = b.columns[name]
        assert x.dtype == y.dtype, (a.kind, name)
        assert list(x) == list(y) if x.dtype == object else x.tobytes() == y.tobytes(), (a.kind, name)


def history(source: SimulatedSource, symbols: tuple[str, ...], after: int, until: int) -> dict[type[Event], list[Chunk]]:
    found: dict[type[Event], list[Chunk]] = {kind: [] for kind in KINDS}
    for chunk in source.history(symbols, after, until):
        found[chunk.kind].append(chunk)
    return found


@settings(max_examples=40, deadline=None)
@given(positions, st.integers(1, 12), st.integers(0, 6), companies, companies)
def test_range_and_company_change_nothing(first: int, n: int, skip: int, one: list[str], other: list[str]) -> None:
    shared = [s for s in one if s in other]
    whole = MARKET.events(one, slice(first, first + n + skip))
    part = MARKET.events(other, slice(first + skip, first + skip + n))
    for kind in KINDS:
        begin = nyse().midnight[first + skip]
        for symbol in shared:
            a = of_symbol(whole[kind], symbol)
            # an insider's trade belongs to the session it is filed in
            belongs = (a.known_at if kind.__name__ == "InsiderTrade" else a.event_at) >= begin
            assert_same(a[belongs], of_symbol(part[kind], symbol), key=False)


@settings(max_examples=25, deadline=None)
@given(positions, st.lists(st.integers(0, 10 * 24), min_size=3, max_size=5), companies)
def test_any_cut_of_history_gives_the_same_bytes(first: int, hours: list[int], names: list[str]) -> None:
    source = SimulatedSource(MARKET)
    begin, symbols = int(nyse().midnight[first]), tuple(names)
    cuts = [begin + h * HOUR for h in sorted(hours)]
    whole = history(source, symbols, cuts[0], cuts[-1])
    pieces = [history(source, symbols, a, b) for a, b in itertools.pairwise(cuts)]
    for kind in KINDS:
        if kind is CorporateAction:
            continue
        parts = [c for piece in pieces for c in piece[kind] if len(c)]
        if parts:
            assert_same(concat(whole[kind]), concat(parts))
        else:
            assert sum(len(c) for c in whole[kind]) == 0


def test_corporate_actions_come_in_full() -> None:
    source = SimulatedSource(Market(0, splits={"KO": ("2024-05-20", 4.0)}))
    late = int(nyse().midnight[nyse().session_on_or_before(np.datetime64("2026-01-05"))])
    (actions,) = history(source, ("KO", "NVDA"), late - 24 * HOUR, late)[CorporateAction]
    assert 4.0 in actions.columns["ratio"]
    assert (actions.known_at == actions.event_at).all()
    assert (actions.known_at < late - 24 * HOUR).all()
    assert (np.diff(actions.known_at) >= 0).all()


def test_the_source_is_a_source() -> None:
    source: Source = SimulatedSource()
    assert source.name == "simulated"
    assert source.simulated
    assert source.kinds == KINDS


def test_order_is_total_and_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    source, calendar = SimulatedSource(MARKET), nyse()
    span = int(calendar.midnight[8000]), int(calendar.midnight[8011])
    whole = history(source, NAMES, *span)
    monkeypatch.setattr("undertow.sources.simulated._ROWS", 3 * 78 * len(NAMES))
    blocks = history(source, NAMES, *span)
    for kind in KINDS:
        rows = concat(whole[kind])
        pairs = list(zip(rows.known_at.tolist(), rows.seq.tolist(), strict=True))
        assert pairs == sorted(set(pairs))
        assert_same(rows, concat(blocks[kind]))
    assert len(blocks[KINDS[1]]) > 1


def test_another_seed_is_another_market_and_the_effect_is_no_part_of_the_noise() -> None:
    sessions = slice(8000, 8005)
    a, b, c = (m.oracle("AAPL", sessions).parts["flow"] for m in (Market(0), Market(1), Market(0, 0.0)))
    assert not np.array_equal(a, b)
    assert np.array_equal(a, c)


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(BadInput, match="information_coefficient"):
        Market(0, 1.5)
    with pytest.raises(BadInput, match="split of AAPL"):
        Market(splits={"AAPL": ("2026-03-01", 4.0)})
    with pytest.raises(BadInput, match="2005-01-03"):
        MARKET.events(["AAPL"], slice(FIRST - 1, FIRST + 1))
    with pytest.raises(BadInput, match="the simulated market has no Event; it has CorporateAction"):
        MARKET.events(["AAPL"], slice(FIRST, FIRST + 1), (Event,))
    assert list(MARKET.events(["AAPL"], slice(FIRST, FIRST + 1), (CorporateAction, CorporateAction))) == [CorporateAction]
    assert list(SimulatedSource(MARKET).history(("AAPL",), 0, int(nyse().midnight[FIRST]) - 1)) == []
