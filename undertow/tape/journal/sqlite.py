"""Entries in one SQLite file: each append is on the disk when it returns or never was, and the file itself refuses any other change.

How the file is used, and why:

- ``journal_mode = TRUNCATE``, not WAL. A byte that goes bad in a WAL file silently takes with it every later commit, the note of where the
  chain ends included, and a copy of the one file lacks what is still in the other; here what was committed lies in the one file.
- ``synchronous = FULL``: with TRUNCATE the emptied rollback journal is flushed too, so that a power cut after a commit does not undo it
  (with DELETE only EXTRA would do that). ``fullfsync``: on macOS a flush that the drive does not answer from its cache.
- Readers ask for ``_BATCH`` entries at a time, so that a commit waits for milliseconds and never for a whole export.
- The writer holds a lock on a file of its own: closing any other handle to the SQLite file would drop SQLite's own locks.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

from undertow.core.errors import BadData, NotSupported, StoreError
from undertow.tape.journal.entry import FIRST, Entry, Raw, raw_of
from undertow.tape.journal.store import Head, Wanted

_BATCH = 2_000  # entries
_WAIT = 60.0  # seconds that one side waits for the other
_OURS, _FORMAT = 0x556E6474, 1  # application_id "Undt", user_version
_COLUMNS = "sequence, at, kind, id, body, previous, hash"
_TABLES = """
CREATE TABLE entries (
    sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
    previous TEXT NOT NULL, hash TEXT NOT NULL
);
CREATE INDEX entries_by_id ON entries (id);
CREATE TABLE head (only INTEGER PRIMARY KEY CHECK (only = 1), sequence INTEGER NOT NULL, hash TEXT NOT NULL);
INSERT INTO head VALUES (1, 0, 'FIRST');
"""
_GUARDS = """
CREATE TRIGGER entries_follow BEFORE INSERT ON entries WHEN NOT EXISTS
    (SELECT 1 FROM head WHERE sequence = NEW.sequence - 1 AND hash = NEW.previous)
    BEGIN SELECT RAISE(ABORT, 'an entry must follow the last one'); END;
CREATE TRIGGER entries_lead AFTER INSERT ON entries
    BEGIN UPDATE head SET sequence = NEW.sequence, hash = NEW.hash; END;
CREATE TRIGGER head_follows BEFORE UPDATE ON head WHEN NOT EXISTS
    (SELECT 1 FROM entries WHERE sequence = OLD.sequence + 1 AND sequence = NEW.sequence AND hash = NEW.hash AND previous = OLD.hash)
    BEGIN SELECT RAISE(ABORT, 'the head must be the last entry'); END;
"""
_ONLY_ADDED_TO = "".join(
    f"CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;\n"
    for table, verb in (("entries", "UPDATE"), ("entries", "DELETE"), ("head", "INSERT"), ("head", "DELETE"))
)
_SCHEMA = _TABLES.replace("FIRST", FIRST) + _GUARDS + _ONLY_ADDED_TO


class SqliteStore:
    """A journal's file, opened ``to_write`` by one at most, or to read by any number. Let go of it with ``close``.

    path : made if it is not there and is to be written; to read one that is not there raises ``StoreError``
    """

    def __init__(self, path: Path, *, to_write: bool) -> None:
        self._path, self._process = path, os.getpid()
        self._lock: IO[str] | None = None
        self._file: sqlite3.Connection | None = None
        if str(path).startswith(("postgresql:", "postgres:")):
            raise NotSupported("The URL of a journal in PostgreSQL is given as text: as a path it is no URL any more.")
        try:
            self._lock = _locked(path) if to_write else None
            with _refused(path):
                if to_write and not path.exists():
                    _make(path)
                self._file = _connected(path, to_write)
                _check(self._file, path, to_write)
        except BaseException:
            self.close()
            raise

    def head(self) -> Head:
        """See ``Store``."""
        with self._refusals() as file:
            return self._head(file)

    def append(self, head: Head, entries: Sequence[Entry]) -> None:
        """See ``Store``."""
        if self._lock is None or self._process != os.getpid():
            raise StoreError(f"The journal {self._path} was not opened to be written by this process; nothing was recorded.")
        with self._refusals("; none of this may be taken as recorded, and what was recorded before is kept") as file:
            try:
                file.execute("BEGIN IMMEDIATE")
                if (found := self._head(file)) != head:
                    raise StoreError(f"The journal {self._path} ends at {found} and not at {head}: someone else wrote to it. Stop both.")
                file.executemany(
                    f"INSERT INTO entries ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - the names are ours
                    [(e.sequence, e.at, e.kind.value, e.id, e.body, e.previous, e.hash) for e in entries],
                )
                file.execute("COMMIT")
            finally:
                if file.in_transaction:
                    file.execute("ROLLBACK")

    def rows(self, wanted: Wanted) -> Iterator[Raw]:
        """See ``Store``."""
        clauses, values = _asked(wanted)
        above = wanted.first - 1
        while True:
            found = self._select(f"sequence > ?{clauses} ORDER BY sequence LIMIT {_BATCH}", (above, *values))
            yield from found
            if len(found) < _BATCH:
                return
            above = found[-1].sequence

    def following(self, previous: str) -> list[Raw]:
        """See ``Store``."""
        return self._select("previous = ? ORDER BY sequence", (previous,))

    def damage(self) -> str:
        """See ``Store``."""
        try:
            with self._refusals() as file:
                found = [row[0].decode("utf-8", "replace") for row in file.execute("PRAGMA integrity_check(3)")]
        except BadData as error:
            return str(error)
        return "" if found == ["ok"] else "; ".join(found)

    def close(self) -> None:
        """See ``Store``."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _select(self, where: str, values: tuple[object, ...]) -> list[Raw]:
        with self._refusals() as file:
            rows = file.execute(f"SELECT {_COLUMNS} FROM entries WHERE {where}", values).fetchall()  # noqa: S608 - ours
        return [raw_of(row) for row in rows]

    def _head(self, file: sqlite3.Connection) -> Head:
        rows = file.execute("SELECT sequence, hash FROM head").fetchall()
        if len(rows) != 1 or not isinstance(rows[0][0], int) or not isinstance(rows[0][1], bytes):
            raise BadData(f"The journal {self._path} does not say where it ends.")
        return Head(sequence=rows[0][0], hash=rows[0][1].decode("utf-8", "replace"))

    @contextmanager
    def _refusals(self, then: str = "") -> Iterator[sqlite3.Connection]:
        if self._file is None:
            raise StoreError(f"The journal {self._path} was closed.")
        with _refused(self._path, then):
            yield self._file


@contextmanager
def _refused(path: Path, then: str = "") -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.OperationalError, sqlite3.IntegrityError, sqlite3.ProgrammingError) as error:
        raise StoreError(f"The journal {path} could not be used ({error}){then}.") from error
    except (sqlite3.Error, UnicodeDecodeError) as error:  # SQLite's own message may name what is torn
        raise BadData(f"The journal {path} is damaged ({error}).") from error


def _locked(path: Path) -> IO[str]:
    """The lock that makes us the one writer; the system frees it even after ``kill -9``."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f"{path.name}.lock").open("a+")
    except OSError as error:
        raise StoreError(f"The journal {path} could not be used ({error}).") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
    except BlockingIOError as error:
        lock.seek(0)
        holder = lock.read(20).strip() or "unknown"
        lock.close()
        raise StoreError(
            f"The journal {path} is being written by process {holder}: two would send orders twice. Nothing was done; stop the other first."
        ) from error
    except OSError as error:
        lock.close()
        raise StoreError(f"The journal {path} could not be used ({error}).") from error
    return lock


def _make(path: Path) -> None:
    """A new file, there whole or not at all."""
    left = path.with_name(f"{path.name}-journal")
    if left.exists() and left.stat().st_size:
        raise StoreError(f"{left} is there and {path} is not: the journal was moved or lost. Put it back, or move both away.")
    new = path.with_name(f".{path.name}.new")
    for old in (new, new.with_name(f"{new.name}-journal")):
        old.unlink(missing_ok=True)
    with closing(sqlite3.connect(new)) as file:
        file.execute("PRAGMA synchronous = FULL")
        file.executescript(f"BEGIN; {_SCHEMA} PRAGMA application_id = {_OURS}; PRAGMA user_version = {_FORMAT}; COMMIT;")
    new.rename(path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _connected(path: Path, to_write: bool) -> sqlite3.Connection:
    # never mode=ro: what a killed writer left half done must be undone before anything can be read
    file = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=_WAIT, isolation_level=None)
    try:
        file.text_factory = bytes  # text that was torn must not fail to be read
        for pragma in ("journal_mode = TRUNCATE", "synchronous = FULL", "fullfsync = ON", "trusted_schema = OFF", "cell_size_check = ON"):
            file.execute(f"PRAGMA {pragma}").fetchall()
        file.execute(f"PRAGMA query_only = {not to_write}")
    except BaseException:
        file.close()
        raise
    return file


def _check(file: sqlite3.Connection, path: Path, to_write: bool) -> None:
    """Refuse a file that is not ours, or one to write whose guards are gone."""
    ours, number = (file.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if ours != _OURS:
        raise BadData(f"{path} is no journal, or has lost its beginning. Keep it, and look for a copy.")
    if number != _FORMAT:
        raise NotSupported(f"The journal {path} has format {number}, and this version knows {_FORMAT}.")
    if to_write and _laid_out(file) != _expected():
        raise BadData(f"The guards of the journal {path} were removed or changed; run `undertow journal verify`.")


def _laid_out(file: sqlite3.Connection) -> list[bytes]:
    return [row[0] for row in file.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")]


def _expected() -> list[bytes]:
    with closing(sqlite3.connect(":memory:")) as file:
        file.text_factory = bytes
        file.executescript(_SCHEMA)
        return _laid_out(file)


def _asked(wanted: Wanted) -> tuple[str, tuple[object, ...]]:
    parts: list[tuple[str, tuple[object, ...]]] = []
    if wanted.id is not None:
        parts.append(("id = ?", (wanted.id,)))
    if wanted.kinds:
        parts.append((f"kind IN ({', '.join('?' * len(wanted.kinds))})", tuple(kind.value for kind in wanted.kinds)))
    for clause, value in (("sequence <= ?", wanted.last), ("at > ?", wanted.after), ("at <= ?", wanted.until)):
        if value is not None:
            parts.append((clause, (value,)))
    return "".join(f" AND {clause}" for clause, _ in parts), tuple(value for _, values in parts for value in values)
