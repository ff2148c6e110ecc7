"""Rows on the disk at once, in one file, on their way to the tape, whose tables take a hundred times as long to be added to.

A record is the length of its contents, their CRC-32 and they themselves, everything most significant first; a record that was torn was
never said to be there. Whoever adds or takes over holds the file's lock meanwhile, so that nothing falls between the two.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from zlib import crc32

import numpy as np

from undertow.core.chunk import Array, Chunk
from undertow.core.errors import StoreError
from undertow.core.events import BY_NAME

_HEAD = 12  # bytes of a length and a CRC-32


@dataclass(frozen=True, slots=True)
class _Begun:
    """Rows that are on their way to the disk."""

    held: ExitStack  # the file and its lock
    handle: int
    size: int  # of the file without them
    flushed: Future[None]


class Ahead:
    """Chunks in a file, in the order in which they were added; safe with several processes, and after any of them is killed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._aside = ThreadPoolExecutor(1)  # a flush is waited for there, while others work here
        self._begun: _Begun | None = None

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Put chunks down, all or none; on the disk when this returns. Raises ``StoreError`` where that refuses."""
        self.begin(chunks)
        self.end()

    def begin(self, chunks: Sequence[Chunk]) -> None:
        """Put chunks down as ``add`` does, which are on the disk only when ``end`` returns. Raises ``StoreError``."""
        raw = _packed(chunks)
        with ExitStack() as stack:
            handle = stack.enter_context(self._held(os.O_CREAT))
            size = os.fstat(handle).st_size
            whole = (len(raw).to_bytes(8, "big"), crc32(raw).to_bytes(4, "big"), raw)
            with _or_shortened(handle, size):
                if os.pwritev(handle, whole, size) != _HEAD + len(raw):
                    raise OSError(f"only a part of {len(raw):,} bytes was taken")
            begins = Event()
            flushed = self._aside.submit(_flush, handle, begins)
            begins.wait()  # without which the other thread would wait for this one to pause before it began
            self._begun = _Begun(stack.pop_all(), handle, size, flushed)

    def end(self) -> None:
        """Wait until what was begun is on the disk, if anything was. Raises ``StoreError``."""
        begun, self._begun = self._begun, None
        if begun is None:
            return
        try:
            with self._refusals(), _or_shortened(begun.handle, begun.size):
                begun.flushed.result()
                if not begun.size:
                    _settle(self._path.parent)
        finally:
            begun.held.close()

    def take_over(self, take: Callable[[Chunk], object]) -> None:
        """Hand everything on and forget it; where ``take`` raises, all of it stays. Raises ``StoreError`` where the disk refuses."""
        self.end()
        if not self._path.exists():
            return
        with self._held() as handle:
            size = os.fstat(handle).st_size
            if size:
                for chunk in _whole(memoryview(_read(handle, size))):
                    take(chunk)
                os.ftruncate(handle, 0)

    @contextmanager
    def _held(self, also: int = 0) -> Iterator[int]:
        with self._refusals():
            if also:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_RDWR | also, 0o644)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield handle
            finally:
                os.close(handle)

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            why = error.strerror or error
            raise StoreError(f"{self._path} could not be used ({why}): what could not be recorded is not traded on.") from error


@contextmanager
def _or_shortened(handle: int, size: int) -> Iterator[None]:
    """Where the disk refuses, the file is as long again as it was."""
    try:
        yield
    except OSError:
        with suppress(OSError):
            os.ftruncate(handle, size)
        raise


def _flush(handle: int, begins: Event) -> None:
    begins.set()
    os.fsync(handle)


def _packed(chunks: Sequence[Chunk]) -> bytes:
    """What the chunks are, as JSON, and their columns of numbers one after the other."""
    told, parts = [], []
    for chunk in chunks:
        columns = _columns(chunk)
        texts = {name: column.tolist() for name, column in columns.items() if column.dtype == object}
        types = {name: column.dtype.str for name, column in columns.items()}
        about = {"kind": chunk.kind.kind, "symbols": chunk.symbols, "sources": chunk.sources, "rows": len(chunk)}
        told.append({**about, "types": types, "texts": texts})
        parts += [np.ascontiguousarray(column).tobytes() for column in columns.values() if column.dtype != object]
    head = json.dumps(told).encode()
    return b"".join([len(head).to_bytes(8, "big"), head, *parts])


def _unpacked(raw: memoryview) -> Iterator[Chunk]:
    at = 8 + int.from_bytes(raw[:8], "big")
    for one in json.loads(bytes(raw[8:at])):
        columns: dict[str, Array] = {}
        for name, kept in one["types"].items():
            if name in one["texts"]:
                columns[name] = np.array([*one["texts"][name], None], object)[:-1]
                continue
            size = one["rows"] * np.dtype(kept).itemsize
            columns[name], at = np.frombuffer(raw[at : at + size], kept), at + size
        stamps = {name: columns.pop(f"row {name}") for name in ("key", "event_at", "known_at", "seq", "grade")}
        yield Chunk(BY_NAME[one["kind"]], tuple(one["symbols"]), **stamps, columns=columns, sources=tuple(one["sources"]))


def _columns(chunk: Chunk) -> dict[str, Array]:
    """Everything that has a value a row; a kind's own columns may be called as any of those that every row has."""
    stamps: dict[str, Array] = {
        "key": chunk.key,
        "event_at": chunk.event_at,
        "known_at": chunk.known_at,
        "seq": chunk.seq,
        "grade": chunk.grade,
    }
    return {**{f"row {name}": column for name, column in stamps.items()}, **chunk.columns}


def _whole(raw: memoryview) -> Iterator[Chunk]:
    """The chunks of every record up to one that was torn."""
    at = 0
    while at + _HEAD <= len(raw):
        ends = at + _HEAD + int.from_bytes(raw[at : at + 8], "big")
        if ends > len(raw) or crc32(raw[at + _HEAD : ends]) != int.from_bytes(raw[at + 8 : at + _HEAD], "big"):
            return
        yield from _unpacked(raw[at + _HEAD : ends])
        at = ends


def _read(handle: int, size: int) -> bytes:
    parts, at = [], 0
    while at < size and (part := os.pread(handle, size - at, at)):
        parts.append(part)
        at += len(part)
    return b"".join(parts)


def _settle(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
