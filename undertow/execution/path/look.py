"""Looking things up at a broker, with patience that ends: what became of an order, what works, what is held."""

from __future__ import annotations

from undertow.core.errors import BrokerError
from undertow.execution.gateway.gateway import Gateway
from undertow.execution.path import hear
from undertow.execution.path.book import Book
from undertow.execution.path.reconcile import Picture
from undertow.execution.path.words import Patience
from undertow.sources.wire.clock import Clock
from undertow.tape.journal.orders import UNKNOWN


async def look_up(book: Book, gateway: Gateway, clock: Clock, name: str, patience: Patience) -> None:
    """Find an order by its id until the broker knows it; one that the last look-ups miss is absent.

    A broker that cannot be asked leaves it in flight.
    """
    pause, missed, sent = patience.first, 0, book.requested_at.get(name, 0)
    for look in range(patience.looks):
        if look:
            await clock.sleep(pause)
            pause = min(pause * 2, patience.longest)
        if book.orders.by_id[name].state not in UNKNOWN:
            return  # the stream was faster
        try:
            found = await gateway.find(name)
        except BrokerError:
            missed = 0
            continue
        if found is not None:
            hear.seen(book, clock.now(), found)
            return
        missed += 1
    if missed >= min(patience.looks, 2) and book.requested_at.get(name, 0) == sent:
        hear.not_found(book, clock.now(), name)


async def given_up(book: Book, gateway: Gateway, clock: Clock, name: str, patience: Patience) -> None:
    """Look once more for an order that was not found; after ``patience.late`` nobody waits for it any more."""
    try:
        found = await gateway.find(name)
    except BrokerError:
        return
    if found is not None:
        hear.seen(book, clock.now(), found)
    elif clock.now() - book.requested_at.get(name, 0) >= patience.late:
        hear.not_found(book, clock.now(), name, given_up=True)


async def picture(gateway: Gateway, clock: Clock) -> Picture:
    """What works and what is held, asked for in that order. Raises ``BrokerError``."""
    working = tuple(await gateway.working())
    return Picture(at=clock.now(), working=working, held=tuple(await gateway.held()))
