"""Rows on disk, by name: each block is there whole and as it was made, or it is not there at all.

A block is a digest of its name and content, then the content: a line of JSON and a Parquet file. A file whose digest is not its own, by
whatever accident, is as good as none. Files appear by a rename, so processes can share a folder and be killed in the middle.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from tempfile import mkstemp
from threading import Lock

import numpy as np

from undertow.core.chunk import I64, Array
from undertow.sandbox.part import Rows

MOST_BYTES = 4_000_000_000  #: of a folder, unless said otherwise
_SUFFIX, _PART = ".rows", ".part"
_FIXED = ("position", "row", "event_at", "known_at")
_log = logging.getLogger(__name__)


class Blocks:
    """Blocks of rows in one folder, which holds nothing else; safe with threads and with other processes.

    folder     : made when first needed; where it cannot be written to, blocks are made each time, and the log says so once
    most_bytes : above it the oldest blocks are removed
    """

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self.folder = folder
        self.most_bytes = most_bytes
        self._bytes: int | None = None  # in the folder, as far as this object knows
        self._writes = True
        self._lock = Lock()

    def read(self, name: str) -> Rows | None:
        """The rows kept under a name, or None where there are none that can be trusted."""
        from polars.exceptions import PolarsError

        try:
            content = self._path(name).read_bytes()
            if content[:32] != _digest(name, content[32:]):
                return None
            return _decoded(content[32:])
        except (OSError, ValueError, KeyError, TypeError, PolarsError):
            return None

    def keep(self, name: str, rows: Rows) -> None:
        """Keep rows under a name, in place of what was there; never raises."""
        if not self._writes:
            return
        content = _encoded(rows)
        if len(content) + 32 > self.most_bytes:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(self._path(name), _digest(name, content) + content)
            self._account(len(content) + 32)
        except FileNotFoundError:
            return  # another process made room with it, or removed the folder
        except OSError as error:
            self._writes = False
            _log.warning("the simulated market is not kept in %s (%s): it is made anew each time", self.folder, error.strerror or error)

    def _path(self, name: str) -> Path:
        return self.folder / (blake2b(name.encode(), digest_size=20).hexdigest() + _SUFFIX)

    def _account(self, more: int) -> None:
        with self._lock:
            self._bytes = None if self._bytes is None else self._bytes + more
            if self._bytes is None or self._bytes > self.most_bytes:
                self._bytes = _pruned(self.folder, self.most_bytes)


def _write(path: Path, content: bytes) -> None:
    handle, part = mkstemp(suffix=_PART, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(part).replace(path)
    except OSError:
        with suppress(OSError):
            Path(part).unlink()
        raise


def _pruned(folder: Path, most: int) -> int:
    # remove the oldest, and parts that a killed process left with them; returns the bytes that stay, some room below the most
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                if entry.name.endswith((_SUFFIX, _PART)) and entry.is_file(follow_symlinks=False):
                    found.append((entry.stat().st_mtime_ns, entry.name, entry.stat().st_size))
    total = sum(size for _, _, size in found)
    if total <= most:
        return total
    for _, name, size in sorted(found):
        if total <= 0.9 * most:
            break
        with suppress(FileNotFoundError):
            (folder / name).unlink()
        total -= size
    return total


def _digest(name: str, content: bytes) -> bytes:
    return blake2b(content, digest_size=32, key=blake2b(name.encode(), digest_size=32).digest()).digest()


def _encoded(rows: Rows) -> bytes:
    import polars as pl

    arrays: dict[str, Array] = {name: getattr(rows, name) for name in _FIXED}
    words: dict[str, list[str]] = {}
    for name, values in rows.columns.items():
        arrays["=" + name] = values
        if values.dtype == object:
            arrays["=" + name], words[name] = _coded(values)
    out = BytesIO()
    pl.DataFrame(arrays).write_parquet(out, compression="zstd", compression_level=1, statistics=False)
    return json.dumps(words).encode() + b"\n" + out.getvalue()


def _decoded(content: bytes) -> Rows:
    import polars as pl

    head, _, body = content.partition(b"\n")
    words = json.loads(head)
    arrays = {column.name: column.to_numpy() for column in pl.read_parquet(BytesIO(body))}
    columns = {name[1:]: values for name, values in arrays.items() if name.startswith("=")}
    for name, said in words.items():
        columns[name] = np.array(said, object)[columns[name]]
    return Rows(**{name: arrays[name] for name in _FIXED}, columns=columns)


def _coded(values: Array) -> tuple[I64, list[str]]:
    table: dict[str, int] = {}
    return np.array([table.setdefault(word, len(table)) for word in values.tolist()], np.int64), list(table)
