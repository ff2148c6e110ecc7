"""Folders of files that are there whole or not at all, sealed by a manifest with the size and SHA-256 of each."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from undertow.core.errors import BadData, StoreError

MANIFEST = "manifest.json"
_TRIES = 5


def write_folder(folder: Path, files: Mapping[str, bytes], about: Mapping[str, Any]) -> None:
    """Put files and what is to be said about them into a folder, in place of what is there; ``kill -9`` leaves the old, the new or none.

    Raises ``StoreError`` where the disk refuses; then nothing was changed.
    """
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
    with refusals(folder):
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        clear(folder.parent, folder.name)
        try:
            unfinished.mkdir()
            sums = {name: {"bytes": len(content), "sha256": _sum(content)} for name, content in sorted(files.items())}
            for name, content in files.items():
                _write(unfinished / name, content)
            _write(unfinished / MANIFEST, _sealed({**about, "files": sums}))
            _sync(unfinished)
            _swap(unfinished, folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def write_about(path: Path, about: Mapping[str, Any]) -> None:
    """Write one sealed JSON file in place of what is there, whole or not at all; raises ``StoreError``."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with refusals(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write(unfinished, _sealed(about))
            unfinished.replace(path)
            _sync(path.parent)
        finally:
            unfinished.unlink(missing_ok=True)


def read_about(path: Path) -> dict[str, Any]:
    """What a sealed file says; raises ``BadData`` naming it where it was cut short or changed, ``StoreError`` where it cannot be read."""
    with refusals(path):
        content = path.read_bytes()
    try:
        about = json.loads(content)
        seal = about.pop("seal")
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise BadData(f"{path} was cut short or is no manifest") from error
    if seal != _seal(about):
        raise BadData(f"{path} was changed after it was written")
    return dict(about)


def read_folder(folder: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What is said about a folder's files, and their content; raises ``BadData`` naming a file that is missing, cut short or changed."""
    about = read_about(folder / MANIFEST)
    return about, {name: _checked(folder / name, kept) for name, kept in about["files"].items()}


def clear(folder: Path, name: str = "*") -> None:
    """Remove what killed writers have left in a folder."""
    for left in folder.glob(f".{name}.*"):
        pid = left.name.rpartition(".")[2]
        if pid.isdigit() and not _alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)


@contextmanager
def refusals(path: Path) -> Iterator[None]:
    """Turn what the disk raises inside into a ``StoreError`` that names the path."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"The model shelf could not use {path} ({error.strerror or error}).") from error


def _checked(path: Path, kept: Mapping[str, Any]) -> bytes:
    if not path.is_file():
        raise BadData(f"{path} is missing")
    with refusals(path):
        content = path.read_bytes()
    if len(content) != kept["bytes"]:
        raise BadData(f"{path} has {len(content):,} of {kept['bytes']:,} bytes")
    if _sum(content) != kept["sha256"]:
        raise BadData(f"{path} was changed after it was written")
    return content


def _sealed(about: Mapping[str, Any]) -> bytes:
    plain = json.loads(json.dumps(about))
    return (json.dumps({**plain, "seal": _seal(plain)}, indent=1) + "\n").encode()


def _seal(about: Mapping[str, Any]) -> str:
    return _sum(json.dumps(about, sort_keys=True).encode())


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _swap(unfinished: Path, folder: Path) -> None:
    """Give the finished folder its name; another process may do the same at the same time, and the last one stays."""
    old = folder.with_name(f".{folder.name}.old.{os.getpid()}")
    for _ in range(_TRIES):
        try:
            unfinished.rename(folder)
            break
        except OSError as error:
            # there may be none any more: another process has just put its own aside
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        try:
            folder.rename(old)
        except FileNotFoundError:
            continue
        shutil.rmtree(old, ignore_errors=True)
    _sync(folder.parent)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
