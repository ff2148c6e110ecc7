"""Flat files over S3, path style: list, get and head of the bucket ``flatfiles``, as the vendor serves them."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from undertow.core.time import SECOND, Instant
from undertow.sandbox.servers.faults import Faults
from undertow.sandbox.servers.flatfiles_shelf import UNIVERSE, File, Shelf
from undertow.sandbox.servers.world import World

if TYPE_CHECKING:
    from fastapi import APIRouter
    from starlette.requests import Request
    from starlette.responses import Response

BUCKET = "flatfiles"
MOST_KEYS = 31  #: on a page of a listing, whatever is asked for: each file must be made before its size is known
_CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256\s.*Credential=([^/,\s]+)/")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def routes(world: World, _: Faults, *, universe: Sequence[str] = UNIVERSE, access_key: str = "") -> APIRouter:
    """The bucket's routes. Any signed request is let in, or only those of ``access_key`` where one is given; signatures are not checked.

    What is to go wrong is the gate's affair, before a request comes here: the faults are taken for the sake of one form of ``routes``.
    """
    from fastapi import APIRouter
    from starlette.responses import Response

    shelf, router = Shelf(world, universe), APIRouter()

    def allowed(request: Request) -> bool:
        match = _CREDENTIAL.match(request.headers.get("authorization", ""))
        return match is not None and (not access_key or match[1] == access_key)

    def listing(request: Request) -> Response:
        if not allowed(request):
            return _error(403, "AccessDenied", "Access Denied", request)
        return Response(_listing(shelf, dict(request.query_params)), media_type="application/xml")

    def file(request: Request) -> Response:
        if not allowed(request):
            return _error(403, "AccessDenied", "Access Denied", request)
        key = request.path_params["key"]
        found = shelf.head(key) if request.method == "HEAD" else shelf.get(key)
        if found is None:
            return _error(404, "NoSuchKey", "The specified key does not exist.", request)
        return _object(found, request)

    router.add_route(f"/{BUCKET}", listing, methods=["GET"])
    router.add_route(f"/{BUCKET}/", listing, methods=["GET"])
    router.add_route(f"/{BUCKET}/{{key:path}}", file, methods=["GET", "HEAD"])
    return router


def _object(found: File, request: Request) -> Response:
    from starlette.responses import Response

    headers = {
        "ETag": f'"{found.etag}"',
        "Last-Modified": format_datetime(_utc(found.published_at), usegmt=True),
        "Accept-Ranges": "bytes",
        "Content-Type": "application/gzip",
    }
    wanted = request.headers.get("if-match", "*").strip()
    if wanted != "*" and wanted.strip('"') != found.etag:
        return _error(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", request)
    if request.headers.get("if-none-match", "").strip('"') == found.etag:
        return Response(status_code=304, headers=headers)
    if request.method == "HEAD":
        return Response(headers={**headers, "Content-Length": str(found.size)})
    first, last, status = _span(request.headers.get("range", ""), found.size)
    if status == 416:
        return _error(416, "InvalidRange", "The requested range is not satisfiable", request)
    if status == 206:
        headers["Content-Range"] = f"bytes {first}-{last}/{found.size}"
    return Response(found.body[first : last + 1], status, headers)


def _span(text: str, size: int) -> tuple[int, int, int]:
    """First and last byte of a ``Range`` header, and the status: 206, 416 where there is no such byte, 200 for what is no range."""
    match = _RANGE.fullmatch(text.strip())
    if match is None or not (match[1] or match[2]):
        return 0, size - 1, 200
    if not match[1]:
        first, last = max(0, size - int(match[2])), size - 1
    else:
        first, last = int(match[1]), min(int(match[2]) if match[2] else size - 1, size - 1)
    return (first, last, 206) if first <= last else (0, 0, 416)


def _listing(shelf: Shelf, params: dict[str, str]) -> str:
    """A ``ListBucketResult`` of version 2; the continuation token is the last key of the page before."""
    prefix, token = params.get("prefix", ""), params.get("continuation-token", "")
    asked = params.get("max-keys", "1000")
    most = min(int(asked) if asked.isdigit() else 1000, MOST_KEYS)
    after = base64.urlsafe_b64decode(token).decode() if token else params.get("start-after", "")
    keys = shelf.keys(prefix, after, most + 1)
    page, more = keys[:most], len(keys) > most and most > 0
    contents = "".join(_entry(found) for key in page if (found := shelf.head(key)))
    following = f"<NextContinuationToken>{base64.urlsafe_b64encode(page[-1].encode()).decode()}</NextContinuationToken>" if more else ""
    given = f"<ContinuationToken>{escape(token)}</ContinuationToken>" if token else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>{BUCKET}</Name><Prefix>{escape(prefix)}</Prefix><MaxKeys>{most}</MaxKeys><KeyCount>{len(page)}</KeyCount>"
        f"<IsTruncated>{str(more).lower()}</IsTruncated>{given}{following}{contents}</ListBucketResult>"
    )


def _entry(found: File) -> str:
    modified = _utc(found.published_at).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return (
        f"<Contents><Key>{escape(found.key)}</Key><LastModified>{modified}</LastModified><ETag>&quot;{found.etag}&quot;</ETag>"
        f"<Size>{found.size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
    )


def _error(status: int, code: str, message: str, request: Request) -> Response:
    from starlette.responses import Response

    body = (
        f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message>'
        f"<Resource>{escape(request.url.path)}</Resource><RequestId>0</RequestId></Error>"
    )
    return Response(b"" if request.method == "HEAD" else body, status, media_type="application/xml")


def _utc(at: Instant) -> datetime:
    return datetime.fromtimestamp(at // SECOND, UTC)
