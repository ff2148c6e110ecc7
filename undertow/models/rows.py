"""Rows that models are asked about, with the rows before them for models that look at their order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64, I64, Array

MOST = 1e30  #: its square still is a number


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The teaching ticks (t,) so far, ascending: what sequence models see before a row."""

    tick: I64  #: (t,) ns UTC
    session: I64  #: (t,) position in the calendar
    X: F64  #: (t, symbols, features)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows (n,) of some symbols at some ticks."""

    X: F64  #: (n, features), NaN for not known
    tick: I64  #: (n,) ns UTC
    key: I64  #: (n,) symbol
    session: I64  #: (n,) position in the calendar
    phase: I64  #: (n,) index into ``phases.PHASES``
    past: Past

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, rows: Array | slice) -> Rows:
        own = {name: getattr(self, name)[rows] for name in ("X", "tick", "key", "session", "phase")}
        return Rows(**own, past=self.past)


def known_only(X: F64) -> F64:
    """The same matrix, of any shape, with infinities and what is near them as not known: such a number is no measurement."""
    wild = np.abs(X) > MOST
    return np.where(wild, np.nan, X) if bool(wild.any()) else X
