"""Runs that are underway: each leaves a mark while it works, so that the next one sees what a killed one left and goes on from there.

A mark is a locked file below ``underway``; the system frees the lock of a process that ends in any way. A mark that nobody locks is one of
a run that was killed. What that run had finished is on its shelves and is found there; its half-made folder is removed; and if its folder
was whole, so that only its summary was never seen, the same run made again gives that folder back instead of leaving a second one.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from undertow.core.errors import StoreError
from undertow.tape.shelf.whole import clear

MARKS = "underway"  #: below the home


@contextmanager
def underway(root: Path, name: str, digest: str) -> Iterator[tuple[Path, ...]]:
    """Mark a run, by its folder's name and the digest of what was asked, while the block lasts.

    Yields the whole folders of runs that asked the same and were killed. Raises ``StoreError`` where the disk refuses.
    """
    runs, marks = root / "runs", root / MARKS
    _remove_half_made(runs)
    made = [folder for folder in (marks, root, *root.parents) if not folder.exists()]
    try:
        marks.mkdir(parents=True, exist_ok=True)
        left = [mark for mark in sorted(marks.glob(f"{digest}.*")) if not _held(mark)]
        names = [one for mark in left for one in _names(mark)]
        own = marks / f"{digest}.{os.getpid()}"
        handle = _marked(own, [name, *names])
        for mark in left:
            if mark != own:
                mark.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{marks} could not be used ({error.strerror or error}): nothing was run") from error
    try:
        if left:
            print("note: The same run was stopped before it ended; what it had finished is used.", file=sys.stderr)
        yield tuple(runs / one for one in names if (runs / one / "manifest.json").is_file())
    finally:
        own.unlink(missing_ok=True)
        os.close(handle)
        _leave_nothing(made)


def _leave_nothing(made: Sequence[Path]) -> None:
    """Remove the folders that this run made, the innermost first, as far as they are empty: one that was refused leaves no trace."""
    for folder in made:
        try:
            folder.rmdir()
        except OSError:
            return


def _remove_half_made(runs: Path) -> None:
    there = sorted(runs.glob(".*"))
    clear(runs)
    for folder in there:
        if not folder.exists():
            print(
                f"note: {folder.name[1:].rpartition('.')[0]} was stopped while it was saved; what there was of it is removed.",
                file=sys.stderr,
            )


def _marked(path: Path, names: Sequence[str]) -> int:
    """Write a mark that is locked before it is seen; the lock lasts as long as the handle."""
    unseen = path.with_name(f".{path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)  # another run may have left nothing meanwhile
    handle = os.open(unseen, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
    fcntl.flock(handle, fcntl.LOCK_EX)
    os.write(handle, json.dumps(list(dict.fromkeys(names))).encode())
    os.fsync(handle)
    unseen.replace(path)
    return handle


def _held(mark: Path) -> bool:
    """Whether the run that left a mark still works."""
    try:
        handle = os.open(mark, os.O_RDWR)
    except OSError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def _names(mark: Path) -> list[str]:
    """The folders that a mark tells of; none where it was cut short."""
    try:
        found = json.loads(mark.read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return [one for one in found if isinstance(one, str) and Path(one).name == one] if isinstance(found, list) else []
