"""What a command did while the loop may hold the journal: written aside first, taken into the journal by its one writer afterwards.

A file a command, a line a fact, each on the disk before the next step, each under a seal that covers the line before. Whoever can open the
journal to write takes the files in: the command itself where no loop runs, else the loop. Taking in is one append, with a note that names
the file by its hash, so that a crash in the middle takes in all of it or none, and never twice. A fact that contradicts what the journal
says, such as an intent that the loop wrote as well, becomes a note that repeats it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any

from undertow.core.errors import BadData, LawBroken, StoreError
from undertow.core.time import Instant
from undertow.tape.journal.entry import FIRST, Draft, Entry, Kind, canonical, chained
from undertow.tape.journal.journal import Journal, journal_of
from undertow.tape.journal.orders import Orders
from undertow.tape.journal.store import Wanted

FOLDER, TAKEN = "journal.aside", ".taken"  #: below the home; what is added to the name of a file that the journal has
_ENDS = ".jsonl"


class Aside:
    """A file of facts that one process writes; a context manager. Raises ``StoreError`` where the disk refuses."""

    def __init__(self, home: Path, at: Instant) -> None:
        folder = home / FOLDER
        self.path = folder / f"{at}-{os.getpid()}{_ENDS}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("xb")
            fcntl.flock(self._file, fcntl.LOCK_EX)
            handle = os.open(folder, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
        except OSError as error:
            raise StoreError(f"{self.path} could not be written ({error}): nothing was asked of the broker") from error
        self._previous = FIRST

    def tell(self, draft: Draft) -> None:
        """Write a fact down; it is on the disk when this returns."""
        text = canonical({"at": draft.at, "kind": draft.kind.value, "id": draft.id, "body": dict(draft.body)})
        self._previous = _seal(self._previous, text)
        try:
            self._file.write(f"{self._previous} {text}\n".encode())
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise StoreError(f"{self.path} could not be written ({error}): what was not written was not asked of the broker") from error

    def close(self) -> None:
        """Let go of it, for the journal's writer to take in."""
        self._file.close()

    def __enter__(self) -> Aside:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def take_in(journal: Journal, home: Path, now: Instant) -> tuple[Entry, ...]:
    """Append what lies aside to a journal that is open to be written; the new entries, for the loop's own ``Orders``.

    A file that is still written is left for the next time. Raises ``StoreError`` and ``BadData`` as the journal does.
    """
    added: list[Entry] = []
    for path in sorted((home / FOLDER).glob(f"*{_ENDS}")):
        raw = _finished(path)
        if raw is None:
            continue
        name = f"aside-{sha256(raw).hexdigest()[:32]}"
        if next(iter(journal.entries(Wanted(id=name))), None) is None:
            drafts, wrong = _drafts(raw)
            note = Draft(at=now, kind=Kind.NOTE, id=name, body={"aside": path.name, "facts": len(drafts), "wrong": wrong})
            added += journal.append(note, *_fitting(journal, drafts))
        path.rename(path.with_name(path.name + TAKEN))
    return tuple(added)


def take_in_if_free(home: Path, now: Instant) -> bool:
    """Take in what lies aside unless another writes the journal; False where the loop has to."""
    try:
        with journal_of(home, os.environ) as journal:
            take_in(journal, home, now)
    except (StoreError, BadData):
        return False
    return True


def _finished(path: Path) -> bytes | None:
    """What a file holds, None while its writer lives."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        return file.read()


def _drafts(raw: bytes) -> tuple[list[Draft], str]:
    """The facts up to the first line that cannot be believed, and what is wrong with that."""
    drafts: list[Draft] = []
    previous = FIRST
    for line in raw.splitlines(keepends=True):
        seal, _, text = line.decode("utf-8", "replace").partition(" ")
        if not line.endswith(b"\n") or _seal(previous, text[:-1]) != seal:
            return drafts, f"line {len(drafts) + 1} is torn or was changed; it and all after it are left out"
        kept: dict[str, Any] = json.loads(text)
        drafts.append(Draft(at=kept["at"], kind=Kind(kept["kind"]), id=kept["id"], body=kept["body"]))
        previous = seal
    return drafts, ""


def _fitting(journal: Journal, drafts: list[Draft]) -> Iterator[Draft]:
    """The facts as the journal can take them: what contradicts it is repeated in a note."""
    orders = Orders(journal.entries())
    for draft in drafts:
        try:
            orders.check(draft)
            orders.push(chained(draft, 1, FIRST))
            yield draft
        except (LawBroken, BadData) as error:
            body = {"aside": draft.kind.value, "body": dict(draft.body), "why": str(error)}
            yield Draft(at=draft.at, kind=Kind.NOTE, id=draft.id, body=body)


def _seal(previous: str, text: str) -> str:
    return sha256(f"{previous} {text}".encode()).hexdigest()
