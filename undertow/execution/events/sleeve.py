"""The sleeve that users hold: one symbol's account, its trades pushed in, and a strategy in any of three ways."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, repeat

import numpy as np

from undertow.core.chunk import F64
from undertow.core.errors import BadInput
from undertow.core.orders import Costs
from undertow.core.time import Duration
from undertow.execution.account import BARS
from undertow.execution.events.fold import TICK, Ticks
from undertow.execution.events.machine import Done, Machine
from undertow.execution.events.strategy import EventStrategy
from undertow.execution.events.view import OnEvent, Sleeper, View, Wake
from undertow.execution.tables import NO_ACTIONS, NO_FLOATS, NO_INTS, Actions, Summary

BLOCK = 16_384  #: events that are turned into Python numbers at a time


class EventSleeve:
    """One symbol's account whose strategy is called event by event; every way of calling it gives the same fills to the last bit.

    >>> def buy_once(at, price, size, account):
    ...     return 10.0 if account.shares + account.pending == 0.0 else None
    >>> sleeve = EventSleeve(1_000.0, Costs(half_spread_bp=0.0, impact=0.0, participation=1.0), buy_once)
    >>> done = sleeve.push(Ticks(np.arange(3), np.array([20.0, 21.0, 22.0]), np.array([100.0, 4.0, 100.0])))
    >>> done.fills.shares.tolist(), done.fills.price.tolist()  # no more than there was
    ([4.0, 6.0], [21.0, 22.0])
    >>> sleeve.account().cash, sleeve.account().equity
    (784.0, 1004.0)
    """

    def __init__(
        self,
        capital: float,
        costs: Costs,
        strategy: EventStrategy | OnEvent | Sleeper,
        *,
        latency: Duration = 0,
        trades_per_day: float = 20_000.0,
    ) -> None:
        """``capital`` in USD; an order fills from the next event on that is no earlier than ``latency`` ns after the one it was placed at.

        ``strategy`` is compiled by ``event_strategy``, or a function called on every event, or a ``Sleeper`` called when it asked to be.
        ``trades_per_day`` sets the memory of the volatility and volume averages that market impact needs.
        """
        self._machine = Machine(capital, costs, latency, trades_per_day)
        self._strategy = strategy
        if isinstance(strategy, EventStrategy):
            self.memory = strategy.fresh()  #: of a compiled strategy, its own
        elif isinstance(strategy, Sleeper):
            self._alarm = _checked(strategy.first)
            self._due = self._alarm.after - 1  # the number of an event, counted from the sleeve's first
            self._past = Ticks(NO_INTS, NO_FLOATS, NO_FLOATS)
            if strategy.memory < 1:
                raise BadInput(f"A sleeper looks back at 1 event at least, its present one, not at {strategy.memory}.")

    def push(self, ticks: Ticks, actions: Actions = NO_ACTIONS, *, out: F64 | None = None) -> Done:
        """Trades (n,) in the order they became known, splits and dividends by their index; equity (n,) is written to ``out`` if given.

        An error of the strategy stops the run: it is raised as it is, and the sleeve takes no further push.
        """
        machine = self._machine
        machine.begin(ticks, actions, out)
        if isinstance(self._strategy, EventStrategy):
            self._compiled(self._strategy)
        elif isinstance(self._strategy, Sleeper):
            self._woken(self._strategy)
        else:
            self._on_every_event(self._strategy)
        return machine.end()

    def summary(self) -> Summary:
        """Totals since the sleeve was opened; a bar is an event."""
        return self._machine.summary()

    def account(self) -> View:
        """The account between two pushes."""
        return View(self._machine)

    def _compiled(self, strategy: EventStrategy) -> None:
        machine, n = self._machine, len(self._machine.tables.ticks.at)
        while True:
            strategy.fold(self.memory, machine.tables, machine.rules, machine.latency, machine.state, machine.flight, machine.cursor)
            if machine.cursor[TICK] >= n:
                return
            machine.make_room()

    def _on_every_event(self, call: OnEvent) -> None:
        machine, ticks = self._machine, self._machine.tables.ticks
        view, n, alert = View(machine), len(ticks.at), machine.alert()
        for start in range(0, n, BLOCK):
            rows, i = slice(start, start + BLOCK), start
            sizes, end = iter(ticks.size[rows].tolist()), min(start + BLOCK, n)
            events = iter(ticks.at[rows].tolist()), iter(ticks.price[rows].tolist()), sizes
            view.follow(sizes, end)
            while i < end:
                if i >= alert:
                    machine.advance(i + 1)
                    view.refresh()
                    alert = machine.alert()
                wanted = _first_order(call, events, max(min(alert, end) - i, 1), view)
                i = view.passed()
                if wanted:
                    machine.advance(i)
                    machine.place(wanted)
                    view.refresh()
                    alert = machine.alert()
        machine.advance(n)

    def _woken(self, sleeper: Sleeper) -> None:
        machine, ticks, past = self._machine, self._machine.tables.ticks, self._past
        view, n, before = View(machine), len(ticks.at), int(machine.state[BARS])
        while True:
            alarm, due = self._alarm, self._due - before
            woken = machine.advance(min(due, n - 1) + 1, alarm.at, alarm.below, alarm.above)
            i = machine.place_in[TICK] - 1
            if i < due and not woken:
                break
            view.refresh()
            self._alarm = _checked(sleeper.on_wake(_last(sleeper.memory, past, ticks, i + 1), view))
            self._due = before + i + self._alarm.after
            if self._alarm.shares:
                machine.place(self._alarm.shares)
        self._past = Ticks._make(column.copy() for column in _last(sleeper.memory, past, ticks, n))


def _first_order(call: OnEvent, events: tuple[Iterator[int], Iterator[float], Iterator[float]], count: int, view: View) -> float | None:
    """Call the strategy on up to ``count`` events until it orders something; nothing else happens meanwhile.

    The interpreter's own loop is spared: ``map`` calls from C. The last call is made by hand, for ``map`` takes a StopIteration that the
    strategy lets out for its own end.
    """
    at, price, size = events
    last = view.passed() + count - 1
    wanted = next(filter(None, map(call, islice(at, count - 1), price, size, repeat(view))), None)
    if wanted is not None:
        return wanted
    if view.passed() != last:
        raise RuntimeError("The strategy raised StopIteration.")
    return call(next(at), next(price), next(size), view) or None


def _last(memory: int, past: Ticks, ticks: Ticks, until: int) -> Ticks:
    """The last ``memory`` events before ``until``, of this push and of those before it."""
    begin = until - memory
    if begin >= 0:
        return Ticks(ticks.at[begin:until], ticks.price[begin:until], ticks.size[begin:until])
    older = slice(max(len(past.at) + begin, 0), None)
    return Ticks._make(np.concatenate([old[older], new[:until]]) for old, new in zip(past, ticks, strict=True))


def _checked(wake: Wake) -> Wake:
    if wake.after < 1:
        raise BadInput(f"A strategy is woken after 1 event at least, not after {wake.after}.")
    return wake
