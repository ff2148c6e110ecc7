"""The framework is a fold that teaches itself only with what was known (laws 3, 4, 7 and 8)."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64, Chunk, chunk_of
from undertow.core.errors import BadInput
from undertow.core.events import LabelKnown
from undertow.core.time import HOUR, MINUTE
from undertow.models.calibration import Calibrator
from undertow.models.framework import ModelIntegrationFramework, Schedule, Trained
from undertow.models.logistic import RidgeLogistic
from undertow.models.register import model
from undertow.models.training import label_weights

SYMBOLS = ("A", "B", "C")
FEATURES = ("f0", "f1", "f2", "f3")
SCHEDULE = Schedule(every=10, at_least=20, at_most=60)
FIRST, SESSIONS = 8000, 70
TABULAR = ("gradient_boosting", "random_forest", "ridge_logistic", "xgboost")


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
            known = self._lessons.taught(at)
            taught.append(len(known.tick))
            assert (known.known_at <= at).all()
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
    assert isinstance(first.calibrator, Calibrator)
    assert first.calibrator.slope == 0.5
    assert all(s.rows > first.rows for s in later)
    assert any("n_eff" in s.calibrator.method for s in later)


@pytest.mark.parametrize("seed", range(3))
def test_a_row_is_predicted_the_same_alone_and_in_company(seed: int) -> None:
    ticks, X, labels = market(seed)
    framework = ModelIntegrationFramework(SYMBOLS, FEATURES, schedule=SCHEDULE, only=TABULAR)
    framework.push(ticks, X, labels)
    stage, rows = framework.stages[-1], X[-20:].reshape(60, -1)
    together = stage.odds(rows)
    np.testing.assert_array_equal(together, np.concatenate([stage.odds(rows[i : i + 1]) for i in range(len(rows))]))
    assert framework.names == stage.names == TABULAR


def test_contributions_sum_to_the_score() -> None:
    ticks, X, labels = market(2)
    framework = ModelIntegrationFramework(SYMBOLS, FEATURES, schedule=SCHEDULE, only=TABULAR)
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


class Broken(ModelIntegrationFramework):
    """Models that fail in ways of their own."""

    @model
    def raises(self) -> RidgeLogistic:
        """Fails while it is taught."""

        class Raises(RidgeLogistic):
            def fit(self, X: F64, y: F64, weight: F64) -> Self:
                raise ValueError("no such luck\nand more")

        return Raises()

    @model
    def unsure(self) -> RidgeLogistic:
        """Answers with no probability."""

        class Unsure(RidgeLogistic):
            def predict(self, X: F64) -> F64:
                return np.full(len(X), np.nan)

        return Unsure()


def test_a_model_that_fails_is_left_out_and_named_and_the_others_go_on() -> None:
    ticks, X, labels = market(4)
    names = ("raises", "ridge_logistic", "unsure")
    framework = Broken(SYMBOLS, FEATURES, schedule=SCHEDULE, only=names)
    p = framework.push(ticks, X, labels).p_up
    stage = framework.stages[-1]
    assert framework.names == names
    assert stage.names == ("ridge_logistic",)
    assert stage.notes == (
        "raises is left out: it failed with ValueError: no such luck",
        "unsure is left out: it did not answer with one probability a row.",
    )
    np.testing.assert_array_equal(p, quick_one().push(ticks, X, labels).p_up)


def quick_one() -> ModelIntegrationFramework:
    return ModelIntegrationFramework(SYMBOLS, FEATURES, schedule=SCHEDULE, only=("ridge_logistic",))


def test_where_nothing_can_be_learnt_there_is_no_model_and_a_sentence() -> None:
    ticks, X, labels = market(4)
    alike = replace(labels, columns={**labels.columns, "value": np.ones(len(labels))})
    framework = quick()
    assert np.isnan(framework.push(ticks, X, alike).p_up).all()
    assert framework.stages == []
    assert "ended alike" in framework.notes[-1]


def test_constant_unknown_and_infinite_values_are_borne() -> None:
    ticks, X, labels = market(4)
    X[:, :, 1], X[:, :, 2], X[::5, :, 3], X[7, 1, 0] = 3.0, np.nan, np.inf, -np.inf
    framework = ModelIntegrationFramework(SYMBOLS, FEATURES, schedule=SCHEDULE, only=TABULAR)
    p = framework.push(ticks, X, labels).p_up
    assert framework.stages[-1].names == TABULAR
    assert framework.stages[-1].columns.tolist() == [0, 1, 3]
    ready = np.isfinite(p[:, 0])
    assert ready[-1]
    assert ((p[ready] > 0.0) & (p[ready] < 1.0)).all()
    # an infinity is as good as not known
    X[np.isinf(X)] = np.nan
    np.testing.assert_array_equal(framework.push(ticks[:0], X[:0], labels[:0]).p_up, p[:0])
    other = ModelIntegrationFramework(SYMBOLS, FEATURES, schedule=SCHEDULE, only=TABULAR)
    np.testing.assert_array_equal(other.push(ticks, X, labels).p_up, p)


def test_ten_rows_are_enough_to_answer_and_an_outcome_that_is_no_number_teaches_nothing() -> None:
    ticks, X, labels = market(4)
    value = labels.numbers("value").copy()
    value[:40] = np.inf
    framework = ModelIntegrationFramework(SYMBOLS, FEATURES, schedule=Schedule(every=10, at_least=1, at_most=60), only=TABULAR)
    framework.push(ticks, X, replace(labels, columns={**labels.columns, "value": value}))
    assert all(len(s.names) == 4 for s in framework.stages)
    few = ModelIntegrationFramework(("A",), FEATURES, schedule=Schedule(every=10, at_least=1, at_most=3), only=TABULAR)
    one = labels[labels.key == 0]
    p = few.push(ticks, X[:, :1], one).p_up
    assert 6 <= min(s.rows for s in few.stages) <= 12
    assert np.isfinite(p[-1]).all()


def test_other_features_than_it_was_made_for_are_refused_in_a_sentence() -> None:
    ticks, X, labels = market(4)
    framework = quick()
    with pytest.raises(BadInput, match=r"made for 3 symbols and 4 features; it got \(3, 2\)"):
        framework.push(ticks, X[:, :, :2], labels)
    framework.push(ticks, X, labels)
    with pytest.raises(BadInput, match="taught on 4 features and are asked about 3; train them again"):
        framework.stages[-1].odds(X[0, :, :3])
    with pytest.raises(BadInput, match="There is no model nobody; there are gradient_boosting, gru"):
        ModelIntegrationFramework(SYMBOLS, FEATURES, only=("nobody",))


class Memo:
    """A shelf in memory."""

    def __init__(self) -> None:
        self.stages: dict[int, Trained] = {}

    def find(self, at: int) -> Trained | None:
        return self.stages.get(at)

    def keep(self, stage: Trained) -> None:
        assert stage.at not in self.stages
        self.stages[stage.at] = stage


def test_a_stage_on_the_shelf_is_used_as_it_is_and_one_that_is_taught_is_kept() -> None:
    ticks, X, labels = market(6)
    shelf = Memo()
    first = quick(shelf=shelf)
    p = first.push(ticks, X, labels).p_up
    assert list(shelf.stages) == [s.at for s in first.stages]
    again = quick(shelf=shelf)
    np.testing.assert_array_equal(again.push(ticks, X, labels).p_up, p)
    assert all(a is b for a, b in zip(again.stages, first.stages, strict=True))
    # a shelf with a hole: what is missing is taught again, with the same bits
    del shelf.stages[first.stages[2].at]
    np.testing.assert_array_equal(quick(shelf=shelf).push(ticks, X, labels).p_up, p)
    # the stages alone answer: without the labels that taught them, and from the ticks of the last stage on
    late = ticks > first.stages[-1].at - 4 * 24 * HOUR
    np.testing.assert_array_equal(quick(shelf=shelf).push(ticks[late], X[late], labels[:0]).p_up[-8:], p[-8:])
    other = ModelIntegrationFramework(SYMBOLS, ("g0", "f1", "f2", "f3"), schedule=SCHEDULE, only=("ridge_logistic",), shelf=shelf)
    with pytest.raises(BadInput, match="taught on other features or models"):
        other.push(ticks, X, labels)


def test_outcomes_that_overlap_count_for_less() -> None:
    hour, key = np.arange(64, dtype=np.int64), np.zeros(64, np.int64)
    np.testing.assert_allclose(label_weights(hour, hour + 8, key), 1 / 8, rtol=0.2)
    np.testing.assert_array_equal(label_weights(hour, hour + 1, key), np.ones(64))
    # spans of two lengths are told apart: the long ones overlap more
    until = np.where(hour < 32, hour + 1, hour + 16)
    found = label_weights(hour, until, key)
    assert found[:30].min() == 1.0 > 0.2 > found[40:56].max()
