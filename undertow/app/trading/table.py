"""What a terminal shows of a session: signals, positions and profit by symbol; state, ages and limits above them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from rich.table import Table

from undertow.core.orders import Portfolio
from undertow.core.time import Instant, iso
from undertow.engine.explain import CALLED
from undertow.engine.run import Desk, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Stands:
    """How a session stands at a tick."""

    at: Instant
    broker: str
    state: str  #: of the gate, with why it is not active
    portfolio: Portfolio
    start: float  #: USD of equity at the beginning
    working: Mapping[str, str] = field(default_factory=dict)  #: symbol -> what works in it
    denied: Mapping[str, str] = field(default_factory=dict)  #: symbol -> why its last order was not sent
    used: Sequence[tuple[str, float]] = ()  #: limit's name, share of it that is used
    ages: Sequence[tuple[str, str]] = ()  #: channel, how old its newest row is
    says: str = ""  #: of the feeds, where something is wrong


def table(desk: Desk, step: Step, stands: Stands) -> Table:
    """The tick's table."""
    equity = sum(stands.portfolio.equity.values())
    head = f"{iso(stands.at)}  {desk.calendar.phase(stands.at)}  {stands.broker}  {stands.state}"
    money = f"equity {equity:,.2f} USD  P&L {equity - stands.start:+,.2f}"
    made = Table(title=head, caption="\n".join([money, *_lines(stands)]), caption_justify="left")
    for name in ("symbol", "signal", "confidence", "target", "shares", "equity USD", "order"):
        made.add_column(name, justify="left" if name in ("symbol", "signal", "order") else "right")
    for k, symbol in enumerate(desk.features.symbols):
        p_up, direction = float(step.predictions.p_up[-1, k]), int(step.direction[-1, k])
        target = float(step.targets[-1, k])
        made.add_row(
            symbol,
            str(CALLED[direction]),
            "not ready" if np.isnan(p_up) else f"{_confidence(p_up, direction):.4f}",
            "hold" if np.isnan(target) else f"{target:+.2f}",
            f"{stands.portfolio.shares.get(symbol, 0.0):,.0f}",
            f"{stands.portfolio.equity.get(symbol, 0.0):,.2f}",
            stands.working.get(symbol, "") or stands.denied.get(symbol, ""),
        )
    return made


def _confidence(p_up: float, direction: int) -> float:
    return {1: p_up, -1: 1.0 - p_up}.get(direction, max(p_up, 1.0 - p_up))


def _lines(stands: Stands) -> list[str]:
    used = "  ".join(f"{name} {share:.0%}" for name, share in stands.used)
    ages = "  ".join(f"{name} {age}" for name, age in stands.ages)
    found = [f"limits used: {used}" if used else "", f"data: {ages}" if ages else "", stands.says]
    return [line for line in found if line]
