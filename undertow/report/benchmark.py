"""What the same capital would have made in one symbol that was held beside, such as an index fund."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from undertow.core.chunk import F64
from undertow.engine.result import RunResult
from undertow.report.metrics import Curve, curve_of, filled, session_ends
from undertow.report.words import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """The symbol, the account in it, and what that measures."""

    name: str
    equity: F64  #: (marks,) USD, no NaN
    curve: Curve


def benchmark_of(result: RunResult) -> Benchmark | None:
    """The run's benchmark; None where none was asked for or nothing was traded on."""
    if not result.benchmark or not len(result.mark_at) or result.benchmark_equity.shape != result.mark_at.shape:
        return None
    _, ends = session_ends(result.mark_at)
    equity = filled(result.benchmark_equity, result.capital)
    return Benchmark(name=result.benchmark, equity=equity, curve=curve_of(equity, result.capital, result.mark_at, ends))


def also(found: Benchmark | None, said: Callable[[Curve], str], before: str = "; ") -> str:
    """A benchmark's figure for the end of a line, such as ``; SPY 1.20%``; empty without a benchmark."""
    return f"{before}{plain(found.name)} {said(found.curve)}" if found else ""
