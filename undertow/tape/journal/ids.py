"""Ids that follow from what was decided: a process that starts anew finds the same ones, at home and at the broker."""

from __future__ import annotations

from base64 import b32encode
from functools import lru_cache
from hashlib import sha256

from undertow.core.errors import BadInput
from undertow.core.time import Instant

LONGEST = 48  #: characters, the shortest limit of the brokers we know
MOST_TRIES = 10_000  #: orders of one decision
_SHOWN = 12  #: letters and digits of the symbol, for a person's eyes


@lru_cache(maxsize=4_096)
def decision_id(run: str, at: Instant, symbol: str, strategy: str) -> str:
    """The one id of a decision, from its inputs to its fills; at most 42 letters, digits and hyphens.

    The symbol in it is for people; 128 bits of SHA-256 over all four keep decisions apart.

    >>> decision_id("demo", 0, "BRK.B", "flow")
    'ut-BRKB-f2xtcs5sc6hsq5yqi3pe2apg3a'
    """
    for name, text in (("run", run), ("symbol", symbol), ("strategy", strategy)):
        if not text:
            raise BadInput(f"A decision's id needs a {name}.")
    parts = [text.encode() for text in (run, str(int(at)), symbol, strategy)]
    digest = sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()[:16]
    shown = "".join(letter for letter in symbol if letter.isascii() and letter.isalnum())[:_SHOWN] or "x"
    return f"ut-{shown}-{b32encode(digest).decode().rstrip('=').lower()}"


def client_order_id(run: str, at: Instant, symbol: str, strategy: str, n: int = 0) -> str:
    """The id of a decision's order number ``n``, from 0: the decision's own id, a hyphen and ``n``; at most 48 characters."""
    if not 0 <= n < MOST_TRIES:
        raise BadInput(f"Order {n} of one decision: the number must be between 0 and {MOST_TRIES - 1:,}.")
    return f"{decision_id(run, at, symbol, strategy)}-{n}"


def decision_of(order: str) -> str:
    """The decision whose order has this id, as the broker tells it."""
    return order.rpartition("-")[0]
