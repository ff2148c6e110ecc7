"""A command under a market's clock that runs fast between decisions and slowly around them; run as a script it can be killed."""

from __future__ import annotations

import asyncio
import mmap
import os
import struct
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.end_to_end.trading_job import restless
from undertow.app import cli, clock, main_job
from undertow.app.clock import WallClock
from undertow.core.time import MINUTE, SECOND, Duration

PERIOD = 5 * MINUTE
BEFORE, AROUND = 10 * SECOND, 16 * SECOND  #: slowly from so long before a decision, and for so long
FAST, SLOW = 70.0, 4.0
STILL, PACED = 0.0, -1.0
AHEAD = "CLOCK_AHEAD"  #: ns by which a process's clock is off
_FORM = struct.Struct("<qdd")  # instant, the machine's seconds then, speed


class Paced:
    """A market's clock that several processes share: it stands still, runs at a speed, or is PACED."""

    def __init__(self, path: Path, at: int | None = None, ahead: Duration = 0) -> None:
        """``at``: where it stands; None for one that another process has made, which may be read as a machine's that goes wrong."""
        self._ahead = ahead
        if at is not None:
            path.write_bytes(_FORM.pack(at, time.monotonic(), STILL))
        with path.open("r+b") as file:
            self._kept = mmap.mmap(file.fileno(), _FORM.size)

    def __call__(self) -> int:
        at, began, speed = _FORM.unpack_from(self._kept)
        return self._ahead + self._at(at, time.monotonic() - began, speed)

    @staticmethod
    def _at(at: int, real: float, speed: float) -> int:
        if speed != PACED:
            return int(at + int(real * speed * SECOND))
        begun = at - (at + BEFORE) % PERIOD
        periods, left = divmod(_real((at + BEFORE) % PERIOD) + real, _real(PERIOD))
        slow = AROUND / SECOND / SLOW
        within = left * SLOW if left < slow else AROUND / SECOND + (left - slow) * FAST
        return int(begun + int(periods) * PERIOD + int(within * SECOND))

    def go(self, speed: float) -> None:
        """On from here at another speed."""
        self.set(self(), speed)

    def set(self, at: int, speed: float = STILL) -> None:
        """From another instant."""
        _FORM.pack_into(self._kept, 0, at, time.monotonic(), speed)


def _real(since: Duration) -> float:
    """Seconds of the machine from a period's beginning to so far into it."""
    slow = min(since, AROUND) / SECOND
    return slow / SLOW + max(since - AROUND, 0) / SECOND / FAST


def ruled_by(now: Paced) -> None:
    """Everything in this process asks this clock."""

    async def sleep(self: WallClock, span: Duration) -> None:
        until = now() + span
        self.waits_until = max(self.waits_until, until)
        await asyncio.sleep(0)
        while now() < until:  # noqa: ASYNC110 - a clock that others set tells nobody
            await asyncio.sleep(0.01)

    clock.now = now
    WallClock.sleep = sleep  # type: ignore[method-assign]


def main(arguments: Sequence[str]) -> int:
    """The main job or an ``undertow`` command, by a restless strategy."""
    path, what, *rest = arguments
    ruled_by(Paced(Path(path), ahead=int(os.environ.get(AHEAD, "0"))))
    with restless():
        return main_job.guarded(cli.app, rest, "undertow") if what == "undertow" else main_job.main(rest)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main(sys.argv[1:]))
