"""The search for settings: folds never see what was not known, a planted best is found, and noise is not worth having."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from undertow.core.errors import BadInput, TooLittleHistory
from undertow.core.time import DAY, HOUR
from undertow.models.classification import ClassificationModels
from undertow.models.memory import Taught
from undertow.report.search import judge, lines, plainly
from undertow.validation import search as room
from undertow.validation.search import SPACES, Budget, attempt, configured, folds, in_use, search

EVERY = 20


def lessons(sessions: int = 120, signal: float = 0.0, seed: int = 0, symbols: int = 3) -> tuple[Taught, Any]:
    """Two ticks a session of some symbols; outcomes are known 30 hours later, so that two ticks at the end of a block are not yet."""
    rng = np.random.default_rng(seed)
    tick = np.repeat((np.arange(sessions)[:, None] * DAY + np.array([9, 12]) * HOUR).ravel(), symbols)
    n = len(tick)
    X = rng.standard_normal((n, 6))
    value = 0.01 * (signal * X[:, 0] + rng.standard_normal(n))
    nan = np.full(n, np.nan)
    key = np.tile(np.arange(symbols), n // symbols)
    taught = Taught(
        tick=tick, key=key, until=tick + 28 * HOUR, known_at=tick + 30 * HOUR, X=X, value=value, odds=np.empty((n, 0)), score=nan, p_up=nan
    )
    return taught, tick // DAY


def test_a_fold_is_taught_only_what_was_known_when_it_begins() -> None:
    taught, session = lessons()
    split = folds(taught, session, 3, EVERY, 50)
    assert [np.unique(session[fold.asked]).tolist() for fold in split] == [list(range(60 + i * EVERY, 80 + i * EVERY)) for i in range(3)]
    for fold in split:
        assert fold.at == taught.tick[fold.asked].min()
        assert (taught.known_at[fold.taught] <= fold.at).all()
        assert session[fold.taught].min() == max(session[fold.asked].min() - 50, 0)
        unknown = np.flatnonzero((taught.tick < fold.at) & (taught.known_at > fold.at))
        assert len(unknown) == 6, "the session before has outcomes that nobody knows yet"
        assert not np.isin(unknown, fold.taught).any()


def test_what_comes_later_changes_nothing_that_was_taught() -> None:
    taught, session = lessons(signal=0.3)
    split = folds(taught, session, 2, EVERY, 500)
    other, _ = lessons(signal=0.3, seed=9)
    first = split[0]
    unknown = taught.known_at > first.at
    value = np.where(unknown, other.value, taught.value)
    X = np.where((taught.tick > taught.tick[first.asked].max())[:, None], other.X, taught.X)
    both = [attempt("ridge_logistic", in_use("ridge_logistic"), one, session, [first]) for one in (taught, _with(taught, X, value))]
    assert both[0].log_loss != both[1].log_loss, "other outcomes came"
    p = [_said(lesson, first) for lesson in (taught, _with(taught, X, value))]  # what was said of them is the same
    np.testing.assert_array_equal(p[0], p[1])


def _with(taught: Taught, X: Any, value: Any) -> Taught:
    return Taught(**{name: getattr(taught, name) for name in Taught.__slots__ if name not in ("X", "value")}, X=X, value=value)


def _said(taught: Taught, fold: room.Fold) -> Any:
    y = (taught.value > 0).astype(np.float64)
    return (
        configured("ridge_logistic", in_use("ridge_logistic"))
        .fit(taught.X[fold.taught], y[fold.taught], np.ones(len(fold.taught)))
        .predict(taught.X[fold.asked])
    )


def test_too_little_history_says_how_much_more() -> None:
    taught, session = lessons(sessions=50)
    with pytest.raises(TooLittleHistory, match="10 more are needed"):
        folds(taught, session, 2, EVERY, 50)


def test_settings_in_use_are_the_models_own_and_others_do_not_change_them() -> None:
    for name in SPACES:
        made, using = getattr(ClassificationModels(), name)(), in_use(name)
        assert using == {key: getattr(made, key) for key in SPACES[name]}
        for key, span in SPACES[name].items():
            assert span.low <= using[key] <= span.high, (name, key)
    changed: Any = configured("xgboost", {"trees": 41, "depth": 2, "rate": 0.1})
    assert (changed.trees, changed.depth, changed.rate) == (41, 2, 0.1)
    assert in_use("xgboost")["trees"] != 41
    with pytest.raises(BadInput, match="no settings to search"):
        in_use("lstm")


def test_a_better_setting_is_found_and_the_search_repeats_itself() -> None:
    """On a strong signal a weak penalty is better than the one in use, which expects weak signals."""
    taught, session = lessons(sessions=160, signal=1.0)
    split = folds(taught, session, 4, EVERY, 500)
    seen: list[float] = []
    found = search("ridge_logistic", taught, session, split, Budget(settings=8, seed=3), lambda one: seen.append(one.log_loss))
    assert len(found.tried) == 8
    assert seen == [one.log_loss for one in found.tried]
    assert found.tried[0].setting == in_use("ridge_logistic")
    best = found.tried[found.best]
    assert best.setting["penalty"] < 400.0
    assert best.log_loss < found.tried[0].log_loss - 0.005
    assert best.correlation > 0.5
    assert found.returns.shape == (80, 8)
    again = search("ridge_logistic", taught, session, split, Budget(settings=8, seed=3))
    assert [one.setting for one in again.tried] == [one.setting for one in found.tried]
    assert [one.log_loss for one in again.tried] == seen
    other = search("ridge_logistic", taught, session, split, Budget(settings=8, seed=4))
    assert [one.setting for one in other.tried[1:]] != [one.setting for one in found.tried[1:]]


def test_the_best_of_noise_is_not_worth_having(tmp_path: Any) -> None:
    from undertow.core.calendar import nyse

    taken = 0
    for seed in range(6):
        taught, session = lessons(seed=seed)
        found = search("ridge_logistic", taught, session, folds(taught, session, 3, EVERY, 500), Budget(settings=6, seed=seed))
        judged = judge(found, nyse(), True, tmp_path / "trials.sqlite")
        assert judged.deflated is not None
        assert 1.0 <= judged.deflated.effective <= 6.0
        taken += judged.worth_it
        text = "\n".join(lines(judged))
        assert "[SIMULATED]" in text
        assert ("Keep the setting in use" in text) is not judged.worth_it
        told = plainly(judged)
        assert told["fits"] == 18
        assert told["settings"][0]["penalty"] == 400.0
    assert taken <= 2
