"""The framework is a fold that teaches itself only with what was known (laws 3, 4, 7 and 8)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64, Chunk, chunk_of
from undertow.core.events import LabelKnown
from undertow.core.time import HOUR, MINUTE
from undertow.models.framework import ModelIntegrationFramework, Schedule
from undertow.models.logistic import RidgeLogistic
from undertow.models.register import model

SYMBOLS = ("A", "B", "C")
FEATURES = ("f0", "f1", "f2", "f3")
SCHEDULE = Schedule(every=10, at_least=20, at_most=60)
FIRST, SESSIONS = 8000, 70


class Quick(ModelIntegrationFramework):
    """Two linear models, so that a run takes milliseconds."""

    @model
    def stiff(self) -> RidgeLogistic:
        """A second opinion."""
        return RidgeLogistic(penalty=5000.0)


def quick(**options: object) -> Quick:
    return Quick(SYMBOLS, FEATURES, schedule=SCHEDULE, only=("ridge_logistic", "stiff"), **options)  # type: ignore[arg-type]


def market(seed: int, strength: float = 0.3) -> tuple[I64, F64, Chunk]:
    calendar, rng = nyse(), np.random.default_rng(seed)
    hours = np.array([9 * HOUR, 12 * HOUR, 12 * HOUR + 5 * MINUTE, 15 * HOUR])
    ticks = (calendar.midnight[FIRST : FIRST + SESSIONS, None] + hours).ravel()
    X = rng.standard_normal((len(ticks), 3, 4))
    X[rng.random(X.shape) < 0.05] = np.nan
    value = strength * np.nan_to_num(X[:, :, 0]) + rng.standard_normal(X.shape[:2])
    known = np.repeat(ticks + 26 * HOUR, 3)
    columns = {"horizon": np.full(len(known), 26 * HOUR), "value": value.ravel()}
    key, at = np.tile(np.arange(3), len(ticks)), np.repeat(ticks, 3)
    labels = chunk_of(LabelKnown, SYMBOLS, key=key, event_at=at, known_at=known, columns=columns)
    return ticks, X, labels


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, SESSIONS * 4 - 1), max_size=8, unique=True))
def test_any_cut_gives_the_same_bits(seed: int, cuts: list[int]) -> None:
    ticks, X, labels = market(seed)
    whole = quick().push(ticks, X, labels.between(0, int(ticks[-1]))).p_up
    framework, parts, before = quick(), [], 0
    for rows in np.split(np.arange(len(ticks)), sorted(cuts)):
        until = int(ticks[rows[-1]])
        parts.append(framework.push(ticks[rows], X[rows], labels.between(before, until)).p_up)
        before = until
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert np.isfinite(whole[-1]).all()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(SESSIONS, SESSIONS * 4 - 1))
def test_rewriting_the_future_changes_no_prediction_before_it(seed: int, cut: int) -> None:
    ticks, X, labels = market(seed)
    _, other_X, other_labels = market(seed + 1)
    one = quick().push(ticks, X, labels).p_up[:cut]
    mixed_X = np.concatenate([X[:cut], other_X[cut:]])
    later = labels.known_at > ticks[cut - 1]
    values = np.where(later, other_labels.columns["value"], labels.columns["value"])
    rewritten = replace(labels, columns={**labels.columns, "value": values})
    np.testing.assert_array_equal(quick().push(ticks, mixed_X, rewritten).p_up[:cut], one)


def test_no_label_teaches_before_it_is_known() -> None:
    taught: list[int] = []

    class Spy(Quick):
        def _retrain(self, at: int) -> None:
            known = self._lessons.known(at)
            taught.append(len(known.tick))
            assert (self._lessons._known[np.isin(self._lessons._tick, known.tick)].min(axis=1) <= at).all()
            super()._retrain(at)

    ticks, X, labels = market(0)
    Spy(SYMBOLS, FEATURES, schedule=SCHEDULE, only=("ridge_logistic",)).push(ticks, X, labels)
    assert len(taught) >= 4
    assert taught[-1] > 100


def test_the_meta_model_and_the_calibrator_see_only_what_was_foretold_before() -> None:
    ticks, X, labels = market(1)
    framework = quick()
    framework.push(ticks, X, labels)
    first, *later = framework.stages
    assert "first stage" in first.stack.method
    assert first.calibrator.slope == 0.5
    assert all(s.rows > first.rows for s in later)
    assert any("n_eff" in s.calibrator.method for s in later)


@pytest.mark.parametrize("seed", range(3))
def test_a_row_is_predicted_the_same_alone_and_in_company(seed: int) -> None:
    ticks, X, labels = market(seed)
    framework = ModelIntegrationFramework(SYMBOLS, FEATURES, schedule=SCHEDULE)
    framework.push(ticks, X, labels)
    stage, rows = framework.stages[-1], X[-20:].reshape(60, -1)
    together = stage.odds(rows)
    np.testing.assert_array_equal(together, np.concatenate([stage.odds(rows[i : i + 1]) for i in range(len(rows))]))
    assert framework.names == ("gradient_boosting", "random_forest", "ridge_logistic", "xgboost")


def test_contributions_sum_to_the_score() -> None:
    ticks, X, labels = market(2)
    framework = ModelIntegrationFramework(SYMBOLS, FEATURES, schedule=SCHEDULE)
    framework.push(ticks, X, labels)
    stage, rows = framework.stages[-1], X[-20:].reshape(60, -1)
    score = stage.stack.predict(stage.odds(rows))
    np.testing.assert_allclose(stage.contributions(rows).sum(axis=1), score, atol=2e-6)


def test_a_planted_effect_is_found_and_none_is_not() -> None:
    def gain(strength: float) -> float:
        ticks, X, labels = market(5, strength)
        p = quick().push(ticks, X, labels).p_up
        value = labels.columns["value"].reshape(p.shape)
        ready = np.isfinite(p)
        return float(np.corrcoef(p[ready], value[ready])[0, 1])

    assert gain(0.5) > 0.25
    assert abs(gain(0.0)) < 0.12
