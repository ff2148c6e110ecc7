"""The ledger of trials: every fit of every setting is written down, because the best of many tries looks good by luck alone.

One SQLite file that several processes may write at once. Entries are only ever added: the file itself refuses to change or drop one.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.errors import BadInput, StoreError
from undertow.core.time import Instant
from undertow.validation.significance.effective import By, effective_trials

_TABLES = """
CREATE TABLE IF NOT EXISTS trials (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, what TEXT NOT NULL, configuration TEXT NOT NULL,
    data TEXT NOT NULL, seed INTEGER NOT NULL, sharpe REAL, returns TEXT
);
CREATE TABLE IF NOT EXISTS returns (digest TEXT PRIMARY KEY, day BLOB NOT NULL, value BLOB NOT NULL);
"""
_GUARDS = "".join(
    f"CREATE TRIGGER IF NOT EXISTS {table}_{verb} BEFORE {verb} ON {table} "
    "BEGIN SELECT RAISE(ABORT, 'the ledger of trials is only added to'); END;"
    for table in ("trials", "returns")
    for verb in ("UPDATE", "DELETE")
)
_COLUMNS = "at, what, configuration, data, seed, sharpe, returns"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One fit, or one run of a strategy, with one setting."""

    at: Instant  #: when it was made, ns UTC
    what: str  #: model or strategy, for example ``xgboost``
    configuration: str  #: see ``configuration_hash``
    data: str = ""  #: see ``configuration_hash``, of the data's versions
    seed: int = 0
    sharpe: float | None = None  #: per period, where it was measured
    returns: str | None = None  #: digest of the returns kept with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How much was tried."""

    fits: int  #: entries: a setting that is retrained every month counts each time
    settings: int  #: different settings: what was chosen among
    effective: float  #: independent ones among them; settings without returns count in full
    variance: float  #: of the settings' per-period Sharpes; NaN for fewer than two


def configuration_hash(values: Mapping[str, object]) -> str:
    """Digest of a setting or of data versions: the same for equal values in any order. Raises ``BadInput`` for what JSON cannot tell."""
    try:
        text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadInput(f"A setting must be made of numbers, texts, lists and tables ({error}).") from error
    return blake2b(text.encode(), digest_size=16).hexdigest()


class TrialLedger:
    """Trials in the file ``path``; its folder is made when the first is noted. Every method raises ``StoreError`` if the disk refuses."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, trial: Trial, day: I64 | None = None, returns: F64 | None = None) -> Trial:
        """Add a trial, with its returns (n,) on days (n,), rising, where they are known; gives it back with their digest.

        Days are any whole numbers that mean the same for all trials, such as days since 1970.
        """
        return self.note_all([trial], [(day, returns)])[0]

    def note_all(self, trials: Sequence[Trial], returns: Sequence[tuple[I64 | None, F64 | None]] = ()) -> list[Trial]:
        """Add several trials, all or none (see ``note``)."""
        kept, blobs = [], []
        for i, trial in enumerate(trials):
            day, value = returns[i] if i < len(returns) else (None, None)
            digest = trial.returns
            if day is not None and value is not None:
                blob = _blob(day, value)
                digest = blake2b(b"".join(blob), digest_size=16).hexdigest()
                blobs.append((digest, *blob))
            kept.append(replace(trial, returns=digest))
        with self._open() as file:
            file.executemany("INSERT OR IGNORE INTO returns VALUES (?, ?, ?)", blobs)
            file.executemany(
                f"INSERT INTO trials ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - the names are ours
                [(t.at, t.what, t.configuration, t.data, t.seed, t.sharpe, t.returns) for t in kept],
            )
        return kept

    def trials(self, what: str | None = None) -> list[Trial]:
        """Every trial, of one model or of all, in the order they were added."""
        if not self._path.exists():
            return []
        with self._open() as file:
            rows = file.execute(
                f"SELECT {_COLUMNS} FROM trials WHERE ? IS NULL OR what = ? ORDER BY number",  # noqa: S608 - the names are ours
                (what, what),
            ).fetchall()
        names = [name.strip() for name in _COLUMNS.split(",")]
        return [Trial(**dict(zip(names, row, strict=True))) for row in rows]

    def returns(self, digests: Sequence[str]) -> F64:
        """Returns (days, digests) of the days on which any of them has one, in order, NaN where one has none."""
        kept = {digest: self.series(digest) for digest in dict.fromkeys(digests)}
        days = np.unique(np.concatenate([day for day, _ in kept.values()])) if kept else np.empty(0, np.int64)
        out = np.full((len(days), len(digests)), np.nan)
        for j, digest in enumerate(digests):
            day, value = kept[digest]
            out[np.searchsorted(days, day), j] = value
        return out

    def series(self, digest: str) -> tuple[I64, F64]:
        """Days (n,), rising, and returns (n,) kept under a digest; empty where nothing is."""
        with self._open() as file:
            row = file.execute("SELECT day, value FROM returns WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            return np.empty(0, np.int64), np.empty(0)
        return np.frombuffer(row[0], "<i8").astype(np.int64), np.frombuffer(row[1], "<f8").astype(np.float64)

    def tally(self, what: str | None = None, by: By = "entropy") -> Tally:
        """How much was tried, of one model or of all; of a setting tried again the latest speaks. ``by``: see ``effective_trials``."""
        trials = self.trials(what)
        settings = {(t.what, t.configuration, t.data, t.seed): t for t in trials}
        known = [t.returns for t in settings.values() if t.returns is not None]
        moved = effective_trials(self.returns(known), by) if known else 0.0
        sharpes = [t.sharpe for t in settings.values() if t.sharpe is not None]
        return Tally(
            fits=len(trials),
            settings=len(settings),
            effective=moved + len(settings) - len(known),
            variance=float(np.var(sharpes, ddof=1)) if len(sharpes) > 1 else float("nan"),
        )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=60, isolation_level="IMMEDIATE")) as file:
                _prepare(file)
                with file:
                    yield file
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"The ledger of trials, {self._path}, could not be used ({error}).") from error


def _prepare(file: sqlite3.Connection) -> None:
    """Make the tables once; a file that has them all is not written to."""
    if file.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'").fetchone()[0] < 4:
        file.execute("PRAGMA journal_mode = WAL")
        file.executescript(f"BEGIN IMMEDIATE; {_TABLES} {_GUARDS} COMMIT;")
    file.execute("PRAGMA synchronous = FULL")


def _blob(day: I64, value: F64) -> tuple[bytes, bytes]:
    days, values = np.asarray(day, "<i8"), np.asarray(value, "<f8")
    if days.ndim != 1 or days.shape != values.shape or bool((np.diff(days) <= 0).any()):
        raise BadInput("The returns of a trial need one rising day each.")
    return days.tobytes(), values.tobytes()
