"""What a vendor says when it is asked whether a key may read something."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from undertow.core.events import Event


class Entitlement(StrEnum):
    """What the vendor said to one question."""

    ENTITLED = "entitled"
    NOT_ENTITLED = "not entitled"
    UNKNOWN = "unknown"  #: the vendor failed; ask again


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """One endpoint's answer."""

    kinds: tuple[type[Event], ...]
    state: Entitlement
    earliest: str = ""  #: YYYY-MM-DD from which on data may be read, empty where not told or found
    delayed: bool = False  #: the plan sees the market late
    why: str = ""  #: the error's message where it is not entitled or unknown
