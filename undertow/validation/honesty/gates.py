"""What a study has to show. A gate is closed by what was seen, never by what was hoped for.

The shipped gate on one track record is the probabilistic Sharpe ratio at 95 %, which is the deflated one with a single trial: the pipeline
is declared before any market is drawn, so that there is nothing to deflate for. Hansen's test is told beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from undertow.validation.honesty.leaks import CONTROL
from undertow.validation.honesty.pipeline import Outcome
from undertow.validation.honesty.study import NULL, Study, arm_of
from undertow.validation.significance import binomial_gate

LEVEL = 0.05
NEUTRAL, NARROW, POWER = 0.95, 0.99, 0.90
POWER_AT = 0.03  #: information coefficient at which the power is asked for
SLOPE_WITHIN = 0.1
SLOPE_MARKETS = 20  #: planted markets that a slope is judged on


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One demand on a study."""

    name: str
    asked: str
    seen: str
    passed: bool


def significant(outcomes: Sequence[Outcome]) -> int:
    """Markets in which the pipeline was found to have an edge, at 5 %."""
    return sum(one.psr >= 1.0 - LEVEL for one in outcomes)


def superior_ones(outcomes: Sequence[Outcome]) -> int:
    """The same by Hansen's test."""
    return sum(one.spa <= LEVEL for one in outcomes)


def mean_of(outcomes: Sequence[Outcome], what: str) -> float:
    """Mean over markets, of those that have a number; NaN where none has."""
    values = np.array([getattr(one, what) for one in outcomes], np.float64)
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def gates(study: Study) -> tuple[Gate, ...]:
    """All gates of a study."""
    return (*_null(study), *_planted(study), *_leaks(study))


def _null(study: Study) -> list[Gate]:
    some = study.outcomes[NULL]
    most, neutral, narrow = binomial_gate(len(some), LEVEL), mean_of(some, "neutral"), mean_of(some, "narrow")
    return [
        _at_most("null markets called significant", significant(some), most, len(some)),
        _at_least("null decisions that are NEUTRAL after costs and certificate", neutral, NEUTRAL),
        _at_least("null probabilities within 0.47 to 0.53", narrow, NARROW),
    ]


def _planted(study: Study) -> list[Gate]:
    out = []
    for ic, least in study.plan.recovery.items():
        some = study.outcomes[arm_of(ic)]
        out.append(_at_least(f"share of the oracle's Sharpe recovered at {ic:g}", mean_of(some, "recovery"), least))
        if ic == POWER_AT:
            out.append(_at_least(f"planted markets found at {ic:g}", significant(some) / len(some), POWER))
    strongest = study.outcomes[arm_of(max(study.plan.recovery))]
    if len(strongest) >= SLOPE_MARKETS:
        slope = mean_of(strongest, "slope")
        asked = f"1 ± {SLOPE_WITHIN:g} over {len(strongest)} markets"
        name = f"calibration slope at {max(study.plan.recovery):g}"
        out.append(Gate(name=name, asked=asked, seen=f"{slope:.3f}", passed=abs(slope - 1.0) <= SLOPE_WITHIN))
    return out


def _leaks(study: Study) -> list[Gate]:
    out = []
    if CONTROL in study.outcomes:
        some = study.outcomes[CONTROL]
        out.append(_at_most("sound twins of the leaks called significant", significant(some), binomial_gate(len(some), LEVEL), len(some)))
    for leak in study.plan.leaks:
        some, found = study.outcomes[leak.name], study.caught[leak.name]
        law = f"caught by {found[0].law}" if found else "not caught"
        out.append(Gate(name=f"leak {leak.name}: the audit", asked="caught", seen=law, passed=bool(found)))
        hits, most = significant(some), binomial_gate(len(some), LEVEL)
        seen = f"{hits} of {len(some)}"
        out.append(
            Gate(name=f"leak {leak.name}: null markets called significant", asked=f"more than {most}", seen=seen, passed=hits > most)
        )
    return out


def _at_most(name: str, seen: int, most: int, markets: int) -> Gate:
    return Gate(name=name, asked=f"at most {most}", seen=f"{seen} of {markets}", passed=seen <= most)


def _at_least(name: str, seen: float, least: float) -> Gate:
    # what is not a number does not pass
    return Gate(name=name, asked=f"at least {least:.2f}", seen=f"{seen:.3f}", passed=bool(seen >= least))
