"""A signal's reasons: they sum to its score or nothing is said, facts are the newest that were known, and what would flip a call does."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from tests.report.factory import make
from undertow.core.calendar import nyse
from undertow.core.chunk import Origin, chunk_of
from undertow.core.errors import LawBroken
from undertow.core.events import DailyBar, Grade, NewsItem
from undertow.core.orders import Costs, Direction, Fact, Flip, Signal
from undertow.core.time import HOUR, MINUTE
from undertow.engine.explain import must_sum
from undertow.engine.flips import SHOWN, Asked, flips
from undertow.engine.newest import Latest
from undertow.engine.run import Desk, Step, look
from undertow.engine.signals import last_signals
from undertow.models.framework import ModelIntegrationFramework
from undertow.report.explanation import heading, lines, plainly, tables
from undertow.validation.model_laws import SCHEDULE, planted_lessons

SYMBOLS = ("AAA", "BBB", "CCC")
NAMES = ("realised_volatility_20_1d", *(f"feature_{j}" for j in range(1, 8)))
CALLED = {1: Direction.BUY, -1: Direction.SELL, 0: Direction.NEUTRAL}


@pytest.fixture(scope="module")
def asked() -> tuple[Desk, Step]:
    """A desk whose models were taught on planted lessons, and its last step: the first feature is volatility, the third foretells."""
    calendar = nyse()
    lessons = planted_lessons(calendar, 5)
    X = lessons.X[:, :, [7, 1, 0, 2, 3, 4, 5, 6]].copy()
    X[:, :, 0] = 0.02
    framework = ModelIntegrationFramework(SYMBOLS, NAMES, schedule=SCHEDULE, only=("ridge_logistic", "xgboost"), calendar=calendar)
    predictions = framework.push(lessons.ticks, X, lessons.labels.between(-(2**63), int(lessons.ticks[-1])))
    about = {name: "volatility" if j == 0 else "news" if j < 4 else "price" for j, name in enumerate(NAMES)}
    kinds = {"volatility": (DailyBar,), "news": (NewsItem, DailyBar), "price": (DailyBar,)}
    features = {
        name: SimpleNamespace(about=SimpleNamespace(family=family), memories=lambda family=family: dict.fromkeys(kinds[family]))
        for name, family in about.items()
    }
    desk = SimpleNamespace(
        features=SimpleNamespace(features=features, symbols=SYMBOLS),
        labels=SimpleNamespace(sessions=1),
        framework=framework,
        costs=Costs(),
        calendar=calendar,
        latest=Latest(),
        certified=False,
        needed=lambda at_least: np.full_like(at_least, 0.5),
    )
    at = int(lessons.ticks[-1])
    told = np.array([at - 5 * HOUR, at - 3 * HOUR, at - 2 * HOUR])
    desk.latest.push([_chunk(DailyBar, [0, 1, 2], told), _chunk(NewsItem, [0, 0, 1], told + HOUR, Grade.STAMPED)])
    last = predictions[-1:]
    view = look(cast(Desk, desk), lessons.ticks[-1:], X[-1:], last)
    step = SimpleNamespace(
        ticks=lessons.ticks[-1:],
        X=X[-1:],
        predictions=last,
        direction=view.direction,
        volatility=view.volatility,
        cost=view.cost,
        known=desk.latest.now(),
    )
    return cast(Desk, desk), cast(Step, step)


def _chunk(kind: Any, key: list[int], known: Any, grade: Grade = Grade.MODELLED) -> Any:
    at = np.asarray(known)
    return chunk_of(kind, SYMBOLS, key=np.array(key), event_at=at - MINUTE, known_at=at, columns={}, origin=Origin(grade, ("made up",)))


def signals(asked: tuple[Desk, Step]) -> tuple[Signal, ...]:
    desk, step = asked
    return last_signals(desk, step, int(step.ticks[-1]), {"daily_bar": "made up (modelled)"}, True)


def test_everything_said_sums_to_the_score(asked: tuple[Desk, Step]) -> None:
    for signal in signals(asked):
        assert sum(signal.contributions.values()) == pytest.approx(signal.score, abs=1e-5)
        assert signal.contributions["base rate"] + sum(ground.push for ground in signal.grounds) == pytest.approx(signal.score, abs=1e-5)
        said = sum(one.weight * np.log(one.p_up / (1 - one.p_up)) for one in signal.said)
        assert said == pytest.approx(signal.score, abs=1e-9)
        assert signal.trail[0].after == "base rate"
        assert signal.trail[-1].score == pytest.approx(signal.score, abs=1e-5)
        assert signal.trail[-1].p_up == pytest.approx(signal.p_up, abs=1e-6)
        assert len({belief.after for belief in signal.trail}) == len(signal.grounds) + 1


def test_reasons_that_do_not_sum_are_not_given(asked: tuple[Desk, Step]) -> None:
    must_sum(np.array([0.1, -0.3, 0.2]), 0.0, np.array([0.0]), "AAA")
    must_sum(np.array([20.0, 0.0]), 13.9, np.array([13.9]), "AAA")  # a probability that was clipped
    with pytest.raises(LawBroken, match="contributions of AAA sum to"):
        must_sum(np.array([0.1, -0.3, 0.2]), 0.01, np.array([0.0]), "AAA")
    with pytest.raises(LawBroken, match="sum to"):
        must_sum(np.array([np.nan, 0.2]), 0.2, np.array([0.0]), "AAA")
    desk, _ = asked
    stage = desk.framework.stages[-1]
    lying = replace(stage, models=tuple(_Lies(model) for model in stage.models))
    desk.framework.stages[-1] = lying  # type: ignore[call-overload]
    try:
        with pytest.raises(LawBroken, match="no reason is given"):
            signals(asked)
    finally:
        desk.framework.stages[-1] = stage


class _Lies:
    """A model whose contributions leave something out."""

    def __init__(self, model: Any) -> None:
        self.predict = model.predict
        self._model = model

    def contributions(self, X: Any) -> Any:
        parts = self._model.contributions(X)
        parts[:, 0] += 0.05
        return parts


def test_what_it_rests_on_is_the_newest_that_was_known(asked: tuple[Desk, Step]) -> None:
    first, _, third = signals(asked)
    at = first.at
    news = next(ground for ground in first.grounds if ground.family == "news")
    assert [(fact.kind, at - fact.known_at, fact.grade, fact.source) for fact in news.facts] == [
        ("news_item", 2 * HOUR, "stamped", "made up"),
        ("daily_bar", 5 * HOUR, "modelled", "made up"),
    ]
    assert [fact.kind for ground in third.grounds if ground.family == "news" for fact in ground.facts] == ["daily_bar"]
    order = [belief.after for belief in first.trail[1:]]
    assert order.index("price") < order.index("news"), "what was known first comes first"


def test_the_newest_is_kept_symbol_by_symbol_and_a_snapshot_stays() -> None:
    latest = Latest()
    latest.push([_chunk(DailyBar, [0, 1, 0], [10, 20, 30])])
    before = latest.now()
    latest.push([_chunk(DailyBar, [1], [40], Grade.RECORDED), _chunk(NewsItem, [], np.empty(0, np.int64))])
    known = [fact.known_at if (fact := latest.now().fact(DailyBar, symbol)) else None for symbol in SYMBOLS]
    assert known == [30, 40, None]
    assert cast(Fact, latest.now().fact(DailyBar, "BBB")).grade == "recorded"
    assert cast(Fact, before.fact(DailyBar, "BBB")).known_at == 20
    assert latest.now().fact(NewsItem, "AAA") is None
    assert latest.now().fact(DailyBar, "SPY") is None


def _again(asked: tuple[Desk, Step], k: int, name: str, value: float) -> tuple[float, Direction]:
    """Probability and call of a symbol with one feature changed, asked for from the beginning."""
    desk, step = asked
    X = step.X.copy()
    X[-1, k, NAMES.index(name)] = value
    rows, stage = desk.framework.rows(step.ticks, X), desk.framework.stages[-1]
    p_up = stage.calibrator.predict(stage.score(rows, stage.odds(rows))).reshape(1, -1)
    return float(p_up[0, k]), CALLED[int(look(desk, step.ticks, X, replace(step.predictions, p_up=p_up)).direction[0, k])]


def test_what_would_flip_a_call_flips_it(asked: tuple[Desk, Step]) -> None:
    desk, _ = asked
    sample = desk.framework.stages[-1].sample
    found = 0
    for k, signal in enumerate(signals(asked)):
        assert len(signal.flips) <= SHOWN
        assert [flip.share for flip in signal.flips] == sorted(flip.share for flip in signal.flips)
        for flip in signal.flips:
            p_up, called = _again(asked, k, flip.feature, flip.then)
            assert (p_up, called) == (pytest.approx(flip.p_up, abs=1e-12), flip.direction)
            assert called is not signal.direction
            before = flip.then + 0.01 * (flip.now - flip.then)
            assert _again(asked, k, flip.feature, before)[1] is signal.direction, "a smaller change does not"
            past = sample[:, NAMES.index(flip.feature)]
            assert np.nanmin(past) <= flip.then <= np.nanmax(past)
            assert 0.0 <= flip.share <= 1.0
            found += 1
    assert found, "the planted feature changes a call"
    assert any(flip.feature == "feature_2" for signal in signals(asked) for flip in signal.flips)


def test_a_row_of_which_nothing_is_known_is_not_flipped(asked: tuple[Desk, Step]) -> None:
    desk, step = asked
    rows = desk.framework.rows(step.ticks, np.full_like(step.X, np.nan))
    assert flips(Asked(desk, desk.framework.stages[-1], rows[np.array([0])]), 0) == ()


def test_the_words_and_the_json_say_the_same(asked: tuple[Desk, Step]) -> None:
    signal = signals(asked)[0]
    text = "\n".join([*heading(signal), *lines(tables(signal))])
    told = json.loads(json.dumps(plainly(signal), allow_nan=False))
    assert "[SIMULATED]" in text
    assert told["direction"] == signal.direction.value
    assert told["at"].endswith("Z")
    assert sum(told["contributions"].values()) == pytest.approx(told["score"], abs=1e-5)
    assert [one["model"] for one in told["said"]] == [one.model for one in signal.said]
    for ground in told["grounds"]:
        assert f"  {ground['family']}  {ground['push']:+.4f}" in text
        assert all(fact["known_at"] <= told["at"] for fact in ground["facts"])
    for flip in told["flips"]:
        assert flip["feature"] in text


def test_a_signal_without_a_model_says_so() -> None:
    bare = replace(make(sessions=3)[0].signals[0], contributions={}, score=np.nan, p_up=np.nan, confidence=np.nan)
    text = "\n".join([*heading(bare), *lines(tables(bare))])
    assert "No model said anything." in text
    assert "no trail" in text
    assert json.loads(json.dumps(plainly(bare), allow_nan=False))["p_up"] is None
    one = Flip(feature="x", now=1.0, then=2.0, share=0.1, direction=Direction.BUY, p_up=0.53)
    assert "x  1  2  10% of its past values  BUY  53.00%" in "\n".join(lines(tables(replace(bare, flips=(one,)))))
