"""A study in words and as JSON: its gates, and what was seen of each kind of market."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from undertow.validation.honesty.gates import Gate, mean_of, significant, superior_ones
from undertow.validation.honesty.pipeline import Outcome
from undertow.validation.honesty.study import Study

#: what is told of the markets of an arm, as means: name -> what it is called
MEANS = {
    "sharpe": "annual Sharpe",
    "oracle": "the oracle's",
    "recovery": "share recovered",
    "slope": "calibration slope",
    "narrow": "probabilities within 0.47 to 0.53",
    "priced": "NEUTRAL by costs alone",
    "neutral": "NEUTRAL by costs and certificate",
}


def summary(some: Sequence[Outcome]) -> dict[str, float]:
    """Markets, those called significant by each test, and means; NaN where a number does not exist."""
    counts = {"markets": len(some), "significant": significant(some), "superior": superior_ones(some)}
    return {**{name: float(value) for name, value in counts.items()}, **{name: mean_of(some, name) for name in MEANS}}


def verdict(found: Sequence[Gate]) -> str:
    """One sentence over all gates."""
    failed = sum(not gate.passed for gate in found)
    return f"All {len(found)} gates hold." if not failed else f"{failed} of {len(found)} gates fail."


def about(study: Study) -> list[str]:
    """What was put to the test, in sentences."""
    plan, market = study.plan, study.plan.market
    schedule = plan.pipeline.schedule
    return [
        f"Models that took part: {', '.join(plan.pipeline.models)}; retrained every {schedule.every} sessions"
        f" on at most {schedule.at_most}, costs off.",
        f"A market: {market.symbols} symbols, {market.sessions:,} sessions, 20 published numbers of which 5 can foretell;"
        " returns are in excess of the market's.",
        "A track record is called significant when the probability that its true Sharpe is above zero is at least 95 %: the pipeline was"
        " declared before any market was drawn, so that there is one trial to count.",
    ]


def told_lines(study: Study, found: Sequence[Gate]) -> list[str]:
    """The study for a terminal."""
    lines = [*about(study), ""]
    for arm, some in study.outcomes.items():
        said = summary(some)
        means = "; ".join(f"{label} {said[name]:.3f}" for name, label in MEANS.items() if not math.isnan(said[name]))
        lines.append(f"{arm}: {int(said['significant'])} of {len(some)} significant, {int(said['superior'])} by Hansen's test; {means}")
    lines.append("")
    lines += [f"{'ok    ' if gate.passed else 'FAILED'} {gate.name}: {gate.seen} (asked: {gate.asked})" for gate in found]
    return [*lines, verdict(found)]


def to_json(study: Study, found: Sequence[Gate]) -> dict[str, Any]:
    """The study as plain values; numbers that do not exist are null."""
    return {
        "plan": study.plan.name,
        "models": list(study.plan.pipeline.models),
        "passed": all(gate.passed for gate in found),
        "gates": [asdict(gate) for gate in found],
        "arms": {arm: _plain(summary(some)) for arm, some in study.outcomes.items()},
        "markets": {arm: [_plain({**asdict(one), "recovery": one.recovery}) for one in some] for arm, some in study.outcomes.items()},
        "caught": {leak: [asdict(finding) for finding in some] for leak, some in study.caught.items()},
    }


def _plain(values: dict[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
