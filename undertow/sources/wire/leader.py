"""One stream a key and asset class: the vendor closes the older of two, so that two processes would throw each other out for ever."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Self

from undertow.core.errors import BadInput, StoreError, UndertowError
from undertow.sources.wire.key import Key


class AlreadyStreaming(UndertowError):
    """Another process streams with this key. ``owner`` is its process number, 0 where it did not say."""

    exit_code = 2

    def __init__(self, message: str, *, owner: int = 0) -> None:
        super().__init__(message)
        self.owner = owner


class Leader:
    """Holds the right to stream: a lock on a file of the key's hash, which the system frees when the process ends, however it ends."""

    def __init__(self, folder: Path, key: Key, asset: str) -> None:
        """``asset`` is the vendor's name for the stream, such as ``stocks``. Raises ``BadInput`` for a name that no file can have."""
        if not re.fullmatch(r"[a-z][a-z_]*", asset):
            raise BadInput(f"{asset!r} is no name of a stream: lower-case letters and underscores only.")
        self.asset = asset
        self.path = folder / f"{key.name}.{asset}.lock"
        self._file: int | None = None

    @property
    def leads(self) -> bool:
        """Whether this object holds the right."""
        return self._file is not None

    def acquire(self) -> None:
        """Take the right, at once or not at all. Raises ``AlreadyStreaming``, and ``StoreError`` where the disk refuses."""
        import fcntl

        if self._file is not None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"Cannot open {self.path} ({error.strerror}); without it nothing tells whether another process streams."
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(file, 0)
            os.write(file, str(os.getpid()).encode())
        except BlockingIOError:
            owner = _owner(file)
            os.close(file)
            who = f"process {owner}" if owner else "another process"
            raise AlreadyStreaming(
                f"{who.capitalize()} already streams {self.asset} with this key, and the vendor serves one connection a key: "
                "stop it first, or use another key. Nothing was connected.",
                owner=owner,
            ) from None
        except OSError as error:
            os.close(file)
            raise StoreError(f"Cannot lock {self.path} ({error.strerror}); use a folder on a local disk.") from error
        self._file = file

    def release(self) -> None:
        """Give the right back; the file stays, for removing it would let two processes lock two files of one name."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _owner(file: int) -> int:
    try:
        text = os.pread(file, 20, 0)
    except OSError:
        return 0
    return int(text) if text.isdigit() else 0
