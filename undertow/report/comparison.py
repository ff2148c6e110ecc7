"""Two finished runs side by side: what was asked differently, what came of it, and whether the difference is more than luck."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from undertow.core.chunk import F64, I64, Array
from undertow.report.metrics import SHARPE_BASIS, Curve, Measure, curve_of, filled, session_ends
from undertow.report.words import NONE, SIMULATED, decimal, percent
from undertow.validation.significance import LEAST_SESSIONS, SESSIONS_A_YEAR

#: what a manifest says of a run besides its job
TOLD = ("simulated", "tables", "sources", "costs", "results", "undertow", "libraries")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A run as its folder tells it."""

    name: str
    manifest: Mapping[str, Any]
    mark_at: I64  #: (marks,) ns UTC
    equity: F64  #: (marks,) USD of the whole account
    fills: int
    benchmark: F64 | None = None  #: (marks,) USD of the capital in the run's benchmark; None where it had none

    @property
    def capital(self) -> float:
        """USD at the beginning."""
        return float(self.manifest["job"]["capital"])

    def curve(self) -> tuple[Array, Curve]:
        """Days (sessions,) and the measured equity curve."""
        days, ends = session_ends(self.mark_at)
        return days, curve_of(filled(self.equity, self.capital), self.capital, self.mark_at, ends)

    def beside(self) -> str:
        """The benchmark's name and what it made; a dash where there was none."""
        if self.benchmark is None:
            return NONE
        _, ends = session_ends(self.mark_at)
        curve = curve_of(filled(self.benchmark, self.capital), self.capital, self.mark_at, ends)
        return f"{self.manifest['job'].get('benchmark')} {_said(curve.total_return)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Of the sessions that both runs have: mean daily return of A less B, a year, and its t statistic."""

    sessions: int
    a_year: float  #: fraction of the account; NaN with too few sessions
    t: float  #: NaN where the two never differ


def difference(a: Kept, b: Kept) -> Difference:
    """Compare daily returns on common days; t by Newey and West's (1987) standard error with floor(4 (n/100)^(2/9)) lags."""
    (days_a, curve_a), (days_b, curve_b) = a.curve(), b.curve()
    both, in_a, in_b = np.intersect1d(days_a, days_b, return_indices=True)
    gap = curve_a.daily[in_a] - curve_b.daily[in_b]
    n = len(both)
    if n < LEAST_SESSIONS:
        return Difference(sessions=n, a_year=math.nan, t=math.nan)
    mean, error = float(gap.mean()), _error(gap)
    return Difference(sessions=n, a_year=mean * SESSIONS_A_YEAR, t=mean / error if error > 0.0 else math.nan)


def _error(x: F64) -> float:
    n, own = len(x), x - x.mean()
    lags = int(4 * (n / 100) ** (2 / 9))
    total = float(own @ own)
    for lag in range(1, min(lags, n - 1) + 1):
        total += 2.0 * (1.0 - lag / (lags + 1)) * float(own[lag:] @ own[:-lag])
    return math.sqrt(max(total, 0.0)) / n


def asked_differently(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Name, A's value and B's value of everything in two manifests that differs."""
    out = []
    for part in ("job", *TOLD):
        own, other = a.get(part), b.get(part)
        if isinstance(own, Mapping) and isinstance(other, Mapping):
            names = sorted(set(own) | set(other))
            out += [(f"{part} {name}", _word(own.get(name)), _word(other.get(name))) for name in names if own.get(name) != other.get(name)]
        elif own != other:
            out.append((part, _word(own), _word(other)))
    return out


def _word(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value[:12] if len(value) == 64 else value
    if isinstance(value, Sequence):
        return ",".join(str(one) for one in value)
    return str(value)


def measured(kept: Kept) -> list[tuple[str, str]]:
    """Name and value of what a run came to, as a reader sees it."""
    days, curve = kept.curve()
    return [
        ("sessions", f"{len(days)}"),
        ("return", _said(curve.total_return)),
        ("volatility a year", _said(curve.volatility)),
        (f"Sharpe ratio ({SHARPE_BASIS})", decimal(curve.sharpe) if curve.sharpe.value is not None else f"n/a ({curve.sharpe.why})"),
        ("deepest fall", percent(curve.drawdown.depth)),
        ("fills", f"{kept.fills:,}"),
    ]


def _said(measure: Measure) -> str:
    return percent(measure) if measure.value is not None else f"n/a ({measure.why})"


def verdict(found: Difference) -> str:
    """One sentence on the difference."""
    if found.sessions == 0:
        return "The runs have no session in common."
    if math.isnan(found.a_year):
        return f"The runs share {found.sessions} sessions, too few to tell them apart; at least {LEAST_SESSIONS} are needed."
    if math.isnan(found.t):
        return f"On the {found.sessions} sessions that both have, the daily returns are the same."
    luck = "more than luck explains at one time in twenty" if abs(found.t) > 1.96 else "no more than luck explains"
    return f"On {found.sessions} common sessions A earned {percent(found.a_year)} a year more than B (t = {found.t:+.2f}): {luck}."


def _beside(a: Kept, b: Kept) -> list[tuple[str, str, str]]:
    """What the benchmarks made, where one of two runs had one."""
    return [("benchmark", a.beside(), b.beside())] if a.benchmark is not None or b.benchmark is not None else []


def lines(a: Kept, b: Kept) -> list[str]:
    """The comparison as lines for a terminal, columns aligned; every line of figures that rest on a simulation says so."""
    asked = asked_differently(a.manifest, b.manifest)
    own, other = measured(a), measured(b)
    rows = [("", "A", "B"), *asked, *((name, value, beside) for (name, value), (_, beside) in zip(own, other, strict=True))]
    rows += _beside(a, b)
    wide = [max(len(row[i]) for row in rows) for i in range(2)]
    mark = f"  {SIMULATED}" if a.manifest.get("simulated") or b.manifest.get("simulated") else ""
    out = [f"A: {a.name}", f"B: {b.name}"]
    for i, (name, value, beside) in enumerate(rows):
        line = f"{name:<{wide[0]}}  {value:<{wide[1]}}  {beside}".rstrip()
        out.append(line + (mark if i > len(asked) else ""))
    return [*out, verdict(difference(a, b)) + mark]
