"""Minutes that a stream left out: a message that the server dropped leaves no trace on the socket, so REST is asked what it knows.

Two rules. A minute in which a symbol traded and for which no bar came is asked for ``settle`` after its end. And every ``every``
all minutes of the last two such spans are asked for, whatever came: so that after any fault the session's bars are the vendor's.
Where there are no bars, only the second rule holds, for the ``kinds`` that are told again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk
from undertow.core.events import Bar, Event, OffExchangePrint, Trade
from undertow.core.time import HOUR, MINUTE, SECOND, Duration, Instant
from undertow.sources.wire.socket_state import Gap

_EARLY, _LATE = 4 * HOUR, 20 * HOUR  # New York: no bars before and after


@dataclass(slots=True, kw_only=True)
class Minutes:
    """Which minutes had trades and which had bars."""

    symbols: tuple[str, ...]
    settle: Duration = 5 * SECOND  #: from a minute's end until REST surely has its bar
    every: Duration = 5 * MINUTE
    kinds: tuple[type[Event], ...] = (Bar,)  #: kinds that are asked for again
    _traded: dict[Instant, set[int]] = field(default_factory=dict)
    _told: dict[Instant, set[int]] = field(default_factory=dict)
    _looked: Instant | None = None  # minutes that ended until then were looked at
    _asked: Instant | None = None  # and those until then were all asked for

    def saw(self, chunk: Chunk) -> None:
        """Note what a chunk says of its minutes."""
        if chunk.kind is Bar:
            minute = chunk.columns["span"] == MINUTE
            ends, keys, book = chunk.event_at[minute], chunk.key[minute], self._told
        elif chunk.kind in (Trade, OffExchangePrint):
            ends, keys, book = chunk.event_at // MINUTE * MINUTE + MINUTE, chunk.key, self._traded
        else:
            return
        for end, key in np.unique(np.stack([ends, keys], axis=1), axis=0).tolist():
            if self._looked is None or end > self._looked:
                book.setdefault(end, set()).add(key)

    def due(self, now: Instant) -> list[Gap]:
        """What to ask for now; each call goes on where the one before stopped."""
        over = (now - self.settle) // MINUTE * MINUTE
        if self._looked is None or self._asked is None:
            self._looked = self._asked = over
            return []
        out = []
        for end in sorted(end for end in self._traded if Bar in self.kinds and self._looked < end <= over):
            if missing := self._traded[end] - self._told.get(end, set()):
                names = tuple(self.symbols[key] for key in sorted(missing))
                out.append(Gap(after=end - MINUTE, until=end + self.settle, why="a minute without its bar", kinds=(Bar,), symbols=names))
        self._looked = max(self._looked, over)
        for book in (self._traded, self._told):
            for end in [end for end in book if end <= self._looked]:
                del book[end]
        if over - self._asked >= self.every:
            if _open_between(self._asked - self.every, over):
                out.append(Gap(after=self._asked - self.every, until=over + self.settle, why="looked through again", kinds=self.kinds))
            self._asked = over
        return out


def _open_between(after: Instant, until: Instant) -> bool:
    """Whether a minute of extended hours ends in ``(after, until]``."""
    calendar = nyse()
    at = int(calendar.position(until))
    return at >= 0 and after < int(calendar.midnight[at]) + _LATE and until > int(calendar.midnight[at]) + _EARLY
