"""One order with all that its checks look at, worked out once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from undertow.execution.risk.codes import Code
from undertow.execution.risk.exposure import Lines, held_of, lines_of, only_closes
from undertow.execution.risk.inputs import Intent, Item, Quote, Side, World
from undertow.execution.risk.limits import Limits
from undertow.execution.risk.numbers import HUGE
from undertow.execution.risk.state import State


class Denial(NamedTuple):
    """A check's no."""

    code: Code
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An order, the world, and what follows from both."""

    intent: Intent
    world: World
    limits: Limits
    state: State
    quote: Quote | None
    held: float  #: signed, of the order's symbol
    closes: bool  #: it only takes away from what is held
    price: float  #: USD a share that it is valued at: the ask or a limit above it; of an exit without either the mark, or 0
    lines: Lines  #: with this order among those that work

    @property
    def value(self) -> float:
        """USD."""
        return self.intent.shares * self.price * self.intent.multiplier

    @property
    def equity(self) -> float:
        """USD that shares of equity are of: the lower of the day's first and the newest, never below 0."""
        return max(min(self.world.account.start, self.world.account.equity), 0.0)

    @property
    def is_option(self) -> bool:
        """Whether it is about a contract."""
        return self.intent.item is Item.OPTION

    @property
    def shorter(self) -> float:
        """Shares or contracts that may be sold short once all that works has filled, beyond those that are short now."""
        line = self.lines[self.intent.symbol]
        return max(-line.low, 0.0) - max(-line.held, 0.0) if self.intent.side is Side.SELL else 0.0


def case_of(intent: Intent, world: World, limits: Limits, state: State) -> Case:
    """The case of an order."""
    quote = world.quotes.get(intent.symbol)
    told = (quote.ask if quote else 0.0, 0.0 if intent.limit is None else intent.limit)
    marks = [each.mark for each in world.positions if each.symbol == intent.symbol]
    price = _highest(told) or _highest(marks)
    return Case(
        intent=intent,
        world=world,
        limits=limits,
        state=state,
        quote=quote,
        held=held_of(world, intent.symbol),
        closes=only_closes(intent, world),
        price=price,
        lines=lines_of(world, intent, price),
    )


def _highest(prices: Iterable[float]) -> float:
    return max((float(each) for each in prices if 0.0 < each <= HUGE), default=0.0)
