"""What a chain says, on chains priced by formula: levels come back, walls lie where they were put, a report's jump is found."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pytest

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Chunk, chunk_of
from undertow.core.events import MISSING, ChainRow, DailyBar, EarningsDate, OpenInterest
from undertow.core.time import DAY, HOUR, MINUTE
from undertow.features.engineering import FeatureEngineering
from undertow.features.operators import chain_rows
from undertow.features.operators.black_scholes import gamma_dollars, option_delta, option_gamma, option_price

SPOT = 100.0
STRIKES = tuple(float(k) for k in range(80, 121, 2))
FIRST = nyse().session_on_or_before(np.datetime64("2024-03-04"))
Interests = dict[tuple[int, float, int], int]


@dataclass(frozen=True)
class Surface:
    """A made-up chain: volatility at the money by days left, and how it changes with the strike and for puts."""

    volatility: dict[int, float]
    slope: float = 0.0  #: of volatility on log(strike / spot)
    put: float = 0.0  #: above that of calls
    spot: float = SPOT
    volume: int = 10

    def rows(self, session: int) -> dict[str, list]:
        today = int(nyse().day[session].astype(int))
        out: dict[str, list] = {name: [] for name in ("expiry", "strike", "is_put", "price", "iv", "delta", "volume")}
        for days, strike, put in product(self.volatility, STRIKES, (0, 1)):
            iv = self.volatility[days] + self.slope * math.log(strike / self.spot) + self.put * put
            terms = self.spot, strike, days / 365.0, iv, 0.0, put == 1
            price = option_price(*terms) if days > 0 else max((strike - self.spot) * (2 * put - 1), 0.0)
            values = today + days, round(strike * 1e4), put, round(price * 1e4), iv, option_delta(*terms), self.volume
            for name, value in zip(out, values, strict=True):
                out[name].append(value)
        return out


def chains(surfaces: list[Surface]) -> Chunk:
    """One session each, from ``FIRST`` on, known 20 minutes after the close."""
    every = [one.rows(FIRST + i) for i, one in enumerate(surfaces)]
    at = np.concatenate([np.full(len(rows["iv"]), nyse().close[FIRST + i]) for i, rows in enumerate(every)])
    columns = {name: np.concatenate([rows[name] for rows in every]) for name in every[0]}
    return chunk_of(ChainRow, ("A",), key=np.zeros(len(at)), event_at=at, known_at=at + 20 * MINUTE, columns=columns)


def interest(held: Interests, session: int = FIRST) -> Chunk:
    """Contracts open at the close before a session, told in its morning; keys are days left from the session, strike, is put."""
    today = int(nyse().day[session].astype(int))
    expiry, strike, put = (np.array(values) for values in zip(*held, strict=True))
    at = np.full(len(held), nyse().close[session - 1])
    columns = {
        "expiry": today + expiry.astype(np.int64),
        "strike": np.rint(strike * 1e4).astype(np.int64),
        "is_put": put,
        "open_interest": np.array(list(held.values())),
    }
    known = np.full(len(held), nyse().midnight[session] + 9 * HOUR)
    return chunk_of(OpenInterest, ("A",), key=np.zeros(len(held)), event_at=at, known_at=known, columns=columns)


def told(names: list[str], *chunks: Chunk, session: int = FIRST) -> dict[str, float]:
    """The features half an hour after a session's close."""
    features = FeatureEngineering(("A",), only=names)
    return dict(zip(features.features, features.push(chunks, nyse().close[[session]] + 30 * MINUTE)[0, 0].tolist(), strict=True))


FLAT = Surface({15: 0.3, 30: 0.3, 45: 0.3, 90: 0.3})


def test_levels_of_a_flat_surface() -> None:
    got = told(["implied_volatility", "skew", "risk_reversal", "smile", "term_structure", "front_move"], chains([FLAT]))
    assert got["implied_volatility"] == pytest.approx(0.3, abs=1e-12)
    for name in ("skew", "risk_reversal", "smile", "term_structure"):
        assert got[name] == pytest.approx(0.0, abs=1e-12), name
    assert got["front_move"] == pytest.approx(math.sqrt(2 / math.pi) * 0.3 * math.sqrt(15 / 365), rel=1e-12)


def test_skew_term_structure_and_spread() -> None:
    surface = Surface({15: 0.5, 30: 0.4, 45: 0.35, 90: 0.3}, slope=-0.4, put=0.02)
    held = {(30, strike, put): 100 for strike in STRIKES for put in (0, 1)} | {(3, 100.0, 0): 50}
    names = ["implied_volatility", "skew", "risk_reversal", "term_structure", "volatility_spread"]
    got = told(names, chains([surface]), interest(held))
    assert 0.35 < got["implied_volatility"] < 0.5
    assert got["skew"] > 0.02 + 0.01  # the slope, beside what puts have more
    assert got["risk_reversal"] < -0.03
    assert got["term_structure"] < -0.1
    assert got["volatility_spread"] == pytest.approx(-0.02, abs=1e-12)


def test_a_spread_weighs_pairs_by_what_is_open() -> None:
    rows = np.zeros((7, 5))
    rows[chain_rows.DAYS], rows[chain_rows.STRIKE] = 30.0, [90, 90, 100, 100, 110]
    rows[chain_rows.PUT] = [1, 0, 0, 1, 0]
    rows[chain_rows.VOLATILITY] = [0.30, 0.34, 0.25, 0.24, 9.0]
    rows[chain_rows.OPEN] = [100, 300, 50, 50, 1000]
    assert chain_rows.spread_of_pairs(rows) == pytest.approx((200 * 0.04 + 50 * 0.01) / 250)
    assert math.isnan(chain_rows.spread_of_pairs(rows[:, [0, 3, 4]]))


def test_changes_and_ranks_by_session() -> None:
    levels = [0.30 + 0.001 * ((7 * i) % 60) for i in range(60)]
    some = chains([Surface({30: level}) for level in levels])
    names = ["implied_volatility_change", "implied_volatility_change_21", "implied_volatility_rank_60", "implied_volatility_rank"]
    got = told(names, some, session=FIRST + 59)
    assert got["implied_volatility_change"] == pytest.approx(math.log(levels[59] / levels[58]), abs=1e-9)
    assert got["implied_volatility_change_21"] == pytest.approx(math.log(levels[59] / levels[38]), abs=1e-9)
    assert got["implied_volatility_rank_60"] == pytest.approx((sum(v < levels[59] for v in levels) + 0.5) / 60, abs=1e-9)
    assert math.isnan(got["implied_volatility_rank"])  # 252 sessions are not there


def test_calls_less_puts() -> None:
    some = chains([Surface({30: 0.3}, put=0.01), Surface({30: 0.4}, put=-0.02)])
    got = told(["call_less_put_change"], some, session=FIRST + 1)
    assert got["call_less_put_change"] == pytest.approx(0.03, abs=1e-9)


def daily(session: int = FIRST, n: int = 25, price: float = SPOT, volume: int = 1_000_000) -> Chunk:
    at = nyse().close[session - n + 1 : session + 1]
    units = np.full(n, round(price * 1e4))
    columns = dict.fromkeys(("open", "high", "low", "close"), units) | {"volume": np.full(n, volume)}
    return chunk_of(DailyBar, ("A",), key=np.zeros(n), event_at=at, known_at=at + MINUTE, columns=columns)


def test_gamma_exposure_by_both_conventions_and_walls() -> None:
    held: Interests = {(30, 110.0, 0): 4000, (30, 90.0, 1): 1000, (15, 90.0, 1): 500, (0, 100.0, 0): 9_000}
    names = ["gamma_exposure", "gamma_exposure_short", "gamma_balance", "call_wall", "put_wall", "gamma_within_a_week", "gamma_flip"]
    got = told(names, chains([replace(FLAT, volatility={0: 0.3, **FLAT.volatility})]), interest(held), daily())

    def dollars(strike: float, days: int, contracts: int) -> float:
        return gamma_dollars(SPOT, option_gamma(SPOT, strike, days / 365, 0.3, 0.0), contracts)

    calls, puts = dollars(110, 30, 4000), dollars(90, 30, 1000) + dollars(90, 15, 500)
    traded = SPOT * 1_000_000
    assert got["gamma_exposure"] == pytest.approx((calls - puts) / traded, rel=1e-4)
    assert got["gamma_exposure_short"] == pytest.approx(-(calls + puts) / traded, rel=1e-4)
    assert got["gamma_balance"] == pytest.approx((calls - puts) / (calls + puts), rel=1e-4)
    assert got["call_wall"] == pytest.approx(math.log(1.1), abs=1e-4)
    assert got["put_wall"] == pytest.approx(math.log(0.9), abs=1e-4)
    assert got["gamma_within_a_week"] == 0.0  # a contract that expires today has no gamma left at the close
    assert -0.15 < got["gamma_flip"] < 0.0


def test_the_flip_is_where_both_sides_are_equal() -> None:
    rows = np.zeros((7, 2))
    rows[chain_rows.DAYS], rows[chain_rows.STRIKE], rows[chain_rows.PUT] = 30.0, [1_100_000, 900_000], [0, 1]
    rows[chain_rows.VOLATILITY], rows[chain_rows.OPEN] = 0.3, [4000, 4000]
    at_money = np.array([[30.0, 30.0], [1e6, 1e6], [0, 1], [34_000, 34_000], [math.nan, math.nan], [0.5, -0.5], [0, 0]])
    whole = np.concatenate([rows, at_money], axis=1)
    place = chain_rows.gamma_flip(whole)
    assert chain_rows.forward(whole) == 1e6
    one_percent = chain_rows.gamma_of(whole, 1e6 * math.exp(place), 1.0, 1.0)
    assert abs(chain_rows.gamma_of(whole, 1e6 * math.exp(place), 1.0, -1.0)) < 2e-3 * one_percent
    assert math.isnan(chain_rows.gamma_flip(whole[:, [0, 2, 3]]))  # calls alone never cross


def test_a_chain_without_pairs_or_interest_says_nothing_of_gamma() -> None:
    only_calls = chains([FLAT])
    only_calls = only_calls[only_calls.columns["is_put"] == 0]
    names = ["gamma_exposure", "gamma_balance", "call_wall", "gamma_flip", "volatility_spread", "gamma_within_a_week"]
    for chunks in ((only_calls, interest({(30, 100.0, 0): 5}), daily()), (chains([FLAT]), daily())):
        assert all(math.isnan(value) for value in told(names, *chunks).values())


@pytest.mark.parametrize("forward", [False, True])
def test_the_jump_of_the_next_report(forward: bool) -> None:
    base, jump = 0.3905, 0.0967
    surface = Surface({2: base, **{days: math.sqrt(base**2 + jump**2 * 365 / days) for days in (7, 35, 63)}})
    reports = nyse().close[FIRST] + (5 * DAY if forward else -5 * DAY)
    at = nyse().close[[FIRST - 10]]
    planned = chunk_of(EarningsDate, ("A",), key=np.zeros(1), event_at=at, known_at=at, columns={"reports_at": np.array([reports])})
    got = told(["report_move", "volatility_after_report"], chains([surface]), planned)
    if forward:
        assert got["report_move"] == pytest.approx(0.0771, abs=1e-4)
        assert got["volatility_after_report"] == pytest.approx(base, abs=1e-6)
    else:
        assert all(math.isnan(value) for value in got.values())


def test_a_report_after_the_close_of_an_expirys_day_comes_after_it() -> None:
    surface = Surface({7: 0.4, 14: 0.6, 35: 0.5})
    day = nyse().midnight[FIRST] + 7 * DAY
    at = nyse().close[[FIRST - 10]]
    moves = []
    for hour in (8, 17):
        reports = np.array([day + hour * HOUR])
        planned = chunk_of(EarningsDate, ("A",), key=np.zeros(1), event_at=at, known_at=at, columns={"reports_at": reports})
        moves.append(told(["report_move"], chains([surface]), planned)["report_move"])
    assert math.isnan(moves[0])  # 7 days against 14: below, so no jump
    assert moves[1] == pytest.approx(math.sqrt(2 / math.pi * (0.36 - 0.25) / (365 / 14 - 365 / 35)), rel=1e-6)


def test_bad_rows_are_passed_over() -> None:
    some = chains([FLAT])
    columns = dict(some.columns)
    columns["iv"] = np.where(np.arange(len(some)) % 3 == 0, np.nan, columns["iv"])
    columns["delta"] = np.where(np.arange(len(some)) % 7 == 0, np.nan, columns["delta"])
    columns["price"] = np.where(np.arange(len(some)) % 5 == 0, MISSING, columns["price"])
    columns["volume"] = np.where(np.arange(len(some)) % 4 == 0, MISSING, columns["volume"])
    bad = replace(some, columns=columns)
    names = ["implied_volatility", "call_wall", "option_stock_ratio", "out_of_money_share_of_volume", "put_share_of_volume_change"]
    got = told(names, bad, interest({(30, 110.0, 0): 5, (30, 90.0, 1): 5}), daily())
    assert got["implied_volatility"] == pytest.approx(0.3, abs=1e-12)
    assert got["call_wall"] == pytest.approx(math.log(1.1), abs=1e-3) or math.isnan(got["call_wall"])
    assert not any(math.isinf(value) for value in got.values())


def test_the_week_of_option_and_stock_volume() -> None:
    surfaces = [replace(FLAT, volume=10 * (i + 1)) for i in range(60)]
    last = FIRST + 59
    shares = daily(last, 60)
    got = told(["option_stock_ratio", "option_stock_ratio_change", "option_volume_score"], chains(surfaces), shares, session=last)
    middle = 3 * len(STRIKES) * 2  # 15, 30 and 45 days
    assert got["option_stock_ratio"] == pytest.approx(math.log(middle * 580 / 10_000), rel=1e-12)
    assert got["option_stock_ratio_change"] == pytest.approx(math.log(580 / 305), rel=1e-9)
    logs: F64 = np.log(np.arange(41, 61))
    assert got["option_volume_score"] == pytest.approx((logs[-1] - logs.mean()) / logs.std(), rel=1e-9)


def test_interest() -> None:
    before: Interests = {(30, 100.0, 0): 100, (30, 100.0, 1): 50, (4, 90.0, 1): 50}
    after: Interests = {(29, 100.0, 0): 160, (29, 100.0, 1): 40, (3, 90.0, 1): 0, (29, 120.0, 0): 1000}
    chunks = interest(before), interest(after, FIRST + 1)
    names = ["interest_change", "call_interest_change", "put_interest_change", "interest_concentration", "week_share_of_interest"]
    features = FeatureEngineering(("A",), only=names)
    ticks = nyse().midnight[FIRST : FIRST + 2] + 10 * HOUR
    first, second = (dict(zip(features.features, row[0].tolist(), strict=True)) for row in features.push(chunks, ticks))
    assert first["interest_concentration"] == pytest.approx((100**2 + 50**2 + 50**2) / 200**2)
    assert first["week_share_of_interest"] == pytest.approx(50 / 200)
    assert math.isnan(first["interest_change"])
    assert second["interest_change"] == pytest.approx(0.0)  # +60 of the call, -10 and -50 of the puts; a new contract has no before
    assert second["call_interest_change"] == pytest.approx(60 / 200)
    assert second["put_interest_change"] == pytest.approx(-60 / 200)


def test_the_opening_identity() -> None:
    """Both sides of each contract open or close: of 2 V sides, V + change of open interest open."""
    rng = np.random.default_rng(0)
    contracts = [(30, strike, put) for strike in STRIKES for put in (0, 1)]
    opening = {one: rng.integers(0, 2, 2 * 10) for one in contracts}  # FLAT trades ten of each
    before = {one: int(rng.integers(50, 99)) for one in contracts}
    change = {one: int(sides.sum() - (1 - sides).sum()) // 2 for one, sides in opening.items()}
    after = {(29, strike, put): before[30, strike, put] + change[30, strike, put] for _, strike, put in contracts}
    chunks = chains([replace(FLAT, volatility={30: 0.3})]), interest(before), interest(after, FIRST + 1)
    features = FeatureEngineering(("A",), only=["opening_share"])
    got = features.push(chunks, nyse().midnight[[FIRST + 1]] + 10 * HOUR)[0, 0, 0]
    assert got == pytest.approx(np.mean([sides.mean() for sides in opening.values()]), rel=1e-12)
