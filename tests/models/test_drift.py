"""Alarms ring when probabilities go wrong, and seldom without cause: measured on many worlds in which they are right."""

from __future__ import annotations

import numpy as np
import pytest

from undertow.core.chunk import F64, I64
from undertow.core.errors import BadInput
from undertow.models.drift import ALPHA, _wealth, sessions_to_ring, watch


def world(
    seed: int, sessions: int = 500, symbols: int = 5, shift: float = 0.0, slope: float = 1.0, overlap: bool = True
) -> tuple[I64, F64, F64]:
    """Decisions of some sessions whose outcome overlaps the next session's; ``shift`` and ``slope`` bend what really happens."""
    rng = np.random.default_rng(seed)
    session = np.repeat(np.arange(sessions), symbols)
    odds = rng.normal(0.0, 0.3, len(session))
    p = 1 / (1 + np.exp(-odds))
    true = 1 / (1 + np.exp(-(slope * odds + shift)))
    # one factor for all symbols of two neighbouring sessions: outcomes are far from independent
    common = rng.random(sessions + 1)
    shared = np.where(rng.random(len(session)) < 0.5, common[session], common[session + (1 if overlap else 0)])
    chance = np.where(rng.random(len(session)) < 0.4, shared, rng.random(len(session)))
    return session, p, (chance < true).astype(np.float64)


def test_it_rings_without_cause_in_fewer_than_one_of_twenty_worlds() -> None:
    rang = [any(alarm.rings for alarm in watch(*world(seed))) for seed in range(400)]
    assert np.mean(rang) <= ALPHA


def test_a_gambler_makes_nothing_on_average_while_probabilities_are_right() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(0.3, 0.7, (4000, 100))
    gain = (rng.random(p.shape) < p) - p
    for sides in ((1.0,), (-1.0, 1.0)):
        last = np.array([_wealth(one, sides)[-1] for one in gain])
        assert abs(last.mean() - 1.0) < 4.0 * last.std() / np.sqrt(len(last))
        assert last.std() < 5.0


@pytest.mark.parametrize(("change", "which"), [({"shift": 0.5}, 0), ({"shift": -0.5}, 0), ({"slope": -1.5}, 1)])
def test_it_rings_where_something_is_wrong(change: dict[str, float], which: int) -> None:
    found = [watch(*world(seed, **change))[which] for seed in range(20)]  # type: ignore[arg-type]
    assert np.mean([alarm.rings for alarm in found]) >= 0.9
    assert all(alarm.says.startswith("DRIFT: that ") for alarm in found if alarm.rings)


def test_what_was_rung_stays_rung_and_the_future_changes_nothing_before_it() -> None:
    session, p, y = world(0, shift=0.8)
    whole = watch(session, p, y)[0]
    assert whole.since is not None
    early = session <= whole.since
    assert watch(session[early], p[early], y[early])[0].since == whole.since
    before = session < whole.since
    assert watch(session[before], p[before], y[before])[0].since is None


def test_calls_that_do_better_than_they_claim_do_not_ring() -> None:
    assert not any(watch(*world(seed, slope=2.5))[1].rings for seed in range(20))


def test_rows_of_a_session_count_as_one_bet() -> None:
    session, p, y = world(3, symbols=1)
    one, many = watch(session, p, y), watch(np.repeat(session, 7), np.repeat(p, 7), np.repeat(y, 7))
    for a, b in zip(one, many, strict=True):
        assert a.wealth == pytest.approx(b.wealth, rel=1e-12)


def test_nothing_known_says_nothing() -> None:
    none = np.empty(0)
    for alarm in (*watch(none.astype(np.int64), none, none), *watch(np.arange(3), np.full(3, np.nan), np.ones(3))):
        assert (alarm.rings, alarm.wealth, alarm.sessions) == (False, 1.0, 0)


def test_how_long_it_takes() -> None:
    assert sessions_to_ring(0.0, 0.3) == np.inf
    assert sessions_to_ring(0.2, 0.3) < sessions_to_ring(0.1, 0.3)
    rang = [watch(*world(seed, sessions=2000, shift=0.5))[0].since for seed in range(20)]
    expected = sessions_to_ring(0.12, 0.34)
    assert 0.3 * expected < np.median([since for since in rang if since is not None]) < 3 * expected


def test_columns_of_other_lengths_are_refused() -> None:
    with pytest.raises(BadInput):
        watch(np.arange(3), np.ones(2), np.ones(3))
