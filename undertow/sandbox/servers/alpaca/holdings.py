"""``/v2/account`` and ``/v2/positions``: what the account has, what it did, and closing what it holds."""

from __future__ import annotations

from typing import Any

from undertow.sandbox.broker.refusals import malformed, missing
from undertow.sandbox.broker.words import Fill, Position, Refused
from undertow.sandbox.servers.alpaca.asking import Question, Reply, shares_of
from undertow.sandbox.servers.alpaca.bodies import account_body, activity_id, asset_id, fill_body, order_body, position_body
from undertow.sandbox.servers.alpaca.stamps import instant

_PAGE = 100


def account(question: Question) -> Any:
    """The account."""
    return account_body(question.book.state, question.now)


def configurations(question: Question) -> Any:
    """What the account's holder chose."""
    terms = question.book.state.terms
    return {
        "fractional_trading": True,
        "max_margin_multiplier": "4",
        "no_shorting": not terms.shorting,
        "suspend_trade": terms.blocked,
        "trade_confirm_email": "none",
        "ptp_no_exception_entry": False,
    }


def activities(question: Question) -> Any:
    """Fills, the newest first; the only kind of activity that there is."""
    state, query = question.book.state, question.query
    kinds = question.parts.get("kind") or query.get("activity_types") or "FILL"
    if "FILL" not in kinds.split(","):
        return []
    day = query.get("date", "")
    after = instant("after", query["after"]) if query.get("after") else None
    until = instant("until", query["until"]) if query.get("until") else None

    def fits(fill: Fill) -> bool:
        inside = (after is None or fill.at > after) and (until is None or fill.at <= until)
        return inside and (not day or activity_id(fill).startswith(day.replace("-", "")))

    found = [fill for fill in state.fills if fits(fill)]
    if query.get("direction", "desc") != "asc":
        found.reverse()
    if query.get("page_token"):
        names = [activity_id(fill) for fill in found]
        if query["page_token"] not in names:
            raise malformed("invalid page_token")
        found = found[names.index(query["page_token"]) + 1 :]
    return [fill_body(fill, state.orders[fill.order]) for fill in found[: question.number("page_size", _PAGE, _PAGE)]]


def positions(question: Question) -> Any:
    """Every position."""
    book = question.book
    return [position_body(held, book.state, book.listing(symbol)) for symbol, held in sorted(book.state.positions.items())]


def position(question: Question) -> Any:
    """One position, by symbol or asset."""
    held = _held(question)
    return position_body(held, question.book.state, question.book.listing(held.symbol))


def close(question: Question) -> Any:
    """DELETE one: a market order for all of it, so many shares or so many per cent."""
    held, shares = _held(question), None
    if question.query.get("qty"):
        shares = shares_of("qty", question.query["qty"])
    elif question.query.get("percentage"):
        shares = abs(held.shares) * shares_of("percentage", question.query["percentage"]) // (100 * 10**9)
    return order_body(question.book.close(held.symbol, question.now, shares), question.book.state)


def close_all(question: Question) -> Any:
    """DELETE every one, each with an answer of its own."""
    book, found = question.book, []
    if question.flag("cancel_orders"):
        book.cancel_all(question.now)
    for symbol in sorted(book.state.positions):
        try:
            order = book.close(symbol, question.now)
            found.append({"symbol": symbol, "status": 200, "body": order_body(order, book.state)})
        except Refused as refused:
            found.append({"symbol": symbol, "status": refused.status, "body": refused.body()})
    return Reply(207, found)


def _held(question: Question) -> Position:
    name = question.parts["symbol"]
    for symbol, held in question.book.state.positions.items():
        if name in (symbol, asset_id(symbol)):
            return held
    raise missing("position does not exist")
