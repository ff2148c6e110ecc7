"""`python -m benchmarks.latency_stream HOME SECONDS`: twenty thousand events a second into a live feed, decided on; prints a line of JSON.

Quotes, trades and option trades of five symbols come as the streams' readers hand them on, twenty times a second, by the wall clock; each
minute (of a shorter run, each fifth of it) the session decides on what came, and everything is recorded.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.latency_job import alone, made_ready, warmed
from undertow.app.prepare import Prepared
from undertow.app.trading.feed import Played, Streamed
from undertow.app.trading.folder import Folder
from undertow.app.trading.mode import paper_session
from undertow.app.trading.session import played
from undertow.app.wiring import BAR_SPAN
from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk, chunk_of
from undertow.core.events import Bar, Event, OptionTrade, Quote, Trade
from undertow.core.time import MINUTE, SECOND, Duration, Instant
from undertow.tape.journal.journal import NAME, Journal

RATE, BEATS = 20_000, 20  #: events and chunks of a kind a second
SHARES: dict[type[Event], float] = {Quote: 0.7, Trade: 0.2, OptionTrade: 0.1}
DECISIONS = 5
PAGE = os.sysconf("SC_PAGE_SIZE")


class Clock:
    """The wall clock, as if it were the session's morning."""

    def __init__(self, begins: Instant) -> None:
        self.begins, self._at = begins, time.monotonic()

    def start(self) -> None:
        """It is the beginning now."""
        self._at = time.monotonic()

    def now(self) -> Instant:
        """The session's present."""
        return self.begins + int((time.monotonic() - self._at) * SECOND)

    async def sleep(self, span: Duration) -> None:
        """Let others go on meanwhile."""
        await asyncio.sleep(max(span, 0) / SECOND)


@dataclass(slots=True)
class Live:
    """A live feed that tells the simulated broker what time it is, and notes how it stands."""

    own: Streamed
    market: Played
    clock: Clock
    taken: int = 0
    behind: list[float] = field(default_factory=list)  #: seconds from when a chunk was due to its being taken
    handed: list[float] = field(default_factory=list)  #: the same of ticks and their rows
    decided: list[float] = field(default_factory=list)  #: seconds from a tick to its orders being out and its rows on the tape
    memory: list[float] = field(default_factory=list)  #: MiB after each

    def now(self) -> Instant:
        """The session's present."""
        return self.clock.now()

    async def until(self, at: Instant) -> list[Chunk]:
        """See ``Feed``."""
        rows = await self.own.until(at)
        self.market.skip(at)
        self.handed.append((self.clock.now() - at) / SECOND)
        return rows

    def done(self, tick: Instant) -> None:
        """A tick was taken to its end."""
        self.decided.append((self.clock.now() - tick) / SECOND)
        self.memory.append(resident())


def resident() -> float:
    """MiB that this process holds."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * PAGE / 2**20


def main(arguments: Sequence[str]) -> int:
    """Stream for so many seconds."""
    home, seconds = Path(arguments[0]), int(arguments[1])
    alone()
    made = made_ready(home)
    with TemporaryDirectory(dir=home) as where:
        begin, live = asyncio.run(_streamed(made, home, Path(where), seconds))
    told = {
        "events": live.taken,
        "seconds": seconds,
        "begin": begin,
        "memory": live.memory,
        "handed": live.handed,
        "decided": live.decided,
        "behind": [max(part.tolist(), default=0.0) for part in np.array_split(np.array(live.behind), len(live.decided))],
        "left_behind": live.behind[-1],
    }
    print(json.dumps(told))
    return 0


async def _streamed(made: Prepared, home: Path, where: Path, seconds: int) -> tuple[float, Live]:
    calendar = nyse()
    folder = Folder(path=where / "session", begun=False)
    folder.path.mkdir()
    opens = int(calendar.open[made.job.last])
    with Journal.to_write(folder.path / NAME) as journal:
        session = paper_session(made, folder, journal, home, where)
        warmed(made, session)
        clock, market = Clock(opens), session.feed
        assert isinstance(market, Played)
        live = Live(Streamed(made.job.symbols, BAR_SPAN, clock, opens, opens), market, clock)
        session.feed = live
        begin = resident()
        clock.start()
        each = seconds * SECOND // DECISIONS
        ticks = opens + each * np.arange(1, DECISIONS + 1)
        coming = asyncio.create_task(_come(live, made.job.symbols, seconds))
        await played(session, ticks, 0, lambda step: live.done(int(step.ticks[-1])))
        await coming
    return begin, live


async def _come(live: Live, symbols: tuple[str, ...], seconds: int) -> None:
    """A chunk of each kind at every beat, a bar of each symbol every minute."""
    begins, span = live.clock.begins, SECOND // BEATS
    made = {kind: _rows(kind, symbols, int(RATE / BEATS * share)) for kind, share in SHARES.items()}
    for beat in range(1, seconds * BEATS + 1):
        due = begins + beat * span
        await live.clock.sleep(due - live.clock.now())
        for rows in made.values():
            at = due - span + np.linspace(0, span - 1, len(rows)).astype(np.int64)
            seq = beat * RATE + np.arange(len(rows))
            live.own.take(replace(rows, event_at=at, known_at=at + 1, seq=seq))
            live.taken += len(rows)
        if beat % (60 * BEATS) == 0:
            live.own.take(_bars(symbols, due))
        live.behind.append((live.clock.now() - due) / SECOND)


def _rows(kind: type[Event], symbols: tuple[str, ...], n: int) -> Chunk:
    rng = np.random.default_rng(n)
    price, none = 1_000_000 + rng.integers(-500, 500, n), np.zeros(n, np.int64)
    texts = np.array(["14,37,41", "", "12"], object)[rng.integers(0, 3, n)]
    every = {
        "bid": price - 100,
        "ask": price + 100,
        "bid_size": none + 300,
        "ask_size": none + 200,
        "price": price,
        "size": none + 100,
        "exchange": np.array(["Q", "P", "D"], object)[rng.integers(0, 3, n)],
        "conditions": texts,
        "expiry": none + 20_000,
        "strike": none + 1_000_000,
        "is_put": rng.integers(0, 2, n),
    }
    columns = {name: values for name, values in every.items() if name in kind.__annotations__}
    return chunk_of(kind, symbols, key=rng.integers(0, len(symbols), n), event_at=none, known_at=none, columns=columns)


def _bars(symbols: tuple[str, ...], at: Instant) -> Chunk:
    n = len(symbols)
    price = np.full(n, 1_000_000)
    columns = dict.fromkeys(("open", "high", "low", "close"), price)
    return chunk_of(
        Bar,
        symbols,
        key=np.arange(n),
        event_at=np.full(n, at),
        known_at=np.full(n, at),
        columns={**columns, "volume": np.full(n, 1_000), "span": np.full(n, MINUTE)},
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
