"""Bayesian updating: from prior odds, piece of evidence by piece of evidence, to the probability, with the trail of how it got there.

A piece is a log likelihood ratio. Pieces that repeat each other would be counted twice; each is therefore discounted by a factor that says
how much of it is new, and a piece fades with its age. In log-odds the pieces add up, so that the trail ends at the score it explains.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from undertow.core.errors import BadInput

#: log-odds to which a single piece is held: seven to one
MOST = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One piece of evidence."""

    name: str
    log_ratio: float  #: log of how much likelier it is before a rise than before a fall
    discount: float = 1.0  #: share that is counted, 0 to 1: what is new in it beside the others, and not yet stale


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Where one piece has moved the probability to."""

    name: str
    added: float  #: log-odds, discount included
    log_odds: float  #: after it
    p_up: float  #: after it, before calibration


def update(prior: float, pieces: Iterable[Piece], most: float = MOST) -> tuple[Step, ...]:
    """The trail from the prior log-odds, as its first step, through the pieces in the order given.

    Raises ``BadInput`` for a discount outside 0 to 1 or a log ratio that is no number; a piece beyond ``most`` is held there.
    """
    steps = [Step(name="prior", added=prior, log_odds=prior, p_up=probability(prior))]
    for piece in pieces:
        if not 0.0 <= piece.discount <= 1.0 or not math.isfinite(piece.log_ratio):
            raise BadInput(f"Evidence {piece.name!r} needs a finite log ratio and a discount from 0 to 1.")
        added = piece.discount * max(-most, min(most, piece.log_ratio))
        log_odds = steps[-1].log_odds + added
        steps.append(Step(name=piece.name, added=added, log_odds=log_odds, p_up=probability(log_odds)))
    return tuple(steps)


def trail(contributions: Mapping[str, float], base: str) -> tuple[Step, ...]:
    """The trail of a score that is already a sum: the base first, then each part, the weightiest first; it ends at the sum.

    Parts of a meta-model are likelihood ratios that its weights have discounted. Raises ``BadInput`` without the base among them.
    """
    if base not in contributions:
        raise BadInput(f"A trail begins at {base!r}, which is not among its parts.")
    rest = sorted((name for name in contributions if name != base), key=lambda name: (-abs(contributions[name]), name))
    pieces = [Piece(name=name, log_ratio=contributions[name]) for name in rest]
    return update(contributions[base], pieces, most=math.inf)


def discounts(correlation: Sequence[Sequence[float]]) -> list[float]:
    """Share of each piece to count, given the correlations (n, n) of the pieces: one over how many of them say the same.

    Pieces that are independent count in full, n that are the same count 1/n each (the effective number of pieces is their sum).
    """
    size = len(correlation)
    if any(len(row) != size for row in correlation):
        raise BadInput("Discounts need one correlation for each pair of pieces.")
    return [1.0 / sum(value * value for value in row) if any(row) else 1.0 for row in correlation]


def faded(age: float, half_life: float) -> float:
    """Share of a piece that is left at an age, in the unit of its half-life: ½ after one, ¼ after two."""
    if half_life <= 0.0 or age < 0.0:
        raise BadInput(f"A piece fades by a half-life above 0 from an age of 0 on, not {half_life} and {age}.")
    return float(0.5 ** (age / half_life))


def hit_rate(hits: float, calls: float, among: float, strength: float = 200.0) -> float:
    """Share of right calls of one source, drawn to the rate ``among`` all by a prior worth ``strength`` calls (Beta-Binomial)."""
    if not 0.0 <= hits <= calls or not 0.0 < among < 1.0 or strength <= 0.0:
        raise BadInput(f"A hit rate needs 0 <= hits <= calls, a rate among all and a strength: not {hits}, {calls}, {among}, {strength}.")
    return (hits + strength * among) / (calls + strength)


def probability(log_odds: float) -> float:
    """Probability of a log-odds score."""
    return 1.0 / (1.0 + math.exp(-max(-500.0, min(500.0, log_odds))))
