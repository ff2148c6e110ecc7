"""The kill switch where the loop does not act: asks the broker itself, and writes down each step before it is taken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from undertow.app.aside import Aside, take_in_if_free
from undertow.app.clock import WallClock, now
from undertow.core.errors import StoreError
from undertow.execution.control.act import Fact, Hands, Left, cancel_all, flatten_all
from undertow.execution.control.words import Request, Wish
from undertow.execution.gateway.gateway import Gateway
from undertow.tape.journal.entry import LONGEST_ID, Draft, Kind
from undertow.tape.journal.ids import client_order_id, decision_of

Say = Callable[[str], None]


def id_of(request: Request) -> Callable[[str, int], str]:
    """Names of the orders that close positions by a request: symbol and number -> client order id. The loop must use the same."""
    return lambda symbol, number: client_order_id(f"wish-{request.serial}", request.at, symbol, "flatten", number)


def act(request: Request, gateway: Gateway, home: Path, say: Say) -> Left:
    """Cancel or flatten by a request; raises ``BrokerError`` where the broker cannot be asked.

    A disk that refuses keeps nobody in a position: then the steps are said instead of written, and each order's id is still the request's.
    """
    with ExitStack() as stack:
        tell = _teller(stack, home, say)
        hands = Hands(tell=tell, sleep=WallClock().sleep, id_of=id_of(request))
        left = asyncio.run(_acted(request, gateway, hands))
    if not take_in_if_free(home, now()):
        say("The loop holds the journal: what was done lies aside, and the loop takes it in.")
    return left


async def _acted(request: Request, gateway: Gateway, hands: Hands) -> Left:
    try:
        return await (flatten_all if request.wish is Wish.FLATTEN else cancel_all)(gateway, hands)
    finally:
        await gateway.close()


def _teller(stack: ExitStack, home: Path, say: Say) -> Callable[[Fact], None]:
    try:
        aside: Aside | None = stack.enter_context(Aside(home, now()))
    except StoreError as error:
        say(f"{error}. It is done all the same, and said here.")
        aside = None

    def tell(fact: Fact) -> None:
        try:
            if aside is not None:
                aside.tell(_draft(fact))
                return
        except StoreError as error:
            say(str(error))
        say(f"{fact.kind} {fact.order}: {dict(fact.body)}")

    return tell


def _draft(fact: Fact) -> Draft:
    """An order of ours belongs to its decision; one that came from elsewhere is a note about it."""
    ours = fact.order.startswith("ut-")
    name = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in fact.order)[:LONGEST_ID] or "unknown"
    kind = Kind(fact.kind) if ours else Kind.NOTE
    body = fact.body if ours else {"aside": fact.kind, "body": dict(fact.body), "why": "the order was placed by somebody else"}
    return Draft(at=now(), kind=kind, id=decision_of(fact.order) if ours else name, body=body)
