"""Small markets and a linear pipeline, so that a run takes a fraction of a second."""

from __future__ import annotations

from dataclasses import replace

from undertow.validation.honesty.market import Settings
from undertow.validation.honesty.pipeline import Outcome
from undertow.validation.honesty.plan import FAST, LEAKY_MARKET, LEAKY_SCHEDULE, Plan

TINY = replace(
    FAST,
    market=LEAKY_MARKET,
    pipeline=replace(FAST.pipeline, models=("ridge_logistic",), schedule=LEAKY_SCHEDULE),
    null=3,
    planted={0.2: 2},
    recovery={0.2: 0.6},
    each_leak=3,
)
MARKET: Settings = TINY.market


def outcome(**values: float) -> Outcome:
    """An outcome of a good day, but for what is said."""
    plain: dict[str, float] = {
        "ic": 0.05,
        "sharpe": 4.0,
        "oracle": 5.0,
        "psr": 0.5,
        "spa": 0.5,
        "priced": 0.5,
        "neutral": 1.0,
        "narrow": 1.0,
        "slope": 1.0,
        "slope_error": 0.2,
    }
    return Outcome(seed=0, sessions=500, **{**plain, **values})


def plan_of(null: int, planted: dict[float, int], recovery: dict[float, float]) -> Plan:
    """A plan without leaks."""
    return replace(TINY, null=null, planted=planted, recovery=recovery, leaks=())
