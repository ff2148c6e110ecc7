"""Signals not taken: of all decisions, how many were calls, and why the others were none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from undertow.engine.result import RunResult
from undertow.report.words import percent

CALLED = "called BUY or SELL"
UNTOLD = "the reason was not kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Decisions of one kind; ``share`` is of all decisions, in [0, 1]."""

    why: str
    count: int
    share: float


def reasons(result: RunResult) -> tuple[Reason, ...]:
    """The calls, then the reasons of the others, the commonest first; together every decision once."""
    decisions = int(result.direction.size)
    if not decisions:
        return ()
    called = int((result.direction != 0).sum())
    untold = decisions - called - sum(result.silence.values())
    told = sorted(((UNTOLD, untold), *result.silence.items()), key=lambda one: (-one[1], one[0]))
    return tuple(Reason(why=why, count=n, share=n / decisions) for why, n in ((CALLED, called), *told) if n > 0 or why == CALLED)


def main_reason(result: RunResult) -> Reason | None:
    """Why most decisions were no calls, if there is one."""
    silent = reasons(result)[1:]
    return silent[0] if silent else None


def silence_panel(result: RunResult) -> dict[str, Any]:
    """Rows as text, each with the width of its bar in percent, and how many decisions there were."""
    found = reasons(result)
    widest = max((one.share for one in found), default=0.0) or 1.0
    rows = [
        {
            "why": one.why[:1].upper() + one.why[1:],
            "count": f"{one.count:,}",
            "share": percent(one.share, 1),
            "width": round(one.share / widest * 100, 1),
            "called": one.why == CALLED,
        }
        for one in found
    ]
    return {"rows": rows, "decisions": f"{result.direction.size:,}", "ticks": f"{len(result.ticks):,}"}
