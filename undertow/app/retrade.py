"""A run's bars traded again: by other targets, at other costs, or in one symbol that is held beside."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from undertow.app.prepare import Prepared, rest
from undertow.app.wiring import build_broker
from undertow.core.calendar import Calendar
from undertow.core.chunk import F64, I64
from undertow.core.errors import BadInput
from undertow.core.events import CorporateAction
from undertow.core.orders import Costs
from undertow.core.time import Instant
from undertow.engine.assemble import carried
from undertow.engine.result import RunResult
from undertow.execution.simulated import buy_and_hold

SENSITIVITY = (0.0, 1.0, 2.0)  #: multiples of the usual costs


def beside(made: Prepared, calendar: Calendar, result: RunResult, first: Instant, until: Instant) -> F64:
    """Equity (marks,) of the capital in the benchmark, bought as buy-and-hold buys; raises ``BadInput`` where there are no bars of it."""
    job, market, name = made.job, made.market, made.job.benchmark or ""
    chunks = [
        c for c in market.source.history((name,), calendar.midnight[job.first] - 1, until) if c.kind in (market.bars, CorporateAction)
    ]
    own = [c.between(-(2**63), until) for c in chunks]
    if not sum(len(c) for c in own if c.kind is market.bars):
        raise BadInput(f"--benchmark {name}: the source has no bars of it on these days")
    held = buy_and_hold(build_broker(replace(job, symbols=(name,)), market, calendar, made.desk.costs), own, first, until)
    return carried(result.mark_at, held.at, held.key, held.equity, np.array([job.capital]))[:, 0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traded:
    """What targets led to on the job's bars."""

    mark_at: I64  #: (marks,)
    equity: F64  #: (marks,) USD
    fills: int


class Retrader:
    """A job's account, brought up to its first decision once, and traded on from there as often as one likes."""

    def __init__(self, made: Prepared, calendar: Calendar, ticks: I64, costs: Costs) -> None:
        """``ticks`` (ticks,) ns UTC are the job's decisions; what became known before the first of them is gone through now."""
        job, market = made.job, made.market
        chunks = [chunk for chunk in market.chunks if chunk.kind in (market.bars, CorporateAction)]
        before, last = int(ticks[0]) - 1, int(ticks[-1])
        self._ticks, self._capital, self._width = ticks, job.capital, len(job.symbols)
        self._opened = build_broker(job, market, calendar, costs)
        self._opened.push([c.between(-(2**63), before) for c in chunks], ticks[:0], np.empty((0, self._width)))
        self._during, self._after = [c.between(before, last) for c in chunks], rest(chunks, ticks)

    def trade(self, targets: F64) -> Traded:
        """The account if it is told these targets (ticks, symbols): the same bits as in one run from the beginning (law 3)."""
        broker = self._opened.copy()
        parts = [broker.push(self._during, self._ticks, targets), broker.push(self._after.chunks, self._after.ticks, targets[:0])]
        at, key, value = (np.concatenate([getattr(part, name) for part in parts]) for name in ("at", "key", "equity"))
        marks: I64 = np.unique(at[at > self._ticks[0]])
        equity = carried(marks, at, key, value, np.full(self._width, self._capital / self._width)).sum(axis=1)
        return Traded(mark_at=marks, equity=equity, fills=sum(len(part.fills) for part in parts))


def traded(made: Prepared, calendar: Calendar, ticks: I64, targets: F64, costs: Costs) -> Traded:
    """The same account with the same bars told these targets (ticks, symbols), at other costs or by another strategy."""
    return Retrader(made, calendar, ticks, costs).trade(targets)


def sensitivity(made: Prepared, calendar: Calendar, result: RunResult) -> dict[float, float]:
    """Total return of the run's own targets at no costs, the usual ones and twice those; empty where nothing was traded on."""
    if not len(result.mark_at):
        return {}
    ends = {by: traded(made, calendar, result.ticks, result.targets, Costs().scaled(by)).equity for by in SENSITIVITY}
    return {by: float(equity[-1]) / result.capital - 1.0 for by, equity in ends.items() if len(equity)}
