"""What can go wrong at a vendor, on demand: each fault has a name, a place and a number of times."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

from undertow.core.errors import BadInput

#: of a request; ``disconnect`` is a connection that ends without an answer; what ends in ``-after`` comes once the request was carried out
REST = (
    "401", "403", "429", "429-retry-after", "500", "500-html", "504", "504-after", "disconnect", "disconnect-after", "truncated",
    "half-json", "no-results", "slow", "slow-after",
)  # fmt: skip
#: of the request that would open a socket: the answers of ``REST`` that are no data
DOOR = ("401", "403", "429", "429-retry-after", "500", "500-html", "504")
#: of a socket; ``evict`` is what a second connection with the same key does to the first, ``truncated`` ends the connection within a
#: message, ``half-json`` sends half a message as if it were whole
SOCKET = (
    "auth-failed", "not-entitled", "truncated", "half-json", "half-open", "mute", "slow", "duplicates", "out-of-order", "gap",
    "close-1000", "close-1011", "evict",
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault that will happen."""

    name: str
    match: str = ""  #: part of the method and path, or of the socket's path: /v2/aggs, POST /v2/orders, /stocks, /socket
    times: int = 1  #: requests or connections it still happens to; below zero: until it is cleared
    after: int = 0  #: requests (also those to open a socket), or on a socket data messages, that go well before it
    seconds: float = 5.0  #: how long slow is, and what Retry-After says
    lost: int = 5  #: messages that a gap swallows at Massive's socket; at the other one it swallows ``seconds`` of the market
    earliest: str = ""  #: of 403: the first day that the plan covers, YYYY-MM-DD


@dataclass(slots=True)
class Faults:
    """What is to go wrong, and an account of what was asked. Safe with threads."""

    planned: list[Fault] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)  #: path and query -> requests
    served: Counter[str] = field(default_factory=Counter)  #: path and query -> whole answers
    keys: set[str] = field(default_factory=set)  #: digests of the keys that asked
    _lock: Lock = field(default_factory=Lock)

    def plan(self, fault: Fault) -> None:
        """Let it happen from now on; raises BadInput for a fault that nobody knows."""
        if fault.name not in (*REST, *SOCKET):
            raise BadInput(f"fault {fault.name!r} is not one of {', '.join(dict.fromkeys((*REST, *SOCKET)))}")
        with self._lock:
            self.planned.append(fault)

    def clear(self) -> None:
        """Nothing goes wrong any more, and the account begins anew."""
        with self._lock:
            self.planned.clear()
            self.asked.clear()
            self.served.clear()
            self.keys.clear()

    def count(self, account: Counter[str], question: str) -> None:
        """Enter one question into ``asked`` or ``served``."""
        with self._lock:
            account[question] += 1

    def saw(self, key: str) -> None:
        """A key was given; only its digest is kept."""
        with self._lock:
            self.keys.add(hashlib.blake2b(key.encode(), digest_size=12).hexdigest())

    def account(self) -> dict[str, object]:
        """What was asked and what was served whole, and by how many keys."""
        with self._lock:
            return {"asked": dict(self.asked), "served": dict(self.served), "keys": len(self.keys)}

    def take(self, place: str, names: Sequence[str]) -> Fault | None:
        """The fault, of these names, that happens to this request or connection now, if any; counts it as spent."""
        with self._lock:
            for fault in self.planned:
                if fault.name not in names or fault.match not in place or fault.times == 0:
                    continue
                if (names is REST or names is DOOR) and fault.after > 0:
                    fault.after -= 1
                    continue
                fault.times -= 1
                return fault
        return None
