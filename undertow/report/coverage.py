"""What was read: each kind's source, grade, newest fact and table, and how much of the window it covers."""

from __future__ import annotations

import re

import numpy as np

from undertow.core.chunk import Array
from undertow.core.time import Instant
from undertow.engine.result import RunResult
from undertow.report.words import NONE, moment, percent


def newest_facts(result: RunResult) -> dict[str, Instant]:
    """Event kind -> the latest ``known_at`` that the last signals rest on."""
    out: dict[str, Instant] = {}
    for signal in result.signals:
        for fact in (fact for ground in signal.grounds for fact in ground.facts):
            out[fact.kind] = max(fact.known_at, out.get(fact.kind, fact.known_at))
    return out


def source_rows(result: RunResult) -> list[tuple[str, ...]]:
    """Kind, source, grade of its ``known_at``, newest fact and table version as text, a row each kind that was read."""
    newest = newest_facts(result)
    rows: list[tuple[str, ...]] = []
    for kind, text in result.sources.items():
        match = re.fullmatch(r"(.*\S)\s*\((\w+)\)", text, re.DOTALL)
        source, grade = (match[1], match[2]) if match else (text, NONE)
        until = moment(newest[kind]) if kind in newest else NONE
        rows.append((kind.replace("_", " "), source, grade, until, str(result.tables.get(kind, NONE))))
    return rows


def coverage_facts(result: RunResult) -> list[tuple[str, str]]:
    """How much of the window there was something to decide on, as labels and text."""
    out = []
    if result.signals:
        out.append(("Last fact used", moment(max(s.known_until for s in result.signals))))
    if result.p_up.size:
        out.append(("Decisions with a probability", _covered(np.isfinite(result.p_up), result.symbols)))
    if result.close.size:
        out.append(("Marks with a price", _covered(np.isfinite(result.close), result.symbols)))
    return out


def _covered(known: Array, symbols: tuple[str, ...]) -> str:
    """Share of ``known`` (rows, symbols), with the symbol that has least where not all have everything."""
    share = known.mean(axis=0)
    least = int(share.argmin())
    worst = f", least {symbols[least]}: {percent(float(share[least]), 1)}" if share[least] < 1 and len(symbols) > 1 else ""
    return f"{percent(float(share.mean()), 1)} of {known.size:,}{worst}"
