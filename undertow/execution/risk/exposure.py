"""What is held and may still come: each thing at its worst, as if every working order filled on the one side and none on the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from undertow.execution.risk.inputs import Intent, Item, Position, Side, Working, World

TINY = 1e-9  #: shares; less is nothing
NO_SECTOR = "no sector"


@dataclass(slots=True)
class Line:
    """One share or contract; counts are signed."""

    symbol: str
    name: str
    item: Item
    multiplier: float = 1.0
    held: float = 0.0
    buys: float = 0.0  #: that still work
    sells: float = 0.0
    price: float = 0.0  #: USD a share: the highest of the mark and what orders are valued at

    @property
    def high(self) -> float:
        """The most that may be held."""
        return self.held + self.buys

    @property
    def low(self) -> float:
        """The least; below 0 is short."""
        return self.held - self.sells

    @property
    def worst(self) -> float:
        """USD at the larger of both, without a sign."""
        return max(abs(self.high), abs(self.low)) * self.price * self.multiplier

    @property
    def opening(self) -> float:
        """USD of what working orders may open beyond what is held."""
        longer = max(self.high, 0.0) - max(self.held, 0.0)
        shorter = max(-self.low, 0.0) - max(-self.held, 0.0)
        return (longer + shorter) * self.price * self.multiplier


Lines = dict[str, Line]


def lines_of(world: World, asked: Intent | None = None, price: float = 0.0) -> Lines:
    """A line for each thing held or worked on, with ``asked`` as one more working order where it is given."""
    lines: Lines = {}
    for position in world.positions:
        line = _line(lines, position)
        line.held += position.shares
        _priced(line, position.mark, position.multiplier)
    orders: Iterable[Working] = world.working
    if asked is not None:
        orders = (*world.working, Working(intent=asked, left=asked.shares, price=price))
    for order in orders:
        line = _line(lines, order.intent)
        if order.intent.side is Side.BUY:
            line.buys += order.left
        else:
            line.sells += order.left
        _priced(line, order.price, order.intent.multiplier)
    return lines


def _line(lines: Lines, what: Position | Intent) -> Line:
    return lines.setdefault(what.symbol, Line(what.symbol, what.name, what.item))


def _priced(line: Line, price: float, multiplier: float) -> None:
    line.price, line.multiplier = max(line.price, price), max(line.multiplier, multiplier)


def worst_of(lines: Lines, name: str | None = None, item: Item | None = None) -> float:
    """USD of all lines at their worst; of one name or one kind of thing where asked."""
    return sum(line.worst for line in lines.values() if name in (None, line.name) and item in (None, line.item))


def sector_of(world: World, name: str) -> str:
    """A share's sector; those of which none is known share one."""
    return world.sectors.get(name, NO_SECTOR)


def worst_of_sector(lines: Lines, world: World, sector: str) -> float:
    """USD of one sector's lines at their worst."""
    return sum(line.worst for line in lines.values() if sector_of(world, line.name) == sector)


def held_of(world: World, symbol: str) -> float:
    """Signed shares or contracts held of one thing."""
    return sum(position.shares for position in world.positions if position.symbol == symbol)


def only_closes(intent: Intent, world: World) -> bool:
    """Whether an order, with all that works on its side, takes away from what is held and does not turn it around."""
    held = held_of(world, intent.symbol)
    before = sum(each.left for each in world.working if each.intent.symbol == intent.symbol and each.intent.side is intent.side)
    return held * intent.side < 0.0 and intent.shares + before <= abs(held) + TINY
