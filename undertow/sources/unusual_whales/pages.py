"""Walking through pages whose ends the vendor does not tell: cursors that overlap, rows once each, caps, and an account of what lacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from undertow.core.time import SECOND, Duration, Instant, iso
from undertow.sources.unusual_whales.envelope import Row, unwrap
from undertow.sources.unusual_whales.rows import moment, stable
from undertow.sources.wire.client import Params, Wire
from undertow.sources.wire.errors import BadAnswer

_ROUND = 50  # a page of 50, 100, 200 … rows may be a silent cap, whatever was asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What to walk through, newest row first. ``clock`` names the column of the cursor, which counts in ``step`` ns."""

    path: str
    params: Mapping[str, str | int | float | bool | list[str]] = field(default_factory=dict)
    limit: int = 500  #: rows to ask for in a page; 0 where the endpoint takes no limit
    clock: str = "executed_at"
    step: Duration = SECOND
    most_pages: int = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """How complete an answer is. ``why`` says what is missing; empty where nothing is known to be."""

    path: str
    pages: int = 0
    rows: int = 0  #: taken
    repeated: int = 0  #: told on two pages
    outside: int = 0  #: outside what was asked for
    why: str = ""

    @property
    def complete(self) -> bool:
        """Whether all there is was read, as far as one can tell."""
        return not self.why


async def by_cursor(wire: Wire, walk: Walk, after: Instant, until: Instant) -> tuple[list[Row], Account]:
    """Rows whose ``walk.clock`` lies in ``[after, until)``, each once, newest first. Raises ``WireError``.

    Each page begins within the last step of the page before: a step that holds more rows than a page is said to be incomplete.
    The bounds are kept here, as the vendor's own forget the day once a cursor is given.
    """
    seen: set[int] = set()
    taken: list[Row] = []
    repeated = outside = pages = 0
    why: list[str] = []
    cursor = None if "date" in walk.params else until
    while pages < walk.most_pages:
        rows = await _page(wire, walk, _cursor(walk, cursor, after))
        pages += 1
        fresh = _fresh(rows, seen)
        repeated += len(rows) - len(fresh)
        at = [moment(row.get(walk.clock)) for row in rows]
        for row in fresh:
            if after <= moment(row.get(walk.clock)) < until:
                taken.append(row)
            else:
                outside += 1
        if not rows or min(at) < after or not _may_be_cut(rows, walk.limit):
            break
        oldest = min(at) // walk.step * walk.step
        if cursor is not None and oldest + walk.step >= cursor:  # the page did not get past its first step
            why.append(f"the {walk.step / SECOND:g} s from {iso(oldest)} may hold more rows than a page")
            oldest -= walk.step
        cursor = oldest + walk.step
        if cursor <= after:
            break
    else:
        why.append(f"stopped after {pages} pages, at {iso(cursor or until)}")
    return taken, Account(path=walk.path, pages=pages, rows=len(taken), repeated=repeated, outside=outside, why="; ".join(why))


async def by_number(wire: Wire, walk: Walk, oldest: Instant | None = None) -> tuple[list[Row], Account]:
    """Rows of numbered pages, each once; where ``oldest`` is given, until a page reaches behind it by ``walk.clock``. Raises ``WireError``.

    The first page is asked for without a number, so whether the vendor counts from 0 or from 1 shows by itself.
    """
    seen: set[int] = set()
    taken: list[Row] = []
    repeated = pages = number = 0
    why = ""
    while True:
        if pages >= walk.most_pages:
            why = f"stopped after {pages} pages"
            break
        rows = await _page(wire, walk, {"page": number} if pages else {})
        pages += 1
        fresh = _fresh(rows, seen)
        repeated += len(rows) - len(fresh)
        taken += fresh
        number += 1
        if not rows or (not fresh and number > 2) or not _may_be_cut(rows, walk.limit):
            break
        if oldest is not None and min(moment(row.get(walk.clock)) for row in rows) < oldest:
            break
    return taken, Account(path=walk.path, pages=pages, rows=len(taken), repeated=repeated, why=why)


async def one_page(wire: Wire, walk: Walk) -> tuple[list[Row], Account]:
    """Rows of an endpoint that has no pages: a full one is said to be incomplete. Raises ``WireError``."""
    rows = await _page(wire, walk, {})
    why = f"the vendor gives the newest {len(rows)} rows only" if walk.limit and len(rows) >= walk.limit else ""
    return rows, Account(path=walk.path, pages=1, rows=len(rows), why=why)


async def _page(wire: Wire, walk: Walk, more: Mapping[str, Any]) -> list[Row]:
    params: Params = {**walk.params, **({"limit": walk.limit} if walk.limit else {}), **more}
    answer = await wire.get(walk.path, params)
    rows = list(unwrap(answer.json, walk.path).rows)
    if walk.limit and len(rows) > 10 * walk.limit:
        raise BadAnswer(f"{walk.path} sent {len(rows)} rows where at most {walk.limit} were asked for; nothing was taken.", path=walk.path)
    return rows


def _cursor(walk: Walk, cursor: Instant | None, after: Instant) -> dict[str, Any]:
    if cursor is None:
        return {}
    unit = SECOND if walk.step >= SECOND else 10**6
    return {"older_than": -(-cursor // unit), "newer_than": after // unit - 1}


def _may_be_cut(rows: list[Row], limit: int) -> bool:
    return len(rows) >= limit or len(rows) % _ROUND == 0


def _fresh(rows: list[Row], seen: set[int]) -> list[Row]:
    """The rows not seen before, which are seen from now on. A row is told apart by all it says: tracking ids may be 0."""
    out: list[Row] = []
    for row in rows:
        mark = stable(*sorted((name, str(value)) for name, value in row.items()))
        if mark not in seen:
            seen.add(mark)
            out.append(row)
    return out
