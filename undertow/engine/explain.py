"""Why a signal says what it says: what each model said, what it rests on, how belief grew, and what would have changed it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.errors import LawBroken
from undertow.core.events import Event
from undertow.core.orders import Belief, Direction, Fact, Ground, Said
from undertow.core.time import Instant
from undertow.engine.run import Desk, Step
from undertow.models.evidence import Piece, update
from undertow.models.framework import Trained
from undertow.models.logistic import sigmoid
from undertow.models.rows import Rows

CALLED = {1: Direction.BUY, -1: Direction.SELL, 0: Direction.NEUTRAL}
BASE = "base rate"
#: contributions of trees are sums of single-precision numbers
SLACK = 1e-4
#: log-odds that a probability is clipped at: beyond them parts no longer sum to the score
CLIPPED = 13.8


def must_sum(parts: F64, score: float, odds: F64, symbol: str) -> None:
    """Raise LawBroken unless contributions (features + 1,) sum to the score; odds (models,) are what it is made of."""
    if np.isnan(score) or (np.abs(odds[np.isfinite(odds)]) > CLIPPED).any():
        return
    off = abs(float(parts.sum()) - score)
    if not off <= SLACK * (1.0 + abs(score)):
        raise LawBroken(
            f"the contributions of {symbol} sum to {float(parts.sum()):+.6f}, but its score is {score:+.6f}: no reason is given"
        )


def asked_last(desk: Desk, step: Step) -> Rows:
    """The rows (symbols,) of the step's last tick, as the models were asked about them."""
    return desk.framework.rows(step.ticks[-1:], step.X[-1:])


def what_was_said(desk: Desk, stage: Trained, odds: F64, phase: int) -> tuple[Said, ...]:
    """Every base model's own probability, from the log-odds of all models of the framework (models,); the most believed first.

    ``phase`` is an index into ``models.phases.PHASES``: a model that is silent in it said nothing and has no weight.
    """
    weights = stage.stack.by_row(1, np.array([phase]))[0]
    said = []
    for name, weight in zip(stage.names, weights, strict=True):
        own = float(odds[desk.framework.names.index(name)])
        p_up = float(sigmoid(np.array(own))) if np.isfinite(own) else np.nan
        said.append(Said(model=name, p_up=p_up, weight=float(weight) if np.isfinite(own) else 0.0))
    return tuple(sorted(said, key=lambda one: (-one.weight, one.model)))


def grounds(desk: Desk, step: Step, parts: F64, symbol: str) -> tuple[Ground, ...]:
    """Contributions (features + 1,) by family, with the newest facts that each family rests on; the strongest push first."""
    kinds: dict[str, set[type[Event]]] = {}
    push: dict[str, float] = {}
    for value, name in zip(parts[:-1], desk.framework.features, strict=True):
        one = desk.features.features[name]
        family = one.about.family
        push[family] = push.get(family, 0.0) + float(value)
        if value != 0.0:
            kinds.setdefault(family, set()).update(one.memories())
    found = [Ground(family=family, push=push[family], facts=_facts(step, kinds[family], symbol)) for family in kinds]
    return tuple(sorted(found, key=lambda ground: (-abs(ground.push), ground.family)))


def _facts(step: Step, kinds: set[type[Event]], symbol: str) -> tuple[Fact, ...]:
    found = [step.known.fact(kind, symbol) for kind in kinds]
    return tuple(sorted((fact for fact in found if fact is not None), key=lambda fact: (-fact.known_at, fact.kind)))


def trail(stage: Trained, base: float, pushes: Sequence[Ground]) -> tuple[Belief, ...]:
    """How belief grew from the base rate's log-odds, a family at a time, in the order in which their newest facts became known."""
    order = sorted(pushes, key=lambda ground: (_since(ground), ground.family))
    # pushes are what the meta-model's weights have left of each piece: nothing is discounted twice
    steps = update(base, [Piece(name=ground.family, log_ratio=ground.push) for ground in order], most=math.inf)
    p_up = stage.calibrator.predict(np.array([step.log_odds for step in steps]))
    names = [BASE, *(step.name for step in steps[1:])]
    return tuple(Belief(after=name, score=step.log_odds, p_up=float(p)) for name, step, p in zip(names, steps, p_up, strict=True))


def _since(ground: Ground) -> Instant:
    return max((fact.known_at for fact in ground.facts), default=-(2**63))


def weighing_most(stage: Trained, most: int) -> I64:
    """The features that push hardest on what the stage was taught, at most so many (n,), the strongest first."""
    worth = np.abs(stage.contributions(stage.sample)[:, :-1]).mean(axis=0)
    order = np.argsort(-worth, kind="stable")[:most]
    return np.asarray(order[worth[order] > 0.0], np.int64)
