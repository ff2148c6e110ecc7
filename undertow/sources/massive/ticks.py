"""Trades and quotes: happened by the venue's clock, known by the latest of the venue's, the reporting facility's and the tape's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from undertow.core.chunk import I64, Array, Chunk
from undertow.core.events import MISSING, Grade, OffExchangePrint, OptionTrade, Quote, Trade
from undertow.core.time import Instant
from undertow.sources.massive.rows import Row, Scope, Stamps, built, column, optional, refuse
from undertow.sources.wire.errors import BadAnswer
from undertow.sources.wire.number import units_column, whole_column
from undertow.sources.wire.stamps import day_of, instant

OFF_EXCHANGE = 4  #: FINRA's facilities share this exchange id
FACILITIES = {201: "FINY", 202: "FINN", 203: "FINC"}  #: NYSE; Nasdaq Carteret; Nasdaq Chicago
#: ``/v3/reference/exchanges``, without 4, which is four facilities
EXCHANGES = {
    1: "XASE", 2: "XBOS", 3: "XCIS", 6: "XISE", 7: "EDGA", 8: "EDGX", 9: "XCHI", 10: "XNYS", 11: "ARCX",
    12: "XNAS", 14: "LTSE", 15: "IEXG", 16: "CBSX", 17: "XPHL", 18: "BATY", 19: "BATS", 20: "EPRL", 21: "MEMX",
}  # fmt: skip
_OPTION = re.compile(r"(?:O:)?([A-Z]+)(\d*)(\d{2})(\d{2})(\d{2})([CP])(\d{8})")


def trades(rows: Sequence[Row], scope: Scope) -> Chunk:
    """``/v3/trades`` of a stock as ``Trade``: prints on exchanges, for a print is in one feed only; corrected ones are left out."""
    own = [row for row in _uncorrected(rows, scope) if not is_off_exchange(row.get("exchange"), row.get("trf_id"))]
    return built(Trade, scope, _stamps(own, scope), _print(own) | {"exchange": _texts(venue(x) for x in column(own, "exchange"))})


def off_exchange_prints(rows: Sequence[Row], scope: Scope) -> Chunk:
    """The same rows' prints on exchange 4 with a ``trf_id`` above zero, as ``OffExchangePrint``; ``venue`` is the reporting facility."""
    own = [row for row in _uncorrected(rows, scope) if is_off_exchange(row.get("exchange"), row.get("trf_id"))]
    venues = _texts(facility(row["trf_id"]) for row in own)
    return built(OffExchangePrint, scope, _stamps(own, scope), _print(own) | {"venue": venues})


def option_trades(rows: Sequence[Row], scope: Scope, contract: str) -> Chunk:
    """``/v3/trades/O:…`` as ``OptionTrade`` of the underlying; the quote that stood is not in it, so bid and ask are missing."""
    rows = _uncorrected(rows, scope)
    expiry, strike, is_put = option_terms(contract)
    columns: dict[str, Array] = _print(rows)
    for name, value in (("expiry", expiry), ("strike", strike), ("is_put", is_put), ("bid", MISSING), ("ask", MISSING)):
        columns[name] = np.full(len(rows), value, np.int64)
    return built(OptionTrade, scope, _stamps(rows, scope), columns)


def quotes(rows: Sequence[Row], scope: Scope) -> Chunk:
    """``/v3/quotes`` of a stock as ``Quote``; zero or absent means no quote on that side; sizes are shares."""
    columns: dict[str, Array] = {}
    for side in ("bid", "ask"):
        price = units_column(optional(rows, f"{side}_price"))
        size = whole_column(optional(rows, f"{side}_size"))
        none = price <= 0  # MISSING is below zero too
        columns[side] = np.where(none, MISSING, price)
        columns[f"{side}_size"] = np.where(none, MISSING, size)
    return built(Quote, scope, _stamps(rows, scope), columns)


def is_off_exchange(exchange: Any, trf_id: Any) -> bool:
    """Massive's rule: exchange 4 and a reporting facility; zero stands for none."""
    return exchange == OFF_EXCHANGE and isinstance(trf_id, int) and trf_id > 0


def venue(exchange: Any) -> str:
    """An exchange's MIC by Massive's id, the bare id where it is new."""
    return EXCHANGES.get(exchange, str(exchange))


def facility(trf_id: Any) -> str:
    """A reporting facility's name by its id, the bare id where it is new."""
    return FACILITIES.get(trf_id, str(trf_id))


def option_terms(contract: str) -> tuple[int, int, int]:
    """An OCC symbol's expiry (days since 1970), strike (1/10,000 USD) and is_put.

    >>> option_terms("O:AMC210827C00037000")
    (18866, 370000, 0)
    """
    match = _OPTION.fullmatch(contract)
    if match is None:
        raise BadAnswer(f"Massive sent {contract!r} where an option's symbol was expected; nothing was taken.")
    _, _, year, month, day, side, strike = match.groups()
    return int(day_of(f"20{year}-{month}-{day}").astype(np.int64)), int(strike) * 10, int(side == "P")


def underlying_of(contract: str) -> str:
    """The root of an OCC symbol, ``AMC`` of ``O:AMC210827C00037000``; empty for adjusted contracts, whose roots end in a digit."""
    match = _OPTION.fullmatch(contract)
    return match[1] if match and not match[2] else ""


def conditions_text(conditions: Any) -> str:
    """Condition ids as one text, ``"12,37"``; empty for none."""
    return ",".join(str(c) for c in conditions) if isinstance(conditions, list) else "" if conditions is None else str(conditions)


def _print(rows: Sequence[Row]) -> dict[str, Array]:
    size = [row.get("decimal_size", row.get("size")) for row in rows]
    if any(s is None for s in size):
        column(rows, "size")
    return {
        "price": units_column(column(rows, "price")),
        "size": whole_column(size),
        "conditions": _texts(conditions_text(row.get("conditions")) for row in rows),
    }


def _uncorrected(rows: Sequence[Row], scope: Scope) -> list[Row]:
    corrected = np.asarray([bool(row.get("correction")) for row in rows], bool)
    refuse(scope, "prints", corrected, "corrected or cancelled later")
    return [row for row, gone in zip(rows, corrected, strict=True) if not gone]


def _stamps(rows: Sequence[Row], scope: Scope) -> Stamps:
    sip = [instant(t) for t in column(rows, "sip_timestamp")]
    venue = [_given(row.get("participant_timestamp")) for row in rows]
    facility_at = [_given(row.get("trf_timestamp")) for row in rows]
    known = [max(times) for times in zip(sip, venue, facility_at, strict=True)]
    event = [v or s for v, s in zip(venue, sip, strict=True)]
    numbered = rows and all("sequence_number" in row for row in rows)
    seq: I64 | None = np.asarray(column(rows, "sequence_number"), np.int64) if numbered else None
    grade = Grade.MODELLED if scope.delay else Grade.STAMPED
    return Stamps(event_at=np.asarray(event, np.int64), known_at=np.asarray(known, np.int64) + scope.delay, grade=grade, seq=seq)


def _given(stamp: Any) -> Instant:
    return instant(stamp) if stamp else 0


def _texts(values: Any) -> Array:
    return np.asarray(list(values), object)
