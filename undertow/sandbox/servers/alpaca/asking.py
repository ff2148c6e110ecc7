"""A request to the broker as plain values, and orders read from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from undertow.core.time import Instant
from undertow.sandbox.broker.book import Book
from undertow.sandbox.broker.refusals import malformed
from undertow.sandbox.broker.units import PRICE, SHARE, whole
from undertow.sandbox.broker.words import Ask, Change, Lasts, Side, Together, Type

Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request of an account's holder."""

    book: Book
    now: Instant
    parts: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)

    def flag(self, name: str) -> bool:
        """Whether a query says yes."""
        return self.query.get(name, "").lower() == "true"

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number of the query; raises ``Refused`` (422)."""
        given = self.query.get(name, str(default))
        if not given.isdigit() or not 1 <= int(given) <= most:
            raise malformed(f"{name} must be between 1 and {most}")
        return int(given)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is not a plain 200."""

    status: int
    body: Any = None  #: None: no body at all


Answer = Callable[[Question], Any]


def ask_of(body: Mapping[str, Any]) -> Ask:
    """The order that is asked for; raises ``Refused`` (422) where a field is none of Alpaca's, is missing or cannot be read."""
    if not isinstance(body.get("symbol"), str) or not body["symbol"]:
        raise malformed("symbol is required")
    profit, loss = _part(body, "take_profit"), _part(body, "stop_loss")
    if body.get("type") == "trailing_stop" or body.get("order_class") == "mleg":
        raise malformed("the simulated broker takes no trailing stops and no multi-leg orders")
    return Ask(
        symbol=body["symbol"],
        side=_word(body, "side", Side, None),
        shares=_number(body, "qty", SHARE) or 0,
        notional=_number(body, "notional", PRICE) or 0,
        type=_word(body, "type", Type, None),
        lasts=_word(body, "time_in_force", Lasts, None),
        limit=_number(body, "limit_price", PRICE),
        stop=_number(body, "stop_price", PRICE),
        extended=body.get("extended_hours") is True,
        together=_word(body, "order_class", Together, Together.SIMPLE),
        take_profit=_number(profit, "limit_price", PRICE),
        stop_loss=_number(loss, "stop_price", PRICE),
        stop_loss_limit=_number(loss, "limit_price", PRICE),
        client_id=_text(body, "client_order_id"),
    )


def change_of(body: Mapping[str, Any]) -> Change:
    """What is to be different about an order; raises ``Refused`` (422)."""
    return Change(
        shares=_number(body, "qty", SHARE),
        lasts=_word(body, "time_in_force", Lasts, None) if body.get("time_in_force") else None,
        limit=_number(body, "limit_price", PRICE),
        stop=_number(body, "stop_price", PRICE),
        client_id=_text(body, "client_order_id"),
    )


def shares_of(name: str, given: str) -> int:
    """A number of shares; raises ``Refused`` (422)."""
    found = _number({name: given}, name, SHARE)
    if found is None or found <= 0:
        raise malformed(f"{name} must be > 0")
    return found


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = body.get(name) or {}
    if not isinstance(found, dict):
        raise malformed(f"{name} must be an object")
    return found


def _text(body: Mapping[str, Any], name: str) -> str:
    found = body.get(name) or ""
    if not isinstance(found, str):
        raise malformed(f"{name} must be a string")
    return found


def _number(body: Mapping[str, Any], name: str, scale: int) -> int | None:
    given = body.get(name)
    if given is None:
        return None
    found = whole(given, scale)
    if found is None:
        raise malformed(f"invalid {name}: {given}")
    return found


def _word(body: Mapping[str, Any], name: str, words: type[Word], default: Word | None) -> Word:
    given = body.get(name)
    if not given and default is not None:
        return default
    try:
        return words(str(given))
    except ValueError:
        raise malformed(f"invalid {name}: {given}" if given else f"{name} is required") from None
