"""Small files that are there whole or count as broken: JSON under a seal, put in place in one step."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from undertow.core.errors import BadData, StoreError, UndertowError

LONGEST = 1 << 22  #: bytes
_PAGE = 4_096  #: bytes by which a file that is overwritten grows
_TURN = "turn"


def sealed(kept: Mapping[str, object]) -> bytes:
    """A table as bytes that show any change; raises ``ValueError`` for a number that JSON cannot tell."""
    text = json.dumps(dict(kept), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"{sha256(text.encode()).hexdigest()} {text}\n".encode()


def unsealed(raw: bytes) -> dict[str, object]:
    """The table; raises ``BadData`` where the bytes are not those that were written."""
    raw = raw.rstrip(b" ")  # room for a longer one
    seal, _, text = raw.partition(b" ")
    if not raw.endswith(b"\n") or sha256(text[:-1]).hexdigest().encode() != seal:
        raise BadData("it is torn, or was changed by hand")
    kept = json.loads(text)
    if not isinstance(kept, dict):
        raise BadData("it holds no table")
    return kept


def read(path: Path) -> dict[str, object] | None:
    """The table of a file, None where there is no file; raises ``BadData`` for a broken one, ``StoreError`` where the disk refuses."""
    try:
        with path.open("rb") as file:
            raw = file.read(LONGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path} could not be read ({error.strerror})") from error
    try:
        return unsealed(raw)
    except BadData as error:
        raise BadData(f"{path} is broken: {error}") from error


def replace(path: Path, kept: Mapping[str, object], *, lasting: bool = True) -> None:
    """Put a table in a file's place: the old one or the new one is there, whenever the process or, if ``lasting``, the power ends.

    Raises ``StoreError`` where the disk refuses; then the old one is there.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write(new, sealed(kept), lasting)
        new.replace(path)
        if lasting:
            _settle(path.parent)
    except (OSError, ValueError) as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise StoreError(f"{path} could not be written ({error})") from error


class Slots:
    """A table in two files that take turns and are overwritten in place: a write waits for the disk once, a third of what a new file takes.

    A write that ends in the middle leaves the other file, with what was written before; ``twice`` for what must not be lost with one.
    """

    def __init__(self, path: Path) -> None:
        self._paths = (path, path.with_name(f"{path.stem}.other{path.suffix}"))
        self._turn = 0

    def read(self) -> dict[str, object] | None:
        """The newest table that is whole, None where there never was one; raises ``BadData`` where none of both is."""
        found: list[tuple[int, dict[str, object]]] = []
        wrong: list[UndertowError] = []
        for path in self._paths:
            try:
                kept = read(path)
                turn = None if kept is None else kept.pop(_TURN, None)
                if kept is not None and isinstance(turn, int):
                    found.append((turn, kept))
            except UndertowError as error:
                wrong.append(error)
        if not found:
            if wrong:
                raise wrong[0]
            return None
        self._turn, newest = max(found, key=lambda each: each[0])
        return newest

    def write(self, kept: Mapping[str, object], *, twice: bool = False) -> None:
        """Put a table on the disk; raises ``StoreError`` where that refuses."""
        for _ in range(1 + twice):
            self._turn += 1
            path = self._paths[self._turn % 2]
            try:
                _overwrite(path, sealed({**kept, _TURN: self._turn}))
            except (OSError, ValueError) as error:
                raise StoreError(f"{path} could not be written ({error})") from error

    def mark(self) -> int:
        """A number that names what lies in both files, whole or not."""
        digest = sha256()
        for path in self._paths:
            with suppress(OSError):
                digest.update(path.read_bytes())
        return int(digest.hexdigest()[:15], 16)


def add(path: Path, kept: Mapping[str, object]) -> bool:
    """Make a file that is not there yet, lasting; False where another was first. Raises ``StoreError`` where the disk refuses."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write(new, sealed(kept), True)
        os.link(new, path)
        _settle(path.parent)
    except FileExistsError:
        return False
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} could not be written ({error})") from error
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)
    return True


def _write(path: Path, raw: bytes, lasting: bool) -> None:
    with path.open("wb") as file:
        file.write(raw)
        file.flush()
        if lasting:
            os.fsync(file.fileno())


def _overwrite(path: Path, raw: bytes) -> None:
    new = not path.exists()
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        size = max(os.fstat(handle).st_size, -(-len(raw) // _PAGE) * _PAGE)
        if os.pwrite(handle, raw.ljust(size), 0) != size:
            raise OSError(f"only a part of {size} bytes was taken")
        os.fsync(handle)
    finally:
        os.close(handle)
    if new:
        _settle(path.parent)


def _settle(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
