"""Alerts are ranked by what earlier ones were worth: what is planted is found, where there is nothing nothing is said, laws 3, 7 and 8."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Chunk, chunk_of
from undertow.core.errors import LawBroken
from undertow.core.events import MISSING, FlowAlert, LabelKnown
from undertow.core.time import HOUR, MINUTE
from undertow.models.flow_attributes import ATTRIBUTES
from undertow.models.flow_ranking import FlowRanking, RankingSchedule
from undertow.models.logistic import logit, sigmoid
from undertow.validation.planted_tape import SYMBOLS, planted_tape

SCHEDULE = RankingSchedule(every=5, at_least=200, at_most=60)
SWEEP = ATTRIBUTES.index("is_sweep")
LATE = 80 * HOUR  #: outcomes that are known so much later are still to come when the ranking is learnt anew, also after a weekend


@cache
def tape(seed: int, strength: float, wait: int = 11 * MINUTE) -> tuple[Chunk, Chunk]:
    """The planted tape's alerts, with labels of ten minutes from a minute later on, in which sweeps are followed and the rest is faded.

    wait : from a label's beginning until it is known
    """
    material = planted_tape([FlowAlert], nyse(), seed=seed)
    alerts = next(c for c in material.chunks if c.kind is FlowAlert)
    way = (1 - 2 * alerts.columns["is_put"]) * np.where(alerts.columns["ask_premium"] < alerts.columns["bid_premium"], -1, 1)
    rng = np.random.default_rng([seed, 1])
    value = strength * way * (2.0 * alerts.columns["is_sweep"] - 1.0) + rng.standard_normal(len(alerts))
    at = alerts.known_at + MINUTE
    columns = {"horizon": np.full(len(at), 10 * MINUTE), "value": value}
    labels = chunk_of(LabelKnown, SYMBOLS, key=alerts.key, event_at=at, known_at=at + wait, columns=columns)
    return alerts, labels


def ranked(alerts: Chunk, labels: Chunk, cuts: tuple[int, ...] = ()) -> tuple[FlowRanking, F64, F64]:
    """The fold over the whole, in pieces that end before the alerts of some numbers."""
    ranking, p, parts, before = FlowRanking(SYMBOLS, schedule=SCHEDULE), [], [], -(2**62)
    for until in [*(int(alerts.known_at[i]) - 1 for i in cuts), 2**62]:
        out = ranking.push(alerts.between(before, until), labels.between(before, until))
        p.append(out.p)
        parts.append(out.contributions)
        before = until
    return ranking, np.concatenate(p), np.concatenate(parts)


@cache
def whole(seed: int, strength: float) -> tuple[FlowRanking, F64, F64]:
    """The fold over a tape in one piece."""
    return ranked(*tape(seed, strength))


@pytest.mark.parametrize("seed", range(3))
def test_what_is_planted_is_found_and_attributed(seed: int) -> None:
    alerts, _ = tape(seed, 0.4)
    ranking, p, parts = whole(seed, 0.4)
    assert ranking.stages[-1].model is not None
    late = np.flatnonzero(np.isfinite(p))[-600:]
    swept = alerts.columns["is_sweep"][late] == 1
    above = p[late][swept][:, None] > p[late][~swept]
    assert above.mean() > 0.99  # an area under the curve
    assert p[late][swept].mean() > 0.55
    assert p[late][~swept].mean() < 0.45
    mean = np.abs(parts[late, :-1]).mean(axis=0)
    assert mean[SWEEP] > 3.0 * np.delete(mean, SWEEP).max()


def test_where_there_is_nothing_nothing_is_said() -> None:
    said = [stage.model is not None for seed in range(8) for stage in whole(seed, 0.0)[0].stages]
    assert len(said) > 30
    assert np.mean(said) < 0.15
    silent = next(stage for stage in whole(0, 0.0)[0].stages if stage.model is None)
    assert "nothing to say" in silent.note
    np.testing.assert_array_equal(silent.predict(np.zeros((3, len(ATTRIBUTES)))), 0.5)


def test_cutting_the_tape_changes_no_bit() -> None:
    alerts, labels = tape(0, 0.4, LATE)
    ranking, p, parts = ranked(alerts, labels)
    first = np.searchsorted(alerts.known_at, [stage.at for stage in ranking.stages]) + 1
    _, cut, cut_parts = ranked(alerts, labels, cuts=(1, *first, len(alerts) - 1))
    np.testing.assert_array_equal(cut, p)
    np.testing.assert_array_equal(cut_parts, parts)


def test_rewriting_what_is_known_later_changes_nothing_before() -> None:
    alerts, labels = tape(0, 0.4, LATE)
    middle = ranked(alerts, labels)[0].stages[3].at + 12 * HOUR
    value = np.where(labels.known_at > middle, -labels.columns["value"], labels.columns["value"])
    _, p, _ = ranked(alerts, labels)
    _, other, _ = ranked(alerts, replace(labels, columns={**labels.columns, "value": value}))
    before = alerts.known_at <= middle
    np.testing.assert_array_equal(other[before], p[before])
    assert np.isfinite(p[before]).any()
    assert (other[~before] != p[~before]).any()


def test_contributions_sum_to_the_log_odds_and_bits_do_not_depend_on_company() -> None:
    alerts, labels = tape(0, 0.4)
    ranking, p, parts = whole(0, 0.4)
    known = np.isfinite(p)
    np.testing.assert_allclose(sigmoid(parts[known].sum(axis=1)), p[known], atol=1e-6)
    np.testing.assert_allclose(parts[known].sum(axis=1), logit(p[known]), atol=1e-5)
    X = FlowRanking(SYMBOLS).push(alerts[:80], labels[:0]).attributes
    stage = ranking.stages[-1]
    np.testing.assert_array_equal(stage.predict(X), np.concatenate([stage.predict(X[i : i + 1]) for i in range(len(X))]))


def test_an_alert_with_holes_is_ranked_all_the_same() -> None:
    alerts, labels = tape(0, 0.4)
    holes = {name: alerts.columns[name].copy() for name in ("premium", "ask_premium", "open_interest", "size")}
    for number, column in enumerate(holes.values()):
        column[number::7] = MISSING
        column[5::11] = 0
    _, p, _ = ranked(replace(alerts, columns={**alerts.columns, **holes}), labels)
    assert np.isfinite(p[-600:]).all()
    swept = alerts.columns["is_sweep"][-600:] == 1
    assert p[-600:][swept].mean() > p[-600:][~swept].mean() + 0.1


def test_attributes_are_those_of_the_alert_and_of_those_before_it() -> None:
    calendar = nyse()
    at = calendar.open[8000] + np.array([10, 20, 35]) * MINUTE
    day = int(calendar.day[8000].astype("datetime64[D]").astype(np.int64))
    columns = {
        "expiry": np.array([day + 9, day + 9, day + 30]),
        "strike": np.array([100, 100, 100]),
        "is_put": np.array([0, 0, 1]),
        "premium": np.array([1, 2, 3]) * 10**9,
        "ask_premium": np.array([3, 1, 0]) * 10**8,
        "bid_premium": np.array([1, 1, 5]) * 10**8,
        "size": np.array([99, 10, 10]),
        "open_interest": np.array([9, MISSING, 10]),
        "is_sweep": np.array([1, 0, 0]),
        "rule": np.array(["RepeatedHitsAscendingFill", "Floor", "RepeatedHits"], object),
    }
    alerts = chunk_of(FlowAlert, ("A",), key=np.zeros(3, np.int64), event_at=at, known_at=at, columns=columns)
    out = FlowRanking(("A",)).push(alerts, chunk_of(LabelKnown, ("A",), key=[], event_at=[], known_at=[], columns={}))  # type: ignore[arg-type]
    found = dict(zip(ATTRIBUTES, out.attributes.T, strict=True))
    np.testing.assert_array_equal(out.way, [1.0, 1.0, 1.0])  # a put sold is upwards
    np.testing.assert_allclose(found["premium"], np.log([1e5, 2e5, 3e5]))
    np.testing.assert_allclose(found["premium_unusual"][1], np.log(2.0))
    np.testing.assert_allclose(found["ask_share"], [0.75, 0.5, 0.0])
    np.testing.assert_allclose(found["days_left"], np.log1p([9, 9, 30]))
    np.testing.assert_allclose(found["size_over_interest"], [np.log(10.0), np.nan, 0.0], atol=1e-12)
    np.testing.assert_allclose(found["since_alike"], [np.nan, np.log1p(10.0), np.nan])
    np.testing.assert_allclose(found["alerts_today"], np.log1p([0, 1, 2]))
    np.testing.assert_allclose(found["with_the_day"], [np.nan, 1.0, 1.0])
    np.testing.assert_array_equal(found["ascending"], [1.0, 0.0, 0.0])
    assert out.order().tolist() == [0, 1, 2]
    assert np.isnan(out.p).all()


def test_alerts_out_of_order_are_refused() -> None:
    alerts, labels = tape(0, 0.0)
    ranking = FlowRanking(SYMBOLS, schedule=SCHEDULE)
    ranking.push(alerts[100:200], labels[:0])
    with pytest.raises(LawBroken, match="after later ones"):
        ranking.push(alerts[:100], labels[:0])
