"""Whom to believe, learnt one outcome at a time: exponential weights over experts, with a share that lets a fallen one return.

Freund and Schapire 1997 (Hedge), Herbster and Warmuth 1998 (fixed share), Vovk 1990 (log-loss). Losses are those of probabilities, never of
money: money is too noisy to learn weights from. Weights move over hundreds of outcomes, as they should.
"""

from __future__ import annotations

import math

import numpy as np

from undertow.core.chunk import F64
from undertow.core.errors import BadInput


def hedge_rate(experts: int, rounds: int) -> float:
    """Learning rate for losses in [0, 1] over a known number of rounds: sqrt(8 ln experts / rounds)."""
    return math.sqrt(8.0 * math.log(experts) / rounds)


def regret_bound(experts: int, rounds: int) -> float:
    """Most by which Hedge at ``hedge_rate`` can lose to the best expert in hindsight, whatever happens: sqrt(rounds / 2 * ln experts)."""
    return math.sqrt(rounds / 2.0 * math.log(experts))


def log_losses(p_up: F64, rose: bool, most: float = 5.0) -> F64:
    """Loss of each expert's probability p_up (experts,), nats, at most ``most`` so that one slip cannot end an expert; NaN stays NaN."""
    said = np.asarray(p_up, np.float64) if rose else 1.0 - np.asarray(p_up, np.float64)
    return np.asarray(np.minimum(-np.log(np.maximum(said, 1e-300)), most), np.float64)


class Experts:
    """Weights (experts,) that sum to one; ``rate`` 1 with log-losses is Bayesian averaging, whose regret is at most ln experts.

    ``share`` of the weight is dealt out evenly after each outcome: about one over the outcomes after which the best expert may change.
    An expert that says nothing (a loss of NaN) keeps its share of the whole, as if it had lost what the others did on average.
    """

    def __init__(self, experts: int, rate: float = 1.0, share: float = 0.0) -> None:
        if experts < 1 or rate < 0.0 or not 0.0 <= share <= 1.0:
            raise BadInput(f"Experts need a count from 1, a rate from 0 and a share in [0, 1], not {experts}, {rate}, {share}.")
        self.rate, self.share = rate, share
        self.log_weights = np.full(experts, -math.log(experts))

    @property
    def weights(self) -> F64:
        """How far each expert is believed, (experts,)."""
        return np.asarray(np.exp(self.log_weights), np.float64)

    def mix(self, p_up: F64) -> float:
        """The experts' probabilities (experts,) in one: the weighted mean of those who speak; NaN where none does."""
        awake = np.isfinite(p_up)
        weight = self.weights[awake]
        return float((weight * np.asarray(p_up)[awake]).sum() / weight.sum()) if awake.any() else math.nan

    def learn(self, losses: F64) -> float:
        """Take the losses (experts,) of one outcome; returns the mixture's: -ln of the weighted mean of exp(-rate loss), over the rate."""
        loss = np.asarray(losses, np.float64)
        awake = np.isfinite(loss)
        if loss.shape != self.log_weights.shape:
            raise BadInput(f"{len(self.log_weights)} experts need as many losses, not an array of shape {loss.shape}.")
        if not awake.any() or self.rate == 0.0:
            return float(loss[awake].mean()) if awake.any() else math.nan
        moved = self.log_weights - self.rate * np.where(awake, loss, 0.0)
        before, after = _log_sum(self.log_weights[awake]), _log_sum(moved[awake])
        moved[awake] += before - after
        if self.share > 0.0:
            moved = np.logaddexp(moved + math.log1p(-self.share) if self.share < 1.0 else -np.inf, math.log(self.share / len(moved)))
        self.log_weights = moved - _log_sum(moved)
        return (before - after) / self.rate


def _log_sum(x: F64) -> float:
    top = float(x.max())
    return top + math.log(float(np.exp(x - top).sum()))
