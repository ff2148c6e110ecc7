"""Networks as base models of the framework: taught now and then, asked at every tick, one fold with all else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64, Chunk, chunk_of
from undertow.core.events import LabelKnown
from undertow.core.time import HOUR, MINUTE
from undertow.models.framework import ModelIntegrationFramework, Schedule
from undertow.models.logistic import logit, sigmoid
from undertow.models.register import model
from undertow.models.sequence import definitions
from undertow.models.sequence.definitions import Architecture
from undertow.models.sequence.models import SequenceNetwork
from undertow.models.sequence.training import Recipe

SYMBOLS, FEATURES = ("A", "B", "C", "D"), ("f0", "f1", "f2")
SCHEDULE = Schedule(every=10, at_least=90, at_most=140, networks_every=2)
FIRST, SESSIONS = 8000, 140
QUICK = Recipe(seeds=(1,), epochs=12, patience=4, batch=128, rate=2e-2)


class Small(ModelIntegrationFramework):
    """One small network beside the floor."""

    @model
    def gru(self) -> SequenceNetwork:
        """Gated recurrent units."""
        return SequenceNetwork(Architecture(kind="gru", lookback=6, hidden=8), QUICK)


def small() -> Small:
    return Small(SYMBOLS, FEATURES, schedule=SCHEDULE, only=("gru", "ridge_logistic"))


def market(seed: int = 0) -> tuple[I64, F64, Chunk]:
    """The outcome follows the first feature of the two teaching ticks before, one against the other; no single row shows it."""
    calendar, rng = nyse(), np.random.default_rng(seed)
    hours = np.array([9 * HOUR, 11 * HOUR, 11 * HOUR + 5 * MINUTE, 13 * HOUR, 15 * HOUR])
    ticks = (calendar.midnight[FIRST : FIRST + SESSIONS, None] + hours).ravel()
    X = rng.standard_normal((len(ticks), 4, 3))
    teaches = np.tile(np.arange(5) != 2, SESSIONS)
    taught, place = X[teaches, :, 0], np.cumsum(teaches) - teaches
    lean = np.where((place >= 2)[:, None], taught[np.maximum(place - 1, 0)] - taught[np.maximum(place - 2, 0)], 0.0)
    value = 2.0 * lean + rng.standard_normal(lean.shape)
    at, key = np.repeat(ticks, 4), np.tile(np.arange(4), len(ticks))
    columns = {"horizon": np.full(len(at), HOUR), "value": value.ravel()}
    return ticks, X, chunk_of(LabelKnown, SYMBOLS, key=key, event_at=at, known_at=at + HOUR, columns=columns)


@pytest.fixture(scope="module")
def run() -> tuple[Small, F64, F64]:
    pytest.importorskip("keras", reason="needs the extra `deep`")
    ticks, X, labels = market()
    framework = small()
    out = framework.push(ticks, X, labels)
    return framework, out.p_up, out.odds


def test_what_only_the_order_shows_is_found_by_the_network_alone(run: tuple[Small, F64, F64]) -> None:
    framework, p_up, odds = run
    labels = market()[2]
    order = np.argsort(labels.event_at, kind="stable")
    up = labels.numbers("value")[order].reshape(p_up.shape) > 0.0
    late = np.isfinite(p_up[:, 0]) & (np.arange(len(p_up)) > 5 * 100)
    hits = {name: float(((odds[late, :, m] > 0.0) == up[late]).mean()) for m, name in enumerate(framework.names)}
    assert hits["gru"] > 0.62
    assert abs(hits["ridge_logistic"] - 0.5) < 0.07
    assert float(((p_up[late] > 0.5) == up[late]).mean()) > 0.6


def test_between_its_trainings_the_last_network_answers(run: tuple[Small, F64, F64]) -> None:
    framework = run[0]
    calendar = nyse()
    networks = [s.models[s.names.index("gru")] for s in framework.stages]
    due = [framework.schedule.teaches_networks(int(calendar.position(s.at))) for s in framework.stages]
    assert True in due[1:]
    assert False in due[1:]
    for before, now, taught in zip(networks, networks[1:], due[1:], strict=False):
        assert (before is now) is not taught
    # the floor is taught anew at each
    floors = {id(s.models[s.names.index("ridge_logistic")]) for s in framework.stages}
    assert len(floors) == len(framework.stages)


def test_any_cut_gives_the_same_bits(run: tuple[Small, F64, F64]) -> None:
    ticks, X, labels = market()
    framework, parts, before = small(), [], 0
    for rows in np.split(np.arange(len(ticks)), [7, 333, 334, 550, 551, 552, 553]):
        until = int(ticks[rows[-1]])
        parts.append(framework.push(ticks[rows], X[rows], labels.between(before, until)).p_up)
        before = until
    np.testing.assert_array_equal(np.concatenate(parts), run[1])


def test_what_comes_later_changes_nothing(run: tuple[Small, F64, F64]) -> None:
    ticks, X, labels = market()
    cut = 5 * 115
    kept = labels.between(0, int(ticks[cut - 1]))
    later = np.where((np.arange(len(ticks)) < cut)[:, None, None], X, 5.0)
    np.testing.assert_array_equal(small().push(ticks, later, kept).p_up[:cut], run[1][:cut])


def test_parts_by_model_sum_to_the_score_with_the_rows_before(run: tuple[Small, F64, F64]) -> None:
    ticks, X, _ = market()
    framework = run[0]
    stage, rows = framework.stages[-1], framework.rows(ticks[-5:], X[-5:])
    odds = stage.odds(rows)
    np.testing.assert_array_equal(odds, run[2][-5:].reshape(20, 2))
    score = stage.score(rows, odds)
    np.testing.assert_allclose(stage.contributions(rows).sum(axis=1), score, atol=1e-9)
    parts = stage.by_model(rows)
    assert set(parts) == {"gru", "ridge_logistic"}
    np.testing.assert_allclose(sum(parts.values()), stage.contributions(rows), atol=1e-12)
    # a bare matrix has no rows before it: another score, of which the parts sum to it as well
    bare = stage.contributions(rows.X).sum(axis=1)
    np.testing.assert_allclose(bare, stage.score(rows.X, stage.odds(rows.X)), atol=1e-9)
    assert np.abs(bare - score).max() > 1e-3


def test_without_keras_networks_are_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions, "find_spec", lambda name: None)
    ticks, X, labels = market()
    framework = small()
    p = framework.push(ticks[:550], X[:550], labels.between(0, int(ticks[549]))).p_up
    assert framework.names == ("ridge_logistic",)
    assert np.isfinite(p[-1]).all()
    assert framework.stages[-1].notes[0].startswith("gru is left out: Sequence models need the extra `deep`")


class Idle(Small):
    """Its network is never taught, and so beats nothing."""

    @model
    def gru(self) -> SequenceNetwork:
        """Gated recurrent units."""
        return SequenceNetwork(Architecture(kind="gru", lookback=6, hidden=8), replace(QUICK, epochs=0))


def test_a_network_that_learnt_nothing_is_left_out_and_named() -> None:
    pytest.importorskip("keras", reason="needs the extra `deep`")
    ticks, X, labels = market()
    framework = Idle(SYMBOLS, FEATURES, schedule=SCHEDULE, only=("gru", "ridge_logistic"))
    framework.push(ticks, X, labels)
    assert {s.names for s in framework.stages} == {("ridge_logistic",)}
    why = "gru is left out: nothing that was learnt beat the base rate on later rows by more than a standard error."
    # said at each stage, also at those between two trainings
    assert [s.notes for s in framework.stages] == [(why,)] * len(framework.stages)


def test_rows_without_order_get_the_base_rate() -> None:
    pytest.importorskip("keras", reason="needs the extra `deep`")
    rng = np.random.default_rng(0)
    one = SequenceNetwork(Architecture(kind="gru", lookback=6, hidden=8), QUICK).fit(
        rng.standard_normal((100, 3)), np.ones(100), np.ones(100)
    )
    assert "too few" in one.note_
    p = one.predict(rng.standard_normal((5, 3)))
    assert np.ptp(p) == 0.0
    np.testing.assert_allclose(one.contributions(rng.standard_normal((5, 3))).sum(axis=1), logit(p), atol=1e-6)
    np.testing.assert_allclose(sigmoid(one.log_odds(rng.standard_normal((5, 3)), np.arange(3))), p, atol=1e-7)
