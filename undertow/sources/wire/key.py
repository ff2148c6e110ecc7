"""A vendor's key that cannot be shown: not by repr, not in a log, not in an answer that repeats it."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from undertow.core.errors import BadInput

HIDDEN = "[key]"
_SECRET_LENGTH = 8


class Key:
    """A secret with the two things one may do with it: send it in a header, and name it by its hash."""

    __slots__ = ("_forms", "_header", "_scheme", "_secret", "name")

    def __init__(self, secret: str, *, header: str = "Authorization", scheme: str = "Bearer ") -> None:
        """Raises ``BadInput`` for a secret that is empty or cannot stand in a header."""
        secret = secret.strip()
        if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
            raise BadInput("The vendor's key is empty or has characters that no key has: copy it again from the vendor's dashboard.")
        self._secret = secret
        # a short word is a sandbox's key, no secret, and may stand in any answer
        self._forms = tuple(dict.fromkeys((secret, quote(secret, safe="")))) if len(secret) >= _SECRET_LENGTH else ()
        self._header = header
        self._scheme = scheme
        self.name = hashlib.sha256(b"undertow:" + secret.encode()).hexdigest()[:16]  #: safe to write down

    def headers(self) -> dict[str, str]:
        """The header that carries it."""
        return {self._header: self._scheme + self._secret}

    def scrub(self, text: str) -> str:
        """The text without the secret."""
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text

    def scrub_bytes(self, raw: bytes) -> bytes:
        """The bytes without the secret; the same object where it is not in them."""
        for form in self._forms:
            if form.encode() in raw:
                raw = raw.replace(form.encode(), HIDDEN.encode())
        return raw

    def __repr__(self) -> str:
        return f"Key({self.name})"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a Key is not written down")
