"""Serving an app on loopback, in a thread for tests or until stopped for a command; quiet, for a query string may hold a key."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import cache
from threading import Thread
from time import sleep
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from undertow.core.errors import NotSupported

if TYPE_CHECKING:
    from fastapi import FastAPI
    from uvicorn import Server

HOST = "127.0.0.1"
DEAF = "sandbox.deaf"  #: in a socket's ``scope["extensions"]``: call it, and the connection neither reads, answers pings nor sends
CUT = "sandbox.cut"  #: there too: call it with a text, of which half goes out, and then the connection is gone
HANG_UP = "sandbox.hang_up"  #: in a request's ``scope["extensions"]``: call it, and the connection is gone without an answer
_LEAVE = 2  # seconds that open connections get at the end


class Serving:
    """An app on a port of its own while the block runs: ``with Serving(app) as base_url``."""

    def __init__(self, app: FastAPI, port: int = 0) -> None:
        self._server = _server(app)
        self._socket = _bound(port)
        self.base_url = f"http://{HOST}:{self._socket.getsockname()[1]}"
        self._thread = Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def __enter__(self) -> str:
        self.start()
        return self.base_url

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> Self:
        """Return once the port answers; raises NotSupported if the server ends before that."""
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise NotSupported(f"the simulated market did not start on {self.base_url}")
            sleep(0.005)
        return self

    def stop(self) -> None:
        """End the server; open connections are closed."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


def serve(app: FastAPI, port: int, ready: Callable[[str], None]) -> None:
    """Serve until interrupted; ``ready`` is told the base URL once the port is ours. Raises NotSupported if it is taken."""
    server, own = _server(app), _bound(port)
    ready(f"http://{HOST}:{own.getsockname()[1]}")
    try:
        server.run(sockets=[own])
    except KeyboardInterrupt:
        pass
    finally:
        own.close()


def _bound(port: int) -> socket.socket:
    # named as TCP, for asyncio sends small pieces at once on such alone; else each answer waits 40 ms for an acknowledgement
    own = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        own.bind((HOST, port))
    except OSError as error:
        own.close()
        raise NotSupported(f"Port {port} on {HOST} cannot be used ({error.strerror}); name another one.") from error
    return own


def _server(app: FastAPI) -> Server:
    from uvicorn import Config, Server

    return Server(
        Config(
            app,
            ws=_protocol(),
            http=_plain(),
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=_LEAVE,
        )
    )


@cache
def _plain() -> Any:
    # requests whose connection can be dropped before anything was answered
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Plain(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            served = self.config.loaded_app

            async def app(scope: Any, receive: Any, send: Any) -> None:
                scope.setdefault("extensions", {})[HANG_UP] = transport.abort
                await served(scope, receive, send)

            self.app = app

    return Plain


@cache
def _protocol() -> Any:
    # a socket that can go deaf: TCP stays open, and nothing comes or goes
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    class Protocol(WebSocketsSansIOProtocol):
        deaf = False

        def handle_connect(self, event: Any) -> None:
            super().handle_connect(event)
            scope: Any = getattr(self, "scope", None)
            if scope is not None:
                scope["extensions"] |= {DEAF: self._go_deaf, CUT: self._cut}

        def data_received(self, data: bytes) -> None:
            if not self.deaf:
                super().data_received(data)

        def shutdown(self) -> None:
            if self.deaf:
                self.transport.abort()
            else:
                super().shutdown()

        def _go_deaf(self) -> None:
            self.deaf = True
            self.stop_keepalive()

        def _cut(self, text: str) -> None:
            self.conn.send_text(text.encode())
            frame = b"".join(self.conn.data_to_send())
            self.transport.write(frame[: len(frame) // 2])
            self.transport.close()

    return Protocol
