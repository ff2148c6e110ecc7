"""What a session asks for at a tick, as it does so and as it is made again from its journal: the one place where it is worked out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from undertow.app.job import Job
from undertow.core.chunk import F64
from undertow.core.protocols import Broker
from undertow.core.time import MINUTE, Duration, Instant
from undertow.execution.gateway.words import Lasts
from undertow.execution.path.book import Book
from undertow.execution.path.plan import Plan, Tick, Want, plan

STRATEGY = "book"  #: in whose name decisions are made: all strategies together
FLAT: Duration = 10 * MINUTE  #: before the close, from when on nothing is held where that is the policy


class Account(Broker, Protocol):
    """An engine's broker that notes what is wanted."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """Those that may be wanted."""
        ...

    def wanted(self) -> F64:
        """Shares to hold (symbols,); NaN where nothing is said."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asks:
    """How a session asks."""

    run: str  #: its name: orders are called after it
    closes: Instant  #: from here on nothing is ordered: the next session's own decisions are
    flat_from: Instant = 2**63 - 1  #: from this tick on nothing is held
    turns: bool = False  #: whether the broker lets one order turn a position around

    def plan(self, account: Account, book: Book, tick: Instant, lasts: Lasts = Lasts.DAY) -> Plan:
        """From the newest targets and what the journal says is there."""
        if tick >= self.closes:
            return Plan()
        wanted = account.wanted() if tick < self.flat_from else np.zeros(len(account.symbols))
        pairs = zip(account.symbols, wanted.tolist(), strict=True)
        wants = [Want(symbol=symbol, shares=shares, lasts=lasts, turns=self.turns) for symbol, shares in pairs if not np.isnan(shares)]
        return plan(wants, book.standing(), Tick(run=self.run, at=tick, strategy=STRATEGY))


def asks_of(run: str, job: Job, closes: Instant, *, turns: bool = False) -> Asks:
    """Of a session that ends at ``closes``."""
    flat_from = closes - FLAT if job.at_close == "flat" else 2**63 - 1
    return Asks(run=run, closes=closes, flat_from=flat_from, turns=turns)
