"""W4: a million trades through a strategy that is called event by event, in the three ways that a user may write it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks import floors
from benchmarks.inputs import F64, Inputs
from benchmarks.workloads import Workload, plain
from undertow.execution.events.fold import Seen, Ticks
from undertow.execution.events.sleeve import EventSleeve
from undertow.execution.events.strategy import event_strategy
from undertow.execution.events.view import Wake

EVERY, SHARES, WEIGHT = floors.EVERY, floors.SHARES, floors.WEIGHT


@event_strategy(memory=2)
def compiled(memory: F64, _at: int, price: float, _size: float, _account: Seen) -> float:
    """The average of about 100 trades; every 500th trade buys above it and sells below."""
    if memory[1] == 0.0:
        memory[0] = price
    memory[0] += WEIGHT * (price - memory[0])
    memory[1] += 1
    if memory[1] % EVERY == 0:
        return SHARES if price >= memory[0] else -SHARES
    return 0.0


class Called:
    """The same in plain Python, called on every trade."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self.average, self.count = 0.0, 0

    def on_trade(self, _at: int, price: float, _size: float, _account: object) -> float | None:
        """Signed shares, or None."""
        average = self.average if self.count else price
        self.average = average = average + WEIGHT * (price - average)
        self.count = count = self.count + 1
        if count % EVERY == 0:
            return SHARES if price >= average else -SHARES
        return None


class Woken:
    """The same, called every 500th trade only: 500 steps of the average at once."""

    memory, first = EVERY, Wake(after=EVERY)

    def __init__(self) -> None:
        """Nothing seen yet."""
        self.average = float("nan")
        self.weights = WEIGHT * (1.0 - WEIGHT) ** np.arange(EVERY - 1, -1, -1)

    def on_wake(self, seen: Ticks, _account: object) -> Wake:
        """What to order, and again after as many trades."""
        before = self.average if self.average == self.average else float(seen.price[0])
        self.average = before * (1.0 - WEIGHT) ** EVERY + float(self.weights @ seen.price)
        return Wake(shares=SHARES if seen.price[-1] >= self.average else -SHARES, after=EVERY)


class Often:
    """A strategy that is woken twenty thousand times: every 50th trade it buys above its own last price and sells below."""

    memory, first = 1, Wake(after=50)

    def __init__(self) -> None:
        """Nothing seen yet."""
        self.last = 0.0

    def on_wake(self, seen: Ticks, _account: object) -> Wake:
        """What to order, and again after as many trades."""
        price, last = float(seen.price[-1]), self.last
        self.last = price
        return Wake(SHARES if price >= last else -SHARES, 50)


def ticks_of(data: Inputs) -> Ticks:
    """The trades of W4."""
    return Ticks(data.trade_at, data.trade_price, data.trade_size)


def by_compiled(data: Inputs) -> Workload:
    """W4: a compiled strategy, against the bare loop that calls it."""
    ticks = ticks_of(data)

    def product() -> float:
        sleeve = EventSleeve(floors.CASH, plain(1.0, 1.0), compiled)
        sleeve.push(ticks)
        return sleeve.summary().equity

    return Workload(name="W4", units=len(ticks.at), product=product, floor=lambda: floors.trades(floors.on_trade, ticks.price)[0])


def by_python(data: Inputs) -> Workload:
    """W4P: a Python function called on every trade, against a bare Python loop over the same function."""
    ticks = ticks_of(data)

    def product() -> float:
        sleeve = EventSleeve(floors.CASH, plain(1.0, 1.0), Called().on_trade)
        sleeve.push(ticks)
        return sleeve.summary().equity

    return Workload(name="W4P", units=len(ticks.at), product=product, floor=lambda: floors.trades_in_python(Called().on_trade, *ticks))


def by_wakes(data: Inputs) -> Workload:
    """W4W: Python on 2,000 declared wake-ups, against the bare compiled loop."""
    ticks = ticks_of(data)

    def product() -> float:
        sleeve = EventSleeve(floors.CASH, plain(1.0, 1.0), Woken())
        sleeve.push(ticks)
        return sleeve.summary().equity

    return Workload(name="W4W", units=len(ticks.at), product=product, floor=lambda: floors.trades(floors.on_trade, ticks.price)[0])


def by_many_wakes(data: Inputs) -> tuple[str, int, Callable[[], object]]:
    """(name, units, job): 20,000 wake-ups in a million trades; a unit is a trade."""
    ticks = ticks_of(data)
    return "W4D", len(ticks.at), lambda: EventSleeve(floors.CASH, plain(1.0, 1.0), Often()).push(ticks)


COMPARED = (by_compiled, by_python, by_wakes)
