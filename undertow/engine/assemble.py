"""Steps of a run put together into one result; arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64, I64, Chunk, concat
from undertow.core.events import PRICE_SCALE
from undertow.core.orders import Costs
from undertow.core.time import Instant
from undertow.engine.result import NO_SPLITS, Judged, RunResult, Splits, Stage
from undertow.engine.run import Desk, Step
from undertow.engine.signals import last_signals
from undertow.models.abstention import REASONS, reasons
from undertow.models.framework import Trained
from undertow.models.logistic import sigmoid


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the engine cannot know by itself: names and words for the result."""

    mode: str
    timeframe: str
    capital: float
    costs: Costs
    sources: dict[str, str]
    simulated: bool
    tables: dict[str, int]
    notes: tuple[str, ...]
    known_until: Instant


def assemble(desk: Desk, steps: Sequence[Step], bars: Chunk, hold: tuple[I64, I64, F64], told: Told) -> RunResult:
    """One result of all steps; ``hold`` is (at, key, equity) of buying and holding, ``bars`` those that were traded on."""
    actions = [chunk for step in steps for chunk in step.actions]
    begun = next(i for i, s in enumerate(steps) if len(s.ticks))
    steps = steps[begun:]
    ticks = np.concatenate([s.ticks for s in steps])
    progress = [s.progress for s in steps]
    at, key = np.concatenate([p.at for p in progress]), np.concatenate([p.key for p in progress])
    width = len(desk.features.symbols)
    # the batch that holds the first decision may have marked the empty account before it
    marks = np.unique(at[at > ticks[0]])
    start = told.capital / width
    return RunResult(
        mode=told.mode,
        symbols=desk.features.symbols,
        timeframe=told.timeframe,
        start=int(ticks[0]),
        end=int(ticks[-1]),
        capital=told.capital,
        costs=told.costs,
        horizon=desk.labels.sessions,
        ticks=ticks,
        p_up=np.concatenate([s.predictions.p_up for s in steps]),
        direction=np.concatenate([s.direction for s in steps]),
        targets=np.concatenate([s.targets for s in steps]),
        strategies=tuple(one.name for one in desk.strategy.strategies),
        parts=np.concatenate([s.parts for s in steps], axis=1),
        silence=_silence(desk, steps),
        mark_at=marks,
        equity=carried(marks, at, key, np.concatenate([p.equity for p in progress]), np.full(width, start)),
        shares=carried(marks, at, key, np.concatenate([p.shares for p in progress]), np.zeros(width)),
        close=carried(marks, bars.event_at, bars.key, bars.numbers("close") / PRICE_SCALE, np.full(width, np.nan)),
        hold=carried(marks, *hold, np.full(width, start)),
        fills=concat([p.fills for p in progress]),
        splits=splits_of(actions, desk.features.symbols, marks),
        judged=_judged(steps, desk.framework.names),
        stages=tuple(_stage(desk, s) for s in desk.framework.stages),
        signals=last_signals(desk, next(s for s in reversed(steps) if len(s.ticks)), told.known_until, told.sources, told.simulated),
        sources=told.sources,
        simulated=told.simulated,
        tables=told.tables,
        notes=told.notes,
    )


def carried(marks: I64, at: I64, key: I64, value: F64, before: F64) -> F64:
    """The newest value of each symbol at each mark (marks, symbols); ``before`` (symbols,) until its first."""
    out = np.empty((len(marks), len(before)))
    for k in range(len(before)):
        mine = np.flatnonzero((key == k) & ~np.isnan(value))
        mine = mine[np.argsort(at[mine], kind="stable")]
        found = np.searchsorted(at[mine], marks, side="right") - 1
        out[:, k] = np.where(found >= 0, value[mine[np.maximum(found, 0)]], before[k]) if len(mine) else before[k]
    return out


def splits_of(actions: Sequence[Chunk], symbols: Sequence[str], marks: I64) -> Splits:
    """The splits among ``actions`` that took effect between the first and the last of marks (marks,), in time order."""
    if not actions:
        return NO_SPLITS
    whole = concat(actions)
    place = {symbol: k for k, symbol in enumerate(symbols)}
    key = np.array([place.get(symbol, -1) for symbol in whole.symbols] or [-1], np.int64)[whole.key]
    mark, ratio = np.searchsorted(marks, whole.event_at, side="right"), whole.numbers("ratio")
    own = np.flatnonzero((key >= 0) & (ratio != 1.0) & (ratio > 0.0) & (mark > 0) & (mark < len(marks)))
    own = own[np.lexsort((key[own], whole.event_at[own]))]
    return Splits(mark=mark[own].astype(np.int64), key=key[own], ratio=ratio[own])


def _silence(desk: Desk, steps: Sequence[Step]) -> dict[str, int]:
    """Why decisions were no calls, and how many each."""
    told = [reasons(s.predictions.p_up, s.cost, s.volatility, desk.needed(s.predictions.at_least)[:, None]) for s in steps]
    count = np.bincount(np.concatenate([one.ravel() for one in told]) + 1, minlength=len(REASONS) + 1)[1:]
    return {why: int(n) for why, n in zip(REASONS, count, strict=True) if n}


def _judged(steps: Sequence[Step], names: Sequence[str]) -> Judged:
    """Predictions of the window whose outcome became known in it."""
    ticks = np.concatenate([s.ticks for s in steps])
    p_up = np.concatenate([s.predictions.p_up for s in steps])
    odds = np.concatenate([s.predictions.odds for s in steps])
    labels = concat([s.labels for s in steps])
    row = np.minimum(np.searchsorted(ticks, labels.event_at), len(ticks) - 1)
    keep = np.flatnonzero((ticks[row] == labels.event_at) & np.isfinite(p_up[row, labels.key]))
    row, key = row[keep], labels.key[keep]
    base = sigmoid(odds[row, key])
    return Judged(
        decided_at=ticks[row],
        key=key,
        p_up=p_up[row, key],
        value=labels.numbers("value")[keep],
        base={name: base[:, m] for m, name in enumerate(names)},
    )


def _stage(desk: Desk, stage: Trained) -> Stage:
    worth = np.abs(stage.contributions(stage.sample)[:, :-1]).mean(axis=0)
    order = np.argsort(-worth, kind="stable")[:12]
    return Stage(
        trained_at=stage.at,
        rows=stage.rows,
        models=stage.names,
        meta=stage.stack.method,
        calibrator=stage.calibrator.method,
        importance={desk.framework.features[j]: float(worth[j]) for j in order if worth[j] > 0.0},
        notes=stage.notes,
    )
