"""A live session that goes on after a stop: what it met and what it was told are gone through again, from its recording and its journal.

So it stands where it stood, with the money that it made and lost since the morning, and not as one that begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from undertow.app.trading.session import Session, decided
from undertow.app.trading.wants import STRATEGY
from undertow.core.chunk import Chunk
from undertow.core.time import Instant
from undertow.engine.run import Step
from undertow.execution.gateway.account import ToldAccount
from undertow.execution.gateway.words import Execution
from undertow.execution.path.book import Book
from undertow.execution.risk.inputs import Side
from undertow.tape.journal.entry import Entry, Kind
from undertow.tape.journal.ids import decision_id
from undertow.tape.journal.journal import Journal
from undertow.tape.journal.orders import Order
from undertow.tape.journal.store import Wanted


@dataclass(frozen=True, slots=True)
class Past:
    """The decisions that a session took before it was stopped."""

    first: int  #: sequence of its first entry in the journal
    last: Instant  #: its last decision, ns UTC, whether or not all that follows from it was done


def past_of(journal: Journal, run: str, symbols: tuple[str, ...]) -> Past | None:
    """What a journal says of a session; None where it has not decided yet."""
    first, last = 0, 0
    for entry in journal.entries(Wanted(kinds=(Kind.INPUTS,))):
        if entry.at > last and entry.id in (decision_id(run, entry.at, symbol, STRATEGY) for symbol in symbols):
            first, last = first or entry.sequence, entry.at
    return Past(first, last) if first else None


def gone_through(
    session: Session, account: ToldAccount | None, journal: Journal, past: Past, rows: Callable[[Instant], list[Chunk]]
) -> Iterator[Step]:
    """Decide again in silence at every tick; ``rows`` are those up to a tick since the last.

    account : of a broker, which takes the fills that were told in between; None where the broker is simulated and fills again
    """
    if account is not None:
        account.begins_with(Book(journal, until=past.first - 1).positions())
    orders, tick, symbols = session.path.desk.book.orders.by_id, 0, session.desk.features.symbols
    for entry in journal.entries(Wanted(kinds=(Kind.INPUTS, Kind.FILL), first=past.first)):
        if entry.kind is Kind.FILL:
            if account is not None and (order := orders.get(str(entry.content()["order"]))) is not None:
                account.fill(execution_of(entry, order), entry.at)
        elif entry.at > tick and entry.id in (decision_id(session.run, entry.at, symbol, STRATEGY) for symbol in symbols):
            tick = entry.at
            chunks = rows(tick)
            step = decided(session, chunks, np.array([tick], np.int64))
            session.inputs.push(chunks, tick)
            yield step


def execution_of(entry: Entry, order: Order) -> Execution:
    """A fill as the journal tells of it."""
    body = entry.content()
    return Execution(
        id=str(body["execution"]),
        order=order.id,
        broker_id="",
        symbol=order.symbol,
        side=Side.BUY if order.side == "buy" else Side.SELL,
        shares=float(body["shares"]),
        price=float(body["price"]),
        at=entry.at,
    )
