"""The daily layer: each symbol's volatility, return, level and what its followers see, session by session from a fixed first day.

One generator a symbol and one for the market factor, with a fixed number of draws a session, so that a prefix never changes: what a
symbol does on a date depends on the seed, the symbol and the date alone. The planted effect acts from the open that
follows the session in which the latent is seen to the open after it: ``x[t+1] = sigma (rho latent[t] + sqrt(1 - rho^2) noise)``.
The price is a martingale but for that effect: there is no mean reversion and no drift, so at rho 0 nothing whatever can be earned.
Its level is kept within reach by splits, which depend on the past alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64, Array
from undertow.core.errors import BadInput
from undertow.core.time import date_of
from undertow.sandbox.daily.companies import company
from undertow.sandbox.daily.walk import DRAWS, FACTOR, FACTOR_DRAWS, LAYER, walk_company, walk_factor
from undertow.sandbox.draws import stream
from undertow.sandbox.halts import Halt, bars_of

FIRST_DAY = np.datetime64("2005-01-03")
AHEAD = 70  #: sessions of the calendar kept for what lies ahead: the next morning, reports, expiries
TAILS = 5.0  #: degrees of freedom of a symbol's own shocks
FACTOR_TAILS = 8.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What tells one simulated market from another."""

    seed: int
    information_coefficient: float
    splits: tuple[tuple[str, str, float], ...]  #: (symbol, day, new shares for one old)
    halts: tuple[tuple[str, int, int, int], ...] = ()  #: (symbol, days since 1970, first bar, bar after the last)


def settings_of(seed: int, information_coefficient: float, splits: Mapping[str, tuple[str, float]], halts: Sequence[Halt] = ()) -> Settings:
    """Check and freeze the arguments of a market."""
    if not -1.0 < information_coefficient < 1.0:
        raise BadInput(f"information_coefficient is {information_coefficient}: it is a correlation, between -1 and 1")
    for symbol, (day, ratio) in splits.items():
        if ratio <= 0 or not nyse().is_session(date_of(day)) or date_of(day) <= FIRST_DAY:
            raise BadInput(f"split of {symbol} by {ratio} on {day}: the ratio must be positive and the day a session after {FIRST_DAY}")
    return Settings(seed, float(information_coefficient), tuple((s, d, float(r)) for s, (d, r) in sorted(splits.items())), bars_of(halts))


def span() -> slice:
    """Positions in the exchange's calendar of the sessions that the simulated market has."""
    calendar = nyse()
    return slice(int(np.searchsorted(calendar.day, FIRST_DAY)), len(calendar) - AHEAD)


def days() -> I64:
    """Days since 1970 of the market's sessions (sessions,)."""
    return nyse().day[span()].astype(np.int64)


@lru_cache(maxsize=4)
def factor(seed: int) -> Array:
    """The market factor: records ``FACTOR`` (sessions,)."""
    n = len(days())
    out = np.zeros(n, FACTOR)
    walk_factor(_normals(FACTOR_DRAWS, n, seed, "factor"), _tails(FACTOR_TAILS, n, seed, "factor tails"), out)
    out.flags.writeable = False
    return out


@lru_cache(maxsize=64)
def layer(settings: Settings, symbol: str) -> Array:
    """Everything daily about a symbol: records ``LAYER`` (sessions,), the first on ``FIRST_DAY``; read only."""
    n = len(days())
    out = np.zeros(n, LAYER)
    out["split"] = 1.0
    for name, day, ratio in settings.splits:
        if name == symbol:
            out["split"][np.searchsorted(days(), date_of(day).astype(np.int64))] = ratio
    draws = _normals(DRAWS, n, settings.seed, symbol, "daily")
    tails = _tails(TAILS, n, settings.seed, symbol, "tails")
    walk_company(draws, tails, factor(settings.seed), company(symbol), settings.information_coefficient, out)
    out.flags.writeable = False
    return out


def _normals(fields: np.dtype[np.void], n: int, *name: object) -> Array:
    return stream(*name).standard_normal((n, len(fields.names or ()))).view(fields)[:, 0]


def _tails(freedom: float, n: int, *name: object) -> F64:
    # a normal times this is a Student t of unit variance
    return np.sqrt((freedom - 2.0) / (2.0 * stream(*name).standard_gamma(freedom / 2.0, n)))
