"""``/v2/orders``: giving orders, looking at them, changing and ending them."""

from __future__ import annotations

from typing import Any

from undertow.sandbox.broker.refusals import malformed
from undertow.sandbox.broker.words import Order
from undertow.sandbox.servers.alpaca.asking import Question, Reply, ask_of, change_of
from undertow.sandbox.servers.alpaca.bodies import order_body
from undertow.sandbox.servers.alpaca.stamps import instant

_LIMIT, _MOST = 50, 500


def submit(question: Question) -> Any:
    """POST: the order as it was taken, before anything filled it."""
    order = question.book.submit(ask_of(question.body), question.now)
    return order_body(order, question.book.state, nested=True)


def every(question: Question) -> Any:
    """GET: orders by status, symbol, side and time of submission; the newest first."""
    query = question.query
    wanted = query.get("status", "open")
    if wanted not in ("open", "closed", "all"):
        raise malformed(f"invalid status: {wanted}")
    nested, symbols = question.flag("nested"), set(filter(None, query.get("symbols", "").split(",")))
    after = instant("after", query["after"]) if query.get("after") else None
    until = instant("until", query["until"]) if query.get("until") else None

    def fits(order: Order) -> bool:
        return (
            (wanted == "all" or order.open == (wanted == "open"))
            and (not symbols or order.symbol in symbols)
            and (not query.get("side") or order.side.value == query["side"])
            and (after is None or order.created_at > after)
            and (until is None or order.created_at <= until)
        )

    state = question.book.state
    found = [order for order in state.orders.values() if fits(order)]
    if nested:
        parents = {order.id for order in found}
        found = [order for order in found if order.parent not in parents]
    found.sort(key=lambda order: order.number, reverse=query.get("direction", "desc") != "asc")
    return [order_body(order, state, nested=nested) for order in found[: question.number("limit", _LIMIT, _MOST)]]


def one(question: Question) -> Any:
    """GET by the broker's id."""
    order = question.book.order(question.parts["order_id"])
    return order_body(order, question.book.state, nested=question.flag("nested"))


def by_client(question: Question) -> Any:
    """GET by the client's id."""
    order = question.book.by_client(question.query.get("client_order_id", ""))
    return order_body(order, question.book.state, nested=True)


def replace(question: Question) -> Any:
    """PATCH: the order that takes the place."""
    order = question.book.replace(question.parts["order_id"], change_of(question.body), question.now)
    return order_body(order, question.book.state, nested=True)


def cancel(question: Question) -> Any:
    """DELETE one."""
    question.book.cancel(question.parts["order_id"], question.now)
    return Reply(204)


def cancel_all(question: Question) -> Any:
    """DELETE every open one."""
    return Reply(207, [{"id": order.id, "status": 200} for order in question.book.cancel_all(question.now)])
