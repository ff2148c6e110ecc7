"""A session on the terminal: one table that changes, and nothing where there is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live

from undertow.app.trading.session import Session
from undertow.app.trading.table import Stands, table
from undertow.app.trading.tell import Each
from undertow.core.time import SECOND, iso
from undertow.engine.explain import CALLED
from undertow.engine.run import Step
from undertow.execution.risk.inputs import World


@contextmanager
def screen(console: Console, *, alive: bool = False) -> Iterator[Each]:
    """Whoever is to be told of every step; without a terminal a session that is alive gets a line each."""
    if not console.is_terminal:
        yield _line if alive else _nothing
        return
    with Live(console=console, refresh_per_second=8) as live:
        yield lambda session, step: live.update(table(session.desk, step, stands(session, step)))


def stands(session: Session, step: Step) -> Stands:
    """How a session stands at its newest tick."""
    desk, world = session.path.desk, session.world()
    state = desk.state
    working = {order.symbol: f"{order.side} {order.shares:f} {order.state}" for order in desk.book.live.values()}
    return Stands(
        at=int(step.ticks[-1]),
        broker=session.path.gateway.name,
        state=f"{state.mode.value}{f': {state.why}' if state.why else ''}",
        portfolio=session.account.portfolio(),
        start=world.account.start,
        working=working,
        denied=session.denied,
        used=_used(session, world),
        ages=[(one.name, "never" if one.known_at is None else f"{(world.now - one.known_at) / SECOND:,.0f} s") for one in world.channels],
        says=session.says,
    )


def _used(session: Session, world: World) -> list[tuple[str, float]]:
    """Shares of the limits that are used: of the day's loss, of everything that may be held, of the day's orders."""
    limits, account, state = session.path.desk.limits, world.account, session.path.desk.state
    gross = sum(abs(one.shares) * one.mark * one.multiplier for one in world.positions)
    lost = max(account.start - account.equity, 0.0) / account.start if account.start > 0.0 else 0.0
    most = limits.gross * max(min(account.start, account.equity), 0.0)
    return [
        ("day's loss", lost / limits.loss_halt if limits.loss_halt else 0.0),
        ("positions", gross / most if most else 0.0),
        ("orders", state.today / limits.orders_per_day if limits.orders_per_day else 0.0),
    ]


def _nothing(_session: Session, _step: Step) -> None:
    """A session that is played says how it ended."""


def _line(session: Session, step: Step) -> None:
    shown = stands(session, step)
    calls = " ".join(f"{symbol} {CALLED[int(step.direction[-1, k])]}" for k, symbol in enumerate(session.desk.features.symbols))
    equity = sum(shown.portfolio.equity.values())
    print(f"{iso(shown.at)} {shown.state}: {calls}; equity {equity:,.2f} USD", file=sys.stderr, flush=True)
