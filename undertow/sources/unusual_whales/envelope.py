"""One unwrapper for every shape in which Unusual Whales wraps rows (facts B.1, B.3); an error or a fragment is never an empty result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from undertow.sources.unusual_whales.verdict import error_in
from undertow.sources.wire.errors import BadAnswer, BadRequest, NotFound

Row = Mapping[str, Any]
VALUE = "value"  #: the name under which a row that is a bare text or number is kept
_LISTS = ("data", "chains", "trades")


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What an answer holds."""

    rows: tuple[Row, ...]
    date: str = ""  #: the New York day that the answer speaks of, YYYY-MM-DD, where it says so
    has_more: bool | None = None  #: None where it does not say
    alert: Row | None = None  #: the alert whose trades the rows are


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One WebSocket message. An acknowledgement has no rows and is not data."""

    channel: str
    rows: tuple[Row, ...]
    is_ack: bool = False


def unwrap(body: Any, path: str = "") -> Envelope:
    """The rows of a decoded body, whole numbers as they were decoded.

    Raises what the body says (``NotEntitled``, ``NotFound``, ``BadRequest`` …), and ``BadAnswer`` where it holds no rows and no reason.
    """
    if isinstance(body, list):
        if len(body) == 2 and isinstance(body[0], str) and not isinstance(body[1], str):
            raise BadAnswer("Unusual Whales sent a WebSocket message where a body was expected; nothing was taken from it.", path=path)
        return Envelope(rows=_rows(body, path))
    if not isinstance(body, dict):
        raise BadAnswer(f"Unusual Whales sent {str(body)[:60]!r} where rows were expected; nothing was taken from it.", path=path)
    if not body:
        raise NotFound(f"Unusual Whales knows nothing at {path or 'this path'}: it answered with an empty object.", path=path, status=404)
    if (error := error_in(body, path)) is not None:
        raise error
    name = next((name for name in _LISTS if name in body), "")
    if name == "trades" and "alert" not in body:
        name = ""
    if not name:
        return Envelope(rows=(body,))
    date, more, alert = body.get("date"), body.get("has_more"), body.get("alert")
    return Envelope(
        rows=_rows(body[name], path),
        date=date if isinstance(date, str) else "",
        has_more=more if isinstance(more, bool) else None,
        alert=alert if isinstance(alert, dict) else None,
    )


def frame(message: Any) -> Frame:
    """A WebSocket message ``[channel, payload]``. Raises ``BadRequest`` for a refused join and ``BadAnswer`` for anything else."""
    if not isinstance(message, list) or len(message) != 2 or not isinstance(message[0], str):
        raise BadAnswer(f"Unusual Whales sent {str(message)[:60]!r} where [channel, payload] was expected; it was not stored.")
    channel, payload = message
    if isinstance(payload, dict) and "status" in payload and "response" in payload:
        if payload["status"] != "ok":
            said = str(payload["response"])[:200]
            raise BadRequest(f"Unusual Whales refused the channel {channel}: {said}. Nothing will come on it.", path=channel)
        return Frame(channel=channel, rows=(), is_ack=True)
    if isinstance(payload, dict) and payload:
        return Frame(channel=channel, rows=(payload,))
    if isinstance(payload, list) and payload and all(isinstance(row, dict) for row in payload):
        return Frame(channel=channel, rows=tuple(payload))
    raise BadAnswer(f"Unusual Whales sent {str(payload)[:60]!r} on {channel} where a row was expected; it was not stored.")


def _rows(data: Any, path: str) -> tuple[Row, ...]:
    if isinstance(data, dict):
        return (data,)
    if not isinstance(data, list):
        raise BadAnswer(f"Unusual Whales' answer{f' to {path}' if path else ''} has no list of rows; nothing was taken from it.", path=path)
    out: list[Row] = []
    for entry in data:
        if isinstance(entry, dict):
            inner = entry.get("data")
            if isinstance(inner, list) and all(isinstance(row, dict) for row in inner):
                around = {name: value for name, value in entry.items() if name != "data"}
                out += [around | row for row in inner]
            else:
                out.append(entry)
        elif isinstance(entry, str | int | float) and not isinstance(entry, bool):
            out.append({VALUE: entry})
        else:
            raise BadAnswer(f"A row of Unusual Whales' answer is {str(entry)[:40]!r}, no object; nothing was taken from it.", path=path)
    return tuple(out)
