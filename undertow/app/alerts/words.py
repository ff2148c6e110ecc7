"""What an alert is, and how many of them a person is sent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How much it matters; an urgent one does not wait for the digest."""

    INFO = 0
    WARNING = 1
    URGENT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One message; two with the same key are about the same thing."""

    key: str
    text: str
    level: Level = Level.WARNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Seconds, but for the sizes."""

    room: int = 256  #: alerts that may wait; what comes beyond is dropped and counted
    window: float = 300.0  #: in which an alert with a key that was sent is counted and not sent again
    digest: float = 20.0  #: for which alerts are gathered into one message
    heartbeat: float = 86_400.0  #: from one sign of life to the next
    tries: int = 3  #: of a message that does not get through, a digest apart
    longest: int = 3_000  #: characters of a message


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What became of the alerts so far."""

    told: int = 0
    dropped: int = 0  #: there was no room for them
    repeated: int = 0  #: the same was sent within the window
    sent: int = 0  #: messages
    failed: int = 0  #: messages that did not get through
