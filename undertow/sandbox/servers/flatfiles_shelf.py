"""The bucket's contents: which files exist by now, and their bytes, made when first asked for and the same ever after."""

from __future__ import annotations

import gzip
import hashlib
import re
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from threading import RLock

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.time import DAY, HOUR, Instant
from undertow.sandbox.servers.flatfiles_csv import DATASETS, table
from undertow.sandbox.servers.world import World

UNIVERSE = ("AAPL", "MSFT", "GOOGL", "AMZN", "TSLA", "NVDA", "META", "SPY")
PUBLISHED = DAY + 11 * HOUR  #: after midnight New York of the session: 11:00 on the next day
_KEY = re.compile(r"([a-z_]+/[a-z_0-9]+)/(\d{4})/(\d\d)/(\d{4}-\d\d-\d\d)\.csv\.gz")
_KEPT = 6  # files whose bytes stay in memory
_LEVEL = 2  # of gzip: quick


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One object of the bucket."""

    key: str
    published_at: Instant  #: ns UTC
    size: int  #: bytes
    etag: str  #: hex, without quotes
    body: bytes = field(repr=False, default=b"")


class Shelf:
    """Files of a world. Bytes depend on the market, the universe and the key alone."""

    def __init__(self, world: World, universe: Sequence[str] = UNIVERSE) -> None:
        self.world = world
        self.universe = tuple(universe)
        self._bodies: OrderedDict[str, File] = OrderedDict()
        self._heads: dict[str, File] = {}
        self._lock = RLock()

    def get(self, key: str) -> File | None:
        """The file under a key with its bytes; None for no such key, a day without a session, and before it is published."""
        at = self._session(key)
        if at is None:
            return None
        with self._lock:
            found = self._bodies.get(key) or self._make(key, at)
            self._bodies[key] = found
            self._bodies.move_to_end(key)
            while len(self._bodies) > _KEPT:
                self._bodies.popitem(last=False)
            return found

    def head(self, key: str) -> File | None:
        """As ``get``, without the bytes."""
        if self._session(key) is None:
            return None
        with self._lock:
            if key not in self._heads:
                self.get(key)
            return self._heads[key]

    def keys(self, prefix: str, after: str, most: int) -> list[str]:
        """The first ``most`` keys, in order, that begin with the prefix and follow ``after``."""
        found: list[str] = []
        for dataset in sorted(DATASETS):
            if not (prefix.startswith(dataset) or dataset.startswith(prefix)):
                continue
            names = [_name(dataset, day) for day in nyse().day[self._published()]]
            start = max(bisect_right(names, after), bisect_right(names, prefix) - (1 if prefix in names else 0))
            for name in names[start:]:
                if not name.startswith(prefix):
                    break
                found.append(name)
                if len(found) == most:
                    return found
        return found

    def _published(self) -> slice:
        """Positions of the sessions whose files are out."""
        exists = self.world.market.sessions
        out = int(np.searchsorted(nyse().midnight + PUBLISHED, self.world.now(), side="right"))
        return slice(exists.start, max(exists.start, min(out, exists.stop)))

    def _session(self, key: str) -> int | None:
        match = _KEY.fullmatch(key)
        if match is None or match[1] not in DATASETS or f"{match[2]}-{match[3]}" != match[4][:7]:
            return None
        try:
            day = np.datetime64(match[4], "D")
        except ValueError:
            return None
        out, at = self._published(), nyse().session_on_or_before(day)
        return at if nyse().is_session(day) and out.start <= at < out.stop else None

    def _make(self, key: str, at: int) -> File:
        dataset = key.rsplit("/", 3)[0]
        out = BytesIO()
        table(self.world, dataset, nyse().day[at], self.universe).write_csv(out, float_scientific=False)
        body = gzip.compress(out.getvalue(), _LEVEL, mtime=0)  # a stamp in it would change the bytes from run to run
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        head = File(key=key, published_at=int(nyse().midnight[at]) + PUBLISHED, size=len(body), etag=etag)
        self._heads[key] = head
        return File(key=key, published_at=head.published_at, size=head.size, etag=etag, body=body)


def _name(dataset: str, day: np.datetime64) -> str:
    text = str(day)
    return f"{dataset}/{text[:4]}/{text[5:7]}/{text}.csv.gz"
