"""Every number against a plain-Python computation of the same thing, and against what must hold for any run."""

import itertools
import math
import statistics
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.factory import CAPITAL, make
from undertow.core.calendar import nyse
from undertow.report.metrics import (
    called_hits,
    curve_of,
    drawdown,
    filled,
    monthly_returns,
    scorecard,
    session_ends,
    skill_verdict,
    underwater,
)
from undertow.validation.significance import assess

RESULT, LEDGERS = make(sessions=60)
CARD = scorecard(RESULT)


def plain_daily(equity: list[float], start: float, per_day: int) -> list[float]:
    ends = [start, *equity[per_day - 1 :: per_day]]
    return [b / a - 1 for a, b in itertools.pairwise(ends)]


def test_portfolio_is_the_sum_of_its_sleeves() -> None:
    p = CARD.portfolio
    assert p.equity == pytest.approx(RESULT.equity.sum(axis=1))
    assert p.curve.total_return.value == pytest.approx(RESULT.equity[-1].sum() / CAPITAL - 1)
    assert p.costs.net == pytest.approx(sum(s.costs.net for s in CARD.symbols))
    assert len(p.trips) == sum(len(s.trips) for s in CARD.symbols)
    assert p.called.judged == sum(s.called.judged for s in CARD.symbols)
    assert (np.diff(p.trips.closed_at) >= 0).all()


def test_annual_ratios_against_plain_python() -> None:
    daily = plain_daily(RESULT.equity.sum(axis=1).tolist(), CAPITAL, 6)
    c = CARD.portfolio.curve
    assert len(CARD.days) == len(daily) == CARD.portfolio.sessions == 60
    assert c.daily.tolist() == pytest.approx(daily)
    assert c.sharpe.value == pytest.approx(statistics.fmean(daily) / statistics.stdev(daily) * math.sqrt(252))
    assert c.volatility.value == pytest.approx(statistics.stdev(daily) * math.sqrt(252))
    downside = math.sqrt(sum(min(r, 0) ** 2 for r in daily) / len(daily))
    assert c.sortino.value == pytest.approx(statistics.fmean(daily) / downside * math.sqrt(252))
    assert c.cagr.value == pytest.approx(math.prod(1 + r for r in daily) ** (252 / len(daily)) - 1)


def test_drawdown_turnover_exposure_against_plain_python() -> None:
    p = CARD.portfolio
    worst, high = 0.0, CAPITAL
    for value in p.equity.tolist():
        high = max(high, value)
        worst = min(worst, value / high - 1)
    assert p.curve.drawdown.depth == pytest.approx(worst)
    traded = sum(abs(f[1]) * f[2] for book in LEDGERS.values() for f in book.fills)
    assert p.traded == pytest.approx(traded)
    assert p.turnover.value == pytest.approx(traded / statistics.fmean(p.equity.tolist()) * 252 / 60)
    gross = [sum(abs(s * c) for s, c in zip(a, b, strict=True)) / e for a, b, e in zip(RESULT.shares, RESULT.close, p.equity, strict=True)]
    net = [sum(s * c for s, c in zip(a, b, strict=True)) / e for a, b, e in zip(RESULT.shares, RESULT.close, p.equity, strict=True)]
    assert p.gross_exposure.value == pytest.approx(statistics.fmean(gross))
    assert p.net_exposure.value == pytest.approx(statistics.fmean(net))


def test_costs_against_the_brokers_ledger() -> None:
    for p in CARD.symbols:
        book = LEDGERS[p.name]
        assert p.costs.gross == pytest.approx(book.gross)
        assert -p.costs.half_spread == pytest.approx(book.spread)
        assert -p.costs.impact == pytest.approx(book.impact)
        assert -p.costs.commission == pytest.approx(book.commission)
        assert p.costs.carry == pytest.approx(book.carry, abs=1e-6)


def test_trips_against_a_plain_walk() -> None:
    for p in CARD.symbols:
        held, cash, profits = 0, 0.0, []
        for _, traded, paid, fee, _, _ in LEDGERS[p.name].fills:
            step = 1 if traded > 0 else -1
            for _ in range(abs(traded)):  # share by share
                closing = held * step < 0
                cash -= step * paid + fee / abs(traded)
                held += step
                if closing and held == 0:
                    profits.append(cash)
                    cash = 0.0
        assert p.trips.profit.tolist() == pytest.approx(profits, abs=1e-6)
        assert p.trips.still_open == (held != 0)
        assert p.trip_hits.value == pytest.approx(sum(x > 0 for x in profits) / len(profits))


@pytest.mark.parametrize("early", [0, 10**9], ids=["inside its bar", "at the last mark's instant"])
def test_trips_survive_a_split(early: int) -> None:
    result, _ = make(symbols=("AAPL",), sessions=30)
    result = replace(result, fills=replace(result.fills, event_at=result.fills.event_at - early))
    half = len(result.mark_at) // 2
    after = result.mark_at > result.mark_at[half]
    fills = result.fills
    doubled = np.where(fills.known_at > result.mark_at[half], 2, 1)
    columns = dict(fills.columns) | {"shares": fills.columns["shares"] * doubled, "price": fills.columns["price"] / doubled}
    split = replace(
        result,
        shares=result.shares * np.where(after, 2, 1)[:, None],
        close=result.close / np.where(after, 2, 1)[:, None],
        fills=replace(fills, columns=columns),
    )
    before, now = (scorecard(r).symbols[0] for r in (result, split))
    assert now.trips.closed_at.tolist() == before.trips.closed_at.tolist()
    assert now.trips.profit == pytest.approx(before.trips.profit)
    assert now.costs.carry == pytest.approx(before.costs.carry)


def test_hits_of_calls_against_plain_python() -> None:
    j, right, judged = RESULT.judged, 0, 0
    tick = {int(t): i for i, t in enumerate(RESULT.ticks)}
    for at, key, value in zip(j.decided_at.tolist(), j.key.tolist(), j.value.tolist(), strict=True):
        call = int(RESULT.direction[tick[at], key])
        judged += call != 0
        right += call * value > 0
    assert (CARD.portfolio.called.right, CARD.portfolio.called.judged) == (right, judged)
    assert called_hits(RESULT, 0) == CARD.symbols[0].called


def test_short_runs_are_not_annualised() -> None:
    card = scorecard(make(sessions=12)[0])
    c = card.portfolio.curve
    for measure in (c.cagr, c.sharpe, c.sortino, c.volatility, card.portfolio.turnover):
        assert measure.value is None
        assert measure.why == "too short to annualise: 12 sessions, at least 20 needed"
    assert c.total_return.value is not None
    assert card.portfolio.turnover_in_window.value is not None


def test_nothing_at_all_and_nan() -> None:
    result, _ = make(sessions=25)
    k = len(result.symbols)
    none = np.empty((0, k))
    empty = replace(result, mark_at=np.empty(0, np.int64), equity=none, shares=none, close=none, hold=none, fills=result.fills[:0])
    card = scorecard(empty)
    assert card.portfolio.curve.total_return.why == "no bars in the window"
    equity, close = result.equity.copy(), result.close.copy()
    equity[:7, 0], equity[40:50, 1], close[:7, 0] = math.nan, math.nan, math.nan
    card = scorecard(replace(result, equity=equity, close=close))
    assert np.isfinite(card.portfolio.equity).all()
    assert card.symbols[0].equity[0] == pytest.approx(CAPITAL / k)
    assert card.symbols[1].equity[45] == card.symbols[1].equity[39]
    assert card.portfolio.gross_exposure.value is not None


def test_a_bankrupt_sleeve_has_no_ratios() -> None:
    result, _ = make(symbols=("AAPL",), sessions=30)
    equity = result.equity.copy()
    equity[60:] = -5.0
    c = scorecard(replace(result, equity=equity)).portfolio.curve
    assert c.sharpe.why == c.cagr.why == "the equity fell to zero"


def test_sessions_are_new_yorks() -> None:
    calendar = nyse()
    i = int(np.searchsorted(calendar.day, np.datetime64("2026-03-06")))
    late = np.array([calendar.close[i], calendar.midnight[i] + 20 * 3_600 * 10**9, calendar.open[i + 1] + 1])  # 20:00 is tomorrow in UTC
    days, ends = session_ends(late)
    assert days.astype(str).tolist() == ["2026-03-06", "2026-03-09"]
    assert ends.tolist() == [1, 2]


def test_months_compound_to_the_whole() -> None:
    months = monthly_returns(CARD.days, CARD.portfolio.curve.daily)
    assert math.prod(1 + r for r in months.values()) - 1 == pytest.approx(CARD.portfolio.curve.total_return.value)
    assert next(iter(months)) == (2025, 11)


levels = st.lists(st.floats(1, 1e6), min_size=1, max_size=80).map(np.array)


@given(levels, st.floats(1, 1e6), st.floats(0.01, 100))
@settings(deadline=None)
def test_drawdown_properties(equity: np.ndarray, start: float, scale: float) -> None:
    at = np.arange(len(equity), dtype=np.int64)
    fall = drawdown(equity, start, at)
    assert -1 < fall.depth <= 0
    assert fall.depth == pytest.approx(drawdown(equity * scale, start * scale, at).depth, abs=1e-12)
    assert fall.depth == underwater(equity, start).min()
    if fall.depth < 0:
        assert fall.peak_at is not None
        assert fall.trough_at is not None
        assert fall.peak_at <= fall.trough_at
        assert fall.recovered_at is None or fall.recovered_at > fall.trough_at
    assert drawdown(np.maximum.accumulate(np.maximum(equity, start)), start, at).depth == 0


@given(levels, st.floats(0.1, 100))
@settings(deadline=None)
def test_ratios_do_not_depend_on_the_size_of_the_account(equity: np.ndarray, scale: float) -> None:
    at, ends = np.arange(len(equity), dtype=np.int64), np.arange(len(equity))
    one, other = curve_of(equity, 1_000.0, at, ends), curve_of(equity * scale, 1_000.0 * scale, at, ends)
    for name in ("total_return", "cagr", "volatility", "sharpe", "sortino"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a.value is None) == (b.value is None)
        if a.value is not None:
            assert a.value == pytest.approx(b.value, rel=1e-6, abs=1e-9)
    assert one.total_return.value == pytest.approx(math.prod(1 + r for r in one.daily.tolist()) - 1, rel=1e-6, abs=1e-9)


@given(st.lists(st.one_of(st.just(math.nan), st.floats(1, 1e6)), max_size=30).map(lambda v: np.array(v, np.float64)))
@settings(deadline=None)
def test_filling_never_leaves_nan_nor_looks_ahead(equity: np.ndarray) -> None:
    whole = filled(equity, 5.0)
    assert np.isfinite(whole).all()
    last = 5.0
    for given_value, shown in zip(equity.tolist(), whole.tolist(), strict=True):
        last = given_value if math.isfinite(given_value) else last
        assert shown == last


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=15)
def test_the_waterfall_always_adds_up(seed: int) -> None:
    card = scorecard(make(symbols=("A", "B"), sessions=8, seed=seed, edge=0.2)[0])
    for p in (card.portfolio, *card.symbols):
        c = p.costs
        assert c.gross + c.half_spread + c.impact + c.commission + c.carry == pytest.approx(c.net, abs=1e-6)
        assert c.capital + c.net == pytest.approx(p.equity[-1])
        assert c.trading_costs >= 0


def test_an_edge_that_holding_had_too_is_said_to_be_none() -> None:
    result, _ = make(sessions=60)
    card = scorecard(result)
    proof = assess(card.portfolio.curve.daily)
    own = card.portfolio.curve.sharpe.value
    assert own is not None
    held = replace(card.portfolio.hold, sharpe=replace(card.portfolio.hold.sharpe, value=abs(own) + 1.0))
    better = replace(
        card.portfolio, hold=held, curve=replace(card.portfolio.curve, sharpe=replace(card.portfolio.curve.sharpe, value=abs(own)))
    )
    assert skill_verdict(proof, better).endswith("nothing here shows that the signals helped.")
    worse = replace(better, hold=replace(held, sharpe=replace(held.sharpe, value=0.0)))
    assert skill_verdict(proof, worse) == proof.verdict
