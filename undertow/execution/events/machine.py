"""The fold of ``fold.py`` with all that it keeps between two calls, and the account as a Python strategy sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from math import isfinite
from typing import Any

import numba
import numpy as np

from undertow.core.chunk import F64, Array
from undertow.core.errors import BadInput, LawBroken
from undertow.core.orders import Costs
from undertow.core.time import Duration
from undertow.execution.account import SHARES, STARTED, opened, summary_of
from undertow.execution.events.fold import ACTED, CURSOR, FILLS, HEAD, NEVER, PLACED, TICK, Orders, Tables, Ticks, fold_until
from undertow.execution.rules import rules_of
from undertow.execution.tables import NO_ACTIONS, NO_FLOATS, NO_INTS, Actions, Fills, Summary, same_length

WANT = 2  #: the account's slot that holds its standing order
INF = np.inf


@dataclass(frozen=True, slots=True)
class Done:
    """What one push of n events did; rows of ``fills`` name the event by its index in ``bar``."""

    orders: Orders
    fills: Fills


@cache
def _fast(*types: Any) -> Callable[..., bool]:
    # Numba looks at the type of every argument of every call, 4 us of it; that of the same arguments was looked at once before.
    fold_until.compile(types)  # type: ignore[attr-defined]
    code: Callable[..., bool] = fold_until.overloads[types].entry_point  # type: ignore[attr-defined]
    return code


class Machine:
    """One account that events are pushed through, up to wherever its driver wants to look."""

    def __init__(self, capital: float, costs: Costs, latency: Duration, trades_per_day: float) -> None:
        """``capital`` in USD, ``latency`` in ns; ``trades_per_day`` sets the memory of the volatility and volume averages."""
        if not capital > 0.0 or latency < 0 or not trades_per_day > 0.0:
            raise BadInput(f"Capital and trades a day must be above 0 and latency not below: {capital}, {trades_per_day}, {latency}.")
        self.rules = rules_of(costs, trades_per_day)
        self.latency, self.whole = int(latency), self.rules.whole
        self.state, self.flight = opened(capital), np.zeros(1)
        self.cursor = np.zeros(CURSOR, np.int64)
        self.slots, self.place_in = self.state.data, self.cursor.data  # the same numbers, read three times as fast from Python
        self.tables = Tables(Ticks(NO_INTS, NO_FLOATS, NO_FLOATS), NO_ACTIONS, _orders(0), NO_FLOATS, _fills(0), NO_FLOATS)
        self.carried = 0  # orders at the head of the log that an earlier push placed
        self.wanted = 0.0  # ordered at the last event, and not yet in the log
        self.running, self.room = False, 0
        self._code: Callable[..., bool] = fold_until

    def begin(self, ticks: Ticks, actions: Actions, out: F64 | None) -> None:
        """Take the events of a push; nothing of it has happened yet."""
        if self.running:
            raise LawBroken("An earlier push stopped at an error, in the middle of its events: this account cannot go on.")
        exact = Ticks(_exact(ticks.at, np.int64), _exact(ticks.price, np.float64), _exact(ticks.size, np.float64))
        n = len(exact.at)
        same_length(n, price=exact.price, size=exact.size, out=exact.at if out is None else out)
        if n and (float(exact.at[0]) < self.state[STARTED] or bool((exact.at[1:] < exact.at[:-1]).any())):
            raise BadInput("The times of trades must never fall, nor from one push to the next.")
        if out is not None and not (out.dtype == np.float64 and out.flags.c_contiguous and out.flags.writeable):
            raise BadInput("The curve is written into a float64 array in one piece that may be written to.")
        mine = Actions(_exact(actions.bar, np.int64), _exact(actions.ratio, np.float64), _exact(actions.dividend, np.float64))
        head, placed = int(self.cursor[HEAD]), int(self.cursor[PLACED])
        self.carried = placed - head
        space = max(n // 64, 64) + self.carried
        orders, waiting = _orders(space), np.empty(space)
        for column, old in zip((*orders, waiting), (*self.tables.orders, self.tables.waiting), strict=True):
            column[: self.carried] = old[head:placed]
        orders.tick[: self.carried] = -1
        self.cursor[:] = 0
        self.cursor[PLACED] = self.carried
        self.tables = Tables(exact, mine, orders, waiting, _fills(space), NO_FLOATS if out is None else out)
        arguments = (self.tables, self.rules, 0.0, 0, 0, 0, 0.0, 0.0, self.state, self.flight, self.cursor)
        self._code = _fast(*map(numba.typeof, arguments))
        self.running, self.room = True, space

    def advance(self, until: int, clock: int = NEVER, below: float = -INF, above: float = INF) -> bool:
        """Run the events before ``until`` that have not happened yet; true if ``clock`` (ns) or the band (USD) stopped it before."""
        tables, rules, state, flight, cursor, latency = self.tables, self.rules, self.state, self.flight, self.cursor, self.latency
        wanted, self.wanted = self.wanted, 0.0
        woken = self._code(tables, rules, wanted, latency, until, clock, below, above, state, flight, cursor)
        while not woken and self.place_in[TICK] < until:
            self.make_room()
            woken = self._code(self.tables, rules, 0.0, latency, until, clock, below, above, state, flight, cursor)
        return woken

    def make_room(self) -> None:
        """Double whichever log is full."""
        tables = self.tables
        if self.cursor[FILLS] >= len(tables.fills.bar):
            self.tables = tables = tables._replace(fills=Fills._make(_doubled(tables.fills)))
        if self.cursor[PLACED] >= len(tables.orders.due):
            self.tables = tables._replace(orders=Orders._make(_doubled(tables.orders)), waiting=_doubled([tables.waiting])[0])
            self.room = len(self.tables.waiting)

    def place(self, shares: float) -> None:
        """A market order of so many signed shares at the last event that happened; zero and what is not finite are none."""
        if isfinite(shares):
            self.wanted = float(int(shares)) if self.whole else float(shares)
            if self.place_in[PLACED] >= self.room:
                self.make_room()

    def pending(self) -> float:
        """Ordered and not filled yet, signed shares."""
        return float(self.slots[WANT] - self.slots[SHARES] + (self.flight[0] + self.wanted))

    def alert(self) -> int:
        """The next event at which shares may change: nothing but marks and rent lies before it."""
        tick, head, acted = self.place_in[TICK], self.place_in[HEAD], self.place_in[ACTED]
        if self.slots[WANT] != self.slots[SHARES]:
            return tick
        at, actions = self.tables.ticks.at, self.tables.actions.bar
        until = int(actions[acted]) if acted < len(actions) else len(at)
        if head < self.place_in[PLACED]:
            return min(until, max(tick, int(at.searchsorted(self.tables.orders.due[head]))))
        if self.wanted:
            return min(until, max(tick, int(at.searchsorted(at[tick - 1] + self.latency))))
        return until

    def end(self) -> Done:
        """The logs of a push whose events have all happened."""
        self.running = False
        orders, fills = self.tables.orders, self.tables.fills
        mine, rows = slice(self.carried, int(self.cursor[PLACED])), int(self.cursor[FILLS])
        return Done(Orders._make(column[mine].copy() for column in orders), Fills._make(column[:rows].copy() for column in fills))

    def summary(self) -> Summary:
        """Totals since the account was opened."""
        return summary_of(self.state)


def _orders(rows: int) -> Orders:
    return Orders(np.empty(rows, np.int64), np.empty(rows, np.int64), np.empty(rows))


def _fills(rows: int) -> Fills:
    return Fills(np.empty(rows, np.int64), *(np.empty(rows) for _ in range(5)))


def _doubled(columns: Iterable[Array]) -> list[Array]:
    return [np.concatenate([column, np.empty_like(column)]) for column in columns]


def _exact(values: Array, kind: type) -> Array:
    # Numba would compile the fold once more for an array that may not be written to.
    return np.require(values, kind, ["C", "A", "W"])
