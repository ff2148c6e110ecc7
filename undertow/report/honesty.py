"""The page of a study of honesty: one HTML file that needs nothing else and runs no script."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from undertow.report.html import write_page
from undertow.validation.honesty.gates import Gate
from undertow.validation.honesty.pipeline import Outcome
from undertow.validation.honesty.study import NULL, Study, arm_of
from undertow.validation.honesty.told import MEANS, about, summary, verdict

TEMPLATES = Path(__file__).parent / "templates"
WIDTH, HEIGHT, EDGE = 640, 160, 90
BARS = 20


def write_honesty(study: Study, found: Sequence[Gate], path: Path) -> Path:
    """Write the page to ``path`` and return it; an older one is replaced only once the new one is complete.

    Raises StoreError where the file cannot be written.
    """
    return write_page(render_honesty(study, found), path, "the page")


def render_honesty(study: Study, found: Sequence[Gate]) -> str:
    """The page as HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    rows = [{"name": arm, "cells": _cells(summary(some))} for arm, some in study.outcomes.items()]
    leaks = [{"name": leak.name, "what": leak.what, "said": _said(study, leak.name)} for leak in study.plan.leaks]
    recovered = {arm_of(ic): study.outcomes[arm_of(ic)] for ic in study.plan.planted}
    return environment.get_template("honesty.html").render(
        name=study.plan.name,
        verdict=verdict(found),
        about=about(study),
        gates=found,
        null=_histogram([one.psr for one in study.outcomes[NULL]]),
        planted=_strips(recovered),
        labels=list(MEANS.values()),
        rows=rows,
        leaks=leaks,
        style=(TEMPLATES / "report.css").read_text("utf-8"),
    )


def _cells(said: Mapping[str, float]) -> list[str]:
    counts = [f"{said[name]:.0f}" for name in ("markets", "significant", "superior")]
    return counts + ["–" if math.isnan(said[name]) else f"{said[name]:.3f}" for name in MEANS]


def _said(study: Study, leak: str) -> str:
    found = study.caught.get(leak, ())
    return f"{found[0].law}: {found[0].name} {found[0].seen}" if found else "nothing"


def _histogram(values: Sequence[float]) -> str:
    """Bars of numbers in [0, 1], with a line where the gate lies and one at an even spread's height."""
    count, _ = np.histogram(values, BARS, (0.0, 1.0))
    step, top, even = WIDTH / BARS, max(int(count.max(initial=1)), 1), len(values) / BARS
    bars = "".join(
        f'<rect class="mark" x="{i * step + 1:.1f}" y="{HEIGHT - tall:.1f}" width="{step - 2:.1f}" height="{tall:.1f}"/>'
        for i, tall in enumerate((HEIGHT * count / top).tolist())
    )
    level, gate = HEIGHT * (1 - even / top), WIDTH * (1 - 1 / BARS)
    lines = f'<line class="line" x1="0" x2="{WIDTH}" y1="{level:.1f}" y2="{level:.1f}"/>'
    lines += f'<line class="line" x1="{gate:.1f}" x2="{gate:.1f}" y1="0" y2="{HEIGHT}"/>'
    ends = f'<text x="0" y="{HEIGHT + 16}">0</text><text x="{WIDTH}" y="{HEIGHT + 16}" text-anchor="end">1</text>'
    return _drawing(bars + lines + ends, HEIGHT + 22, "How null markets spread between 0 and 1")


def _strips(arms: Mapping[str, Sequence[Outcome]]) -> str:
    """One strip an arm with a mark a market, from -0.25 to 1.25 of the oracle's Sharpe."""
    parts, low, high = [], -0.25, 1.25

    def across(value: float) -> float:
        return EDGE + (WIDTH - EDGE - 10) * (min(max(value, low), high) - low) / (high - low)

    bottom = 40 * len(arms)
    for share in (0.0, 0.5, 1.0):
        x = across(share)
        parts.append(f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{bottom}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{share:g}</text>')
    for i, (arm, some) in enumerate(arms.items()):
        parts.append(f'<text x="0" y="{40 * i + 24}">{arm}</text>')
        parts += [f'<circle class="mark" cx="{across(one.recovery):.1f}" cy="{40 * i + 20}" r="4"/>' for one in some]
    return _drawing("".join(parts), bottom + 22, "Share of the oracle's Sharpe by market")


def _drawing(inside: str, height: int, what: str) -> str:
    return f'<svg class="drawn" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{what}">{inside}</svg>'
