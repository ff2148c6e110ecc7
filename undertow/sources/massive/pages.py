"""Every page of an answer, in order: none is read twice, and a cut is never taken for the end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from undertow.sources.massive.rows import Row, is_delayed, results
from undertow.sources.wire.answer import Answer
from undertow.sources.wire.client import Params, Wire
from undertow.sources.wire.errors import BadAnswer

MOST_PAGES = 20_000  # of 50,000 rows each: more than any question of ours
_KEYS = frozenset({"apikey", "api_key", "token"})


@dataclass(slots=True)
class Pages:
    """What all pages together said."""

    rows: list[Row] = field(default_factory=list)
    pages: int = 0
    duplicates: int = 0  #: rows that an earlier page had already brought, left out
    delayed: bool = False  #: the plan sees the market late
    received_at: int = 0  #: of the last page, ns UTC


async def pages(wire: Wire, path: str, params: Params | None = None) -> AsyncIterator[Answer]:
    """Answers from the first to the last, following ``next_url`` on the wire's own host whatever host it names.

    Raises ``WireError``; ``BadAnswer`` where ``next_url`` leads back to a page already read.
    """
    asked = {path + "?" + urlencode(list((params or {}).items()))}
    for _ in range(MOST_PAGES):
        answer = await wire.get(path, params)
        yield answer
        follow = answer.json.get("next_url") if isinstance(answer.json, dict) else None
        if not follow:
            return
        path, params = _next(follow), None
        if path in asked:
            raise BadAnswer(
                "Massive's pages lead in a circle: 'next_url' names a page already read. Nothing was taken; run again.", path=answer.path
            )
        asked.add(path)
    raise BadAnswer(f"Massive's answer has more than {MOST_PAGES} pages; nothing was taken. Ask for fewer days.", path=path.split("?")[0])


async def collect(wire: Wire, path: str, params: Params | None = None) -> Pages:
    """The rows of all pages; a row that an earlier page brought counts once. Nothing is returned unless every page came whole."""
    out = Pages()
    seen: set[bytes] = set()
    async for answer in pages(wire, path, params):
        rows = results(answer.json, answer.path)
        out.pages += 1
        out.delayed |= is_delayed(answer.json)
        out.received_at = answer.received_at
        several = out.pages > 1 or bool(answer.json.get("next_url"))
        marks = [_mark(row) for row in rows] if several else []
        fresh = [row for row, mark in zip(rows, marks, strict=True) if mark not in seen] if several else list(rows)
        seen.update(marks)
        out.duplicates += len(rows) - len(fresh)
        out.rows += fresh
    return out


def _mark(row: Row) -> bytes:
    return hashlib.blake2b(json.dumps(row, sort_keys=True).encode(), digest_size=12).digest()


def _next(follow: Any) -> str:
    """Path and query of ``next_url``, without any key."""
    parts = urlsplit(follow) if isinstance(follow, str) else None
    if parts is None or not parts.path.startswith("/") or parts.path.startswith("//"):
        raise BadAnswer("Massive's 'next_url' is no address, so the rest of the answer is out of reach; nothing was taken.")
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name.lower() not in _KEYS]
    return parts.path + ("?" + urlencode(query) if query else "")
