"""What a fill does to cash and position, and which fills make a day trade."""

from __future__ import annotations

from undertow.sandbox.broker.hours import session
from undertow.sandbox.broker.words import Fill, Position, State


def enter(state: State, fill: Fill) -> None:
    """Move cash and position by one fill; what remains of a position's cost is exact, its average is not rounded."""
    position = state.positions.setdefault(fill.symbol, Position(symbol=fill.symbol))
    change = fill.shares * fill.side.sign
    state.cash -= change * fill.price
    closed = min(fill.shares, abs(position.shares)) if position.shares * change < 0 else 0
    if closed:
        _close(state, position, closed, fill)
    opened = fill.shares - closed
    position.shares += opened * fill.side.sign
    position.cost += opened * fill.side.sign * fill.price
    position.opened_today += opened
    position.since = fill.at
    if not position.shares:
        del state.positions[fill.symbol]


def _close(state: State, position: Position, closed: int, fill: Fill) -> None:
    held = abs(position.shares)
    cost = position.cost * closed // held
    state.realised += -fill.side.sign * closed * fill.price - cost
    position.cost -= cost
    position.shares += closed * fill.side.sign
    if position.opened_today:
        position.opened_today = max(0, position.opened_today - closed)
        if fill.total == fill.shares:  # an order in many fills makes one
            today = session(fill.at)
            state.day_trades[today] = state.day_trades.get(today, 0) + 1
