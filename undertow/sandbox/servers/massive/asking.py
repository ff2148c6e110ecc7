"""Questions and answers as Massive words them: parameters, refusals, the envelope, and the cursor that leads to the next page."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from undertow.core.errors import BadInput
from undertow.core.time import DAY, SECOND, Instant, date_of
from undertow.sandbox.servers.asked import Asked, Refused
from undertow.sandbox.servers.world import World

HOST = "https://api.massive.com"  #: in ``next_url`` whatever host was asked: clients must reduce it to its path
LIFE = 120  #: days; no contract is listed longer before it expires
_TICKER = re.compile(r"[A-Z]{1,5}(\.[A-Z])?")
_OPTION = re.compile(r"O:([A-Z]{1,5})(\d{6})([CP])(\d{8})")
_COUNTS = ((10**11, SECOND), (10**14, 10**6), (10**17, 10**3), (2**63, 1))


@dataclass(frozen=True, slots=True)
class Contract:
    """What an option's symbol says: days since 1970, 1/10,000 USD, 0 or 1."""

    underlying: str
    expiry: int
    strike: int
    is_put: int


def bad(said: str) -> Refused:
    """A 400."""
    return Refused(400, {"status": "ERROR", "request_id": "0" * 32, "error": said})


def missing(said: str = "Ticker not found.") -> Refused:
    """A 404."""
    return Refused(404, {"status": "NOT_FOUND", "request_id": "0" * 32, "message": said})


def envelope(asked: Asked, results: Any, **more: Any) -> dict[str, Any]:
    """The common body."""
    return {"status": "OK", "request_id": request_id(asked), "results": results, **more}


def request_id(asked: Asked) -> str:
    """32 hex digits, the same for the same question."""
    return hashlib.blake2b(repr((asked.path, sorted(asked.query.items()), asked.start)).encode(), digest_size=16).hexdigest()


def stock(text: str) -> str:
    """A ticker of the market; raises a 404 for what can be none."""
    if not _TICKER.fullmatch(text):
        raise missing()
    return text


def contract(text: str) -> Contract:
    """What an option's symbol says; raises a 404 for what is none."""
    match = _OPTION.fullmatch(text)
    if match is None:
        raise missing()
    date = match[2]
    expiry = day(f"20{date[:2]}-{date[2:4]}-{date[4:]}")
    return Contract(match[1], int(expiry.astype(np.int64)), int(match[4]) * 10, int(match[3] == "P"))


def option_symbol(underlying: str, expiry: int, strike: int, is_put: int) -> str:
    """``O:`` and the OCC symbol of a contract."""
    date = str(np.datetime64(expiry, "D"))
    return f"O:{underlying}{date[2:4]}{date[5:7]}{date[8:]}{'P' if is_put else 'C'}{strike // 10:08d}"


def day(text: str) -> np.datetime64:
    """A date; raises a 400."""
    try:
        return date_of(text)
    except BadInput:
        raise bad(f"Could not parse the time parameter: '{text}'. Use YYYY-MM-DD.") from None


def moment(text: str, *, end: bool = False) -> Instant:
    """A date in New York (its first instant, or its last) or a count of s, ms, us or ns, told apart by its size, as ns UTC."""
    if text.isascii() and text.isdigit():
        count = int(text)
        for bound, scale in _COUNTS:
            if count < bound:
                return count * scale
        raise bad(f"Could not parse the time parameter: '{text}'.")
    date = day(text)
    return midnight(date + 1) - 1 if end else midnight(date)


@cache
def midnight(date: np.datetime64) -> Instant:
    """00:00 in New York of any date, ns UTC."""
    return int(datetime.fromisoformat(str(date)).replace(tzinfo=new_york()).timestamp()) * SECOND


@cache
def new_york() -> ZoneInfo:
    """The exchange's time zone."""
    return ZoneInfo("America/New_York")


def date_at(at: Instant) -> np.datetime64:
    """The date in New York at an instant."""
    return np.datetime64(datetime.fromtimestamp(at // SECOND, new_york()).date(), "D")


def whole(asked: Asked, name: str, default: int, most: int) -> int:
    """A whole number from 1 to ``most``; raises a 400."""
    text = asked.query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise bad(f"The parameter '{name}' must be a whole number above zero.")
    if int(text) > most:
        raise bad(f"The parameter '{name}' must not exceed {most}.")
    return int(text)


def flag(asked: Asked, name: str, default: bool) -> bool:
    """``true`` or ``false``; raises a 400."""
    text = asked.query.get(name, "true" if default else "false").lower()
    if text not in ("true", "false"):
        raise bad(f"The parameter '{name}' must be true or false.")
    return text == "true"


def span(asked: Asked, name: str, first: Instant, last: Instant) -> tuple[Instant, Instant]:
    """The instants, both included, that ``name`` and its ``.gt`` to ``.lte`` allow between ``first`` and ``last``."""
    query = asked.query
    if name in query:
        exact = moment(query[name])
        return (exact, midnight(day(query[name]) + 1) - 1) if "-" in query[name] else (exact, exact)
    for suffix, end, more in ((".gte", False, 0), (".gt", True, 1)):
        if name + suffix in query:
            first = max(first, moment(query[name + suffix], end=end) + more)
    for suffix, end, more in ((".lte", True, 0), (".lt", False, -1)):
        if name + suffix in query:
            last = min(last, moment(query[name + suffix], end=end) + more)
    return first, last


def next_url(world: World, asked: Asked, start: int) -> str:
    """Where the page after this one is; the world of all pages is that of the first one."""
    packed = json.dumps([world.now(), start, dict(asked.query)], separators=(",", ":")).encode()
    return f"{HOST}{asked.path}?cursor={base64.urlsafe_b64encode(_seal(asked.path, packed) + packed).decode().rstrip('=')}"


def resumed(world: World, asked: Asked) -> tuple[World, Asked]:
    """The question that a cursor stands for, and its world; a question without one as it is. Raises a 400 for no cursor of ours."""
    text = asked.query.get("cursor")
    if text is None:
        return world, asked
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    packed = raw[8:]
    if len(raw) < 9 or raw[:8] != _seal(asked.path, packed):
        raise bad("The parameter 'cursor' is not valid.")
    now, start, query = json.loads(packed)
    return world.at(now), Asked(path=asked.path, parts=asked.parts, query=query, start=start)


def years(world: World) -> tuple[Instant, Instant]:
    """The first and the last instant that can have rows."""
    return midnight(np.datetime64("2005-01-01")), world.now() + DAY


def _seal(path: str, packed: bytes) -> bytes:
    return hashlib.blake2b(path.encode() + packed, digest_size=8).digest()
