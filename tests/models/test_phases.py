"""Who speaks when, and how much each phase trusts its own record."""

from __future__ import annotations

import numpy as np
import pytest

from tests.models.test_framework import SYMBOLS, market
from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64, Array
from undertow.core.time import HOUR, MINUTE
from undertow.models.framework import ModelIntegrationFramework, Schedule
from undertow.models.logistic import RidgeLogistic
from undertow.models.phases import OPEN, PHASES, PREMARKET, REGULAR, phase_of
from undertow.models.register import mark_of, model
from undertow.models.stacking import equal, stack

CALENDAR = nyse()
DAY = int(CALENDAR.midnight[8000])
EVERYONE = np.ones((3, 2), np.bool_)


@pytest.mark.parametrize(
    ("clock", "phase"),
    [
        (9 * HOUR, PREMARKET),
        (9 * HOUR + 30 * MINUTE - 1, PREMARKET),
        (9 * HOUR + 30 * MINUTE, OPEN),
        (10 * HOUR - 1, OPEN),
        (10 * HOUR, REGULAR),
        (16 * HOUR, REGULAR),
    ],
)
def test_phases_by_the_clock_are_those_of_the_calendar(clock: int, phase: int) -> None:
    at = np.array([DAY + clock])
    assert phase_of(at, CALENDAR).tolist() == [phase]
    if clock < 16 * HOUR:
        assert PHASES[phase] == str(CALENDAR.phase(int(at[0])))


def test_each_phase_has_ticks_that_teach() -> None:
    ticks = DAY + np.append(9 * HOUR, np.arange(9 * HOUR + 35 * MINUTE, 16 * HOUR + 1, 5 * MINUTE))
    taught = ticks[Schedule().teaching(ticks, CALENDAR)]
    assert np.bincount(phase_of(taught, CALENDAR)).tolist() == [1, 1, 7]


class Quartet(ModelIntegrationFramework):
    """Experts that say loudly when they are asked."""

    @model(reads=("morning",), phases=("premarket",))
    def early(self) -> RidgeLogistic:
        """Speaks before the open."""
        return RidgeLogistic(penalty=10.0)

    @model(reads=("f3", "none such"))
    def narrow(self) -> RidgeLogistic:
        """Reads one feature by its name."""
        return RidgeLogistic(penalty=10.0)

    @model(phases=("open",))
    def idle(self) -> RidgeLogistic:
        """Has no row to learn from where no tick of the open teaches."""
        return RidgeLogistic()


def test_an_expert_speaks_in_its_phase_and_reads_its_families_alone() -> None:
    ticks, X, labels = market(3)
    framework = Quartet(
        SYMBOLS,
        ("f0", "f1", "f2", "f3"),
        schedule=Schedule(every=10, at_least=20, at_most=60, teach_open=0),
        only=("early", "idle", "narrow", "ridge_logistic"),
        families={"f0": "morning", "f1": "noon"},
    )
    odds = framework.push(ticks, X, labels).odds
    stage = framework.stages[-1]
    assert framework.names == ("early", "idle", "narrow", "ridge_logistic")
    assert stage.names == ("early", "narrow", "ridge_logistic")
    assert stage.notes == ("idle is left out: no outcome of open is known.",)
    assert [r.tolist() for r in stage.reads] == [[0], [3], [0, 1, 2, 3]]
    ready = np.isfinite(odds[:, 0, 3])
    early = phase_of(ticks, CALENDAR) == PREMARKET
    assert np.isfinite(odds[ready & early, :, 0]).all()
    assert np.isnan(odds[ready & ~early, :, 0]).all()
    assert np.isnan(odds[:, :, 1]).all()
    # what an expert does not speak about has no part of it, and the parts still sum to the score
    rows = framework.rows(ticks[-8:], X[-8:])
    parts = stage.by_model(rows)
    assert not parts["early"][rows.phase != PREMARKET].any()
    assert parts["early"][rows.phase == PREMARKET].any()
    assert not parts["narrow"][:, [0, 1, 2]].any()
    np.testing.assert_allclose(stage.contributions(rows).sum(axis=1), stage.score(rows, stage.odds(rows)), atol=1e-12)


def test_a_model_without_its_features_is_left_out_and_named() -> None:
    framework = Quartet(SYMBOLS, ("f0",), only=("early", "ridge_logistic"))
    assert framework.names == ("ridge_logistic",)
    assert framework.left_out == ("early is left out: there is none of the features it reads (morning).",)


def test_a_mark_is_plain_or_says_what_is_read_and_when() -> None:
    assert mark_of(Quartet.ridge_logistic).reads == mark_of(Quartet.ridge_logistic).phases == ()
    assert mark_of(Quartet.early).reads == ("morning",)


def records(truth: F64, rows: int, seed: int = 0, share: float = 0.25) -> tuple[F64, F64, I64]:
    """Odds of two models, outcomes, and phases: ``truth`` (2, 2) is what each model's odds are worth in premarket and regular rows."""
    rng = np.random.default_rng(seed)
    odds = rng.standard_normal((rows, 2)) * 0.5
    phase = np.where(rng.random(rows) < share, PREMARKET, REGULAR).astype(np.int64)
    worth = np.where((phase == PREMARKET)[:, None], truth[0], truth[1])
    y = (rng.random(rows) < 1.0 / (1.0 + np.exp(-(odds * worth).sum(axis=1)))).astype(np.float64)
    return odds, y, phase


def learnt(truth: Array, rows: int, effective: float | None = None) -> F64:
    odds, y, phase = records(truth, rows)
    return stack(odds, y, effective or float(rows), phase, EVERYONE).by_phase()


def test_weights_by_phase_are_found_where_phases_differ() -> None:
    found = learnt(np.array([[2.0, 0.0], [0.0, 2.0]]), 20_000)
    # on the scale on which the common ones sum to one
    assert found[PREMARKET, 0] > 0.75 > 0.15 > found[PREMARKET, 1]
    assert found[REGULAR, 1] > 0.75 > 0.15 > found[REGULAR, 0]
    # no tick of the open has an outcome: it has the common weights, which lie between
    assert found[OPEN, 0] == pytest.approx(found[OPEN, 1], abs=0.6)
    assert found[OPEN].sum() == pytest.approx(1.0)


def test_a_phase_that_has_seen_little_is_drawn_to_the_common_weights() -> None:
    truth = np.array([[2.0, 0.0], [0.0, 2.0]])
    away = []
    for effective in (400.0, 20_000.0):
        odds, y, phase = records(truth, 20_000)
        found = stack(odds, y, effective, phase, EVERYONE).by_phase()
        away.append(float(np.abs(found[PREMARKET] - found[OPEN]).max()))
    assert away[0] < 0.7 * away[1]


def test_equal_weights_stay_where_nothing_beats_them_and_say_so() -> None:
    same = np.array([[0.6, 0.6], [0.6, 0.6]])
    odds, y, phase = records(same, 4_000)
    few = stack(odds[:50], y[:50], 50.0, phase[:50], EVERYONE)
    assert few.weights.tolist() == [0.5, 0.5]
    assert "too few to stack" in few.method
    # where both are worth the same, nothing but luck beats the average
    found = [stack(*records(same, 4_000, seed)[:2], 4_000.0, records(same, 4_000, seed)[2], EVERYONE) for seed in range(10)]
    kept = [one for one in found if "stacking did not beat it" in one.method]
    assert len(kept) >= 5
    assert all(one.weights.tolist() == [0.5, 0.5] for one in kept)


def test_the_silent_weigh_nothing_and_those_who_speak_share_alike() -> None:
    speaks = np.array([[True, True, True], [False, True, True], [False, True, True]])
    even = equal(speaks, "why")
    np.testing.assert_allclose(even.by_phase(), [[1 / 3] * 3, [0, 0.5, 0.5], [0, 0.5, 0.5]])
    odds = np.array([[3.0, 1.0, 2.0], [np.nan, 1.0, 2.0]])
    np.testing.assert_allclose(even.predict(odds, np.array([PREMARKET, REGULAR])), [2.0, 1.5])
    np.testing.assert_allclose(even.predict(odds[1:]), [1.5])
