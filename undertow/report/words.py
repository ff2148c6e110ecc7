"""Numbers, instants and hostile text as a person reads them; one way to write each, for the terminal and the page."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from undertow.core.time import DAY, HOUR, MINUTE, SECOND, Duration, Instant
from undertow.report.metrics import Measure

NEW_YORK = ZoneInfo("America/New_York")
NONE = "–"  #: stands where there is no number
SIMULATED = "[SIMULATED]"


def _number(value: float | Measure | None) -> float | None:
    number = value.value if isinstance(value, Measure) else value
    return None if number is None or not math.isfinite(number) else number


def percent(value: float | Measure | None, digits: int = 2, *, sign: bool = False) -> str:
    """A fraction as percent: 0.1245 becomes ``12.45%``; never ``-0.00%``."""
    number = _number(value)
    if number is None:
        return NONE
    rounded = round(number * 100, digits) + 0.0
    return f"{rounded:{'+' if sign and rounded else ''},.{digits}f}%"


def decimal(value: float | Measure | None, digits: int = 2) -> str:
    """A plain number with thousands separators."""
    number = _number(value)
    return NONE if number is None else f"{round(number, digits) + 0.0:,.{digits}f}"


def usd(value: float | Measure | None, digits: int = 0, *, sign: bool = False) -> str:
    """US dollars: ``$1,234`` or ``-$1,234``; with ``sign`` a gain gets its plus."""
    number = _number(value)
    if number is None:
        return NONE
    rounded = round(number, digits) + 0.0
    front = "-" if rounded < 0 else "+" if sign and rounded else ""
    return f"{front}${abs(rounded):,.{digits}f}"


def local(at: Instant) -> datetime:
    """An instant on New York's clock, to the second."""
    return datetime.fromtimestamp(at // SECOND, UTC).astimezone(NEW_YORK)


def day(at: Instant | None) -> str:
    """The New York day of an instant, or a dash."""
    return NONE if at is None else f"{local(at):%Y-%m-%d}"


def moment(at: Instant) -> str:
    """An instant on New York's clock: ``2026-04-01 15:55 ET``."""
    return f"{local(at):%Y-%m-%d %H:%M} ET"


def span(length: Duration) -> str:
    """A duration in its largest whole unit: ``15 minutes``."""
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (SECOND, "second")):
        if length >= unit and length % unit == 0:
            return f"{length // unit:,} {name}{'' if length == unit else 's'}"
    return f"{length / SECOND:g} seconds"


def count(number: float, name: str) -> str:
    """A count with its noun: ``1 trade``, ``2 trades``."""
    shown = f"{number:,.0f}" if float(number).is_integer() else f"{number:,.1f}"
    return f"{shown} {name}{'' if number == 1 else 's'}"


def plain(text: str) -> str:
    """Text safe for a terminal line: no control characters, no line breaks."""
    return "".join(c if c.isprintable() else "�" for c in text)
