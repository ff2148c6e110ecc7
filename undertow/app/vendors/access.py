"""Keys and hosts, from flags and the environment. A key is held so that no print, log or error can show it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from undertow.core.errors import BadInput
from undertow.sources.wire.key import Key

MASSIVE_KEYS = ("POLYGON_API_KEY", "MASSIVE_API_KEY")
WHALES_KEY = "UNUSUAL_WHALES_API_KEY"
FILES_KEYS = ("MASSIVE_S3_ACCESS_KEY_ID", "MASSIVE_S3_SECRET_ACCESS_KEY")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """Where each vendor answers; every one can be set, so that a sandbox or a proxy can stand in."""

    massive: str = "https://api.massive.com"
    massive_socket: str = "wss://socket.massive.com"
    files: str = "https://files.massive.com"
    whales: str = "https://api.unusualwhales.com"
    whales_socket: str = "wss://api.unusualwhales.com/socket"


#: field of ``Hosts`` -> the variables that set it, the first one that is there counts
HOST_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "massive": ("POLYGON_BASE_URL", "MASSIVE_BASE_URL"),
    "massive_socket": ("POLYGON_WS_URL", "MASSIVE_WS_URL"),
    "files": ("FLATFILES_ENDPOINT",),
    "whales": ("UW_BASE_URL",),
    "whales_socket": ("UW_WS_URL",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesKey:
    """The pair that opens the flat files; it is not the API key."""

    id: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a user has."""

    massive: Key | None = None
    whales: Key | None = None
    files: FilesKey | None = None
    hosts: Hosts = field(default_factory=Hosts)

    @property
    def any(self) -> bool:
        """Whether there is a key to any vendor."""
        return self.massive is not None or self.whales is not None


def access(massive: str | None = None, whales: str | None = None, environment: Mapping[str, str] | None = None) -> Access:
    """Keys as given, else from the environment; hosts from the environment. Raises ``BadInput`` that never repeats a key."""
    there = os.environ if environment is None else environment
    massive = massive or next((there[name] for name in MASSIVE_KEYS if there.get(name)), None)
    whales = whales or there.get(WHALES_KEY)
    pair = [there.get(name, "").strip() for name in FILES_KEYS]
    if any(pair) and not all(pair):
        raise BadInput(f"{FILES_KEYS[0]} and {FILES_KEYS[1]} belong together, and one of them is not set.")
    return Access(
        massive=Key(massive) if massive else None,
        whales=Key(whales) if whales else None,
        files=FilesKey(id=pair[0], secret=pair[1]) if all(pair) else None,
        hosts=_hosts(there),
    )


def _hosts(there: Mapping[str, str]) -> Hosts:
    given = {}
    for host, names in HOST_VARIABLES.items():
        name = next((name for name in names if there.get(name, "").strip()), None)
        if name is not None:
            given[host] = _checked(name, there[name].strip().rstrip("/"))
    return Hosts(**given)


def _checked(name: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
        parts = urlsplit("")
    if not host or parts.scheme not in ("http", "https", "ws", "wss") or parts.query or parts.username:
        raise BadInput(f"{name} is no address such as https://host or http://127.0.0.1:8700.")
    if parts.scheme in ("http", "ws") and host not in _LOOPBACK:
        raise BadInput(f"{name} would send your key in the clear to {host}: use https or wss; http is for this machine alone.")
    return url
