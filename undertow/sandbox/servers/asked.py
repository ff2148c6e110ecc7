"""What a question to a vendor's REST is here, and its refusal: plain values, so that answers need no web library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from undertow.sandbox.servers.world import World

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One GET."""

    path: str
    parts: Mapping[str, str] = field(default_factory=dict)  #: of the path, by the names in the route
    query: Mapping[str, str] = field(default_factory=dict)  #: of names given twice, the last
    start: int = 0  #: where a page begins, as the page before it said


class Refused(Exception):
    """No data: a status and the vendor's own body for it."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


Answer = Callable[[World, Asked], Any]  #: a body; of ``World`` it sees one instant


def endpoint(world: World, answer: Answer) -> Callable[[Request], Response]:
    """A route's function: the answer as JSON, its world standing still while it is made. Not a coroutine: it takes time."""

    def respond(request: Request) -> Response:
        from msgspec import json
        from starlette.responses import Response

        asked = Asked(path=request.url.path, parts=request.path_params, query=dict(request.query_params))
        status = 200
        try:
            body = answer(world.at(world.now()), asked)
        except Refused as refused:
            status, body = refused.status, refused.body
        return Response(json.encode(body), status, media_type="application/json")

    return respond
