"""Features of single option prints, alerts and unusual flow, worked by hand on a few rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk, chunk_of
from undertow.core.events import MISSING, Bar, ChainRow, CorporateAction, FlowAlert, OptionTrade
from undertow.core.time import HOUR, MINUTE, SECOND
from undertow.features.engineering import FeatureEngineering
from undertow.features.families.options_alerts import OptionsAlertFeatures
from undertow.features.families.options_prints import OptionsPrintFeatures
from undertow.features.families.options_unusual import OptionsUnusualFeatures
from undertow.features.operators.black_scholes import option_delta

SESSION = nyse().session_on_or_before(np.datetime64("2024-05-14"))
TODAY = int(nyse().day[SESSION].astype(int))
NOON = int(nyse().midnight[SESSION]) + 12 * HOUR
NAMES = [n for c in (OptionsPrintFeatures, OptionsAlertFeatures, OptionsUnusualFeatures) for n in vars(c) if not n.startswith("_")]
DEFAULTS: dict[str, Any] = {
    "expiry": 20,
    "strike": 100.0,
    "is_put": 0,
    "price": 2.0,
    "bid": 1.0,
    "ask": 3.0,
    "size": 10,
    "conditions": "209",
}


def prints(*rows: dict[str, Any], before: int = 5 * MINUTE) -> Chunk:
    """Prints of A, or of ``symbol``, known ``before`` noon or ``at`` another time; money in USD, expiry in days from today."""
    full = [DEFAULTS | row for row in rows]
    at = np.array([row.get("at", NOON - before) for row in full], np.int64)
    columns = {name: np.array([round(row[name] * 1e4) for row in full]) for name in ("strike", "price")}
    columns |= {n: np.array([MISSING if row[n] is None else round(row[n] * 1e4) for row in full]) for n in ("bid", "ask")}
    columns |= {name: np.array([row[name] for row in full]) for name in ("size", "is_put")}
    columns |= {"expiry": np.array([TODAY + row["expiry"] for row in full])}
    columns |= {"conditions": np.array([row["conditions"] for row in full], object)}
    key = np.array([row.get("symbol", 0) for row in full])
    return chunk_of(OptionTrade, ("A", "B"), key=key, event_at=at - 10**6, known_at=at, columns=columns)


def bars(price: float = 100.0, volume: int = 20_000, sessions: int = 1, until: int = NOON) -> Chunk:
    ends = [np.arange(nyse().open[s] + 5 * MINUTE, nyse().close[s] + 1, 5 * MINUTE) for s in range(SESSION - sessions + 1, SESSION + 1)]
    at = np.concatenate(ends)
    at = at[at <= until]
    units = np.full(len(at), round(price * 1e4))
    columns = dict.fromkeys(("open", "high", "low", "close"), units) | {
        "volume": np.full(len(at), volume),
        "span": np.full(len(at), 5 * MINUTE),
    }
    return chunk_of(Bar, ("A", "B"), key=np.zeros(len(at)), event_at=at, known_at=at, columns=columns)


def at_noon(*chunks: Chunk, names: list[str] | None = None, tick: int = NOON, symbol: int = 0) -> dict[str, float]:
    features = FeatureEngineering(("A", "B"), only=names or NAMES)
    return dict(zip(features.features, features.push(chunks, np.array([tick]))[0, symbol].tolist(), strict=True))


def test_with_nothing_printed_shares_are_unknown_and_counts_are_none() -> None:
    got = at_noon(bars())
    counts = {"large_prints_30m", "alerts_today", "sweep_clusters_today", "repeated_hits_today", "opening_alerts_today"}
    for name, value in got.items():
        assert value == 0.0 if name in counts | {"order_imbalance_today"} else math.isnan(value), name


def test_puts_and_calls() -> None:
    some = prints({"size": 30, "price": 1.0}, {"size": 10, "price": 5.0, "is_put": 1}, {"size": 60, "is_put": 1, "at": NOON - HOUR})
    got = at_noon(some)
    assert got["put_share_of_contracts_today"] == pytest.approx(70 / 100)
    assert got["put_share_of_premium_today"] == pytest.approx((50 + 120) / 200)
    assert got["put_share_of_premium_30m"] == pytest.approx(50 / 80)
    assert got["premium_today"] == pytest.approx(math.log(200 * 100))
    assert got["premium_30m"] == pytest.approx(math.log(80 * 100))
    assert got["market_tide"] == pytest.approx((30 - 170) / 200)


def test_void_prints_do_not_count_and_packages_have_no_side() -> None:
    bought = {"price": 2.5}
    some = prints(bought, bought | {"conditions": "201"}, bought | {"conditions": "232"}, bought | {"conditions": "202"})
    got = at_noon(some)
    assert got["premium_today"] == pytest.approx(math.log(3 * 2500))
    assert got["net_premium_today"] == pytest.approx(0.8 / 3)
    assert got["package_share_today"] == pytest.approx(1 / 3)


def test_net_premium_by_the_probability_of_a_buy() -> None:
    rows = [
        {"price": 2.5, "size": 4},  # inside the quote above the middle: 0.9, leans 0.8
        {"price": 3.0, "size": 10},  # an electronic print at the ask says nothing
        {"price": 3.0, "size": 10, "conditions": "219"},  # a sweep of it: leans 0.86
        {"price": 1.0, "size": 30, "conditions": "227", "is_put": 1},  # an auction at the bid: puts sold
        {"price": 2.0, "size": 15},  # the middle
        {"price": 2.0, "size": 5, "bid": None, "ask": None},  # no quote
    ]
    got = at_noon(prints(*rows))
    premium = 10 + 30 + 30 + 30 + 30 + 10
    assert got["net_premium_today"] == got["net_premium_30m"]
    assert got["net_premium_today"] == pytest.approx((0.8 * 10 + 0.86 * 30 + 0.8 * 30) / premium)
    assert got["market_tide_signed"] == got["net_premium_today"]
    assert got["ask_share_today"] == pytest.approx(60 / 90)
    assert got["touch_balance_today"] == pytest.approx((30 + 30 + 30) / premium)
    assert got["sweep_share_today"] == pytest.approx(30 / premium)
    assert got["sweep_balance_today"] == pytest.approx(0.86 * 30 / premium)


def test_moneyness_tenor_and_size() -> None:
    rows = [
        {"strike": 110.0, "expiry": 5, "size": 150},
        {"strike": 110.0, "expiry": 0, "is_put": 1, "size": 10},
        {"strike": 101.0, "expiry": 60, "size": 100},
        {"strike": 90.0, "expiry": 10, "is_put": 1, "size": 40, "price": 2.5},
        {"strike": 90.0, "expiry": -1, "size": 20},  # a late print of what has expired
        {"strike": 90.0, "expiry": 400, "size": 80},
    ]
    got = at_noon(prints(*rows), bars())
    premium = 300 + 20 + 200 + 100 + 40 + 160
    assert got["out_of_money_share_today"] == pytest.approx((300 + 100) / premium)
    assert got["in_money_share_today"] == pytest.approx((20 + 40 + 160) / premium)
    assert got["week_share_today"] == pytest.approx(320 / premium)
    assert got["month_share_today"] == pytest.approx(100 / premium)
    assert got["quarter_share_today"] == pytest.approx(200 / premium)
    assert got["leverage_balance_today"] == pytest.approx(-0.8 * 100 / premium)
    assert got["large_prints_30m"] == 2.0
    assert got["large_share_today"] == pytest.approx(250 / 400)
    assert got["retail_share_today"] == pytest.approx(10 / 400)
    alone = at_noon(prints(*rows), names=["week_share_today", "out_of_money_share_today"])
    assert alone["week_share_today"] == got["week_share_today"]
    assert math.isnan(alone["out_of_money_share_today"])  # nobody knows where the money is


def test_the_money_moves_with_a_split() -> None:
    """Bars of yesterday at 100, four shares for one this morning: a call at 27.5 is out of the money before the first bar is told."""
    at = nyse().midnight[[SESSION]]
    columns = {"ratio": np.array([4.0]), "dividend": np.zeros(1)}
    split = chunk_of(CorporateAction, ("A", "B"), key=np.zeros(1), event_at=at, known_at=at - HOUR, columns=columns)
    some = prints({"strike": 27.5, "at": int(nyse().open[SESSION]) + MINUTE})
    before = bars(sessions=2, until=int(nyse().close[SESSION - 1]))
    assert at_noon(some, before, split, names=["out_of_money_share_today"])["out_of_money_share_today"] == 1.0
    assert at_noon(some, before, names=["out_of_money_share_today"])["out_of_money_share_today"] == 0.0


def test_order_imbalance_weighed_by_delta() -> None:
    rows = [{"price": 3.0, "conditions": "219", "size": 10}, {"price": 3.0, "conditions": "219", "size": 10, "is_put": 1}]
    some = bars(volume=1000)
    at = nyse().close[[SESSION - 1]]
    row = {
        "expiry": at // (24 * HOUR) + 30,
        "strike": [10**6],
        "is_put": [0],
        "price": [20_000],
        "volume": [5],
        "iv": [0.5],
        "delta": [0.5],
    }
    chain = chunk_of(ChainRow, ("A", "B"), key=np.zeros(1), event_at=at, known_at=at, columns={n: np.array(v) for n, v in row.items()})
    calls = option_delta(100.0, 100.0, 20.5 / 365, 0.5, 0.0, False)
    traded = 1000 * (NOON - int(nyse().open[SESSION])) // (5 * MINUTE)
    for which, signed in ((rows[:1], calls), (rows[1:], calls - 1.0), (rows, 2 * calls - 1.0)):
        got = at_noon(prints(*which), some, chain)
        assert got["order_imbalance_today"] == pytest.approx(0.86 * signed * 1000 / traded, abs=1e-6)
    assert got["order_imbalance_30m"] == pytest.approx(0.86 * (2 * calls - 1.0), abs=1e-5)
    assert got["buying_pressure_today"] == pytest.approx(0.86 / 2, abs=1e-3)
    assert got["option_stock_ratio_today"] == pytest.approx(math.log(20 / (traded / 100)))
    guess = option_delta(100.0, 100.0, 20.5 / 365, 0.4, 0.0, False)  # no chain is known: 40 % stands for its volatility
    assert at_noon(prints(rows[0]), some)["order_imbalance_today"] == pytest.approx(0.86 * guess * 1000 / traded, abs=1e-6)


def test_the_tide_is_of_all_symbols() -> None:
    some = prints({"size": 30}, {"size": 10, "is_put": 1, "symbol": 1})
    for symbol in (0, 1):
        assert at_noon(some, names=["market_tide"], symbol=symbol)["market_tide"] == pytest.approx(20 / 40)


scaled = st.lists(
    st.tuples(st.integers(1, 50), st.integers(0, 1), st.integers(0, 4), st.sampled_from(["209", "219", "227", "232"])),
    min_size=1,
    max_size=8,
)


@settings(max_examples=8, deadline=None)
@given(scaled, st.integers(2, 9))
def test_shares_do_not_change_when_everything_is_so_many_times_as_much(some: list, times: int) -> None:
    names = [
        "put_share_of_contracts_today",
        "net_premium_today",
        "touch_balance_today",
        "sweep_share_today",
        "market_tide",
        "week_share_today",
    ]
    rows = [{"size": size, "is_put": put, "price": 1.0 + quarter / 2, "conditions": code} for size, put, quarter, code in some]
    once = at_noon(prints(*rows), names=names)
    more = at_noon(prints(*[row | {"size": row["size"] * times} for row in rows]), names=names)
    assert more == pytest.approx(once, nan_ok=True)
    for name in names:
        assert -1.0 <= once[name] <= 1.0


def alerts(*rows: dict[str, Any]) -> Chunk:
    base = {"expiry": TODAY + 9, "strike": 10**6, "is_put": 0, "premium": 10**9, "size": 100, "ask_premium": 10**9, "bid_premium": 0}
    full = [base | {"open_interest": 200, "is_sweep": 0, "minutes": 20} | row for row in rows]
    at = np.array([NOON - row["minutes"] * MINUTE for row in full])
    columns = {name: np.array([row[name] for row in full]) for name in (*base, "open_interest", "is_sweep")}
    return chunk_of(FlowAlert, ("A", "B"), key=np.zeros(len(full)), event_at=at - SECOND, known_at=at, columns=columns)


def test_alerts() -> None:
    rows = [
        {"minutes": 100, "is_sweep": 1, "size": 300},
        {"minutes": 71, "is_sweep": 1},  # 29 minutes later: a repeated hit, no cluster
        {"minutes": 68, "is_sweep": 0, "is_put": 1, "premium": 3 * 10**9, "ask_premium": 10**9, "bid_premium": 2 * 10**9},
        {"minutes": 67, "is_sweep": 1, "open_interest": 0},  # a repeated hit and a cluster, though a put lies between
        {"minutes": 36, "is_sweep": 0, "open_interest": MISSING},  # 31 minutes later
        {"minutes": 35, "is_sweep": 1},  # a repeated hit; the sweep before is too long ago
    ]
    got = at_noon(alerts(*rows))
    assert got["alerts_today"] == 6.0
    assert got["repeated_hits_today"] == 3.0
    assert got["sweep_clusters_today"] == 1.0
    assert got["opening_alerts_today"] == 2.0  # 300 over 200, 100 over none
    assert got["alert_premium_today"] == pytest.approx(math.log(8 * 10**5))
    assert got["alert_put_share_today"] == pytest.approx(3 / 8)
    assert got["alert_sweep_share_today"] == pytest.approx(4 / 8)
    assert got["alert_balance_today"] == pytest.approx((5 + 1) / 8)
    assert got["alert_volume_over_interest_today"] == pytest.approx(700 / 800)
    assert at_noon(alerts(rows[0]), tick=NOON + 24 * HOUR, names=["alerts_today"])["alerts_today"] == 0.0


def usual(seed: int, sessions: int = 33) -> list[dict[str, Any]]:
    """Three prints a five minutes of some sessions until today's noon, sizes and sides at random."""
    rng = np.random.default_rng(seed)
    ends = [np.arange(nyse().open[s] + 5 * MINUTE, nyse().close[s] + 1, 5 * MINUTE) for s in range(SESSION - sessions + 1, SESSION + 1)]
    at = np.concatenate(ends)
    at = np.repeat(at[at <= NOON], 3) - MINUTE
    draws = zip(at, rng.integers(1, 200, len(at)), rng.integers(0, 2, len(at)), rng.integers(2, 7, len(at)) / 2, strict=True)
    return [{"at": t, "size": int(size), "is_put": int(put), "price": price} for t, size, put, price in draws]


def test_unusual_flow_is_a_p_value() -> None:
    names = ["unusual_flow_p", "unusual_calls_p", "unusual_puts_p", "unusual_flow_q", "premium_by_slot", "net_premium_by_slot"]
    names += ["option_stock_ratio_by_slot"]
    features = FeatureEngineering(("A", "B"), only=names)
    ticks = bars(sessions=2).known_at
    got = features.push([prints(*usual(0)), bars(sessions=33)], ticks)[:, 0]
    p = got[:, list(features.features).index("unusual_flow_p")]
    assert np.isfinite(got).all()
    assert 0.0 < p.min() <= p.max() <= 1.0
    assert 0.4 < p.mean() < 0.6  # nothing is unusual: p-values are about uniform
    np.testing.assert_array_equal(p, got[:, list(features.features).index("unusual_flow_q")])  # one symbol has no others to share with
    struck = [*usual(0), *[{"at": NOON - MINUTE, "size": 3000, "price": 3.0}] * 3]
    out = at_noon(prints(*struck), bars(sessions=33), names=names)
    assert out["unusual_flow_p"] < 0.01
    assert out["unusual_calls_p"] < 0.01
    assert out["unusual_puts_p"] > 0.02
    assert out["premium_by_slot"] > 3.0


def test_what_is_known_a_moment_later_does_not_count() -> None:
    some = prints({"size": 30}, {"size": 70, "is_put": 1, "at": NOON + 1})
    assert at_noon(some)["put_share_of_contracts_today"] == 0.0
    later = at_noon(some, tick=NOON + 1)
    assert later["put_share_of_contracts_today"] == pytest.approx(0.7)
    assert math.isnan(at_noon(some, tick=NOON + 24 * HOUR)["put_share_of_contracts_today"])
