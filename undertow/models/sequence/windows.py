"""Windows over one matrix, gathered by index a batch at a time: the matrix is never copied per window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undertow.core.chunk import F64, I64, Array
from undertow.core.compiled import njit
from undertow.core.errors import BadInput

F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Rows in any order, told apart by symbol and tick; raises ``BadInput`` where columns differ in length or a row comes twice."""

    X: F64  #: (rows, features), NaN for not known; infinities count as not known
    key: I64  #: (rows,) symbol
    tick: I64  #: (rows,) ns UTC at which the row was decided
    session: I64  #: (rows,) position in the calendar
    label_known_at: I64 | None = None  #: (rows,) ns UTC; needed to fit, a far instant where the label is not known yet

    def __post_init__(self) -> None:
        lengths = {len(self.X), len(self.key), len(self.tick), len(self.session)}
        if self.label_known_at is not None:
            lengths.add(len(self.label_known_at))
        if len(lengths) != 1 or self.X.ndim != 2:
            raise BadInput(f"A panel needs X (rows, features) and columns of the same length; got lengths {sorted(lengths)}.")

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, rows: Array | slice) -> Panel:
        known = self.label_known_at
        return Panel(
            X=self.X[rows],
            key=self.key[rows],
            tick=self.tick[rows],
            session=self.session[rows],
            label_known_at=None if known is None else known[rows],
        )

    def with_features(self, X: F64) -> Panel:
        """The same rows with other features (rows, features)."""
        return Panel(X=X, key=self.key, tick=self.tick, session=self.session, label_known_at=self.label_known_at)

    def tail(self, count: int) -> Panel:
        """The last ``count`` rows of each symbol, in order of symbol and tick: enough to explain the last row of each."""
        order = np.lexsort((self.tick, self.key))
        key = self.key[order]
        after = np.searchsorted(key, key, side="right")
        return self[order[after - np.arange(len(key)) <= count]]


def arrange(panel: Panel, across: int) -> tuple[I64, Array]:
    """Rows by symbol, then tick: their order (rows,) and where a stretch begins, bool (rows,).

    A stretch is one symbol's rows without a hole: from one row to the next the session moves on by ``across`` at most
    (1: overnight is no hole, a missed session is; 0: every session stands alone).
    """
    order = np.lexsort((panel.tick, panel.key))
    key, tick, session = panel.key[order], panel.tick[order], panel.session[order]
    same = key[1:] == key[:-1]
    if bool(np.any(same & (tick[1:] == tick[:-1]))):
        raise BadInput("A panel holds one row of a symbol at a tick; it was given two.")
    begins = np.ones(len(order), np.bool_)
    begins[1:] = ~same | (session[1:] - session[:-1] > across)
    return order, begins


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaler:
    """Centre and spread of each feature in the training part; not known becomes 0, and a column of its own where that is frequent."""

    centre: F64  #: (features,)
    spread: F64  #: (features,)
    masked: I64  #: columns that get a second one: 1 where known, 0 where not

    @property
    def width(self) -> int:
        """Columns that a network sees."""
        return len(self.centre) + len(self.masked)

    def apply(self, X: F64) -> F32:
        """X (n, features) -> (n, width), clipped at five deviations: one wild value of a new day must not decide alone."""
        self.check(X.shape[1])
        out = np.empty((len(X), self.width), np.float32)
        _scale_rows(np.array(X, np.float64, order="C"), self.arrays(), out)
        return out

    def check(self, features: int) -> None:
        """Raises ``BadInput`` for another number of features than was taught on."""
        if features != len(self.centre):
            raise BadInput(f"This model was taught on {len(self.centre)} features and got {features}; train it again.")

    def arrays(self) -> tuple[F64, F64, I64]:
        """Centre, spread and masked columns as ``scale`` takes them; raises ``IndexError`` for a masked column that is not there."""
        spread = np.array(np.broadcast_to(self.spread, self.centre.shape), np.float64)
        return np.array(self.centre, np.float64), spread, np.arange(len(self.centre))[self.masked]


@njit(cache=True, error_model="numpy")
def scale(row: F64, scaler: Any, out: F32) -> None:
    """One row (features,), as ``Scaler.apply`` tells, into out (width,)."""
    centre, spread, masked = scaler
    for j in range(len(centre)):
        standard = ((row[j] if np.isfinite(row[j]) else centre[j]) - centre[j]) / spread[j]
        if standard < -5.0:
            standard = -5.0
        elif standard > 5.0:
            standard = 5.0
        out[j] = standard
    for j in range(len(masked)):
        out[len(centre) + j] = np.isfinite(row[masked[j]])


@njit(cache=True, error_model="numpy")
def _scale_rows(X: F64, scaler: Any, out: F32) -> None:
    for i in range(len(X)):
        scale(X[i], scaler, out[i])


def fit_scaler(X: F64, mask_above: float = 0.01) -> Scaler:
    """X (n, features) of the training part alone; a feature unknown in more than ``mask_above`` of the rows gets a mask."""
    known = np.isfinite(X)
    count = known.sum(axis=0)
    centre = np.where(known, X, 0.0).sum(axis=0) / np.maximum(count, 1)
    spread = np.sqrt((np.where(known, X - centre, 0.0) ** 2).sum(axis=0) / np.maximum(count, 1))
    constant = spread <= 1e-12 * np.maximum(np.abs(centre), 1.0)
    share = count / max(len(X), 1)
    return Scaler(
        centre=centre,
        spread=np.where(constant, 1.0, spread),
        masked=np.flatnonzero((share < 1.0 - mask_above) & (count > 0)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Every row's window: the last ``lookback`` rows of its stretch, the row itself last, zeros before the stretch began."""

    rows: F32  #: (1 + rows, width) by symbol and tick; row 0 is all zeros
    begin: I64  #: (1 + rows,) where the stretch of each row begins
    lookback: int

    @classmethod
    def over(cls, rows: F32, begins: Array, lookback: int) -> Windows:
        """Of arranged rows (n, width) and where stretches begin (n,)."""
        padded = np.vstack([np.zeros((1, rows.shape[1]), np.float32), rows])
        first = np.where(begins, np.arange(1, len(rows) + 1), 0)
        return cls(rows=padded, begin=np.concatenate([[0], np.maximum.accumulate(first)]).astype(np.int64), lookback=lookback)

    def index(self, at: I64) -> I64:
        """Arranged positions (m,) -> rows of their windows (m, lookback), 0 for padding."""
        last = at + 1
        index = last[:, None] + np.arange(1 - self.lookback, 1)
        index[index < self.begin[last][:, None]] = 0
        return np.asarray(index, np.int64)

    def gather(self, at: I64) -> F32:
        """Arranged positions (m,) -> their windows (m, lookback, width)."""
        return self.rows[self.index(at)]
