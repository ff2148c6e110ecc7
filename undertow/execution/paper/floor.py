"""A broker that is simulated: orders go through the order fold of the backtest, on the bars that a session meets.

One account with a purse a symbol, as in a backtest, and the same bits as there: a purse may go below zero, only their sum is money. What
was ordered is kept in a file, as a broker keeps it, so that a session that starts anew finds its orders; fills follow from orders and bars,
and are not kept.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import I64, Array, Chunk
from undertow.core.errors import BadData, StoreError
from undertow.core.events import PRICE_SCALE, Bar, Event
from undertow.core.orders import Costs
from undertow.core.time import MINUTE, Duration, Instant
from undertow.execution.gateway.words import OPEN, Answer, Execution, Lasts, Order, Says, Seen, Stands, Type, Update
from undertow.execution.inbox import NONE_WAITING, Traded, Waiting, is_action, keys_of
from undertow.execution.orders.columns import NEVER, NO_ORDERS, Kind, Ledger, OrderBars, Orders, Reason, Status, order_bars, sessions_of
from undertow.execution.orders.sleeve import OrderSleeve, Venue, Worked
from undertow.execution.risk.inputs import Item, Side
from undertow.execution.tables import NO_ACTIONS, NO_FLOATS, NO_INTS, Bars

BEFORE_ALL: Instant = -(2**63)
NAN = float("nan")
FIELDS = tuple(one.name for one in fields(Order))
NO_BARS = order_bars(NO_INTS, NO_INTS, np.empty((0, 5)), NO_INTS, NO_INTS)
KINDS = {Type.MARKET: Kind.MARKET, Type.LIMIT: Kind.LIMIT, Type.STOP: Kind.STOP, Type.STOP_LIMIT: Kind.STOP_LIMIT}
AUCTIONS = {Lasts.OPG: Kind.ON_OPEN, Lasts.CLS: Kind.ON_CLOSE}
STANDS: dict[int, Stands] = {
    Status.OPEN: Stands.ACCEPTED,
    Status.PARTLY_FILLED: Stands.PARTLY_FILLED,
    Status.FILLED: Stands.FILLED,
    Status.CANCELLED: Stands.CANCELLED,
    Status.EXPIRED: Stands.EXPIRED,
    Status.REFUSED: Stands.REJECTED,
}


@dataclass(slots=True)
class _Kept:
    """One order or cancel, in the sequence of a sleeve."""

    at: Instant
    order: Order
    number: int  #: in its sleeve
    counts: tuple[int, ...]  #: in ``Orders``: when it was decided, kind, until, parent and group
    sizes: tuple[float, ...]  #: and its shares, limit and stop
    cancels: int = -1  #: number of the order that this one ends
    filled: float = 0.0
    value: float = 0.0  #: USD of what was filled
    stands: Stands = Stands.ACCEPTED
    changed: Instant = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """Bars that were met, a row each, in the order in which they became known, then by symbol, then by time."""

    at: I64
    key: I64
    equity: np.ndarray[Any, np.dtype[np.float64]]
    shares: np.ndarray[Any, np.dtype[np.float64]]
    executions: tuple[tuple[Execution, Instant], ...]  #: and when each became known


@dataclass(slots=True)
class _Sleeve:
    account: OrderSleeve
    equity: float
    cash: float
    shares: float = 0.0
    mark: float = 0.0
    ended: Instant = BEFORE_ALL
    actions: Waiting = NONE_WAITING
    orders: list[_Kept] = field(default_factory=list)
    given: int = 0  #: of the orders, those that the account was given


class Floor:
    """The simulated broker's own state. Raises ``StoreError`` where the disk refuses, and then has not taken the order."""

    name = "simulated broker"

    def __init__(
        self,
        symbols: Sequence[str],
        capital: float,
        costs: Costs,
        calendar: Calendar,
        *,
        kind: type[Event] = Bar,
        span: Duration = 5 * MINUTE,
        book: Path | None = None,
    ) -> None:
        self.symbols, self.calendar = tuple(symbols), calendar
        self.half_spread = costs.half_spread_bp * 1e-4
        self._place = {symbol: i for i, symbol in enumerate(self.symbols)}
        self.traded = Traded(kind, span, calendar)
        venue, each = Venue(bars_per_day=self.traded.bars_per_day()), capital / len(self.symbols)
        self.sleeves = [_Sleeve(OrderSleeve(each, costs, venue=venue), each, each) for _ in self.symbols]
        self.updates: list[Update] = []  #: that nobody has taken yet
        self._book = book
        self._by_id: dict[str, tuple[int, _Kept]] = {}
        for line in _lines(book):
            self._take(int(line["at"]), Order(**_typed(line["order"])), str(line["does"]))

    def find(self, order: str) -> Seen | None:
        """An order by its client order id."""
        found = self._by_id.get(order)
        return None if found is None else _seen(found[1])

    def every(self) -> list[Seen]:
        """All orders that were ever taken, in the order in which they came."""
        return [_seen(kept) for _, kept in self._by_id.values()]

    def submit(self, order: Order, at: Instant) -> Answer:
        """Take an order that was decided at ``at``; it meets the bars that start no earlier."""
        if order.id in self._by_id:
            return Answer(says=Says.UNKNOWN, why="client_order_id must be unique")
        if why := self._refusal(order):
            return Answer(says=Says.REJECTED, why=why)
        self._write(at, order, "submit")
        return Answer(says=Says.ACCEPTED, broker_id=self._take(at, order, "submit"))

    def cancel(self, order: str, at: Instant) -> Answer:
        """End an order; bars that start before ``at`` may still fill it."""
        found = self._by_id.get(order)
        if found is None or found[1].stands not in OPEN:
            return Answer(says=Says.REJECTED, why="the order is not working")
        if any(one.cancels == found[1].number for one in self.sleeves[found[0]].orders):
            return Answer(says=Says.ACCEPTED, broker_id=order, why="it is being cancelled")
        self._write(at, found[1].order, "cancel")
        self._take(at, found[1].order, "cancel")
        return Answer(says=Says.ACCEPTED, broker_id=order)

    def push(self, chunks: Sequence[Chunk]) -> Marked:
        """Meet the bars and corporate actions among what became known."""
        for chunk in chunks:
            if is_action(chunk) and len(chunk):
                keys = keys_of(chunk, self._place)
                for key in np.unique(keys[keys >= 0]).tolist():
                    sleeve = self.sleeves[key]
                    sleeve.actions = sleeve.actions.with_rows(chunk, keys == key)
        ledgers: list[Ledger] = []
        executions: list[tuple[Execution, Instant]] = []
        key, known, bars = self._bars(chunks)
        for k, a, b in self._runs(key):
            own, sleeve = OrderBars._make(column[a:b] for column in bars), self.sleeves[k]
            worked = self._meet(sleeve, own, known[a:b])
            ledgers.append(worked.ledger)
            executions += self._told(sleeve, own.start.tolist(), known[a:b].tolist(), worked)
            self._end(sleeve)
        return _marked(key, known, bars.end, ledgers, executions)

    def _bars(self, chunks: Sequence[Chunk]) -> tuple[I64, I64, OrderBars]:
        """One symbol after the other, each one's in the order in which they became known: its position, that instant, and the bar."""
        parts = []
        for chunk in chunks:
            if chunk.kind is self.traded.kind:
                keys = keys_of(chunk, self._place)
                ours = self.traded.rows(chunk) & (keys >= 0)
                prices = [chunk.numbers(name)[ours] / PRICE_SCALE for name in ("open", "high", "low", "close")]
                table = np.column_stack([*prices, chunk.numbers("volume")[ours]])
                parts.append((keys[ours], chunk.event_at[ours], chunk.known_at[ours], table))
        if not parts:
            return NO_INTS, NO_INTS, NO_BARS
        key, end, known, prices_of = (np.concatenate(column) for column in zip(*parts, strict=True))
        rows = np.lexsort((end, known, key))
        key, end = key[rows], end[rows]
        latest = np.concatenate([end[:1], end[:-1]])  # when the symbol's bars before have ended
        for k, a, b in self._runs(key):
            latest[a] = self.sleeves[k].ended
            latest[a:b] = np.maximum.accumulate(latest[a:b])
        start = self.traded.starts(end)
        fits = start >= latest
        key, start, end, rows = key[fits], start[fits], end[fits], rows[fits]
        return key, known[rows], order_bars(start, end, prices_of[rows], *sessions_of(self.calendar, start, end))

    def _runs(self, key: I64) -> list[tuple[int, int, int]]:
        """Each symbol that is among ``key`` (n,), which ascends, and the rows from which and to which it stands there."""
        edges = key.searchsorted(np.arange(len(self.symbols) + 1)).tolist()
        return [(k, a, b) for k, (a, b) in enumerate(pairwise(edges)) if a < b]

    def _meet(self, sleeve: _Sleeve, bars: OrderBars, known: I64) -> Worked:
        upto, end = sleeve.given, int(bars.end[-1])
        while upto < len(sleeve.orders) and sleeve.orders[upto].at < end:
            upto += 1
        orders = _columns(sleeve.orders[sleeve.given : upto])
        sleeve.given, actions = upto, NO_ACTIONS
        if len(sleeve.actions.event_at):
            actions, sleeve.actions = sleeve.actions.due(Bars(bars.start, known, bars.open, bars.close, bars.volume))
        worked = sleeve.account.push(bars, orders, actions)
        sleeve.ended = end
        sleeve.equity, sleeve.cash, sleeve.shares = (float(column[-1]) for column in worked.ledger)
        priced = bars.close[~np.isnan(bars.close)]
        sleeve.mark = float(priced[-1]) if len(priced) else sleeve.mark
        return worked

    def _told(self, sleeve: _Sleeve, start: list[int], known: list[int], worked: Worked) -> list[tuple[Execution, Instant]]:
        """Fills and states, as updates."""
        out = []
        for bar, number, at, shares, price, commission, spread_cost, impact_cost in _rows(worked.fills):
            kept = sleeve.orders[number]
            order = kept.order
            execution = Execution(
                id=f"{order.id}@{start[bar]}.{at}",
                order=order.id,
                broker_id=order.id,
                symbol=order.symbol,
                side=order.side,
                shares=abs(shares),
                price=price,
                at=start[bar],
                commission=commission,
                spread_cost=spread_cost,
                impact_cost=impact_cost,
            )
            kept.filled += execution.shares
            kept.value += execution.shares * price
            kept.stands = Stands.FILLED if kept.filled >= order.shares else Stands.PARTLY_FILLED
            kept.changed = known[bar]
            self.updates.append(Update(order=_seen(kept), execution=execution))
            out.append((execution, known[bar]))
        for number, status, reason, _ in _rows(worked.states):
            kept = sleeve.orders[number]
            stands = STANDS[status]
            if kept.cancels < 0 and stands is not kept.stands:
                kept.stands, kept.changed = stands, known[-1]
                self.updates.append(Update(order=_seen(kept), why=_reason(reason)))
        return out

    def _take(self, at: Instant, order: Order, does: str) -> str:
        key = self._place[order.symbol]
        sleeve = self.sleeves[key]
        number = len(sleeve.orders)
        if does == "submit":
            counts, sizes = (at, _kind(order), self._until(order, at), -1, -1), _sizes(order)
            kept = _Kept(at=at, order=order, number=number, counts=counts, sizes=sizes, changed=at)
            self._by_id[order.id] = key, kept
            sleeve.orders.append(kept)
            return order.id
        ends = self._by_id[order.id][1].number
        counts, sizes = (at, Kind.CANCEL, NEVER, ends, -1), (0.0, NAN, NAN)
        sleeve.orders.append(_Kept(at=at, order=order, number=number, counts=counts, sizes=sizes, cancels=ends))
        self._end(sleeve)
        return order.id

    def _end(self, sleeve: _Sleeve) -> None:
        """Orders whose cancels came before any bar that might fill them are over, though the account has not been told yet."""
        for one in sleeve.orders[sleeve.given :]:
            ended = sleeve.orders[max(one.cancels, 0)]
            if one.cancels >= 0 and ended.stands in OPEN and (sleeve.ended >= one.at or ended.at == one.at):
                ended.stands, ended.changed = Stands.CANCELLED, one.at
                self.updates.append(Update(order=_seen(ended)))

    def _refusal(self, order: Order) -> str:
        if order.symbol not in self._place or order.item is not Item.SHARE:
            return f"asset {order.symbol!r} is not traded here"
        if not order.shares > 0.0 or order.shares != int(order.shares):
            return f"{order.shares:g} shares: only whole shares are traded here"
        if order.take_profit is not None or order.stop_loss is not None:
            return "brackets are not traded here"
        return ""

    def _until(self, order: Order, at: Instant) -> Instant:
        if order.lasts is Lasts.GTC:
            return NEVER
        return int(self.calendar.close[self.calendar.close.searchsorted(at, side="right")])

    def _write(self, at: Instant, order: Order, does: str) -> None:
        if self._book is None:
            return
        line = json.dumps({"at": at, "does": does, "order": {name: getattr(order, name) for name in FIELDS}}) + "\n"
        try:
            with self._book.open("a", encoding="utf-8") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreError(f"The simulated broker's book {self._book} could not be written ({error.strerror}).") from error


def _lines(book: Path | None) -> list[dict[str, Any]]:
    """What a book says; its last line may have been cut short by a crash, and then the order was not taken."""
    if book is None or not book.exists():
        return []
    text = book.read_text("utf-8")
    whole, _, torn = text.rpartition("\n")
    if torn:
        book.write_text(whole + "\n" if whole else "", "utf-8")
    try:
        return [json.loads(line) for line in whole.splitlines()]
    except ValueError as error:
        raise BadData(f"The simulated broker's book {book} is broken ({error}): move it away to begin anew.") from error


def _typed(told: dict[str, Any]) -> dict[str, Any]:
    kinds: dict[str, Callable[[Any], Any]] = {"side": Side, "type": Type, "lasts": Lasts, "item": Item}
    return {name: kinds[name](value) if name in kinds else value for name, value in told.items()}


def _columns(orders: Sequence[_Kept]) -> Orders:
    if not orders:
        return NO_ORDERS
    at, kind, until, parent, group = np.array([one.counts for one in orders], np.int64).T.copy()
    shares, limit, stop = np.array([one.sizes for one in orders], np.float64).T.copy()
    return Orders(at, kind, shares, limit, stop, until, parent, group)


def _kind(order: Order) -> Kind:
    return AUCTIONS.get(order.lasts, KINDS[order.type])


def _sizes(order: Order) -> tuple[float, float, float]:
    return order.side * order.shares, NAN if order.limit is None else order.limit, NAN if order.stop is None else order.stop


def _reason(code: int) -> str:
    return "" if code == Reason.NONE else Reason(code).name.lower().replace("_", " ")


def _seen(kept: _Kept) -> Seen:
    return Seen(
        id=kept.order.id,
        broker_id=kept.order.id,
        symbol=kept.order.symbol,
        side=kept.order.side,
        shares=kept.order.shares,
        filled=kept.filled,
        price=kept.value / kept.filled if kept.filled else None,
        stands=kept.stands,
        at=kept.changed,
    )


def _rows(columns: Iterable[Array]) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.tolist() for column in columns), strict=True)


def _marked(key: I64, known: I64, end: I64, ledgers: Sequence[Ledger], executions: Sequence[tuple[Execution, Instant]]) -> Marked:
    order = np.lexsort((end, key, known))
    equity = np.concatenate([NO_FLOATS, *(one.equity for one in ledgers)])
    shares = np.concatenate([NO_FLOATS, *(one.shares for one in ledgers)])
    return Marked(at=end[order], key=key[order], equity=equity[order], shares=shares[order], executions=tuple(executions))
