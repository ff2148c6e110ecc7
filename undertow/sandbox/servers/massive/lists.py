"""Lists by filter: rows that a question's parameters allow, sorted and cut into pages as the vendor's reference endpoints do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from undertow.sandbox.servers.asked import Asked
from undertow.sandbox.servers.massive.asking import bad, envelope, next_url, whole
from undertow.sandbox.servers.world import World

Row = Mapping[str, Any]


def listed(
    world: World, asked: Asked, rows: Sequence[Row], fields: Sequence[str], *, limits: tuple[int, int], order: str = ""
) -> dict[str, Any]:
    """A page of the rows that pass the question's filters on ``fields``.

    limits : the default page size and the largest
    order  : field and direction unless asked otherwise, ``"date.desc"``
    """
    limit = whole(asked, "limit", *limits)
    kept = [row for row in rows if _passes(asked, row, fields)]
    sort = asked.query.get("sort", order)
    for part in reversed([part for part in sort.split(",") if part]):
        name, _, direction = part.partition(".")
        direction = direction or asked.query.get("order", order.partition(".")[2] or "asc")
        if direction not in ("asc", "desc"):
            raise bad(f"The order must be asc or desc, not '{direction}'.")
        if kept and name not in kept[0]:
            raise bad(f"The parameter 'sort' cannot be '{name}'.")
        kept.sort(key=lambda row, name=name: row[name], reverse=direction == "desc")  # type: ignore[misc]
    page = kept[asked.start : asked.start + limit]
    body = envelope(asked, page, count=len(page))
    if asked.start + limit < len(kept):
        body["next_url"] = next_url(world, asked, asked.start + limit)
    return body


def _passes(asked: Asked, row: Row, fields: Sequence[str]) -> bool:
    return all(_allowed(asked, name, row.get(name)) for name in fields)


def _allowed(asked: Asked, name: str, value: Any) -> bool:
    query = asked.query
    if name in query and value != _like(query[name], value, name):
        return False
    if name + ".any_of" in query and value not in [_like(text, value, name) for text in query[name + ".any_of"].split(",")]:
        return False
    for suffix in (".gt", ".gte", ".lt", ".lte"):
        if name + suffix in query:
            bound = _like(query[name + suffix], value, name)
            inside = {".gt": value > bound, ".gte": value >= bound, ".lt": value < bound, ".lte": value <= bound}[suffix]
            if not inside:
                return False
    return True


def _like(text: str, value: Any, name: str) -> Any:
    if isinstance(value, bool):
        return text.lower() == "true"
    if isinstance(value, int | float):
        try:
            return float(text)
        except ValueError:
            raise bad(f"The parameter '{name}' must be a number, not '{text}'.") from None
    return text
