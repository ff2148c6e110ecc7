"""A broker that is simulated: orders go through the order fold of the backtest, on the bars that a session meets.

One account with a purse a symbol, as in a backtest, and the same bits as there: a purse may go below zero, only their sum is money. What
was ordered is kept in a file, as a broker keeps it, so that a session that starts anew finds its orders; fills follow from orders and bars,
and are not kept.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import I64, Chunk
from undertow.core.errors import BadData, StoreError
from undertow.core.events import PRICE_SCALE, Bar, Event
from undertow.core.orders import Costs
from undertow.core.time import MINUTE, Duration, Instant
from undertow.execution.gateway.words import OPEN, Answer, Execution, Lasts, Order, Says, Seen, Stands, Type, Update
from undertow.execution.inbox import NONE_WAITING, Traded, Waiting, is_action, keys_of
from undertow.execution.orders.columns import NEVER, Kind, OrderBars, Reason, Status, order_bars, orders_of, sessions_of
from undertow.execution.orders.sleeve import OrderSleeve, Venue, Worked
from undertow.execution.risk.inputs import Item, Side
from undertow.execution.tables import Bars

BEFORE_ALL: Instant = -(2**63)
KINDS = {Type.MARKET: Kind.MARKET, Type.LIMIT: Kind.LIMIT, Type.STOP: Kind.STOP, Type.STOP_LIMIT: Kind.STOP_LIMIT}
AUCTIONS = {Lasts.OPG: Kind.ON_OPEN, Lasts.CLS: Kind.ON_CLOSE}
STANDS = {
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
    cancels: int = -1  #: number of the order that this one ends
    number: int = -1  #: in its sleeve
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
        done: list[tuple[I64, int, I64, Worked]] = []
        executions: list[tuple[Execution, Instant]] = []
        for key, (bars, known) in self._bars(chunks).items():
            worked = self._meet(key, bars, known)
            done.append((known, key, bars.end, worked))
            executions += self._told(key, bars, known, worked)
            self._end(self.sleeves[key])
        return _marked(done, executions)

    def _bars(self, chunks: Sequence[Chunk]) -> dict[int, tuple[OrderBars, I64]]:
        parts = []
        for chunk in chunks:
            if chunk.kind is self.traded.kind:
                keys = keys_of(chunk, self._place)
                rows = np.flatnonzero(self.traded.rows(chunk) & (keys >= 0))
                ours = chunk[rows]
                prices = [ours.numbers(name) / PRICE_SCALE for name in ("open", "high", "low", "close")]
                parts.append((keys[rows], ours.event_at, ours.known_at, np.column_stack([*prices, ours.numbers("volume")])))
        if not parts:
            return {}
        key, end, known, prices_of = (np.concatenate(column) for column in zip(*parts, strict=True))
        start, out = self.traded.starts(end), {}
        session, closes = sessions_of(self.calendar, start, end)
        for k in sorted(set(key.tolist())):
            mine = np.flatnonzero(key == k)
            mine = mine[np.lexsort((end[mine], known[mine]))]
            latest = np.maximum.accumulate(np.concatenate([[self.sleeves[k].ended], end[mine][:-1]]))
            mine = mine[start[mine] >= latest]
            out[k] = order_bars(start[mine], end[mine], prices_of[mine], session[mine], closes[mine]), known[mine]
        return out

    def _meet(self, key: int, bars: OrderBars, known: I64) -> Worked:
        sleeve = self.sleeves[key]
        n = len(bars.start)
        upto = sleeve.given
        while n and upto < len(sleeve.orders) and sleeve.orders[upto].at < bars.end[-1]:
            upto += 1
        orders = sleeve.orders[sleeve.given : upto]
        sleeve.given = upto
        given = orders_of(
            np.array([one.at for one in orders], np.int64),
            np.array([Kind.CANCEL if one.cancels >= 0 else _kind(one.order) for one in orders], np.int64),
            np.array([0.0 if one.cancels >= 0 else one.order.side * one.order.shares for one in orders], np.float64),
            limit=np.array([_or_nan(one.order.limit) for one in orders], np.float64),
            stop=np.array([_or_nan(one.order.stop) for one in orders], np.float64),
            until=np.array([self._until(one) for one in orders], np.int64),
            parent=np.array([one.cancels for one in orders], np.int64),
        )
        met = Bars(bars.start, known, bars.open, bars.close, bars.volume)
        actions, sleeve.actions = sleeve.actions.due(met)
        worked = sleeve.account.push(bars, given, actions)
        if n:
            sleeve.ended = int(bars.end[-1])
            sleeve.equity, sleeve.cash, sleeve.shares = (float(column[-1]) for column in worked.ledger)
            priced = bars.close[~np.isnan(bars.close)]
            sleeve.mark = float(priced[-1]) if len(priced) else sleeve.mark
        return worked

    def _told(self, key: int, bars: OrderBars, known: I64, worked: Worked) -> list[tuple[Execution, Instant]]:
        """Fills and states, as updates."""
        sleeve, out = self.sleeves[key], []
        fills = worked.fills
        for i in range(len(fills.order)):
            kept = sleeve.orders[int(fills.order[i])]
            shares, bar = float(fills.shares[i]), int(fills.bar[i])
            execution = Execution(
                id=f"{kept.order.id}@{int(bars.start[bar])}.{int(fills.at[i])}",
                order=kept.order.id,
                broker_id=kept.order.id,
                symbol=kept.order.symbol,
                side=kept.order.side,
                shares=abs(shares),
                price=float(fills.price[i]),
                at=int(bars.start[bar]),
                commission=float(fills.commission[i]),
                spread_cost=float(fills.spread_cost[i]),
                impact_cost=float(fills.impact_cost[i]),
            )
            kept.filled += abs(shares)
            kept.value += abs(shares) * execution.price
            kept.stands = Stands.FILLED if kept.filled >= kept.order.shares else Stands.PARTLY_FILLED
            kept.changed = int(known[bar])
            self.updates.append(Update(order=_seen(kept), execution=execution))
            out.append((execution, int(known[bar])))
        for number, status, reason in zip(worked.states.order, worked.states.status, worked.states.reason, strict=True):
            kept = sleeve.orders[int(number)]
            stands = STANDS[Status(int(status))]
            if kept.cancels < 0 and stands is not kept.stands and len(known):
                kept.stands, kept.changed = stands, int(known[-1])
                self.updates.append(Update(order=_seen(kept), why=_reason(int(reason))))
        return out

    def _take(self, at: Instant, order: Order, does: str) -> str:
        key = self._place[order.symbol]
        sleeve = self.sleeves[key]
        number = len(sleeve.orders)
        if does == "submit":
            kept = _Kept(at=at, order=order, number=number, changed=at)
            self._by_id[order.id] = key, kept
            sleeve.orders.append(kept)
            return order.id
        sleeve.orders.append(_Kept(at=at, order=order, cancels=self._by_id[order.id][1].number, number=number))
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

    def _until(self, kept: _Kept) -> Instant:
        if kept.cancels >= 0 or kept.order.lasts is Lasts.GTC:
            return NEVER
        at = int(np.searchsorted(self.calendar.close, kept.at, side="right"))
        return int(self.calendar.close[at])

    def _write(self, at: Instant, order: Order, does: str) -> None:
        if self._book is None:
            return
        line = json.dumps({"at": at, "does": does, "order": asdict(order)}) + "\n"
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


def _kind(order: Order) -> Kind:
    return AUCTIONS.get(order.lasts, KINDS[order.type])


def _or_nan(price: float | None) -> float:
    return float("nan") if price is None else price


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


def _marked(done: Sequence[tuple[I64, int, I64, Worked]], executions: Sequence[tuple[Execution, Instant]]) -> Marked:
    if not done:
        none = np.empty(0, np.int64)
        return Marked(at=none, key=none, equity=np.empty(0), shares=np.empty(0), executions=())
    known = np.concatenate([one for one, _, _, _ in done])
    key = np.concatenate([np.full(len(one), k, np.int64) for one, k, _, _ in done])
    end = np.concatenate([one for _, _, one, _ in done])
    order = np.lexsort((end, key, known))
    return Marked(
        at=end[order],
        key=key[order],
        equity=np.concatenate([worked.ledger.equity for *_, worked in done])[order],
        shares=np.concatenate([worked.ledger.shares for *_, worked in done])[order],
        executions=tuple(executions),
    )
