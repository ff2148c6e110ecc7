"""What each vendor says when it gives no data: status, content type and body by path."""

from __future__ import annotations

from undertow.sandbox.servers.faults import Fault

_JSON = "application/json"
_BROKER = ("account", "orders", "positions", "assets", "clock", "calendar")
_PRICING = "https://massive.com/pricing"
_HTML = b"<!DOCTYPE html>\n<html><head><title>500 Internal Server Error</title></head><body><h1>Internal Server Error</h1></body></html>\n"
Refusal = tuple[int, str, bytes]  #: status, content type, body
#: what a plan without streams is told at ``/socket``
NO_STREAM: Refusal = 403, _JSON, b'{"code":"websocket_access_missing","message":"WebSocket access is not part of your plan."}'


def vendor(path: str) -> str:
    """Whose path it is: ``unusual_whales``, ``flatfiles``, ``alpaca`` or ``massive``."""
    if path.startswith(("/live/", "/stream")) or path.removeprefix("/v2/").split("/")[0].split(":")[0] in _BROKER:
        return "alpaca"
    if path == "/api" or path.startswith(("/api/", "/socket")):
        return "unusual_whales"
    return "flatfiles" if path == "/flatfiles" or path.startswith("/flatfiles/") else "massive"


def unauthorised(path: str, *, given: bool) -> Refusal:
    """401: another key than ours, or none at all."""
    whose = vendor(path)
    if whose == "flatfiles":
        return 403, "application/xml", _xml("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
    if whose == "alpaca":
        return _alpaca(403, 40310000, "forbidden.")
    if whose == "unusual_whales":
        return 401, _JSON, b'{"error":{"code":"invalid_token","message":"Missing or invalid token"}}'
    return 401, _JSON, _massive("ERROR", "error", "Unknown API Key" if given else "API Key was not provided")


def refusal(fault: Fault, path: str) -> Refusal:
    """What a fault of ``REST`` that is an answer of its own looks like on this path."""
    if fault.name == "401":
        return unauthorised(path, given=True)
    if fault.name == "403":
        return _forbidden(fault, path)
    if fault.name == "500-html":
        return 500, "text/html", _HTML
    if fault.name == "500":
        return _internal(path)
    if fault.name in ("504", "504-after"):
        return 504, "text/plain", b"upstream request timeout"
    return _too_many(path)


def _internal(path: str) -> Refusal:
    if vendor(path) == "alpaca":
        return _alpaca(500, 50010000, "internal server error occurred")
    return 500, _JSON, b'{"error":"Internal Server Error"}'


def _forbidden(fault: Fault, path: str) -> Refusal:
    whose = vendor(path)
    if whose == "alpaca":
        return unauthorised(path, given=True)
    if whose == "flatfiles":
        return 403, "application/xml", _xml("AccessDenied", "Access Denied")
    if path.startswith("/socket"):
        return NO_STREAM
    if whose == "unusual_whales":
        day = fault.earliest or "2026-01-05"
        said = f"The earliest date currently available to you is {day} (90 trading days)."
        return 403, _JSON, b'{"code":"historic_data_access_missing","message":"%s"}' % said.encode()
    said = "You are not entitled to this data."
    if fault.earliest:
        said = f"Your plan doesn't include this data timeframe. It begins on {fault.earliest}."
    return 403, _JSON, _massive("NOT_AUTHORIZED", "message", f"{said} Please upgrade your plan at {_PRICING}")


def _too_many(path: str) -> Refusal:
    whose = vendor(path)
    if whose == "flatfiles":
        return 429, "application/xml", _xml("SlowDown", "Please reduce your request rate.")
    if whose == "alpaca":
        return _alpaca(429, 42910000, "rate limit exceeded")
    if whose == "unusual_whales":
        return 429, _JSON, b'{"error":{"code":"rate_limit_exceeded","message":"You have exceeded the requests allowed per minute."}}'
    said = "You've exceeded the maximum requests per minute, please wait or upgrade your subscription to continue."
    return 429, _JSON, _massive("ERROR", "error", f"{said} {_PRICING}")


def _alpaca(status: int, code: int, said: str) -> Refusal:
    return status, _JSON, f'{{"code":{code},"message":"{said}"}}'.encode()


def _massive(status: str, name: str, said: str) -> bytes:
    return f'{{"status":"{status}","request_id":"{"0" * 32}","{name}":"{said}"}}'.encode()


def _xml(code: str, said: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{said}</Message></Error>'.encode()
