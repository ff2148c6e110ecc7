"""Sets of directions that hold the truth as often as promised: split conformal, and its form that adapts while the market drifts."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from undertow.core.chunk import F64, Array
from undertow.core.errors import BadInput

GAMMA = 0.02  #: step of adaptation that recovers fastest after a break in volatility without wandering (field measurements)
WINDOW = 250  #: past outcomes that the adaptive form compares with


@dataclass(frozen=True, slots=True, kw_only=True)
class Sets:
    """Which directions cannot be ruled out: both is "do not know", neither is "like nothing seen before"."""

    up: Array  #: bool (n,)
    down: Array  #: bool (n,)

    @property
    def direction(self) -> Array:
        """+1 where only up is left, -1 where only down is, else 0; int8 (n,)."""
        return self.up.astype(np.int8) - self.down.astype(np.int8)

    def covers(self, y: F64) -> Array:
        """Whether the outcome y (n,) in {0, 1} was in the set; bool (n,)."""
        return np.where(np.asarray(y) > 0.5, self.up, self.down)


def strangeness(p_up: F64, y: F64) -> F64:
    """How strange each outcome y (n,) in {0, 1} was: one minus the probability given to it, (n,)."""
    return np.asarray(np.where(np.asarray(y) > 0.5, 1.0 - np.asarray(p_up), p_up), np.float64)


def quantile(scores: F64, alpha: float) -> float:
    """Level below which the next score falls with probability 1 - alpha or more: the ⌈(n + 1)(1 - alpha)⌉-th smallest of scores (n,).

    Infinite where there are too few scores to promise that, or alpha is not above 0; minus infinite from alpha 1 on.
    """
    if alpha >= 1.0:
        return -math.inf
    known = np.sort(scores[np.isfinite(scores)])
    rank = math.ceil((len(known) + 1) * (1.0 - alpha) - 1e-9)
    return float(known[rank - 1]) if alpha > 0.0 and rank <= len(known) else math.inf


def sets(p_up: F64, level: float) -> Sets:
    """Directions whose strangeness is at most ``level`` (see ``quantile``), for probabilities p_up (n,); NaN rules nothing out."""
    p = np.asarray(p_up, np.float64)
    return Sets(up=~(1.0 - p > level), down=~(p > level))


def split_conformal(p_past: F64, y_past: F64, p_now: F64, alpha: float = 0.1) -> Sets:
    """Sets for p_now (m,) that hold the truth with probability 1 - alpha, if past (n,) and present could be exchanged."""
    return sets(p_now, quantile(strangeness(p_past, y_past), alpha))


def deviation_bound(first: float, gamma: float, steps: int) -> float:
    """Most by which the share of misses over ``steps`` can differ from what was asked, whatever happens (Gibbs and Candès 2021)."""
    return (max(first, 1.0 - first) + gamma) / (gamma * steps)


@dataclass(slots=True)
class Adaptive:
    """Adaptive conformal inference: after each outcome the level moves by ``gamma`` times (asked - missed) (Gibbs and Candès 2021).

    ``ask`` gives the set for a probability; ``learn`` takes the outcome, in the same order. It holds under any drift, on average.
    """

    alpha: float = 0.1  #: share of misses asked for
    gamma: float = GAMMA
    window: int = WINDOW
    now: float = math.nan  #: the share used at present; below 0 every set is full, from 1 on every set is empty
    past: deque[float] = field(default_factory=deque)

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha < 1.0 or self.gamma < 0.0 or self.window < 1:
            raise BadInput(f"Adaptive sets need 0 < alpha < 1, gamma >= 0 and a window, not {self.alpha}, {self.gamma}, {self.window}.")
        if math.isnan(self.now):
            self.now = self.alpha
        self.past = deque(self.past, maxlen=self.window)

    def ask(self, p_up: float) -> tuple[bool, bool]:
        """Whether up and whether down can be ruled in, for one probability."""
        found = sets(np.array([p_up]), self._level())
        return bool(found.up[0]), bool(found.down[0])

    def learn(self, p_up: float, rose: bool) -> bool:
        """Take the outcome of a probability that was asked about; returns whether its set missed. NaN teaches nothing."""
        if math.isnan(p_up):
            return False
        score = float(strangeness(np.array([p_up]), np.array([float(rose)]))[0])
        missed = score > self._level()
        self.now += self.gamma * (self.alpha - float(missed))
        self.past.append(score)
        return missed

    def _level(self) -> float:
        return quantile(np.fromiter(self.past, np.float64, len(self.past)), self.now)
