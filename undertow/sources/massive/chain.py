"""The option chain's snapshot: what it says of the session that has closed, known when we received it. Massive keeps no history of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import Array, Chunk
from undertow.core.events import MISSING, ChainRow, Grade, OpenInterest
from undertow.core.time import HOUR, MINUTE, Duration, Instant
from undertow.sources.massive.rows import Row, Scope, Stamps, block, built, refuse
from undertow.sources.wire.errors import BadAnswer
from undertow.sources.wire.number import real, units, whole
from undertow.sources.wire.stamps import day_of, instant, new_york_day

INTEREST_OUT: Duration = 6 * HOUR + 45 * MINUTE  #: New York: from then on a snapshot shows the previous session's open interest


def chain_rows(rows: Sequence[Row], scope: Scope, received_at: Instant) -> Chunk:
    """Contracts at the last close as ``ChainRow``, graded recorded; no rows while a session is open, for its day is not over.

    ``price`` is the quote's middle where both sides stand, else the day's last price. Adjusted contracts are left out and logged.
    """
    calendar = nyse()
    at = int(calendar.position(received_at))
    seen_until = received_at - scope.delay
    own = _standard(rows, scope) if at >= 0 and seen_until >= int(calendar.close[at]) else []
    terms = _terms(own)
    day = calendar.day[at]
    columns: dict[str, Array] = {
        **terms,
        "price": np.asarray([_price(row) for row in own], np.int64),
        "volume": np.asarray([_volume(row, day) for row in own], np.int64),
        "iv": np.asarray([real(row.get("implied_volatility")) for row in own], np.float64),
        "delta": np.asarray([real(block(row, "greeks").get("delta")) for row in own], np.float64),
    }
    return built(ChainRow, scope, _received(int(calendar.close[at]), received_at, len(own)), columns)


def open_interest(rows: Sequence[Row], scope: Scope, received_at: Instant) -> Chunk:
    """Contracts open at the close that the clearing house last reported, as ``OpenInterest``, graded recorded."""
    calendar = nyse()
    at = int(calendar.position(received_at))
    at -= 1 if received_at >= int(calendar.midnight[at]) + INTEREST_OUT else 2
    own = [row for row in _standard(rows, scope) if row.get("open_interest") is not None]
    columns: dict[str, Array] = {**_terms(own), "open_interest": np.asarray([whole(row["open_interest"]) for row in own], np.int64)}
    return built(OpenInterest, scope, _received(int(calendar.close[at]), received_at, len(own)), columns)


def _received(close: Instant, received_at: Instant, n: int) -> Stamps:
    return Stamps(event_at=np.full(n, close, np.int64), known_at=np.full(n, received_at, np.int64), grade=Grade.RECORDED)


def _standard(rows: Sequence[Row], scope: Scope) -> list[Row]:
    """Calls and puts on 100 shares, each contract once."""
    own: dict[tuple[str, float, str], Row] = {}
    odd = []
    for row in rows:
        details = block(row, "details")
        if not details:
            raise BadAnswer("A contract in Massive's option chain has no 'details'; nothing was taken from it.")
        plain = details.get("contract_type") in ("call", "put") and details.get("shares_per_contract", 100) == 100
        odd.append(not plain)
        if plain:
            own.setdefault((str(details.get("expiration_date")), real(details.get("strike_price")), details["contract_type"]), row)
    refuse(scope, "contracts", np.asarray(odd, bool), "adjusted, or neither call nor put")
    return list(own.values())


def _terms(rows: Sequence[Row]) -> dict[str, Array]:
    details = [block(row, "details") for row in rows]
    return {
        "expiry": np.asarray([day_of(d.get("expiration_date")).astype(np.int64) for d in details], np.int64),
        "strike": np.asarray([units(d.get("strike_price")) for d in details], np.int64),
        "is_put": np.asarray([d["contract_type"] == "put" for d in details], np.int64),
    }


def _price(row: Row) -> int:
    quote = block(row, "last_quote")
    bid, ask = units(quote.get("bid")), units(quote.get("ask"))
    if bid > 0 and ask >= bid:
        return (bid + ask) // 2
    for last in (block(row, "day").get("close"), block(row, "last_trade").get("price")):
        if (price := units(last)) > 0:
            return price
    return MISSING


def _volume(row: Row, day: np.datetime64) -> int:
    """The day block may still be an earlier day's: then nothing traded on this one."""
    traded = block(row, "day")
    updated = traded.get("last_updated")
    if updated and new_york_day(instant(updated)) != day:
        return 0
    return whole(traded.get("volume"))
