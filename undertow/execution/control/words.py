"""What a person asks of a running system, and what the loop says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from undertow.core.errors import BadData
from undertow.core.time import SECOND, Duration, Instant

FRESH: Duration = 5 * SECOND  #: a loop that has not said that it lives for longer is taken to hang


class Wish(StrEnum):
    """What is wished; each asks for all that those before it ask for."""

    NONE = "none"  #: trade again
    HALT = "halt"  #: send nothing that opens or closes
    CANCEL = "cancel"  #: and end every working order
    FLATTEN = "flatten"  #: and close every position


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A wish as a person made it; ``code``, ``since`` and ``phrase`` belong to a re-arming, and say which state it is about."""

    serial: int  #: from 1, without gaps
    wish: Wish
    who: str
    at: Instant  #: ns UTC
    why: str = ""
    code: str = ""
    since: Instant = 0
    phrase: str = ""

    def to_dict(self) -> dict[str, object]:
        """As JSON can keep it."""
        return asdict(self) | {"wish": self.wish.value}

    @classmethod
    def from_dict(cls, kept: Mapping[str, object]) -> Request:
        """What ``to_dict`` gave; raises ``BadData`` for anything else."""
        numbers, texts = ("serial", "at", "since"), ("wish", "who", "why", "code", "phrase")
        whole = set(kept) == {*numbers, *texts} and all(type(kept[name]) is int for name in numbers)
        if not whole or not all(isinstance(kept[name], str) for name in texts) or kept["wish"] not in list(Wish):
            raise BadData("the request is not made of what a request is made of")
        return cls(**{**kept, "wish": Wish(str(kept["wish"]))})  # type: ignore[arg-type]

    def sentence(self) -> str:
        """Who wished what, for the state's reason."""
        return f"{self.who or 'Somebody'} asked for {self.wish.value}{f': {self.why}' if self.why else ''}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What the loop says of itself, about once a second; everything but ``at`` and ``seen`` is for a person's eyes."""

    at: Instant  #: ns UTC
    seen: int = 0  #: serial of the last request that was taken in
    done: int = 0  #: and of the last whose cancelling and closing has ended
    pid: int = 0
    run: str = ""
    root: str = ""  #: folder of the account, where its journal lies; empty is the home itself
    broker: str = ""
    equity: float = 0.0  #: USD
    positions: tuple[tuple[str, float], ...] = ()  #: symbol, signed shares
    working: tuple[tuple[str, str], ...] = ()  #: client order id, what it is in words
    channels: tuple[tuple[str, Instant | None], ...] = ()  #: and when each last told something
    says: str = ""  #: of the feeds, in a sentence

    def to_dict(self) -> dict[str, object]:
        """As JSON can keep it."""
        plain = asdict(self)
        return plain | {name: [list(each) for each in plain[name]] for name in ("positions", "working", "channels")}

    @classmethod
    def from_dict(cls, kept: Mapping[str, object]) -> Beat:
        """What ``to_dict`` gave; raises ``BadData`` for anything else."""
        try:
            pairs = {name: tuple((str(a), b) for a, b in _rows(kept[name])) for name in ("positions", "working", "channels")}
            beat = cls(**{**kept, **pairs})  # type: ignore[arg-type]
        except (TypeError, ValueError, KeyError) as error:
            raise BadData("the heartbeat is not made of what a heartbeat is made of") from error
        if not all(type(each) is int for each in (beat.at, beat.seen, beat.done, beat.pid)) or not isinstance(beat.root, str):
            raise BadData("the heartbeat's numbers are no numbers")
        return beat

    def fresh(self, now: Instant) -> bool:
        """Whether the loop lives; a heartbeat from the future says that a clock was set, and nothing else."""
        return abs(now - self.at) <= FRESH


def _rows(value: object) -> list[tuple[object, object]]:
    if not isinstance(value, list):
        raise TypeError(value)
    return [(first, second) for first, second in value]
