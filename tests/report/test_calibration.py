"""True probabilities pass, bold and timid ones do not; bins hold everything; what a run cannot show, its report does not claim."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.factory import make
from undertow.core.calendar import nyse
from undertow.models.calibration import effective_count
from undertow.models.reliability import BINS, reliability
from undertow.report.calibration import base_models, calibrate, measure, verdict


def test_murphy_1973() -> None:
    groups = [(0.2, 400, 100), (0.5, 300, 150), (0.8, 300, 225)]
    p = np.concatenate([np.full(n, q) for q, n, _ in groups])
    y = np.concatenate([np.r_[np.ones(hits), np.zeros(n - hits)] for _, n, hits in groups])
    c = measure(p, y)
    assert c.brier.brier == pytest.approx(0.208)
    assert c.brier.reliability == pytest.approx(0.00175)
    assert c.brier.resolution == pytest.approx(0.043125)
    assert c.brier.uncertainty == pytest.approx(0.249375)
    assert c.bins.count.tolist() == [400, 300, 300]
    assert c.ece == pytest.approx((400 * 0.05 + 300 * 0 + 300 * 0.05) / 1000)


@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.booleans()), min_size=1, max_size=300))
@settings(deadline=None)
def test_parts_add_up_and_bins_hold_everything(rows: list[tuple[float, bool]]) -> None:
    p, y = (np.array(v, np.float64) for v in zip(*rows, strict=True))
    c = measure(p, y)
    b = c.brier
    assert b.brier == pytest.approx(sum((q - o) ** 2 for q, o in rows) / len(rows))
    assert b.reliability - b.resolution + b.uncertainty + b.within == pytest.approx(b.brier)
    assert c.bins.count.sum() == len(p)
    assert len(c.bins.count) <= BINS
    assert (np.diff(c.bins.said) > 0).all()
    assert ((c.bins.low <= c.bins.said) & (c.bins.said <= c.bins.high)).all()
    assert c.climatology <= math.log(2) + 1e-12


def outcomes(stretch: float, seed: int = 2, n: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 0.4, n)
    y = rng.random(n) < 1 / (1 + np.exp(-z))
    return 1 / (1 + np.exp(-z * stretch)), y.astype(np.float64)


@pytest.mark.parametrize(("stretch", "says"), [(1.0, "mean what they say"), (3.0, "Overconfident"), (0.4, "Too timid")])
def test_slope_tells_bold_from_timid(stretch: float, says: str) -> None:
    c = measure(*outcomes(stretch))
    assert c.line.slope * stretch == pytest.approx(1, abs=0.1)
    assert abs(c.line.intercept) < 0.05
    assert says in verdict(c)


def test_outcomes_that_come_in_copies_prove_less() -> None:
    p, y = outcomes(1.0, n=300)
    alone = measure(p, y)
    session = np.tile(np.arange(300), 20)
    copied = measure(np.tile(p, 20), np.tile(y, 20), session, 300.0)
    assert copied.line.slope_error == pytest.approx(alone.line.slope_error, rel=0.15)
    assert copied.ece_floor == pytest.approx(alone.ece_floor)
    assert measure(np.tile(p, 20), np.tile(y, 20)).line.slope_error < 0.3 * alone.line.slope_error


def test_a_run_is_judged_by_the_numbers_of_the_models_room() -> None:
    result, _ = make(sessions=40)
    j = result.judged
    session = nyse().position(j.decided_at)
    effective = effective_count(session, j.key, j.value)
    theirs, ours = reliability(j.p_up, (j.value > 0).astype(np.float64), session, effective), calibrate(result)
    assert (ours.brier, ours.line, ours.log_loss, ours.ece) == (theirs.murphy, theirs.line, theirs.log_loss, theirs.ece)
    assert ours.effective == pytest.approx(effective)


def test_effective_outcomes_are_counted_cautiously() -> None:
    result, _ = make(sessions=40)
    c = calibrate(result)
    assert c.judged == len(result.judged.p_up)
    assert 40 <= c.effective <= 40 * len(result.symbols)
    assert c.coverage == pytest.approx((result.direction != 0).mean())
    assert calibrate(replace(result, horizon=5)).effective == pytest.approx(c.effective / 5)
    assert calibrate(result, 0).effective == pytest.approx(40)


def test_a_model_that_was_silent_is_judged_where_it_spoke() -> None:
    result, _ = make(sessions=40)
    half = np.where(np.arange(len(result.judged.value)) % 2 == 0, result.judged.base["lstm"], np.nan)
    judged = replace(result.judged, base={**result.judged.base, "lstm": half, "mute": np.full(len(half), np.nan)})
    found = base_models(replace(result, judged=judged))
    assert found["lstm"].judged == np.isfinite(half).sum()
    assert found["xgboost"].judged == len(half)
    assert found["mute"].why == "nothing has been judged yet"


def test_nothing_judged_says_so() -> None:
    result, _ = make(sessions=3)
    j = result.judged
    none = replace(j, decided_at=j.decided_at[:0], key=j.key[:0], p_up=j.p_up[:0], value=j.value[:0], base={})
    c = calibrate(replace(result, judged=none))
    assert c.why == "nothing has been judged yet"
    assert verdict(c) == "Nothing has been judged yet."
    assert "too few" in calibrate(make(symbols=("A",), sessions=2)[0]).why
