"""What a sweep of settings found, and what the best of them is worth once all are counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64
from undertow.core.errors import BadInput
from undertow.report.metrics import SHARPE_BASIS, Curve
from undertow.report.words import SIMULATED, decimal, percent
from undertow.validation.significance import SESSIONS_A_YEAR, deflate, moments, overfitting, superior

MOST_BLOCKS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """A setting and what it earned."""

    setting: Mapping[str, float]  #: "strategy.parameter" -> value
    curve: Curve
    fills: int


def lines(tried: Sequence[Swept], returns: F64, top: int, simulated: bool) -> list[str]:
    """The best settings by Sharpe ratio, then what is left of the best one's; returns (sessions, settings)."""
    mark = f"  {SIMULATED}" if simulated else ""
    ratio = np.array([moments(one.curve.daily).sharpe for one in tried])
    order = np.argsort(np.where(np.isnan(ratio), -np.inf, ratio), kind="stable")[::-1]
    names = list(tried[0].setting)
    rows = [(*names, "return", "Sharpe", "deepest fall", "fills"), *(_row(tried[i]) for i in order[:top])]
    wide = [max(len(row[j]) for row in rows) for j in range(len(rows[0]))]
    table = ["  ".join(cell.rjust(width) for cell, width in zip(row, wide, strict=True)) for row in rows]
    said = [f"{len(tried):,} settings on {len(returns)} sessions; Sharpe ratios are of {SHARPE_BASIS}."]
    if len(tried) > top:
        said.append(f"Shown are the {top} best.")
    return [table[0], *(line + mark for line in table[1:]), *(line + mark for line in (*said, *_worth(returns, ratio)))]


def _row(one: Swept) -> tuple[str, ...]:
    sharpe = one.curve.sharpe
    return (
        *(f"{value:g}" for value in one.setting.values()),
        percent(one.curve.total_return),
        decimal(sharpe) if sharpe.value is not None else "n/a",
        percent(one.curve.drawdown.depth),
        f"{one.fills:,}",
    )


def _worth(returns: F64, ratio: F64) -> list[str]:
    moving = np.flatnonzero(np.isfinite(ratio))
    if len(moving) < 2:
        return ["Fewer than two settings traded: there is no search to judge."]
    table = returns[:, moving]
    out = []
    try:
        best = deflate(table, int(np.argmax(ratio[moving])))
        own = ratio[moving].max() * np.sqrt(SESSIONS_A_YEAR)
        out.append(
            f"The best has a Sharpe ratio of {own:.2f}; as the best of about {best.effective:.1f} independent ones it is above zero"
            f" with probability {best.dsr:.2f} (deflated Sharpe ratio)."
        )
        beats = superior(table)
        out.append(f"Chance that settings without any edge give a best one like this: {beats.p:.2f} (Hansen's SPA, costs as set).")
        out.append(overfitting(table, min(MOST_BLOCKS, len(table) // 4 // 2 * 2)).says)
    except BadInput as error:
        out.append(f"Not all can be judged: {error}")
    return out
