"""What a run leaves behind: arrays only, so that a report, a test or a notebook can read it without the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from undertow.core.chunk import F64, I8, I64, Chunk
from undertow.core.orders import Costs, Signal
from undertow.core.time import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One retraining: which rows taught it, and how well its predecessor's predictions held up."""

    trained_at: Instant
    rows: int  #: labelled rows known by then
    models: tuple[str, ...]
    meta: str  #: "stacked" or "equal weights (stacking did not beat it)" and the like
    calibrator: str  #: "platt (n_eff 1834)", "shrunk towards the base rate (n_eff 320)", "none"
    importance: Mapping[str, float] = field(default_factory=dict)  #: feature -> mean absolute log-odds
    notes: tuple[str, ...] = ()  #: models that were left out, and why, a sentence each


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Out-of-sample predictions whose outcome is known, for calibration and significance; one row a decision."""

    decided_at: I64  #: (n,)
    key: I64  #: (n,)
    p_up: F64  #: (n,) calibrated, as shown at the time
    value: F64  #: (n,) return from fill to horizon
    base: Mapping[str, F64] = field(default_factory=dict)  #: base model -> its own probability (n,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """Splits that the account went through, a row a split, in time order; ``close`` at and after ``mark`` is on the new basis."""

    mark: I64  #: (n,) index into ``mark_at`` of the symbol's first mark of the new shares
    key: I64  #: (n,)
    ratio: F64  #: (n,) new shares for one old


NO_SPLITS = Splits(mark=np.empty(0, np.int64), key=np.empty(0, np.int64), ratio=np.empty(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """A finished run; every array covers the decision window only (not the warm-up)."""

    mode: str
    symbols: tuple[str, ...]
    timeframe: str  #: "5m" or "1d": bars that were traded
    start: Instant
    end: Instant
    capital: float  #: USD, of one account; an equal part of it begins each symbol's purse
    costs: Costs
    horizon: int  #: sessions from a decision's fill to its outcome
    ticks: I64  #: (ticks,)
    p_up: F64  #: (ticks, symbols)
    direction: I8  #: (ticks, symbols) +1 BUY, -1 SELL, 0 NEUTRAL
    targets: F64  #: (ticks, symbols)
    mark_at: I64  #: (marks,) ascending, every bar end in the window
    equity: F64  #: (marks, symbols) USD of each purse, which add up to the account; carried forward
    shares: F64  #: (marks, symbols)
    close: F64  #: (marks, symbols) USD, as traded, carried forward
    hold: F64  #: (marks, symbols) USD: each part bought at its first open and held, same costs
    fills: Chunk  #: of kind Fill
    judged: Judged
    stages: tuple[Stage, ...]
    signals: tuple[Signal, ...]  #: the last one of each symbol
    sources: Mapping[str, str]  #: event kind -> "source (grade)" for every kind that was read
    simulated: bool
    tables: Mapping[str, int] = field(default_factory=dict)  #: event kind -> version of its table on the tape
    strategies: tuple[str, ...] = ()  #: those that were combined
    parts: F64 = field(default_factory=lambda: np.empty((0, 0, 0)))  #: (strategies, ticks, symbols) of the targets
    silence: Mapping[str, int] = field(default_factory=dict)  #: why decisions were no calls -> how many
    at_costs: Mapping[float, float] = field(default_factory=dict)  #: multiple of the costs -> total return of the same targets
    splits: Splits = NO_SPLITS
    benchmark: str = ""  #: a symbol that was held beside; empty without one
    benchmark_equity: F64 = field(default_factory=lambda: np.empty(0))  #: (marks,) USD of the whole capital in it; empty without one
    notes: tuple[str, ...] = ()  #: sentences for the user: moved dates, missing data, refused rows
