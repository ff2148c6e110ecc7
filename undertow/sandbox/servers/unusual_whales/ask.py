"""What a request asks for, read and checked as the vendor does, and how it says no."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from undertow.core.calendar import Day
from undertow.core.time import SECOND, Instant

_TICKER = re.compile(r"[A-Z]{1,6}(?:[./-][A-Z]{1,2})?")
_OPTION = re.compile(r"([A-Z]{1,6}[0-9]?)(\d{6})([CP])(\d{8})")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_SCALES = ((10**11, SECOND), (10**14, 10**6), (10**17, 10**3), (2**63, 1))


class Refused(Exception):
    """An answer that is no data: its status and body."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One GET. Every reader raises ``Refused`` (422) for what is malformed."""

    path: str
    parts: Mapping[str, str] = field(default_factory=dict)  #: of the path, by the names in the route
    query: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  #: parameters given as ``name[]``

    def text(self, name: str) -> str:
        """A parameter, empty where it is not given."""
        return self.query.get(name, "")

    def ticker(self) -> str:
        """The ticker in the path."""
        return self._ticker(self.parts["ticker"])

    def tickers(self, name: str = "ticker_symbol") -> tuple[str, ...]:
        """Tickers of a parameter, those with a minus left out; empty where none is given."""
        found = [part.strip() for part in self.text(name).split(",") if part.strip()]
        return tuple(dict.fromkeys(self._ticker(part) for part in found if not part.startswith("-")))

    def option(self) -> tuple[str, int, int, int]:
        """The contract in the path: root, expiry (days since 1970), 1 for a put, strike (1/10,000 USD)."""
        match = _OPTION.fullmatch(self.parts["id"])
        if match is None:
            raise self.malformed(f"Invalid path input: {self.parts['id']} (valid example: TSLA230526P00167500)")
        root, date, right, strike = match.groups()
        day = self._day(f"20{date[:2]}-{date[2:4]}-{date[4:]}", "expiry")
        return root, int(day.astype(np.int64)), int(right == "P"), int(strike) * 10

    def day(self, name: str = "date") -> Day | None:
        """A date, None where it is not given."""
        given = self.parts.get(name) or self.text(name)
        return self._day(given, name) if given else None

    def count(self, name: str, default: int, most: int) -> int:
        """A whole number above zero; more than ``most`` is ``most``."""
        given = self.text(name)
        if not given:
            return default
        if not re.fullmatch(r"\d{1,9}", given) or int(given) < 1:
            raise self.malformed(f"Invalid query input(s): {name}={given} (valid example: {name}=10)")
        return min(int(given), most)

    def page(self) -> int:
        """The number of the page, counted from 1; 0 is the first as well."""
        return 1 if self.text("page") == "0" else self.count("page", 1, 10**6)

    def least(self, name: str) -> float | None:
        """A bound such as ``min_premium``, None where it is not given."""
        given = self.text(name)
        if not given:
            return None
        if not re.fullmatch(r"-?\d{1,15}(\.\d+)?", given):
            raise self.malformed(f"Invalid query input(s): {name}={given} (valid example: {name}=50000)")
        return float(given)

    def off(self, name: str) -> bool:
        """Whether a switch is given as false."""
        return self.text(name).lower() in ("false", "0")

    def moment(self, name: str) -> Instant | None:
        """A cursor: a count of s or ms, or ISO; None where it is not given."""
        given = self.text(name)
        if not given:
            return None
        if given.isdigit() and len(given) < 19:
            return int(given) * next(scale for bound, scale in _SCALES if int(given) < bound)
        try:
            at = datetime.fromisoformat(given.replace(" ", "+"))
        except ValueError:
            raise self.malformed(f"Invalid query input(s): {name}={given} (valid example: {name}=1715083417)") from None
        return int(at.timestamp() * 10**6) * 10**3 if at.tzinfo else int(np.datetime64(at, "ns").astype(np.int64))

    def malformed(self, said: str) -> Refused:
        """The vendor's 422."""
        query = "&".join(f"{name}={value}" for name, value in self.query.items())
        whole = self.path + ("?" + query if query else "")
        return Refused(422, {"msg": said, "path": self.path, "query": query, "url": f"localhost:4000{whole}"})

    def _ticker(self, given: str) -> str:
        if not _TICKER.fullmatch(given.upper()):
            raise self.malformed(f"Invalid path input: {given} (valid example: AAPL)")
        return given.upper()

    def _day(self, given: str, name: str) -> Day:
        if _DATE.fullmatch(given):
            try:
                return np.datetime64(given, "D")
            except ValueError:
                pass
        raise self.malformed(f"Invalid query input(s): {name}={given} (valid example: {name}=2024-01-18)")


def before_plan(earliest: str, sessions: int) -> Refused:
    """The vendor's 403 for a day that the plan does not cover."""
    said = f"The earliest date currently available to you is {earliest} ({sessions} trading days)."
    return Refused(403, {"code": "historic_data_access_missing", "message": said})
