"""Filings: insiders' and politicians' trades. The day of the trade is when it happened; only the filing makes it known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from undertow.core.events import MISSING, CongressTrade, Grade, InsiderTrade
from undertow.core.time import SECOND
from undertow.sources.unusual_whales.envelope import Row
from undertow.sources.unusual_whales.rows import Clocks, Draft, Parsed, first, flag, read, stable
from undertow.sources.wire.number import units, whole
from undertow.sources.wire.stamps import day_of, new_york_midnight

NOTICE = "notice of a proposed sale (form 144), no trade"
HOLDING = "statement of holdings (form 3), no trade"
NO_TICKER = "without a ticker"
UNFILED = "without a filing date"
AHEAD = "dated after its own filing"
_BOUGHT, _SOLD = ("buy", "purchase"), ("sell", "sale")
_DOLLARS = re.compile(r"\$?\s*(\d[\d,]*(?:\.\d+)?)")


def insider_trades(rows: Iterable[Row], symbols: Sequence[str]) -> Parsed:
    """``/insider/transactions`` as ``InsiderTrade``; known when the filing day ends in New York (modelled: the vendor gives no time).

    ``shares`` is without sign: ``code`` tells the direction. Forms 144 and 3 are left out and counted.
    """
    return read(InsiderTrade, rows, symbols, _insider)


def congress_trades(rows: Iterable[Row], symbols: Sequence[str]) -> Parsed:
    """``/congress/…`` rows as ``CongressTrade``; known when the filing day ends in New York (modelled).

    ``side`` is +1 for buys, -1 for sales and 0 for what is neither (exchange, receipt, exercise).
    """
    return read(CongressTrade, rows, symbols, _congress)


def amounts(text: object) -> tuple[int, int]:
    """``"$15,001 - $50,000"`` as the least and most amount in 1/10,000 USD; ``MISSING`` for an end that is open or not said."""
    said = str(text or "")
    found = [units(number.replace(",", "")) for number in _DOLLARS.findall(said)]
    if not found:
        return MISSING, MISSING
    if len(found) == 1:
        lowered = said.lower()
        if any(word in lowered for word in ("over", "more", "+", ">")):
            return found[0], MISSING
        if any(word in lowered for word in ("under", "less", "up to", "<")):
            return MISSING, found[0]
    return min(found), max(found)


def _insider(draft: Draft, row: Row) -> None:
    form = str(first(row, "formtype") or "").strip().upper().removesuffix("/A")
    if form in ("144", "3"):
        draft.left_out[NOTICE if form == "144" else HOLDING] += 1
        return
    clocks = _filed(draft, row, "filing_date")
    key = None if clocks is None else _ticker(draft, row)
    if clocks is None or key is None:
        return
    shares, price = whole(row.get("amount")), units(first(row, "price"))
    if shares != MISSING:
        shares = abs(shares)
    if flag(row.get("is_director")):
        role = "Director"
    else:
        role = "Ten percent owner" if flag(row.get("is_ten_percent_owner")) else ""
    columns = {
        "insider": str(first(row, "owner_name") or ""),
        "title": str(first(row, "officer_title") or role),
        "code": str(first(row, "transaction_code") or ""),
        "shares": shares,
        "price": price,
        "value": MISSING if MISSING in (shares, price) else shares * price,
        "filing": str(first(row, "id") or f"{form} {row['filing_date']}"),
    }
    draft.add(key, clocks, stable(*columns.values()), columns)


def _congress(draft: Draft, row: Row) -> None:
    if first(row, "ticker") is None:
        draft.left_out[NO_TICKER] += 1
        return
    clocks = _filed(draft, row, "filed_at_date")
    key = None if clocks is None else _ticker(draft, row)
    if clocks is None or key is None:
        return
    kind = str(first(row, "txn_type") or "").strip().lower()
    least, most = amounts(row.get("amounts"))
    columns = {
        "member": str(first(row, "name", "reporter") or ""),
        "side": int(kind.startswith(_BOUGHT)) - int(kind.startswith(_SOLD)),
        "least_amount": least,
        "most_amount": most,
    }
    # two trades of a day in one range differ in the account they were made for, if in anything
    draft.add(key, clocks, stable(*columns.values(), row.get("issuer"), row.get("notes")), columns)


def _ticker(draft: Draft, row: Row) -> int | None:
    if first(row, "ticker") is None:
        draft.left_out[NO_TICKER] += 1
        return None
    return draft.key(row["ticker"])


def _filed(draft: Draft, row: Row, name: str) -> Clocks | None:
    """From the day's beginning in New York to the end of the filing's day."""
    if first(row, name) is None:
        draft.left_out[UNFILED] += 1
        return None
    filed = day_of(str(row[name])[:10])
    made = filed if first(row, "transaction_date") is None else day_of(str(row["transaction_date"])[:10])
    if made > filed:
        draft.left_out[AHEAD] += 1  # people type these dates
        return None
    at, known = new_york_midnight(made), new_york_midnight(filed + 1)
    return Clocks(at, max(known, at + SECOND), Grade.MODELLED)
