"""The connections: one source a vendor and thread, one pace a key whoever asks, every page kept on the shelf of its unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock, get_ident
from typing import TYPE_CHECKING

from undertow.app.clock import WallClock
from undertow.app.vendors.access import Access
from undertow.app.vendors.plan import Unit, Vendor
from undertow.core.chunk import Chunk
from undertow.core.errors import BadData
from undertow.core.events import Event, OptionTrade
from undertow.core.time import HOUR, MINUTE
from undertow.sources.wire.bucket import Bucket, Limiter
from undertow.sources.wire.client import Wire
from undertow.sources.wire.key import Key
from undertow.sources.wire.shelf import Shelf
from undertow.sources.wire.stamps import new_york_day

if TYPE_CHECKING:
    import polars as pl

    from undertow.sources.massive.flatfiles import FlatFiles
    from undertow.sources.massive.source import MassiveSource
    from undertow.sources.unusual_whales.source import UnusualWhalesSource

MOST_A_MINUTE = 6000  #: what Massive asks its paid plans to stay under; a key with less teaches it by its first 429
FEWEST_A_MINUTE = 5  #: its free plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a vendor said to a unit."""

    chunks: tuple[Chunk, ...] = ()
    frames: Mapping[type[Event], pl.DataFrame] = field(default_factory=dict)  #: rows of flat files, as the tape takes them
    lacks: tuple[str, ...] = ()  #: what it did not give and why
    settled: bool = True  #: whether that is all there will be; else it is asked again


def root_of(home: Path, market: str) -> Path:
    """The folder of a market under the home; the real one's is the home itself."""
    return home / re.sub(r"[^A-Za-z0-9.]+", "-", market).strip("-.") if market else home


class Desk:
    """Puts units to their vendors. Use it from any thread; each has its own connections. ``close`` it when all threads are done.

    market : what the first answer said of its market; empty is the real one. All others must say the same
    """

    def __init__(self, access: Access, home: Path, clock: WallClock | None = None) -> None:
        self.access = access
        self.clock = clock or WallClock()
        self.market: str | None = None
        self._home = home
        self._pace: dict[Vendor, Limiter] = {}
        self._massive: dict[int, tuple[Wire, MassiveSource]] = {}
        self._whales: dict[int, tuple[Wire, UnusualWhalesSource]] = {}
        self._lock = Lock()

    def ask(self, unit: Unit) -> Answered:
        """The whole answer to a unit. Raises ``WireError`` and keeps the pages that came, so that the next call goes on from them."""
        asked = {"massive": self._ask_massive, "unusual_whales": self._ask_whales, "files": self._ask_files}
        return asked[unit.vendor](unit)

    @property
    def root(self) -> Path:
        """Where the tape and the raw pages of this market live: a simulated one never shares a folder with the real one."""
        return root_of(self._home, self.market or "")

    def forget(self, unit: Unit) -> None:
        """Throw a unit's pages away: one of them cannot be used."""
        self._shelf(unit).clear()

    def wire(self, vendor: Vendor) -> Wire:
        """A new wire to a vendor, at the pace of all the others with its key; close it."""
        import numpy as np

        from undertow.sources.unusual_whales.connect import connect

        chance = np.random.default_rng()
        key, hosts, limiter = self._key(vendor), self.access.hosts, self._limiter(vendor)
        if vendor == "massive":
            return Wire(hosts.massive, key, limiter=limiter, clock=self.clock, chance=chance)
        return connect(key, clock=self.clock, chance=chance, limiter=limiter, base_url=hosts.whales)

    def heard(self, wire: Wire) -> None:
        """Take note of the market that a wire's answers are of. Raises ``BadData`` where it is another than before."""
        with self._lock:
            if self.market is None:
                self.market = wire.market
            if wire.market != self.market:
                names = " and ".join(name or "the real market" for name in (self.market, wire.market))
                raise BadData(f"Answers come from two markets ({names}); nothing more is put on the tape. Check the vendors' addresses.")

    def close(self) -> None:
        """Close the connections, and keep on disk how fast each key has asked, for the next run. Raises ``StoreError``."""
        for _, massive in self._massive.values():
            massive.close()
        for _, whales in self._whales.values():
            whales.close()
        for vendor, limiter in self._pace.items():
            if isinstance(limiter, Bucket):
                limiter.save(self._pace_file, self._key(vendor))

    def _ask_massive(self, unit: Unit) -> Answered:
        from undertow.sources.massive.source import MassiveSource

        if get_ident() not in self._massive:
            wire = self.wire("massive")
            self._massive[get_ident()] = wire, MassiveSource(wire)
        wire, source = self._massive[get_ident()]
        wire.shelf, source.kinds = self._shelf(unit), unit.kinds
        chunks = tuple(source.history(unit.symbols, unit.after, unit.until))
        self.heard(wire)
        return Answered(chunks=chunks)

    def _ask_whales(self, unit: Unit) -> Answered:
        from undertow.sources.unusual_whales.source import UnusualWhalesSource

        if get_ident() not in self._whales:
            wire = self.wire("unusual_whales")
            self._whales[get_ident()] = wire, UnusualWhalesSource(wire)
        wire, source = self._whales[get_ident()]
        wire.shelf, source.kinds = self._shelf(unit), unit.kinds
        chunks = tuple(source.history(unit.symbols, unit.after, unit.until))
        self.heard(wire)
        return Answered(chunks=chunks, lacks=tuple(f"{gap.kind} {gap.day}".rstrip() + f": {gap.why}" for gap in source.completeness.gaps))

    @cached_property
    def files(self) -> FlatFiles:
        """Massive's flat files, kept beside the raw pages. Raises ``BadInput``."""
        from undertow.sources.massive.flatfiles import Access as Pair
        from undertow.sources.massive.flatfiles import FlatFiles

        pair = self.access.files
        assert pair is not None  # noqa: S101 - no road leads to the files without their keys
        return FlatFiles(Pair(pair.id, pair.secret), self.root / "raw" / "flatfiles", endpoint=self.access.hosts.files)

    def _ask_files(self, unit: Unit) -> Answered:
        """One session's file of options: its prints where flow is to be derived, else each contract's day."""
        from undertow.sources.massive.flatfiles import State
        from undertow.sources.massive.flatfiles_csv import DATASETS, rows

        kind = OptionTrade if OptionTrade in unit.kinds else unit.kinds[0]
        day = new_york_day(unit.after + HOUR)
        got = self.files.fetch(DATASETS[kind], day, self.clock.now())
        if got.path is None:
            return Answered(lacks=(f"{kind.kind} {day}: {got.state}",), settled=got.state is not State.NOT_YET)
        return Answered(frames=rows(got.path, (kind,), unit.symbols))

    def _shelf(self, unit: Unit) -> Shelf:
        return Shelf(self.root / "raw" / unit.name)

    def _limiter(self, vendor: Vendor) -> Limiter:
        from undertow.sources.unusual_whales.limits import HeaderLimiter

        with self._lock:
            if vendor not in self._pace:
                if vendor == "massive":
                    bucket = Bucket(MOST_A_MINUTE, MINUTE, learn=FEWEST_A_MINUTE)
                    bucket.load(self._pace_file, self._key(vendor), self.clock.now())
                    self._pace[vendor] = bucket
                else:
                    self._pace[vendor] = HeaderLimiter()
            return self._pace[vendor]

    def _key(self, vendor: Vendor) -> Key:
        key = self.access.whales if vendor == "unusual_whales" else self.access.massive
        assert key is not None, vendor  # noqa: S101 - no road leads to a vendor without its key
        return key

    @property
    def _pace_file(self) -> Path:
        return self._home / "pace.json"
