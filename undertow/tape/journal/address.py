"""Where a journal in PostgreSQL is: a URL that cannot be shown, because a password stands in it.

``postgresql://USER:PASSWORD@HOST:PORT/DATABASE?NAME=VALUE&…``, with what a URL gives a meaning to written as ``%XX``. The names:

===========  ======================================================================================================================
schema       in which the tables are, ``undertow`` if absent; a chain that has a name is in the schema ``undertow-NAME``
host         a folder with the server's socket, instead of HOST
sslmode      disable, prefer, require, verify-ca or verify-full; if absent, require, and prefer where the server is this machine
sslrootcert  a file with the certificates of who may vouch for the server; if absent, those of the system
===========  ======================================================================================================================
"""

from __future__ import annotations

import ssl
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from undertow.core.errors import BadInput

SCHEMES = ("postgresql", "postgres")
MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
HIDDEN = "[password]"
_NAMES = ("schema", "host", "sslmode", "sslrootcert")
_HERE = ("localhost", "127.0.0.1", "::1")
_LONGEST = 63  # bytes of a name in PostgreSQL
_LIKE = "it must be like postgresql://USER:PASSWORD@HOST:5432/DATABASE, with / @ : ? # and % in a password as %2F %40 %3A %3F %23 and %25"


class Address:
    """A database and a schema in it, with who asks; shown without who, and never with the password."""

    __slots__ = ("_base", "_database", "_host", "_mode", "_name", "_password", "_port", "_root", "_user")

    def __init__(self, url: str) -> None:
        """Raises ``BadInput``, which says nothing of what was given: any of it may be the password."""
        try:
            parts = urlsplit(url.strip())
            port = parts.port
            options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True) if parts.query else []
        except ValueError:
            raise BadInput(f"The URL of the journal cannot be read: {_LIKE}.") from None
        given = dict(options)
        self._host = given.get("host", "") or parts.hostname or ""
        self._port = 5432 if port is None else port
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._database = unquote(parts.path.removeprefix("/"))
        if parts.scheme not in SCHEMES or parts.fragment or not (self._host and self._user and self._database):
            raise BadInput(f"The URL of the journal lacks its scheme, user, host or database, or has too much: {_LIKE}.")
        if len(given) != len(options) or not set(given) <= set(_NAMES):
            raise BadInput(f"The URL of the journal has after its ? at most once each: {', '.join(_NAMES)}.")
        here = self._host.startswith("/") or self._host in _HERE
        self._mode, self._root = given.get("sslmode", "prefer" if here else "require"), given.get("sslrootcert")
        if self._mode not in MODES:
            raise BadInput(f"The URL of the journal has an sslmode that is none of {', '.join(MODES)}.")
        self._base, self._name = given.get("schema", "undertow"), ""
        if not self._base.isprintable() or not 0 < len(self._base.encode()) <= _LONGEST or self._base.startswith("pg_"):
            raise BadInput(f"The URL of the journal must have a schema of 1 to {_LONGEST} printable bytes that does not begin with pg_.")

    def named(self, chain: str) -> Address:
        """The place of the chain of this name in the same database; no two names have the same."""
        other = object.__new__(Address)
        for slot in Address.__slots__:
            setattr(other, slot, getattr(self, slot))
        other._name = chain
        return other

    @property
    def schema(self) -> str:
        """In which the tables are."""
        full = f"{self._base}-{self._name}" if self._name else self._base
        if len(full.encode()) <= _LONGEST and full.isprintable():
            return full
        shown = "".join(letter for letter in full if letter.isascii() and letter.isprintable())[: _LONGEST - 33]
        return f"{shown}-{sha256(full.encode()).hexdigest()[:32]}"

    def arguments(self) -> dict[str, Any]:
        """What pg8000 connects with. Raises ``BadInput`` where the certificates cannot be read."""
        found: dict[str, Any] = {"user": self._user, "password": self._password or None, "database": self._database}
        if self._host.startswith("/"):
            return found | {"unix_sock": f"{self._host}/.s.PGSQL.{self._port}", "ssl_context": False}
        return found | {"host": self._host, "port": self._port, "ssl_context": self._context()}

    def scrub(self, text: str) -> str:
        """The text without the password."""
        return text.replace(self._password, HIDDEN) if self._password else text

    def _context(self) -> ssl.SSLContext | bool | None:
        if self._mode in ("disable", "prefer"):
            return False if self._mode == "disable" else None
        try:
            context = ssl.create_default_context(cafile=self._root)
        except OSError as error:
            raise BadInput("The sslrootcert in the URL of the journal is no file with certificates.") from error
        if self._mode != "verify-full":
            context.check_hostname = False
        if self._mode == "require" and self._root is None:
            context.verify_mode = ssl.CERT_NONE  # as everywhere: the line is hidden from others, and the server not asked who it is
        return context

    def __str__(self) -> str:
        if self._host.startswith("/"):
            return f"postgresql://:{self._port}/{self._database}?host={self._host}&schema={self.schema}"
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"postgresql://{host}:{self._port}/{self._database}?schema={self.schema}"

    def __repr__(self) -> str:
        return f"Address({self})"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("the address of a journal is not written down")


def is_url(text: str) -> bool:
    """Whether a text is meant as the URL of a database, and not as a path."""
    return text.strip().startswith(tuple(f"{scheme}:" for scheme in SCHEMES))
