"""What Alpaca's answers mean: to a question, and to an order, where anything that does not tell is unknown."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from decimal import Decimal
from typing import Any

from undertow.core.errors import BrokerError
from undertow.execution.gateway.words import Answer, Order, Says
from undertow.execution.risk.inputs import Item
from undertow.sources.wire.answer import Answer as Reply
from undertow.sources.wire.answer import verdict, words
from undertow.sources.wire.errors import NotFound, Unauthorised, VendorDown, WireError

_TICK = Decimal("0.0001")  # USD, the finest price that an order may name
_DUPLICATE = "client_order_id must be unique"


def judge(reply: Reply) -> WireError | None:
    """The error that a status means; a 404 that Alpaca itself did not write is no answer about an order."""
    error = verdict(reply)
    if isinstance(error, NotFound) and not words(reply.raw):
        return VendorDown(f"Something before Alpaca answered {reply.path} with 404.", path=reply.path, status=404)
    if reply.status == 403 and words(reply.raw):
        said = words(reply.raw).rstrip(".")
        return Unauthorised(f"Alpaca does not accept the key ({reply.path}): {said}.", path=reply.path, status=403)
    return error


async def told(asked: Awaitable[Reply], *, absent_is_none: bool = False) -> Any:
    """The JSON of an answer; None for what Alpaca does not know, where that is an answer. Raises ``BrokerError``."""
    try:
        return (await asked).json
    except NotFound as error:
        if absent_is_none:
            return None
        raise BrokerError(str(error)) from error
    except Unauthorised as error:
        hint = "Check key id and secret, and that both are of the account at this address"
        raise BrokerError(f"Alpaca knows no account for this key. {hint}. ({str(error).rstrip('.')}.)") from error
    except WireError as error:
        raise BrokerError(f"Alpaca could not be asked: {error}") from error


def request_of(order: Order) -> dict[str, Any]:
    """An order as Alpaca is asked for it."""
    body: dict[str, Any] = {
        "symbol": order.symbol,
        "qty": f"{Decimal(repr(float(order.shares))).normalize():f}",
        "side": order.side.name.lower(),
        "type": order.type.value,
        "time_in_force": order.lasts.value,
        "client_order_id": order.id,
    }
    for name, price in (("limit_price", order.limit), ("stop_price", order.stop)):
        if price is not None:
            body[name] = _price(price)
    if order.item is Item.SHARE and (order.take_profit is not None or order.stop_loss is not None):
        both = order.take_profit is not None and order.stop_loss is not None
        body["order_class"] = "bracket" if both else "oto"
        if order.take_profit is not None:
            body["take_profit"] = {"limit_price": _price(order.take_profit)}
        if order.stop_loss is not None:
            body["stop_loss"] = {"stop_price": _price(order.stop_loss)}
    return body


def answer_to_order(status: int, raw: bytes, order: str) -> Answer:
    """What an answer to an order says: accepted or rejected where that is beyond doubt, else unknown."""
    body = _body(raw)
    if 200 <= status < 300:
        if body.get("client_order_id") != order or not isinstance(body.get("id"), str) or not body["id"]:
            return Answer(says=Says.UNKNOWN, why=f"status {status}, with a body that is not this order")
        refused = body.get("status") == "rejected"
        return Answer(says=Says.REJECTED if refused else Says.ACCEPTED, why="rejected" if refused else "", broker_id=body["id"])
    said = words(raw)
    if not 400 <= status < 500 or status == 408 or not said:
        return Answer(says=Says.UNKNOWN, why=f"status {status}{f': {said}' if said else ', without a reason'}")
    if _DUPLICATE in said.lower():
        return Answer(says=Says.UNKNOWN, why=said)
    return Answer(says=Says.REJECTED, why=_sentence(status, said))


def answer_to_cancel(status: int, raw: bytes) -> Answer:
    """What an answer to a cancellation says; that it was taken is not yet that the order has ended."""
    if 200 <= status < 300:
        return Answer(says=Says.ACCEPTED)
    said = words(raw)
    if status in (404, 422) and said:
        return Answer(says=Says.REJECTED, why=said)
    return Answer(says=Says.UNKNOWN, why=f"status {status}{f': {said}' if said else ''}")


def _sentence(status: int, said: str) -> str:
    """Alpaca's own words, in a sentence that says whose they are."""
    said = said.rstrip(".")
    if status == 401:
        return f"Alpaca knows no account for this key: {said}."
    if status == 429:
        return f"Alpaca did not take the order, too many requests came: {said}."
    return f"Alpaca refused the order: {said}."


def _body(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _price(price: float) -> str:
    return f"{Decimal(repr(float(price))).quantize(_TICK).normalize():f}"
