"""Off-exchange prints: two clocks of which the later counts, conditions in the tape's numbers, cancelled prints taken out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from undertow.core.events import MISSING, Grade, OffExchangePrint
from undertow.sources.unusual_whales.envelope import Row
from undertow.sources.unusual_whales.options import CANCELLED
from undertow.sources.unusual_whales.rows import Clocks, Draft, Parsed, first, flag, moment, read, stable
from undertow.sources.wire.errors import BadAnswer
from undertow.sources.wire.number import units, whole

ON_EXCHANGE = "printed on an exchange"
#: the vendor's words -> sale conditions by the consolidated tape's numbers (facts E.1)
CONDITIONS = {
    "average_price_trade": "2",
    "cash": "7",
    "derivative_priced": "10",
    "extended_hours_trade": "12",
    "extended_hours_trade_late_or_out_of_sequence": "13",
    "intermarket_sweep": "14",
    "next_day": "20",
    "prior_reference_price": "22",
    "seller": "29",
    "sold_out_of_sequence": "33",
    "odd_lot_execution": "37",
    "contingent_trade": "52",
    "qualified_contingent_trade": "53",
}
_FIELDS = ("sale_cond_codes", "trade_code", "ext_hour_sold_codes", "trade_settlement")
_ORDINARY = ("regular", "regular_settlement")


def off_exchange_prints(rows: Iterable[Row], symbols: Sequence[str]) -> Parsed:
    """REST and WebSocket rows as ``OffExchangePrint``; known at the later of ``executed_at`` and ``trf_executed_at`` (stamped).

    A cancelled row, and every print with its ``tracking_id``, is left out. ``seq`` is the tracking id, where that is 0 a number of the
    row's own content. ``venue`` is the vendor's letter of the reporting facility.
    """
    rows = list(rows)
    cancelled = {identity(row) for row in rows if flag(row.get("canceled"))}

    def one(draft: Draft, row: Row) -> None:
        if cancelled and identity(row) in cancelled:
            draft.left_out[CANCELLED] += 1
        else:
            _print(draft, row)

    return read(OffExchangePrint, rows, symbols, one)


def identity(row: Row) -> tuple[object, ...]:
    """What tells prints apart: ticker and tracking id; where that is 0 or absent, time, price and size."""
    ticker, tracking = first(row, "ticker", "symbol"), whole(row.get("tracking_id"))
    if tracking > 0:
        return (ticker, tracking)
    return (ticker, *(str(row.get(name)) for name in ("executed_at", "price", "size")))


def conditions(row: Row) -> str:
    """A print's sale conditions in the tape's numbers, comma-separated and ascending; a word that has no number stays a word."""
    words: list[str] = []
    for name in _FIELDS:
        value = first(row, name)
        for word in value if isinstance(value, list) else str(value or "").split(","):
            text = str(word).strip().lower()
            if text and text not in _ORDINARY:
                words.append(CONDITIONS.get(text, text))
    return ",".join(sorted(set(words), key=lambda word: (not word.isdigit(), int(word) if word.isdigit() else 0, word)))


def _print(draft: Draft, row: Row) -> None:
    key = draft.key(first(row, "ticker", "symbol"))
    if key is None:
        return
    if row.get("type") == "lit":
        draft.left_out[ON_EXCHANGE] += 1
        return
    price, size = units(row.get("price")), whole(row.get("size"))
    if price == MISSING or size == MISSING:
        raise BadAnswer("it has no price or no size")
    stamps = [moment(value) for name in ("executed_at", "trf_executed_at") if (value := first(row, name)) is not None]
    if not stamps:
        raise BadAnswer("it has no executed_at")
    tracking = whole(row.get("tracking_id"))
    # volume is the day's so far, so two prints of one second, price and size differ in it
    content = (row.get("market_center"), price, size, row.get("volume"), row.get("trade_code"), row.get("sale_cond_codes"))
    columns = {"price": price, "size": size, "venue": str(first(row, "market_center") or ""), "conditions": conditions(row)}
    draft.add(key, Clocks(min(stamps), max(stamps), Grade.STAMPED), tracking if tracking > 0 else stable(*content), columns)
