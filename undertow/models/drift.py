"""Alarms for models that went wrong, with a known chance of crying wolf: one bet a session against what the probabilities claim.

While probabilities are right, a gambler who bets against them by a fixed rule makes nothing on average, so that the chance that the capital
ever grows twentyfold is one in twenty, however long it goes on (Ville 1939; Ramdas and others, "Game-theoretic statistics and safe
anytime-valid inference", 2023). Outcomes that overlap from one session to the next are dealt to gamblers of their own, each of whose bets
is settled before the next (Arnold, Henzi and Ziegel, "Sequentially valid tests for forecast calibration", 2023).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.errors import BadInput

ALPHA = 0.05
#: shares of the capital that are bet each time, as a fraction of the most that can be lost; the capital is spread over them evenly
STAKES = (0.02, 0.05, 0.1, 0.2, 0.4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """What one watch found."""

    watch: str  #: what was claimed, and is bet against
    wealth: float  #: the most that any gambler ever had, of 1 each at the beginning
    needed: float  #: wealth at which it rings
    sessions: int
    since: int | None  #: session in which it rang first; None where it never did

    @property
    def rings(self) -> bool:
        """Whether it rang."""
        return self.since is not None

    @property
    def says(self) -> str:
        """One sentence for a person."""
        if self.rings:
            return f"DRIFT: {self.watch} no longer holds; chance alone would say so in fewer than one of {round(1 / ALPHA)} cases."
        return f"No drift: {self.watch} holds over {self.sessions} sessions."


def watch(session: I64, p_up: F64, y: F64, overlap: int = 1, alpha: float = ALPHA) -> tuple[Alarm, Alarm]:
    """Two alarms over decisions (n,): that probabilities are right on average, and that calls are right as often as they claim.

    session : position in the calendar of each decision; y : 1 for up, 0 for down; NaN in either of the others is passed over.
    overlap : sessions from a decision to its outcome. Together both ring without cause with a chance of at most ``alpha``, at any time.
    Raises ``BadInput`` for other lengths or an alpha outside (0, 1).
    """
    if not len(session) == len(p_up) == len(y) or not 0.0 < alpha < 1.0 or overlap < 0:
        raise BadInput(f"A watch needs columns of one length and an alpha in (0, 1): {len(session)}, {len(p_up)}, {len(y)} and {alpha}.")
    kept = np.isfinite(p_up) & np.isfinite(y)
    at, p, came = np.asarray(session)[kept], np.asarray(p_up, np.float64)[kept], np.asarray(y, np.float64)[kept]
    error = came - p
    level = _alarm("that as many rise as the probabilities say", at, error, overlap, alpha / 2)
    # a bet on the side that the call does not take: gains where calls are right less often than they claim
    calls = _alarm("that calls are right as often as they claim", at, -np.sign(p - 0.5) * error, overlap, alpha / 2, sides=(1.0,))
    return level, calls


def _alarm(name: str, session: I64, gain: F64, overlap: int, alpha: float, sides: tuple[float, ...] = (-1.0, 1.0)) -> Alarm:
    """One alarm over gains (n,) in [-1, 1] whose mean is nothing if the claim holds; a session's are averaged into one bet."""
    days, place = np.unique(session, return_inverse=True)
    mean = np.bincount(place, gain, len(days)) / np.maximum(np.bincount(place, minlength=len(days)), 1)
    gamblers, needed = overlap + 1, (overlap + 1) / alpha
    most, since = 1.0, None
    for gambler in range(gamblers):
        mine = np.flatnonzero(days % gamblers == gambler)
        wealth = _wealth(mean[mine], sides)
        most = max(most, float(wealth.max(initial=1.0)))
        rang = np.flatnonzero(wealth >= needed)
        if len(rang):
            first = int(days[mine[rang[0]]])
            since = first if since is None else min(since, first)
    return Alarm(watch=name, wealth=most, needed=needed, sessions=len(days), since=since)


def _wealth(gain: F64, sides: tuple[float, ...]) -> F64:
    """Capital after each bet (n,), of 1 spread evenly over stakes and sides."""
    bets = np.array([side * stake for side in sides for stake in STAKES])
    logs = np.cumsum(np.log1p(np.clip(gain, -1.0, 1.0)[:, None] * bets[None, :]), axis=0)
    return np.asarray(np.exp(np.minimum(logs, 700.0)).mean(axis=1), np.float64)


def sessions_to_ring(excess: float, spread: float, alpha: float = ALPHA, overlap: int = 1) -> float:
    """About how many sessions a lasting error of ``excess`` a session, of standard deviation ``spread``, takes to ring; infinite for none.

    The best of the stakes grows by stake * excess - (stake * spread)**2 / 2 a bet.
    """
    growth = max(stake * excess - 0.5 * stake**2 * (spread**2 + excess**2) for stake in STAKES)
    if growth <= 0.0:
        return math.inf
    return (overlap + 1) * math.log(2 * (overlap + 1) * len(STAKES) / alpha) / growth
