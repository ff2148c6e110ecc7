"""A symbol's day in one row: option volume, premium and open interest of all calls and of all puts, and the day's bar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from undertow.core.calendar import nyse
from undertow.core.events import MISSING, ChainRow, DailyBar, Grade, OpenInterest
from undertow.core.time import HOUR, Duration
from undertow.sources.unusual_whales.envelope import Row
from undertow.sources.unusual_whales.options import NO_SESSION, OI_CLOCK
from undertow.sources.unusual_whales.rows import Clocks, Draft, Parsed, read, stable
from undertow.sources.wire.errors import BadAnswer
from undertow.sources.wire.number import units, whole
from undertow.sources.wire.stamps import day_of

DAY_ENDS: Duration = 20 * HOUR  #: New York: prints of a day come until then, and its totals stand
EVENING = "outside regular hours"
_CONTRACT = 100  # shares
_SIDES = (("call", 0), ("put", 1))


def chain_totals(rows: Iterable[Row], symbols: Sequence[str]) -> Parsed:
    """``options-volume`` rows (joined with their ticker) as two ``ChainRow`` a day, all calls and all puts, graded modelled.

    They have no terms: expiry and strike are 0. ``price`` is the premium for one share of an average contract; iv and delta are NaN.
    """
    return read(ChainRow, rows, symbols, _volume)


def interest_totals(rows: Iterable[Row], symbols: Sequence[str]) -> Parsed:
    """The same rows as two ``OpenInterest`` a day: a row's open interest is that of the close before, known at 06:45 of its day."""
    return read(OpenInterest, rows, symbols, _interest)


def daily_bars(rows: Iterable[Row], symbols: Sequence[str]) -> Parsed:
    """``ohlc/1d`` rows (joined with their ticker) as ``DailyBar`` of regular hours, known at 20:00 New York (modelled)."""
    return read(DailyBar, rows, symbols, _bar)


def _volume(draft: Draft, row: Row) -> None:
    at = _session(draft, row)
    if at is None:
        return
    calendar = nyse()
    clocks = Clocks(int(calendar.close[at]), calendar.at_time(at, DAY_ENDS), Grade.MODELLED)
    for side, is_put in _SIDES:
        volume, premium = whole(row.get(f"{side}_volume")), units(row.get(f"{side}_premium"))
        if volume == MISSING or premium == MISSING:
            raise BadAnswer(f"it has no {side}_volume or no {side}_premium")
        price = round(premium / (volume * _CONTRACT)) if volume else MISSING
        columns = {"expiry": 0, "strike": 0, "is_put": is_put, "price": price, "volume": volume, "iv": float("nan"), "delta": float("nan")}
        draft.add(_key(draft, row), clocks, stable(row["date"], side), columns)


def _interest(draft: Draft, row: Row) -> None:
    at = _session(draft, row)
    if at is None or at == 0:
        return
    calendar = nyse()
    clocks = Clocks(int(calendar.close[at - 1]), calendar.at_time(at, OI_CLOCK), Grade.MODELLED)
    for side, is_put in _SIDES:
        held = whole(row.get(f"{side}_open_interest"))
        if held == MISSING:
            raise BadAnswer(f"it has no {side}_open_interest")
        columns = {"expiry": 0, "strike": 0, "is_put": is_put, "open_interest": held}
        draft.add(_key(draft, row), clocks, stable(row["date"], side), columns)


def _bar(draft: Draft, row: Row) -> None:
    if row.get("market_time", "r") != "r":
        draft.left_out[EVENING] += 1
        return
    at = _session(draft, row)
    if at is None:
        return
    calendar = nyse()
    columns = {name: units(row.get(name)) for name in ("open", "high", "low", "close")}
    columns |= {"volume": whole(row.get("volume")), "vwap": MISSING, "trades": MISSING}
    if MISSING in (columns["open"], columns["high"], columns["low"], columns["close"], columns["volume"]):
        raise BadAnswer("it has no whole bar")
    clocks = Clocks(int(calendar.close[at]), calendar.at_time(at, DAY_ENDS), Grade.MODELLED)
    draft.add(_key(draft, row), clocks, stable(row["date"]), columns)


def _key(draft: Draft, row: Row) -> int:
    return draft.symbols.index(str(row["ticker"]))


def _session(draft: Draft, row: Row) -> int | None:
    """The session of a row's date; None, and counted, where it is none or the row is not of our symbols."""
    if draft.key(row.get("ticker")) is None:
        return None
    calendar, day = nyse(), day_of(row.get("date"))
    if not calendar.is_session(day):
        draft.left_out[NO_SESSION] += 1
        return None
    return calendar.session_on_or_before(day)
