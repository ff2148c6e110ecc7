"""A vendor that repeats the key it was given wherever it can: in headers, bodies, error texts, pages' addresses and sockets' farewells."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote

from undertow.sandbox.servers.gate import App, Message, Receive, Scope, Send

_CREDENTIAL = re.compile(r"Credential=([^/]+)")
_SAID = re.compile(rb'("(?:error|message)":"|<h1>|<Message>)')
_FOLLOW = re.compile(rb'("next_url":"[^"]+)')
_STATUS = re.compile(r'("status":"(?:auth_success|auth_failed|max_connections|error)","message":")')
_MOST_REASON = 123  # bytes of a close frame


@dataclass(frozen=True, slots=True)
class Parrot:
    """An ASGI layer around a vendor."""

    app: App
    repeated: list[str] = field(default_factory=list)  #: keys, as often as they were sent back

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or connection."""
        if scope["type"] == "http":
            await self.app(scope, receive, _Http(send, _given(scope), self.repeated))
        elif scope["type"] == "websocket":
            token = parse_qs(scope["query_string"].decode()).get("token", [""])[0]
            socket = _Socket(receive, send, self.repeated, token)
            await self.app(scope, socket.receive, socket.send)
        else:
            await self.app(scope, receive, send)


def _given(scope: Scope) -> str:
    said = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"), "")
    signed = _CREDENTIAL.search(said)
    return signed[1] if signed else said.removeprefix("Bearer ").strip()


@dataclass(slots=True)
class _Http:
    out: Send
    key: str
    repeated: list[str]
    start: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
            return
        if self.start is not None:
            begun, self.start = self.start, None
            body = message.get("body", b"")
            told = self._told(begun, body) if self.key and body else body
            extra = len(told) - len(body)
            headers = [(n, b"%d" % (int(v) + extra) if n.lower() == b"content-length" else v) for n, v in begun["headers"]]
            if self.key:
                headers.append((b"x-your-key", self.key.encode()))
                self.repeated.append(self.key)
            await self.out({**begun, "headers": headers})
            message = {**message, "body": told}
        await self.out(message)

    def _told(self, start: Message, body: bytes) -> bytes:
        key = self.key.encode()
        kind = dict(start["headers"]).get(b"content-type", b"").split(b";")[0]
        if start["status"] >= 400:
            return _SAID.sub(rb"\1" + key + b" ", body) if kind != b"text/plain" else key + b" " + body
        if kind == b"application/json" and body[:1] == b"{" and body[:2] != b"{}":
            body = _FOLLOW.sub(rb"\1&apiKey=" + quote(self.key, safe="").encode(), body)
            return b'{"your_key":"' + key + b'",' + body[1:]
        return body


@dataclass(slots=True)
class _Socket:
    take: Receive
    out: Send
    repeated: list[str]
    key: str

    async def receive(self) -> Message:
        message = await self.take()
        text = message.get("text") or ""
        if '"auth"' in text:
            self.key = json.loads(text)["params"]
        return message

    async def send(self, message: Message) -> None:
        if self.key and message["type"] == "websocket.accept":
            message = {**message, "headers": [*message.get("headers", []), (b"x-your-key", self.key.encode())]}
        elif self.key and message["type"] == "websocket.close":
            message = {**message, "reason": f"{self.key} {message.get('reason', '')}"[:_MOST_REASON]}
        elif self.key and message.get("text"):
            text = _STATUS.sub(lambda found: f"{found[1]}{self.key} ", message["text"])
            text = text.replace('"response":{}', f'"response":{{"token":"{self.key}"}}')
            text = text.replace('"reason":"', f'"reason":"{self.key} ')
            message = {**message, "text": text}
        if self.key:
            self.repeated.append(self.key)
        await self.out(message)
