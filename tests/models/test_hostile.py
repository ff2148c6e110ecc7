"""Bad input to every base model: it answers with a probability, or it is left out by a sentence that names it; never silently wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Chunk, chunk_of
from undertow.core.errors import BadInput
from undertow.core.events import LabelKnown
from undertow.core.protocols import Model
from undertow.core.time import HOUR, MINUTE
from undertow.models.framework import NETWORKS, ModelIntegrationFramework, Schedule, Trained
from undertow.models.logistic import RidgeLogistic
from undertow.models.register import is_model, model
from undertow.models.sequence.training import Recipe

SYMBOLS = ("A", "B", "C")
FAMILIES = {
    "one": "own",
    "two": "own",
    "kalman_slope": "microstructure",
    "return_slope_t": "microstructure",
    "residual_score": "relative value",
    "synthetic_divergence_score": "relative value",
    "gap": "price",
    "alert_balance_today": "options flow",
    "news_tone": "news",
    "anomaly_p": "anomalies",
}
SCHEDULE = Schedule(every=20, at_least=20, at_most=60)
FIRST, SESSIONS = 8000, 44
HOURS = np.array([9 * HOUR, 9 * HOUR + 45 * MINUTE, 12 * HOUR])
TABULAR = tuple(
    name for name in dir(ModelIntegrationFramework) if is_model(getattr(ModelIntegrationFramework, name)) and name not in NETWORKS
)


class Hurried(ModelIntegrationFramework):
    """Networks that are taught for a moment."""

    recipe = Recipe(seeds=(0,), epochs=1)


def noise(seed: int = 0, sessions: int = SESSIONS) -> tuple[F64, F64]:
    """X (ticks, symbols, features) and outcomes (ticks, symbols)."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((sessions * len(HOURS), len(SYMBOLS), len(FAMILIES)))
    return X, rng.standard_normal(X.shape[:2])


def taught(framework: ModelIntegrationFramework, X: F64, value: F64) -> F64:
    """Probabilities (ticks, symbols) of a framework that is pushed a market in one piece."""
    sessions = len(X) // len(HOURS)
    ticks = (nyse().midnight[FIRST : FIRST + sessions, None] + HOURS).ravel()
    at = np.repeat(ticks, len(SYMBOLS))
    columns = {"horizon": np.full(len(at), 24 * HOUR), "value": value.ravel()}
    key = np.tile(np.arange(len(SYMBOLS)), len(ticks))
    labels: Chunk = chunk_of(LabelKnown, SYMBOLS, key=key, event_at=at, known_at=at + 25 * HOUR, columns=columns)
    return framework.push(ticks, X, labels).p_up


def fresh(only: tuple[str, ...] = TABULAR, schedule: Schedule = SCHEDULE) -> Hurried:
    return Hurried(SYMBOLS, list(FAMILIES), families=FAMILIES, only=only, schedule=schedule)


def sound(framework: ModelIntegrationFramework, p: F64, X: F64) -> Trained:
    """The last stage, after a look at all of it: who speaks says probabilities that it can explain, who does not is named."""
    stage = framework.stages[-1]
    told = " ".join(stage.notes)
    assert [name for name in framework.names if name not in stage.names and name not in told] == []
    asked = framework.rows(nyse().midnight[FIRST + SESSIONS] + HOURS, X[-len(HOURS) :])
    odds = stage.odds(asked)
    assert np.isfinite(odds).any(axis=0).all()
    if stage.names:
        np.testing.assert_allclose(stage.contributions(asked).sum(axis=1), stage.score(asked, odds), atol=1e-4)
    said = p[-len(HOURS) :]
    assert np.isfinite(said).all()
    assert ((said > 0.05) & (said < 0.95)).all()
    return stage


def constant(X: F64) -> None:
    X[:, :, 0::2] = 3.0


def all_nan(X: F64) -> None:
    X[:, :, 1::2] = np.nan


def infinite(X: F64) -> None:
    X[::7, 0] = np.inf
    X[::5, 1, ::2] = -np.inf
    X[-1] = np.inf


def huge(X: F64) -> None:
    X[::9, :, 3] = 1e300
    X[::8, :, 4] = -1e200


def huge_at_last(X: F64) -> None:
    X[-1], X[-2, 0] = -1e300, 1e39


def tiny(X: F64) -> None:
    X *= 1e-300


def late(X: F64) -> None:
    X[: len(X) // 2, :, :5] = np.nan  # half of the features come into being on the way


def mostly_missing(X: F64) -> None:
    X[np.random.default_rng(1).random(X.shape) < 0.95] = np.nan


SPOILED: tuple[Callable[[F64], None], ...] = (constant, all_nan, infinite, huge, huge_at_last, tiny, late, mostly_missing)


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
def test_every_tabular_model_lives_with_spoilt_features(spoil: Callable[[F64], None]) -> None:
    X, value = noise()
    spoil(X)
    framework = fresh()
    sound(framework, taught(framework, X, value), X)


def test_every_network_lives_with_spoilt_features() -> None:
    pytest.importorskip("keras")
    X, value = noise()
    X[:, :, 5], X[:, :, 6] = 2.0, np.nan
    infinite(X)
    huge_at_last(X[:, :, :3])
    framework = fresh(tuple(sorted(NETWORKS)))
    stage = sound(framework, taught(framework, X, value), X)
    assert "failed" not in " ".join(stage.notes)  # left out for want of something to say, at most


@pytest.mark.parametrize("value", [1.0, -1.0])
def test_outcomes_that_were_all_alike_teach_nothing_and_it_is_said(value: float) -> None:
    X, outcomes = noise()
    framework = fresh()
    p = taught(framework, X, np.full_like(outcomes, value))
    assert np.isnan(p).all()  # forty days the same way are no certainty: nothing is known, which is NEUTRAL
    assert not framework.stages
    assert any("ended alike" in note for note in framework.notes)


def test_one_phase_whose_outcomes_were_all_alike_leaves_its_experts_out() -> None:
    X, outcomes = noise()
    outcomes[0 :: len(HOURS)] = 1.0  # before the open
    framework = fresh()
    stage = sound(framework, taught(framework, X, outcomes), X)
    assert not {"premarket_flow", "premarket_sentiment"} & set(stage.names)
    assert any("premarket_flow" in note and "alike" in note for note in stage.notes)


def test_outcomes_that_are_no_numbers_teach_nothing() -> None:
    X, value = noise()
    value[::3], value[1::3] = np.nan, np.inf
    framework = fresh()
    sound(framework, taught(framework, X, value), X)
    assert framework.stages[-1].rows < value.size / 2


def test_ten_rows_are_enough_to_answer_and_too_few_to_be_sure() -> None:
    X, value = noise(sessions=24)
    value[:-25], value[:, 1:] = np.nan, np.nan
    framework = fresh(schedule=Schedule(every=4, at_least=2, at_most=60))
    p = taught(framework, X, value)
    assert framework.stages[0].rows == 10
    assert set(framework.names) == {*framework.stages[0].names, *(note.split(" is left out")[0] for note in framework.stages[0].notes)}
    said = p[np.isfinite(p)]
    assert len(said)
    assert ((said > 0.2) & (said < 0.8)).all()


def test_no_feature_at_all_says_so() -> None:
    X, value = noise()
    framework = fresh()
    p = taught(framework, np.full_like(X, np.nan), value)
    stage = framework.stages[-1]
    assert stage.names == ()
    assert len(stage.notes) >= len(framework.names)
    said = p[np.isfinite(p)]
    assert ((said > 0.4) & (said < 0.6)).all()


def test_a_feature_list_that_changed_is_refused() -> None:
    X, value = noise()
    framework = fresh(("ridge_logistic",))
    with pytest.raises(BadInput, match="10 features"):
        taught(framework, X[:, :, :-1], value)
    taught(framework, X, value)
    with pytest.raises(BadInput, match="taught on 10 features and are asked about 9"):
        framework.stages[-1].odds(X[0, :, :-1])


def test_a_model_that_fails_or_lies_is_left_out_by_name() -> None:
    class Failing(RidgeLogistic):
        def predict(self, X: F64) -> F64:
            raise ZeroDivisionError("nothing to divide by")

    class Lying(RidgeLogistic):
        def predict(self, X: F64) -> F64:
            return np.full(len(X), np.nan)

    class Mixed(Hurried):
        @model
        def failing(self) -> Model:
            """Fails when asked."""
            return Failing()

        @model
        def lying(self) -> Model:
            """Says what is no probability."""
            return Lying()

    X, value = noise()
    framework = Mixed(SYMBOLS, list(FAMILIES), families=FAMILIES, only=("ridge_logistic", "failing", "lying"), schedule=SCHEDULE)
    stage = sound(framework, taught(framework, X, value), X)
    assert stage.names == ("ridge_logistic",)
    assert any("failing" in note and "nothing to divide by" in note for note in stage.notes)
    assert any("lying" in note and "probability" in note for note in stage.notes)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xgboost", None)
    monkeypatch.setattr("undertow.models.framework.has_extra", lambda: False)
    X, value = noise()
    framework = fresh((*TABULAR, *sorted(NETWORKS)))
    stage = sound(framework, taught(framework, X, value), X)
    assert "ridge_logistic" in stage.names
    assert not {"xgboost", "random_forest", "premarket_flow", "open_forest", *NETWORKS} & set(stage.names)
    assert any("xgboost" in note and "ModuleNotFoundError" in note for note in stage.notes)
    assert all(any(name in note and "pip install" in note for note in stage.notes) for name in NETWORKS)
