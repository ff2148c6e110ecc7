"""What a fault does to the messages of one socket: late, twice, out of order, missing, cut off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from undertow.sandbox.servers.faults import Fault

TORN = ("truncated", "half-json")  #: happens to one message
_CODES = {"close-1000": 1000, "close-1011": 1011, "evict": 1008}
Batch = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The server ends the connection now."""

    code: int
    evicted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Torn:
    """Only half of this goes out: as a message that looks whole, or with the connection's end in the middle of it."""

    batch: Batch
    ends: bool


class Mishap:
    """The fault of one connection, if any; it begins once ``fault.after`` data messages have gone out well."""

    def __init__(self, fault: Fault | None) -> None:
        self.name = fault.name if fault is not None else ""
        self._after = fault.after if fault is not None else 0
        self._seconds = fault.seconds if fault is not None else 0.0
        self._lost = fault.lost if fault is not None else 0
        self._sent = 0

    @property
    def begun(self) -> bool:
        """Whether enough messages have gone out."""
        return bool(self.name) and self._sent >= self._after

    @property
    def deaf(self) -> bool:
        """Whether the connection must neither read nor answer from now on."""
        return self.name == "half-open" and self.begun

    def delay(self) -> float:
        """Seconds to wait before the next message."""
        return self._seconds if self.name == "slow" and self.begun else 0.0

    def spoiled(self, batch: Batch) -> Iterator[Batch | Closing | Torn]:
        """What goes out of what should have gone out; to be used to its end."""
        well = batch if not self.name else batch[: max(0, self._after - self._sent)]
        rest = batch[len(well) :]
        self._sent += len(well)
        if well:
            yield well
        if not self.begun:
            return
        if self.name in _CODES:
            yield Closing(code=_CODES[self.name], evicted=self.name == "evict")
        elif self.name == "gap":
            lost = max(0, min(len(rest), self._after + self._lost - self._sent))
            self._sent += len(rest)
            if rest[lost:]:
                yield rest[lost:]
        elif self.name in TORN and rest:
            torn, self.name = Torn(batch=rest, ends=self.name == "truncated"), ""
            yield torn
        elif self.name == "duplicates" and rest:
            yield [event for event in rest for _ in range(2)]
        elif self.name == "out-of-order" and rest:
            yield rest[::-1]
        elif self.name == "slow" and rest:
            yield rest
