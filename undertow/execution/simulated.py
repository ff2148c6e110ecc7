"""The simulated broker: targets in, fills and marks out, one sleeve of cash a symbol.

A bar fills the target decided at the last tick at or before the bar's start, at its open, as far as its volume allows. History is one
large push, live trading many small ones; the outcome is the same bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import F64, I64, Chunk, Origin, chunk_of, empty_chunk
from undertow.core.errors import BadInput, LawBroken, NotSupported
from undertow.core.events import Bar, Event, Fill, Grade
from undertow.core.orders import Costs, Portfolio
from undertow.core.protocols import Progress
from undertow.core.time import MINUTE, Duration, Instant, iso
from undertow.execution.account import CASH, EQUITY, SHARES, opened, summary_of
from undertow.execution.inbox import NONE_WAITING, Arrived, Traded, Waiting, arrived, is_action, keys_of
from undertow.execution.rules import Rules, rules_of
from undertow.execution.tables import NO_ACTIONS, Bars, Curves, Fills, Summary, room, written
from undertow.execution.ticks import Decisions, fold_ticks

BEFORE_ALL: Instant = -(2**63)
NO_DECISIONS = Decisions(np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0))


@dataclass(slots=True)
class _Sleeve:
    state: F64
    decisions: Decisions = NO_DECISIONS  # sized, and waiting for a bar that starts late enough
    actions: Waiting = NONE_WAITING
    last_start: Instant = BEFORE_ALL


@dataclass(slots=True)
class _Done:
    """What the sleeves did in one push, a list entry a symbol; rows are put in order at the end."""

    key: list[I64] = field(default_factory=list)
    bars: list[Bars] = field(default_factory=list)
    ends: list[I64] = field(default_factory=list)
    curves: list[Curves] = field(default_factory=list)
    fills: list[Fills] = field(default_factory=list)


class SimulatedBroker:
    """One sleeve a symbol, each with an equal part of the capital (law 3: ``push(a); push(b)`` equals ``push(a + b)``)."""

    def __init__(
        self,
        symbols: Sequence[str],
        capital: float,
        costs: Costs,
        calendar: Calendar,
        *,
        kind: type[Event] = Bar,
        span: Duration = 5 * MINUTE,
        band: float = 0.0,
    ) -> None:
        """``capital`` in USD; trades on ``kind`` (Bar of ``span`` ns, or DailyBar); changes up to ``band`` of equity are not traded."""
        if not symbols or len(set(symbols)) != len(symbols):
            raise BadInput(f"symbols {list(symbols)} must be at least one, each once")
        if not costs.whole_shares:
            raise NotSupported("a Fill counts whole shares, so the simulated broker trades whole shares only")
        if not capital > 0.0 or not band >= 0.0:
            raise BadInput(f"capital {capital} must be above 0 and band {band} at least 0")
        self.symbols = tuple(symbols)
        self._position = {symbol: i for i, symbol in enumerate(self.symbols)}
        self._traded = Traded(kind, span, calendar)
        self._rules: Rules = rules_of(costs, self._traded.bars_per_day())
        self._band = float(band)
        self._sleeves = [_Sleeve(opened(capital / len(symbols))) for _ in symbols]
        self._fills = 0
        self._last_tick: Instant = BEFORE_ALL
        self._known_until: Instant = BEFORE_ALL
        self.late_bars = 0  #: bars that began no later than one already seen; they were left out

    def push(self, chunks: Sequence[Chunk], ticks: I64, targets: F64) -> Progress:
        """Take what became known up to ``ticks[-1]`` and the targets (ticks, symbols) decided at ``ticks``, ns UTC.

        Marks and fills come in the order they became known, then by symbol; so do their bar ends, wherever bars become known in
        the order they end. Raises LawBroken if anything was pushed out of order.
        """
        ticks, targets = np.asarray(ticks, np.int64), np.asarray(targets, np.float64)
        if targets.shape != (len(ticks), len(self.symbols)):
            raise BadInput(f"targets {targets.shape} must be (ticks, symbols) = {(len(ticks), len(self.symbols))}")
        bars = arrived(chunks, self._position, self._traded)
        actions = [chunk for chunk in chunks if is_action(chunk) and len(chunk)]
        self._in_order([bars.known, *(chunk.known_at for chunk in actions)], ticks)
        for chunk in actions:
            keys = keys_of(chunk, self._position)
            for key in np.unique(keys[keys >= 0]):
                sleeve = self._sleeves[key]
                sleeve.actions = sleeve.actions.with_rows(chunk, keys == key)
        done = _Done()
        for key in range(len(self.symbols)):
            self._advance(key, bars, ticks, targets[:, key], done)
        return self._progress(done)

    def portfolio(self) -> Portfolio:
        """What is held now."""
        state = {symbol: sleeve.state for symbol, sleeve in zip(self.symbols, self._sleeves, strict=True)}
        return Portfolio(
            cash={symbol: float(s[CASH]) for symbol, s in state.items()},
            shares={symbol: float(s[SHARES]) for symbol, s in state.items()},
            equity={symbol: float(s[EQUITY]) for symbol, s in state.items()},
        )

    def summaries(self) -> dict[str, Summary]:
        """Running totals of each symbol's sleeve: returns a bar, drawdown, costs by kind, borrow, dividends."""
        return {symbol: summary_of(sleeve.state) for symbol, sleeve in zip(self.symbols, self._sleeves, strict=True)}

    def _in_order(self, known: Sequence[I64], ticks: I64) -> None:
        first = min((int(k.min()) for k in known if len(k)), default=None)
        last = max((int(k.max()) for k in known if len(k)), default=BEFORE_ALL)
        if len(ticks) and (np.any(np.diff(ticks) <= 0) or ticks[0] <= self._last_tick or ticks[0] < self._known_until):
            raise LawBroken(f"tick {iso(int(ticks[0]))} was pushed after something later: nothing was traded, push in time order")
        if first is not None and (first <= self._last_tick or first < self._known_until):
            raise LawBroken(f"a row known at {iso(first)} was pushed after something later: nothing was traded, push in time order")
        if len(ticks):
            if last > ticks[-1]:
                raise LawBroken(f"a row known at {iso(last)} was pushed with ticks only up to {iso(int(ticks[-1]))}")
            self._last_tick = int(ticks[-1])
        self._known_until = max(self._known_until, last, self._last_tick)

    def _advance(self, key: int, arrivals: Arrived, ticks: I64, weights: F64, done: _Done) -> None:
        sleeve = self._sleeves[key]
        bars, ends, late = arrivals.of(key, sleeve.last_start)
        self.late_bars += late
        said = ~np.isnan(weights)
        if not said.any() and len(ends) == 0:
            return
        decisions = sleeve.decisions.and_new(ticks[said], weights[said])
        actions, sleeve.actions = sleeve.actions.due(bars) if len(ends) else (NO_ACTIONS, sleeve.actions)
        n = len(ends)
        curves, log = Curves(np.empty(n), np.empty(n)), room(n, 0)
        taken, rows = fold_ticks(bars, decisions, decisions.ready(), actions, self._band, self._rules, sleeve.state, curves, log.fills)
        sleeve.decisions = decisions.but(taken)
        if n == 0:
            return
        sleeve.last_start = int(bars.start[-1])
        done.key.append(np.full(n, key, np.int64))
        done.bars.append(bars)
        done.ends.append(ends)
        done.curves.append(curves)
        done.fills.append(written(log, rows, 0).fills)

    def _progress(self, done: _Done) -> Progress:
        if not done.key:
            none = np.empty(0, np.int64)
            return Progress(fills=empty_chunk(Fill, self.symbols), at=none, key=none, equity=np.empty(0), shares=np.empty(0))
        key, end = np.concatenate(done.key), np.concatenate(done.ends)
        order = np.lexsort((end, key, np.concatenate([bars.known for bars in done.bars])))
        return Progress(
            fills=self._fill_events(done),
            at=end[order],
            key=key[order],
            equity=np.concatenate([curves.equity for curves in done.curves])[order],
            shares=np.concatenate([curves.shares for curves in done.curves])[order],
        )

    def _fill_events(self, done: _Done) -> Chunk:
        """A fill happened at its bar's start and was known when the bar was; seq counts on from push to push."""
        pairs = list(zip(done.bars, done.fills, strict=True))
        key = np.concatenate([k[f.bar] for k, f in zip(done.key, done.fills, strict=True)])
        start = np.concatenate([bars.start[f.bar] for bars, f in pairs])
        known = np.concatenate([bars.known[f.bar] for bars, f in pairs])
        names = ("shares", "price", "commission", "spread_cost", "impact_cost")
        columns = {name: np.concatenate([getattr(f, name) for f in done.fills]) for name in names}
        order = np.lexsort((start, key, known))
        chunk = chunk_of(
            Fill,
            self.symbols,
            key=key[order],
            event_at=start[order],
            known_at=known[order],
            columns={name: column[order] for name, column in columns.items()},
            origin=Origin(Grade.MODELLED, ("simulated broker",)),
        )
        chunk = replace(chunk, seq=chunk.seq + self._fills)
        self._fills += len(chunk)
        return chunk


def buy_and_hold(broker: SimulatedBroker, chunks: Sequence[Chunk], decided_at: Instant, until: Instant) -> Progress:
    """A fresh broker's account if it put every sleeve into its symbol at ``decided_at`` and never traded again.

    ``chunks`` are what became known up to ``until``. Weight 1 is sized at the last price known by then, or else at the first open.
    """
    ticks = np.array([decided_at, until], np.int64)
    targets = np.vstack([np.ones(len(broker.symbols)), np.full(len(broker.symbols), np.nan)])
    return broker.push(chunks, ticks, targets)
