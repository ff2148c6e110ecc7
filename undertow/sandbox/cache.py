"""A market that remembers on disk what takes long to make: ticks and minute bars, a symbol and a month of the calendar at a time.

Bars of five minutes, chains and all else of ``market.KINDS`` take a millisecond a month: they are made anew, which is faster than reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk
from undertow.core.events import Bar, Event
from undertow.sandbox.blocks import MOST_BYTES, Blocks
from undertow.sandbox.daily.layer import Settings
from undertow.sandbox.hands import Hands
from undertow.sandbox.market import KINDS, TICKS, Market, Oracle
from undertow.sandbox.part import Rows, rows_of, together

_MINUTES = "minutes"
_REACH = 150  #: sessions before the calendar's end in which its end may show: the farthest expiry, the night after the last session


class Cached:
    """A ``Market`` with the same rows, bit for bit, kept in a folder once they are made.

    A block's name tells all that its rows depend on: seed, coefficient, the symbol's splits and halts, its sessions' hours, and the bytes
    of the program and the versions of the libraries that make it. So nothing kept can be out of date. Outages are no part of it.

    folder     : any; made when first needed. Where it cannot be read or written, everything is made each time
    most_bytes : above it the oldest blocks are removed
    """

    def __init__(self, market: Market, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self.market = market
        self.blocks = Blocks(folder, most_bytes)

    @property
    def sessions(self) -> slice:
        """As ``Market.sessions``."""
        return self.market.sessions

    @property
    def settings(self) -> Settings:
        """As ``Market.settings``."""
        return self.market.settings

    @property
    def name(self) -> str:
        """As ``Market.name``: what is kept is the same market."""
        return self.market.name

    def events(self, symbols: Sequence[str], sessions: slice, kinds: Sequence[type[Event]] = KINDS) -> dict[type[Event], Chunk]:
        """As ``Market.events``, which raises the same."""
        first, end = self.market.checked(sessions)
        asked = tuple(dict.fromkeys(kinds))
        dear = tuple(kind for kind in asked if kind in TICKS and first < end)
        cheap = tuple(kind for kind in asked if kind not in dear)
        found = self.market.events(symbols, sessions, cheap) if cheap else {}
        if dear:
            rows = [self._ticks(symbol, first, end, dear) for symbol in symbols]
            found |= {kind: self.market.told(kind, symbols, [own[kind] for own in rows]) for kind in dear}
        return {kind: found[kind] for kind in asked}

    def minutes(self, symbols: Sequence[str], sessions: slice) -> Chunk:
        """As ``Market.minutes``, which raises the same."""
        first, end = self.market.checked(sessions)
        if first == end:
            return self.market.minutes(symbols, sessions)
        rows: list[list[Rows]] = [[] for _ in symbols]
        for month in self._months(first, end):  # symbols of one month share the market's path
            for symbol, own in zip(symbols, rows, strict=True):
                own.append(_cut(self._minutes(symbol, month), first, end))
        return self.market.told(Bar, symbols, [together(own) for own in rows])

    def oracle(self, symbol: str, sessions: slice) -> Oracle:
        """As ``Market.oracle``."""
        return self.market.oracle(symbol, sessions)

    def hands(self, symbol: str, sessions: slice, kind: type[Event]) -> Hands:
        """As ``Market.hands``."""
        return self.market.hands(symbol, sessions, kind)

    def _ticks(self, symbol: str, first: int, end: int, kinds: tuple[type[Event], ...]) -> dict[type[Event], Rows]:
        found: dict[type[Event], list[Rows]] = {kind: [] for kind in kinds}
        for month in self._months(first, end):
            kept = {kind: self.blocks.read(self._name(kind.kind, symbol, month)) for kind in kinds}
            missing = tuple(kind for kind, rows in kept.items() if rows is None)
            made = self.market.rows(symbol, month, missing) if missing else {}
            for kind in kinds:
                rows = kept[kind] or made[kind]
                if kind in made:
                    self.blocks.keep(self._name(kind.kind, symbol, month), rows)
                found[kind].append(_cut(rows, first, end))
        return {kind: together(rows) for kind, rows in found.items()}

    def _minutes(self, symbol: str, month: slice) -> Rows:
        name = self._name(_MINUTES, symbol, month)
        rows = self.blocks.read(name)
        if rows is None:
            rows = self.market.minute_rows(symbol, month)
            self.blocks.keep(name, rows)
        return rows

    def _months(self, first: int, end: int) -> list[slice]:
        # all sessions here of each month that the range touches, which is not empty
        exists = self.market.sessions
        month = nyse().day[exists].astype("datetime64[M]")
        starts = exists.start + np.concatenate([[0], np.flatnonzero(np.diff(month)) + 1, [len(month)]])
        a, b = np.searchsorted(starts, [first, end - 1], side="right")
        return [slice(int(starts[i - 1]), int(starts[i])) for i in range(a, b + 1)]

    def _name(self, what: str, symbol: str, month: slice) -> str:
        settings, calendar = self.market.settings, nyse()
        hours = [calendar.day[month].astype(np.int64).tolist()]
        hours += [times[month].tolist() for times in (calendar.midnight, calendar.open, calendar.close)]
        own = (
            (month.start, month.stop),
            settings.seed,
            settings.information_coefficient,
            [split for split in settings.splits if split[0] == symbol],
            [halt for halt in settings.halts if halt[0] == symbol],
            len(calendar) if month.stop + _REACH > len(calendar) else 0,
        )
        return repr((version(), what, symbol, own, hours))


def sources() -> list[Path]:
    """The modules that make the rows: the core's, and this package's but for its servers; in order of their paths."""
    root = Path(__file__).parent
    makers = [path for path in root.rglob("*.py") if "servers" not in path.relative_to(root).parts]
    return sorted([*makers, *(root.parent / "core").glob("*.py")])


@cache
def version() -> str:
    """A digest of what makes the rows: the bytes of ``sources``, and the libraries that draw and compile."""
    import numba

    digest = blake2b(f"{np.__version__} {numba.__version__}".encode(), digest_size=16)
    for path in sources():
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _cut(rows: Rows, first: int, end: int) -> Rows:
    # the rows of these sessions; position never falls
    a, b = np.searchsorted(rows.position, [first, end])
    return rows if a == 0 and b == len(rows.position) else rows_of(rows, slice(int(a), int(b)))
