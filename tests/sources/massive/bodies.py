"""Bodies as Massive writes them, made up."""

from __future__ import annotations

from typing import Any

from undertow.sources.massive.rows import Scope
from undertow.sources.wire.stamps import instant_of

SCOPE = Scope(symbols=("MSFT", "AAPL"), symbol="AAPL")


def ms(text: str) -> int:
    return instant_of(text) // 10**6


def ns(text: str) -> int:
    return instant_of(text)


def bar(text: str, **more: Any) -> dict[str, Any]:
    return {"t": ms(text), "o": 171.55, "h": 172.0, "l": 171.5, "c": 171.9999, "v": 1200, "vw": 171.7, "n": 12} | more


def trade(text: str, number: int, **more: Any) -> dict[str, Any]:
    at = ns(text)
    row = {"sip_timestamp": at, "participant_timestamp": at - 500_000, "price": 171.55, "size": 100, "exchange": 11, "id": str(number)}
    return row | {"sequence_number": number, "conditions": [12, 37], "tape": 3} | more


def quote(text: str, number: int, **more: Any) -> dict[str, Any]:
    row = {"bid_price": 171.5, "bid_size": 300, "ask_price": 171.52, "ask_size": 200, "sip_timestamp": ns(text), "sequence_number": number}
    return row | more


def contract(side: str, strike: float, **more: Any) -> dict[str, Any]:
    details = {"contract_type": side, "expiration_date": "2026-06-19", "shares_per_contract": 100, "strike_price": strike}
    row = {"details": details, "last_quote": {"bid": 4.1, "ask": 4.2}, "greeks": {"delta": 0.5}, "implied_volatility": 0.25}
    return row | {"day": {"close": 4.0, "volume": 10}, "open_interest": 77} | more


def body(rows: list[Any], **more: Any) -> dict[str, Any]:
    return {"status": "OK", "request_id": "1", "results": rows} | more
