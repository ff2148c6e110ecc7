"""Earnings: dates, surprises, what the chain expected and what the price did, by hand."""

from __future__ import annotations

import json
from math import pi, sqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import plain
from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk, chunk_of
from undertow.core.events import ChainRow, DailyBar, EarningsDate, EarningsReport
from undertow.core.time import DAY, HOUR, MINUTE
from undertow.features.engineering import FeatureEngineering
from undertow.features.families.earnings import front_volatility, implied_jump
from undertow.features.language.instants import new_york_minute, side_of_session
from undertow.features.operators.sparse import LastKnown

GOLDEN = Path(__file__).resolve().parents[3] / "shared" / "methods" / "golden.json"
SYMBOLS = ("A",)
POSITIONS = nyse().sessions(np.datetime64("2023-06-01"), np.datetime64("2024-07-31"))
CLOSE, MIDNIGHT = nyse().close[POSITIONS], nyse().midnight[POSITIONS]


def one(kind: type, event: np.ndarray, known: np.ndarray, **columns: np.ndarray) -> Chunk:
    return chunk_of(kind, SYMBOLS, key=np.zeros(len(event)), event_at=event, known_at=known, columns=columns)


def asked(chunks: list[Chunk], ticks: list[int], *names: str) -> dict[str, list[float]]:
    features = FeatureEngineering(SYMBOLS, only=names)
    out = features.push(chunks, np.array(ticks))
    return {name: out[:, 0, j].tolist() for j, name in enumerate(features.features)}


# --- what a chain expects ---------------------------------------------------------------------------------------------


def chain_rows(near: float, near_days: float, far: float, far_days: float) -> np.ndarray:
    """Volatility, delta and days left of two expiries, with contracts far from the money that must not count."""
    rows = [
        (near, 0.52, near_days),
        (near, -0.48, near_days),
        (9.0, 0.1, near_days),
        (far, 0.5, far_days),
        (3.0, -0.9, far_days),
        (0.0, 0.5, 1.0),
    ]
    return np.array(rows).T.copy()


def test_the_golden_report() -> None:
    if not GOLDEN.exists():
        pytest.skip("no golden numbers here: golden.json is not in ../shared/methods")
    golden = json.loads(GOLDEN.read_text())["earnings_jump"]
    rows = chain_rows(golden["iv1"], 7.0, golden["iv2"], 35.0)[:, :5]
    jump = implied_jump(rows)
    assert round(jump, 4) == golden["sigma_jump"]
    assert round(jump * sqrt(2 / pi), 4) == golden["exp_abs_move"]
    base = sqrt(golden["iv1"] ** 2 - jump**2 * 365 / 7)
    assert round(base, 4) == golden["base_vol"]
    assert sqrt(base**2 + jump**2 * 365 / 35) == pytest.approx(golden["iv2"])
    assert front_volatility(rows) == golden["iv1"]


def test_what_no_chain_expects() -> None:
    assert np.isnan(implied_jump(chain_rows(0.3, 7.0, 0.5, 35.0)[:, :5]))  # the nearer is cheaper: not 0, not known
    assert np.isnan(implied_jump(chain_rows(0.5, 7.0, 0.3, 12.0)[:, :5]))  # too near each other
    assert np.isnan(implied_jump(chain_rows(0.5, 7.0, 0.3, 35.0)[:, :3]))  # one expiry alone
    assert np.isnan(implied_jump(np.empty((3, 0))))
    assert np.isnan(front_volatility(chain_rows(0.5, 7.0, 0.3, 35.0)[:, 2:3]))  # nothing near the money
    assert np.isnan(front_volatility(chain_rows(0.5, 0.0, 0.3, 0.0)[:, :5]))  # expires today


# --- dates ------------------------------------------------------------------------------------------------------------


def test_sides_of_the_session() -> None:
    stamps = ["2024-01-10T11:00", "2024-01-10T14:30", "2024-01-10T21:00", "2024-07-10T11:00", "2024-07-10T20:00", "2024-07-10T19:30"]
    at = np.array([*stamps], "datetime64[ns]").astype(np.int64).astype(float)
    assert new_york_minute(at).tolist() == [360, 570, 960, 420, 960, 930]
    assert side_of_session(new_york_minute(at)).tolist() == [-1, 0, 1, -1, 1, 0]
    assert np.isnan(side_of_session(new_york_minute(np.array([np.nan]))))


def test_the_newest_announcement_counts_until_it_is_past() -> None:
    said = np.array([CLOSE[0], CLOSE[3]])
    due = np.array([CLOSE[10] + 30 * MINUTE, MIDNIGHT[15] + 7 * HOUR])
    plans = one(EarningsDate, said, said, reports_at=due)
    ticks = [int(t) for t in (CLOSE[0] - 1, CLOSE[1], CLOSE[3], due[1], due[1] + MINUTE)]
    got = asked([plans], ticks, "days_to_report", "next_report_side")
    expected = [np.nan, (due[0] - ticks[1]) / DAY, (due[1] - ticks[2]) / DAY, 0.0, np.nan]
    np.testing.assert_allclose(got["days_to_report"], expected, atol=1e-9)
    np.testing.assert_array_equal(got["next_report_side"], [np.nan, 1.0, -1.0, -1.0, np.nan])


# --- reports ----------------------------------------------------------------------------------------------------------

REPORTS = [40, 103, 166, 229]  #: sessions; the first and the third before the open, the others after the close
BEFORE = [True, False, True, False]


def reports(n: int = 4) -> Chunk:
    at = np.array([MIDNIGHT[s] + 7 * HOUR if early else CLOSE[s] + HOUR for s, early in zip(REPORTS, BEFORE, strict=True)])[:n]
    eps, estimate = np.array([1.1, 0.9, 1.3, 1.2])[:n], np.array([1.0, 1.0, 1.0, 1.25])[:n]
    return one(EarningsReport, at, at, eps=eps, eps_estimate=estimate, surprise=(eps - estimate) / estimate)


def bars() -> tuple[Chunk, np.ndarray]:
    moves = np.where(np.arange(len(CLOSE)) % 2, 0.001, -0.001)
    reacts = [s if early else s + 1 for s, early in zip(REPORTS, BEFORE, strict=True)]
    moves[reacts] = [0.05, -0.04, 0.03, -0.02]
    price = np.rint(1_000_000 * np.exp(np.cumsum(moves))).astype(np.int64)
    volume = np.full(len(CLOSE), 1_000_000)
    volume[reacts] = 3_000_000
    columns = dict.fromkeys(("open", "high", "low", "close"), price) | {"volume": volume}
    return one(DailyBar, CLOSE, CLOSE + MINUTE, **columns), np.diff(np.log(price), prepend=np.nan)


def chains() -> Chunk:
    # before each report the nearer expiry is dear, after it it is not
    event = np.repeat(CLOSE, 2)
    before = np.zeros(len(CLOSE), bool)
    for s, early in zip(REPORTS, BEFORE, strict=True):
        before[s - 5 : s if early else s + 1] = True
    iv = np.stack([np.where(before, 0.8, 0.4), np.full(len(CLOSE), 0.4)], axis=1).ravel()
    days = event // DAY
    expiry = days + np.tile([7, 35], len(CLOSE))
    known = np.repeat(CLOSE + 20 * MINUTE, 2)
    return one(
        ChainRow, event, known, iv=iv, delta=np.full(len(iv), 0.5), expiry=expiry, is_put=np.zeros(len(iv)), strike=np.full(len(iv), 10**6)
    )


def test_the_session_that_reacts_and_those_before_it() -> None:
    daily, moves = bars()
    ticks = [int(CLOSE[s] + MINUTE) for s in (39, 40, 103, 104, 120, 230, 231)]
    names = ("report_return", "report_volume", "report_move_mean", "report_return_in_range")
    got = asked([daily, reports()], ticks, *names)
    np.testing.assert_allclose(got["report_return"], moves[[0, 40, 40, 104, 104, 230, 230]])
    np.testing.assert_allclose(got["report_volume"], [np.nan, *[np.log(3.0)] * 6], rtol=1e-12)
    sizes = np.abs(moves[[40, 104, 166, 230]])
    np.testing.assert_allclose(got["report_move_mean"], [*[np.nan] * 5, sizes.mean(), sizes.mean()])
    np.testing.assert_allclose(got["report_return_in_range"][-1], moves[230] / sizes.mean())


def test_expected_and_realised_moves_and_the_crush() -> None:
    daily, moves = bars()
    jump = sqrt((0.8**2 - 0.4**2) / (365 / 7 - 365 / 35)) * sqrt(2 / pi)
    ticks = [int(CLOSE[s] + HOUR) for s in (38, 105, 167, 231)]
    names = ("report_move_expected", "report_move_over_expected", "volatility_crush")
    got = asked([daily, reports(), chains()], ticks, *names)
    np.testing.assert_allclose(got["report_move_expected"], [jump, 0.0, 0.0, 0.0], atol=1e-12)
    sizes = np.abs(moves[[40, 104, 166, 230]]) / jump
    np.testing.assert_allclose(got["report_move_over_expected"], [np.nan, sizes[:2].mean(), sizes[:3].mean(), sizes.mean()], rtol=1e-9)
    np.testing.assert_allclose(got["volatility_crush"][1:], [np.log(0.5)] * 3, rtol=1e-12)


def test_surprises() -> None:
    told = reports()
    ticks = [int(t) for t in (told.known_at[0] - 1, told.known_at[0], told.known_at[3] + 36 * HOUR)]
    got = asked([told], ticks, "eps_surprise", "eps_streak", "days_since_report", "last_report_side")
    np.testing.assert_allclose(got["eps_surprise"], [np.nan, 0.1, -0.04])
    np.testing.assert_allclose(got["eps_streak"], [np.nan, np.nan, 0.0])
    np.testing.assert_allclose(got["days_since_report"], [np.nan, 0.0, 1.5])
    np.testing.assert_array_equal(got["last_report_side"], [np.nan, -1.0, 1.0])


def test_scores_of_surprise_over_eight_reports() -> None:
    rng = np.random.default_rng(4)
    at = CLOSE[::20][:12] + HOUR
    eps, estimate = rng.normal(1.0, 0.2, 12), np.ones(12)
    told = one(EarningsReport, at, at, eps=eps, eps_estimate=estimate, surprise=eps - estimate)
    got = asked([told], [int(at[-2]), int(at[-1])], "eps_surprise_score", "eps_seasonal_score")
    above, change = eps - estimate, eps[4:] - eps[:-4]
    np.testing.assert_allclose(got["eps_surprise_score"], [above[-2] / above[-9:-1].std(), above[-1] / above[-8:].std()], rtol=1e-12)
    np.testing.assert_allclose(got["eps_seasonal_score"], [np.nan, change[-1] / change.std()], rtol=1e-12)


# --- the operator -----------------------------------------------------------------------------------------------------

rows = st.lists(st.tuples(st.integers(0, 1), st.integers(-9, 9).map(float) | st.just(float("nan"))), max_size=60)


@settings(max_examples=100, deadline=None)
@given(rows, st.integers(1, 4), st.integers(0, 6), st.integers(1, 3))
def test_last_known_equals_a_plain_loop(some: list[tuple[int, float]], n: int, more: int, least: int) -> None:
    op = LastKnown(n, "mean", n + more, min(least, n))
    key, x = np.array([k for k, _ in some], np.int64), np.array([v for _, v in some], float)
    state, cut = op.fresh(2), len(some) // 2
    got = np.concatenate([op.push(state, key[:cut], x[:cut]), op.push(state, key[cut:], x[cut:])])

    def of(past: list[float]) -> float:
        known = [value for value in past[-op.within :] if value == value][-n:]
        return plain.mean(known) if len(known) >= op.least else float("nan")

    np.testing.assert_array_equal(got, np.array(plain.along(key.tolist(), x.tolist(), of)).reshape(got.shape))
