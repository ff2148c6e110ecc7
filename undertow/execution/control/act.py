"""Cancel and flatten by asking the broker itself, for the time when the loop does not; every step is told before it is taken.

Whoever flattens by the same request gives its orders the same ids, so that a broker takes each but once: a loop that wakes up in the middle
of it doubles nothing. What is told are the bodies of journal entries (see ``tape.journal.orders``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from undertow.core.errors import BrokerError
from undertow.core.time import SECOND, Duration
from undertow.execution.gateway.gateway import Gateway
from undertow.execution.gateway.words import OPEN, Answer, Held, Order, Says, Seen
from undertow.execution.risk.inputs import Side

T = TypeVar("T")
ROUNDS = 5  #: of asking what is left
ORDERS = 4  #: for one position: after a refusal or a part that filled, the next
BETWEEN: Duration = SECOND


class Fact(NamedTuple):
    """What is told: the kind of a journal entry, the order that it is about, and the body."""

    kind: str
    order: str
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What acting needs beside the broker; ``tell`` returns when a fact is on the disk, and raises where it cannot be."""

    tell: Callable[[Fact], None]
    sleep: Callable[[Duration], Awaitable[None]]
    id_of: Callable[[str, int], str]  #: symbol and number -> client order id, the same for everybody who acts on one request


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What is there at the end: nothing of both is what was wished."""

    working: tuple[str, ...]  #: client order ids
    held: tuple[tuple[str, float], ...]  #: symbol, signed shares
    said: tuple[str, ...] = ()  #: what the broker said where it did not do what it was asked


async def cancel_all(gateway: Gateway, hands: Hands) -> Left:
    """Ask for the end of every working order, until there is none or the rounds are over; raises ``BrokerError``."""
    said: dict[str, None] = {}
    working: Sequence[Seen] = ()
    for turn in range(ROUNDS):
        if turn:
            await hands.sleep(BETWEEN)
        working = await _asked(gateway.working, hands)
        if not working:
            break
        for order in working:
            hands.tell(Fact("request", order.id, {"order": order.id, "does": "cancel"}))
            answer = await gateway.cancel(order.broker_id)
            hands.tell(_response(order.id, "cancel", answer))
            if answer.says is not Says.ACCEPTED and answer.says is not Says.CANCELLED:
                said[f"{order.id}: {answer.says.value}, {answer.why or 'without a reason'}"] = None
    else:
        working = await _asked(gateway.working, hands)
    return Left(working=tuple(order.id for order in working), held=(), said=tuple(said) if working else ())


async def flatten_all(gateway: Gateway, hands: Hands) -> Left:
    """Cancel everything, then close every position at the market, and see what is left. Raises ``BrokerError`` where nothing can be asked.

    Nothing is closed while an order works that could close it as well: both would turn the position around.
    """
    left = await cancel_all(gateway, hands)
    said: list[str] = []
    busy = set(left.working)
    for held in await _asked(gateway.held, hands):
        working = [order for order in await _asked(gateway.working, hands) if order.symbol == held.symbol]
        if working and not all(order.id.startswith(_stem(hands, held.symbol)) for order in working):
            said.append(f"{held.symbol} is not closed: order {working[0].id} still works")
            continue
        said += await _close(gateway, hands, held.symbol)
    for turn in range(ROUNDS):
        rest = await _asked(gateway.held, hands)
        busy = {order.id for order in await _asked(gateway.working, hands)}
        if not rest or turn == ROUNDS - 1:
            break
        await hands.sleep(BETWEEN)
    return Left(working=tuple(sorted(busy)), held=tuple((each.symbol, each.shares) for each in rest), said=(*left.said, *said))


async def _close(gateway: Gateway, hands: Hands, symbol: str) -> list[str]:
    """One order for a position, or the next if an earlier one of this request has ended and left something."""
    for number in range(ORDERS):
        name = hands.id_of(symbol, number)
        known = await _found(gateway, hands, name)
        if known is None:
            # asked only now: what an earlier number closed is in it, and the same number is taken from nobody twice
            held = [each for each in await _asked(gateway.held, hands) if each.symbol == symbol and each.shares]
            return await _send(gateway, hands, _closing(held[0], name)) if held else []
        if known.stands in OPEN:
            return []
    return [f"{symbol}: {ORDERS} orders have ended, and something is still held"]


def _closing(held: Held, name: str) -> Order:
    side = Side.SELL if held.shares > 0 else Side.BUY
    return Order(id=name, symbol=held.symbol, side=side, shares=abs(held.shares), item=held.item)


async def _send(gateway: Gateway, hands: Hands, order: Order) -> list[str]:
    said = {"order": order.id, "symbol": order.symbol, "side": order.side.name.lower(), "shares": order.shares}
    hands.tell(Fact("intent", order.id, said))
    hands.tell(Fact("request", order.id, {"order": order.id, "does": "submit"}))
    answer = await gateway.submit(order)
    hands.tell(_response(order.id, "submit", answer))
    if answer.says is Says.UNKNOWN:  # it may be there: only a look-up tells, and nothing more is sent on a guess
        known = await _found(gateway, hands, order.id)
        hands.tell(Fact("state", order.id, _state(order.id, known)))
        if known is not None:
            return []
    return [] if answer.says is Says.ACCEPTED else [f"{order.id}: {answer.says.value}, {answer.why or 'without a reason'}"]


def _stem(hands: Hands, symbol: str) -> str:
    return hands.id_of(symbol, 0).rpartition("-")[0]


async def _found(gateway: Gateway, hands: Hands, order: str) -> Seen | None:
    async def ask() -> Seen | None:
        return await gateway.find(order)

    return await _asked(ask, hands)


async def _asked(ask: Callable[[], Awaitable[T]], hands: Hands) -> T:
    """Asking changes nothing, so it is tried again."""
    for _ in range(ROUNDS - 1):
        try:
            return await ask()
        except BrokerError:
            await hands.sleep(BETWEEN)
    return await ask()


def _response(order: str, does: str, answer: Answer) -> Fact:
    body = {"order": order, "does": does, "says": answer.says.value, "why": answer.why, "broker_id": answer.broker_id}
    return Fact("response", order, body)


def _state(order: str, seen: Seen | None) -> dict[str, object]:
    if seen is None:
        return {"order": order, "says": "absent"}
    return {"order": order, "says": seen.stands.value, "filled": seen.filled}
