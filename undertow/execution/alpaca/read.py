"""Alpaca's JSON as the path's words; what is absent or no number raises ``BrokerError``, and nothing of it is taken."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from undertow.core.errors import BrokerError
from undertow.core.time import Instant
from undertow.execution.gateway.words import Asset, Execution, Held, Hours, Money, Seen, Stands, Update
from undertow.execution.risk.inputs import Item, Side
from undertow.sources.wire.errors import BadAnswer
from undertow.sources.wire.stamps import instant_of

Json = Mapping[str, Any]
_ENDED = {
    "filled": Stands.FILLED,
    "canceled": Stands.CANCELLED,
    "replaced": Stands.CANCELLED,  # what replaces it is another order, with an id of its own
    "expired": Stands.EXPIRED,
    "rejected": Stands.REJECTED,
}
_OPEN = frozenset(
    {
        "new", "accepted", "pending_new", "partially_filled", "done_for_day", "pending_cancel", "pending_replace", "pending_review",
        "accepted_for_bidding", "stopped", "suspended", "calculated", "held",
    }
)  # fmt: skip
_SIDES = {"buy": Side.BUY, "sell": Side.SELL, "sell_short": Side.SELL}
_SEVERAL = "(several legs)"
_FILLS = frozenset({"fill", "partial_fill"})


def number(body: Json, name: str, default: float | None = None) -> float:
    """A decimal text or JSON number as a float; ``default`` where it is absent, if there is one."""
    return float(_decimal(body, name, default))


def table(value: object, what: str) -> Json:
    """A JSON object."""
    if not isinstance(value, Mapping):
        raise BrokerError(f"Alpaca's answer is no {what}: nothing was taken from it.")
    return value


def rows(value: object, what: str) -> list[Json]:
    """A JSON list of objects."""
    if not isinstance(value, list):
        raise BrokerError(f"Alpaca's answer is no list of {what}: nothing was taken from it.")
    return [table(each, what) for each in value]


def seen(body: Json, parents: Mapping[str, str]) -> Seen:
    """An order; ``parents``: broker ids of legs and of the orders that they belong to."""
    broker_id, filled = _text(body, "id"), number(body, "filled_qty", 0.0)
    whole = body.get("qty") is not None
    several = body.get("order_class") == "mleg"
    return Seen(
        id=_text(body, "client_order_id"),
        broker_id=broker_id,
        symbol=_SEVERAL if several else _text(body, "symbol"),
        side=Side.BUY if several else _side(body),
        shares=number(body, "qty") if whole else filled,  # an order by amount, which is never ours, tells no shares
        filled=filled,
        price=None if body.get("filled_avg_price") is None else number(body, "filled_avg_price"),
        stands=_stands(_text(body, "status"), filled),
        at=_instant(body, "updated_at" if body.get("updated_at") else "created_at"),
        parent=parents.get(broker_id, ""),
    )


def legs_of(body: Json) -> list[Json]:
    """A bracket's exits."""
    return rows(body["legs"], "order") if body.get("legs") else []


def activity(body: Json) -> Execution:
    """A fill of the account's history."""
    return Execution(
        id=_execution(_text(body, "order_id"), _decimal(body, "cum_qty")),
        order="",
        broker_id=_text(body, "order_id"),
        symbol=_text(body, "symbol"),
        side=_side(body),
        shares=number(body, "qty"),
        price=number(body, "price"),
        at=_instant(body, "transaction_time"),
    )


def update(body: Json, parents: Mapping[str, str]) -> Update:
    """A message of the stream of trade updates."""
    order = table(body.get("order"), "order")
    told = seen(order, parents)
    if body.get("event") not in _FILLS:
        return Update(order=told)
    fill = Execution(
        id=_execution(told.broker_id, _decimal(order, "filled_qty")),
        order=told.id,
        broker_id=told.broker_id,
        symbol=told.symbol,
        side=told.side,
        shares=number(body, "qty"),
        price=number(body, "price"),
        at=_instant(body, "timestamp"),
    )
    return Update(order=told, execution=fill)


def held(body: Json) -> Held:
    """A position."""
    short = _text(body, "side") == "short"
    option = body.get("asset_class") == "us_option"
    return Held(
        symbol=_text(body, "symbol"),
        shares=abs(number(body, "qty")) * (-1.0 if short else 1.0),
        price=number(body, "avg_entry_price"),
        item=Item.OPTION if option else Item.SHARE,
    )


def money(body: Json) -> Money:
    """The account."""
    return Money(
        number=_text(body, "account_number"),
        cash=number(body, "cash"),
        equity=number(body, "equity"),
        last_equity=number(body, "last_equity"),
        buying_power=number(body, "buying_power"),
        option_buying_power=number(body, "options_buying_power", 0.0),
        day_trades=int(number(body, "daytrade_count", 0.0)),
        may_short=body.get("shorting_enabled") is True,
        blocked=_blocked(body),
    )


def asset(body: Json) -> Asset:
    """A share as it is traded."""
    return Asset(
        symbol=_text(body, "symbol"),
        tradable=body.get("tradable") is True and body.get("status", "active") == "active",
        fractional=body.get("fractionable") is True,
        shortable=body.get("shortable") is True,
        easy_to_borrow=body.get("easy_to_borrow") is True,
    )


def hours(body: Json) -> Hours:
    """The clock."""
    if not isinstance(body.get("is_open"), bool):
        raise BrokerError("Alpaca's clock does not say whether the market is open: nothing was taken from it.")
    return Hours(
        now=_instant(body, "timestamp"),
        open=body["is_open"],
        next_open=_instant(body, "next_open"),
        next_close=_instant(body, "next_close"),
    )


def _execution(broker_id: str, filled: Decimal) -> str:
    """One id for a fill that the stream and the history tell of under ids of their own: the order, and what was filled with it."""
    return f"{broker_id}:{filled.normalize():f}"


def _stands(status: str, filled: float) -> Stands:
    if status in _ENDED:
        return _ENDED[status]
    if status not in _OPEN:
        raise BrokerError(f"Alpaca says that an order is {status!r}, which is not known here: nothing was taken from it.")
    return Stands.PARTLY_FILLED if filled else Stands.ACCEPTED


def _blocked(body: Json) -> str:
    status = str(body.get("status", "")).upper()
    if status != "ACTIVE":
        return f"its status is {status or 'not told'}"
    names = ("account_blocked", "trading_blocked", "trade_suspended_by_user")
    return next((name.replace("_", " ") for name in names if body.get(name) is not False and body.get(name) is not None), "")


def _side(body: Json) -> Side:
    side = _SIDES.get(str(body.get("side")))
    if side is None:
        raise BrokerError(f"Alpaca's side {body.get('side')!r} is neither buy nor sell: nothing was taken.")
    return side


def _text(body: Json, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise BrokerError(f"Alpaca's answer lacks {name}: nothing was taken from it.")
    return value


def _decimal(body: Json, name: str, default: float | None = None) -> Decimal:
    value = body.get(name)
    if value is None and default is not None:
        return Decimal(repr(default))
    try:
        found = Decimal(str(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or abs(found) >= 10**15:
        raise BrokerError(f"Alpaca's {name} is {value!r} and must be a number: nothing was taken.")
    return found


def _instant(body: Json, name: str) -> Instant:
    try:
        return instant_of(body.get(name))
    except BadAnswer as error:
        raise BrokerError(f"Alpaca's {name} is {body.get(name)!r} and must be a time: nothing was taken.") from error
