"""One answer of a vendor: judged by its status, decoded with exact whole numbers, raw bytes kept."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from undertow.core.time import SECOND, Instant
from undertow.sources.wire.errors import (
    BadAnswer,
    BadRequest,
    NotEntitled,
    NotFound,
    RateLimited,
    Unauthorised,
    VendorDown,
    WireError,
)
from undertow.sources.wire.stamps import retry_after

_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_SAYS = 200  # characters of a vendor's own words in a message of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. The key is in none of it."""

    path: str  #: without its query
    status: int
    headers: Mapping[str, str]  #: names in lower case
    raw: bytes = field(repr=False)
    received_at: Instant  #: ns UTC
    json: Any = field(default=None, repr=False)  #: the decoded body, whole numbers exact; None where decoding was not asked for


def decoded(raw: bytes, path: str = "") -> Any:
    """JSON bytes as Python values, whole numbers exact. Raises ``BadAnswer``: broken, cut short, HTML, or NaN and infinity."""
    try:
        return json.loads(raw.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        start = raw[:60].decode("utf-8", "replace")
        raise BadAnswer(
            f"The vendor's answer{f' to {path}' if path else ''} is no whole JSON ({len(raw)} bytes, beginning {start!r}); "
            "nothing was taken from it. Run again.",
            path=path,
        ) from None


def verdict(answer: Answer) -> WireError | None:
    """The error that a status means, or None for 200: statuses as both vendors use them."""
    status, path = answer.status, answer.path
    if status == 200:
        return None
    said = words(answer.raw)
    tail = f" The vendor says: {said}" if said else ""
    wait = retry_after(answer.headers.get("retry-after", ""), answer.received_at)
    if status == 401:
        return Unauthorised(f"The vendor does not accept the key ({path}); nothing was read.{tail}", path=path, status=status)
    if status == 403 and not _is_json(answer.raw):
        return VendorDown(f"The vendor's edge refused {path} before looking at the key (403, no JSON).{tail}", path=path, status=status)
    if status in (402, 403):
        earliest = _earliest(said)
        since = f" It includes days from {earliest} on." if earliest else ""
        return NotEntitled(f"Your plan does not include {path}.{since}{tail}", path=path, status=status, earliest=earliest)
    if status == 404:
        return NotFound(f"The vendor knows nothing at {path}.{tail}", path=path, status=status)
    if status == 429:
        told = f" It asks to wait {wait / SECOND:g} s." if wait is not None else ""
        return RateLimited(f"Too many requests for this key ({path}).{told}{tail}", path=path, retry_after=wait or 0)
    if status == 408 or status >= 500:
        return VendorDown(f"The vendor failed at {path} (status {status}).{tail}", path=path, status=status, retry_after=wait or 0)
    if 400 <= status < 500:
        return BadRequest(f"The vendor refused the request to {path} (status {status}).{tail}", path=path, status=status)
    return BadAnswer(f"The vendor answered {path} with status {status}, which carries no data.", path=path, status=status)


def words(raw: bytes) -> str:
    """The vendor's own explanation in an error's body, shortened; empty where there is none that a person could use."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return ""
    for name in ("error", "message", "msg"):
        said = body.get(name) if isinstance(body, dict) else None
        if isinstance(said, dict):
            said = said.get("message")
        if isinstance(said, str) and said.strip():
            return " ".join(said.split())[:_SAYS]
    return ""


def _earliest(said: str) -> str:
    dates = _DATE.findall(said)
    return min(dates) if dates else ""


def _is_json(raw: bytes) -> bool:
    return raw.lstrip()[:1] in (b"{", b"[")


def _refuse(name: str) -> Any:
    raise ValueError(name)
