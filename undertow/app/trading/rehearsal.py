"""What a session's first orders go through, gone through once before its first tick, with a broker and an account that nobody else sees.

Compiled code is read from the disk when it is first called, which takes tens of milliseconds: the first orders of a day do not wait for it.
"""

from __future__ import annotations

import numpy as np

from undertow.app.trading.world import PaperWorld
from undertow.app.wiring import BAND, BAR_SPAN
from undertow.core.calendar import Calendar
from undertow.core.chunk import chunk_of
from undertow.core.events import PRICE_SCALE, Bar
from undertow.core.orders import Costs, PortfolioLimits
from undertow.core.protocols import Progress
from undertow.core.time import Instant
from undertow.execution.gateway.words import Order
from undertow.execution.paper.account import PaperAccount
from undertow.execution.paper.floor import Floor
from undertow.execution.paper.gateway import PaperGateway
from undertow.execution.risk.inputs import Intent, Side
from undertow.execution.risk.judge import Verdict, judge
from undertow.execution.risk.limits import Limits
from undertow.execution.risk.state import State

SYMBOLS = ("HELD", "WANTED")
CAPITAL = 10_000.0  # USD
PRICE, VOLUME = 10.0, 1e6  # USD a share, shares a bar


def rehearse(calendar: Calendar) -> Verdict:
    """One order that is filled, and the gate's word on the next."""
    floor = Floor(SYMBOLS, CAPITAL, Costs(), calendar, span=BAR_SPAN)
    account, begins = PaperAccount(floor, BAND, PortfolioLimits()), int(calendar.open[-1])
    _met(account, begins + BAR_SPAN)
    floor.submit(Order(id="first", symbol="HELD", side=Side.BUY, shares=10.0), begins + BAR_SPAN)
    _met(account, begins + 2 * BAR_SPAN)
    world = PaperWorld(gateway=PaperGateway(floor, lambda: begins + 2 * BAR_SPAN), calendar=calendar, limits=Limits())
    return judge(Intent(order_id="second", symbol="WANTED", side=Side.BUY, shares=10.0), world(), Limits(), State())


def _met(account: PaperAccount, at: Instant) -> Progress:
    """A bar of each symbol that ends at an instant, and targets then."""
    prices = dict.fromkeys(("open", "high", "low", "close", "vwap"), np.full(len(SYMBOLS), round(PRICE * PRICE_SCALE)))
    ends = np.full(len(SYMBOLS), at)
    columns = {**prices, "span": np.full(len(SYMBOLS), BAR_SPAN), "volume": np.full(len(SYMBOLS), VOLUME)}
    bars = chunk_of(Bar, SYMBOLS, key=np.arange(len(SYMBOLS)), event_at=ends, known_at=ends, columns=columns)
    return account.push([bars], np.array([at]), np.full((1, len(SYMBOLS)), 0.5))
