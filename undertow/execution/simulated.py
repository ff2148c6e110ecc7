"""The simulated broker: targets in, fills and marks out, one account for all symbols.

A bar fills the target decided at the last tick at or before the bar's start, at its open, as far as its volume allows. History is one
large push, live trading many small ones; the outcome is the same bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import F64, I64, Chunk, Origin, chunk_of, empty_chunk
from undertow.core.errors import BadInput, LawBroken, NotSupported
from undertow.core.events import Bar, Event, Fill, Grade
from undertow.core.orders import Costs, Portfolio, PortfolioLimits
from undertow.core.protocols import Progress
from undertow.core.time import MINUTE, Duration, Instant, iso
from undertow.execution.account import CASH, EQUITY, SHARES, opened, summary_of
from undertow.execution.inbox import Inbox, Met, Traded
from undertow.execution.measured import Measured
from undertow.execution.portfolio import bounds_of, memory_of, told_of
from undertow.execution.rules import rules_of
from undertow.execution.tables import Curves, Fills, Summary, room, written
from undertow.execution.ticks import Asked, Seat, Terms, Work, fold_ticks, no_queue

BEFORE_ALL: Instant = -(2**63)


class SimulatedBroker:
    """One account, with a purse a symbol that says who earned what (law 3: ``push(a); push(b)`` equals ``push(a + b)``).

    A target is a share of the symbol's part: of the account's equity at the decision, divided by the number of symbols. A purse begins with
    an equal part of the capital, pays for its symbol and takes what that earns; it may go below zero, for only their sum is money.
    """

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
        """``capital`` in USD; trades on ``kind`` (Bar of ``span`` ns, or DailyBar); changes up to ``band`` of a part are not traded."""
        if not symbols or len(set(symbols)) != len(symbols):
            raise BadInput(f"symbols {list(symbols)} must be at least one, each once")
        if not costs.whole_shares:
            raise NotSupported("a Fill counts whole shares, so the simulated broker trades whole shares only")
        if not capital > 0.0 or not band >= 0.0:
            raise BadInput(f"capital {capital} must be above 0 and band {band} at least 0")
        n = len(symbols)
        self.symbols = tuple(symbols)
        traded = Traded(kind, span, calendar)
        self._inbox, self._queue = Inbox(self.symbols, traded), no_queue(n)
        self._terms = Terms(rules_of(costs, traded.bars_per_day()), bounds_of(self.symbols, PortfolioLimits(), float(band)))
        purses = np.tile(opened(capital / n), (n, 1))
        self._seat = Seat(purses, np.zeros(n, np.int64), memory_of(n))
        self._measured = Measured(n, traded)
        self._fills = 0
        self._last_tick: Instant = BEFORE_ALL
        self._known_until: Instant = BEFORE_ALL

    def within(self, limits: PortfolioLimits) -> SimulatedBroker:
        """The same account, held within limits from its next decision on."""
        self._terms = Terms(self._terms.rules, bounds_of(self.symbols, limits, self._terms.bounds.band))
        return self

    @property
    def late_bars(self) -> int:
        """Bars that began no later than one already seen; they were left out."""
        return self._inbox.late

    @property
    def bound(self) -> tuple[str, ...]:
        """A sentence for each limit that bound, and how often."""
        return told_of(self._seat.memory)

    def push(self, chunks: Sequence[Chunk], ticks: I64, targets: F64) -> Progress:
        """Take what became known up to ``ticks[-1]`` and the targets (ticks, symbols) decided at ``ticks``, ns UTC.

        Marks and fills come in the order they became known, then by symbol; so do their bar ends, wherever bars become known in
        the order they end. Raises LawBroken if anything was pushed out of order.
        """
        ticks, targets = np.asarray(ticks, np.int64), np.asarray(targets, np.float64)
        if targets.shape != (len(ticks), len(self.symbols)):
            raise BadInput(f"targets {targets.shape} must be (ticks, symbols) = {(len(ticks), len(self.symbols))}")
        bars, actions = self._inbox.sort(chunks)
        self._in_order([bars.known, *(chunk.known_at for chunk in actions)], ticks)
        met = self._inbox.take(bars, actions)
        volatility = self._measured.push(met, ticks) if self._terms.bounds.volatility else np.empty((len(ticks), 0))
        n = len(met.end)
        queue, curves, log = self._queue.and_new(ticks), Curves(np.empty(n), np.empty(n)), room(n, 0)
        work = Work(met, met.first[:-1].copy(), met.due[:-1].copy(), queue, self._seat, self._terms, curves, log.fills)
        rows = fold_ticks(work, Asked(ticks, np.ascontiguousarray(targets), volatility))
        done = int(self._seat.turn.min())
        self._queue = queue.but(done)
        self._seat.turn[:] -= done
        return self._progress(met, curves, written(log, rows, 0).fills)

    def copy(self) -> SimulatedBroker:
        """Another account in the same state; what either does from now on leaves the other as it is."""
        other = copy(self)
        seat = self._seat
        other._seat = Seat(seat.purses.copy(), seat.turn.copy(), seat.memory.copy())
        other._inbox, other._measured = self._inbox.copy(), self._measured.copy()
        return other

    def portfolio(self) -> Portfolio:
        """What is held now, by purse; cash and equity are the account's when added up."""
        columns = (dict(zip(self.symbols, self._seat.purses[:, which].tolist(), strict=True)) for which in (CASH, SHARES, EQUITY))
        cash, shares, equity = columns
        return Portfolio(cash=cash, shares=shares, equity=equity)

    def summaries(self) -> dict[str, Summary]:
        """Running totals of each symbol's purse: returns a bar, drawdown, costs by kind, borrow, dividends."""
        return {symbol: summary_of(purse) for symbol, purse in zip(self.symbols, self._seat.purses, strict=True)}

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

    def _progress(self, met: Met, curves: Curves, fills: Fills) -> Progress:
        order = np.lexsort((met.end, met.key, met.bars.known))
        return Progress(
            fills=self._fill_events(met, fills),
            at=met.end[order],
            key=met.key[order],
            equity=curves.equity[order],
            shares=curves.shares[order],
        )

    def _fill_events(self, met: Met, fills: Fills) -> Chunk:
        """A fill happened at its bar's start and was known when the bar was; seq counts on from push to push."""
        if not len(fills.bar):
            return empty_chunk(Fill, self.symbols)
        key, start, known = met.key[fills.bar], met.bars.start[fills.bar], met.bars.known[fills.bar]
        order = np.lexsort((start, key, known))
        chunk = chunk_of(
            Fill,
            self.symbols,
            key=key[order],
            event_at=start[order],
            known_at=known[order],
            columns={name: getattr(fills, name)[order] for name in ("shares", "price", "commission", "spread_cost", "impact_cost")},
            origin=Origin(Grade.MODELLED, ("simulated broker",)),
        )
        chunk = replace(chunk, seq=chunk.seq + self._fills)
        self._fills += len(chunk)
        return chunk


def buy_and_hold(broker: SimulatedBroker, chunks: Sequence[Chunk], decided_at: Instant, until: Instant) -> Progress:
    """A fresh broker's account if it put each symbol's part into it at ``decided_at`` and never traded again.

    ``chunks`` are what became known up to ``until``. No limit
    keeps it from that. Weight 1 is sized at the last price known by then, or else at the first open.
    """
    ticks = np.array([decided_at, until], np.int64)
    targets = np.vstack([np.ones(len(broker.symbols)), np.full(len(broker.symbols), np.nan)])
    return broker.within(PortfolioLimits()).push(chunks, ticks, targets)
