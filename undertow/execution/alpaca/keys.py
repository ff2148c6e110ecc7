"""Alpaca's pair of key id and secret, hidden like every key, and whether it belongs to the address."""

from __future__ import annotations

from undertow.core.errors import BadInput
from undertow.sources.wire.key import Key

_ID, _SECRET = "APCA-API-KEY-ID", "APCA-API-SECRET-KEY"
_OF_PAPER, _OF_LIVE = "PK", "AK"  # how the ids of both kinds begin


class Keys(Key):
    """Key id and secret, for the headers of a request and the first message of the stream; never shown."""

    __slots__ = ("_id", "_pair")

    def __init__(self, key_id: str, secret: str, *, real: bool) -> None:
        """Raises ``BadInput`` for a pair that cannot be one, or that is of the other kind of account than ``real`` says."""
        super().__init__(secret, header=_SECRET, scheme="")
        self._pair = Key(key_id, header=_ID, scheme="")
        self._id = key_id.strip()
        if real and self._id.startswith(_OF_PAPER):
            raise BadInput("This is a key of Alpaca's paper account, and live trading was asked for: give the live account's key.")
        if not real and self._id.startswith(_OF_LIVE):
            raise BadInput("This is a key of a live Alpaca account, and paper trading was asked for: give the paper account's key.")

    def headers(self) -> dict[str, str]:
        """Both headers."""
        return self._pair.headers() | super().headers()

    def login(self) -> dict[str, str]:
        """As the stream asks for it."""
        both = self.headers()
        return {"key_id": both[_ID], "secret_key": both[_SECRET]}

    def scrub(self, text: str) -> str:
        """The text without either."""
        return self._pair.scrub(super().scrub(text))

    def scrub_bytes(self, raw: bytes) -> bytes:
        """The bytes without either."""
        return self._pair.scrub_bytes(super().scrub_bytes(raw))
