"""How far the costs could rise, and the capital grow, before nothing were left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from undertow.core.chunk import F64
from undertow.engine.result import RunResult
from undertow.report.costs import Waterfall
from undertow.report.metrics import Measure, Performance
from undertow.report.words import NONE, decimal, percent, usd
from undertow.validation.significance import LEAST_SESSIONS

LEAST_T = 2.0  #: standard errors that a gain must be above zero for a capacity to follow from it
MOST_TIMES = 100.0  #: the capital: further than that the square-root law is not stretched


def capacity(costs: Waterfall) -> Measure:
    """Capital in USD at which market impact eats all that is left before it, or why there is none.

    Gross gain, half-spread, commission and carry grow with the capital c, impact with its power of 3/2 (the square-root law). With
    ``left`` = all of them but impact and i the impact, both of this run, left k = i k^(3/2) where k = (left / i)^2: capacity is c k.
    """
    impact, left = -costs.impact, costs.gross + costs.half_spread + costs.commission + costs.carry
    if costs.trading_costs == 0.0 and costs.gross == 0.0:
        return Measure(None, "nothing was traded")
    if left <= 0.0:
        return Measure(None, "it lost before impact")
    if impact <= 0.0:
        return Measure(None, "no impact was paid")
    return Measure(costs.capital * (left / impact) ** 2)


def known_capacity(costs: Waterfall, daily: F64) -> Measure:
    """The capacity where the record is long enough to know it; ``daily`` (sessions,) are the account's returns.

    Capacity goes with the square of the gain before impact, so its relative error is twice that of the gain, to first order: with the
    gain less than ``LEAST_T`` standard errors above zero the figure is as uncertain as it is large, and nothing is told.
    """
    found = capacity(costs)
    if found.value is None:
        return found
    before = costs.capital * np.concatenate([[1.0], np.cumprod(1.0 + daily)[:-1]]) if len(daily) else daily
    made = before * daily
    if len(made) < LEAST_SESSIONS or not np.isfinite(made).all():
        return Measure(None, f"too short to tell: {len(made)} sessions, at least {LEAST_SESSIONS} needed")
    error = float(made.std(ddof=1)) * len(made) ** 0.5
    t = (costs.net - costs.impact) / error if error > 0.0 else np.inf
    if t < LEAST_T:
        return Measure(None, f"too short to tell: the gain before impact is {t:.1f} standard errors from zero, {LEAST_T:g} are needed")
    return found


def capacity_words(found: Measure, capital: float = np.inf) -> str:
    """Two digits, since more are not known, and no more than ``MOST_TIMES`` the capital: impact was seen at this run's sizes only."""
    if found.value is None:
        return f"n/a ({found.why})"
    most = MOST_TIMES * capital
    return f"{'about' if found.value <= most else 'more than'} ${float(f'{min(found.value, most):.2g}'):,.0f}"


def costs_panel(result: RunResult, p: Performance) -> dict[str, Any]:
    """The same targets at other costs, a row a multiple, and what the account could carry."""
    rows = [
        (f"{multiple:g}×", usd(gain * result.capital, sign=True), percent(gain, sign=True))
        for multiple, gain in sorted(result.at_costs.items())
    ]
    paid = f"{decimal(p.costs.trading_costs / p.traded * 1e4, 1)} bp" if p.traded > 0 else NONE
    return {
        "rows": rows,
        "numbers": [
            ("capacity", "Capacity", capacity_words(known_capacity(p.costs, p.curve.daily), result.capital)),
            ("bp", "Costs of a dollar traded", paid),
        ],
    }


def turns(at_costs: Mapping[float, float]) -> bool:
    """Whether a gain at the assumed costs is none at twice as much."""
    return at_costs.get(1.0, 0.0) > 0.0 >= at_costs.get(2.0, 1.0)
