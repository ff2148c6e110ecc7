"""What a trade costs and how much of it happens: the one execution function, which every fold inlines."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from undertow.core.chunk import F64
from undertow.core.orders import Costs
from undertow.core.time import DAY
from undertow.execution import kernel

YEAR = 365 * DAY
MEMORY = 0.94  #: of the volatility and volume averages, a day: RiskMetrics' daily decay, a half-life of eleven days
INF = math.inf


class Rules(NamedTuple):
    """``Costs`` as the kernels read them: fractions instead of basis points, nanoseconds instead of years."""

    half_spread: float  #: fraction of price
    impact: float  #: Y of the square-root law; 0 switches the averages it needs off
    per_share: float  #: USD
    commission: float  #: fraction of traded value
    borrow: float  #: fraction of a short position's value per ns
    participation: float  #: fraction of a bar's volume; infinite means no cap
    whole: bool  #: whole shares only
    decay: float  #: of the volatility and volume averages, per bar


class Flow(NamedTuple):
    """Exponentially weighted sums over past bars. Both share their weights, so only their quotient ever matters."""

    variance: float  #: of squared close-to-close returns
    volume: float  #: of shares


class Execution(NamedTuple):
    """What became of an order in one bar."""

    shares: float  #: signed; 0.0 when nothing was filled
    price: float  #: USD, after half-spread and impact
    commission: float  #: USD
    spread_cost: float  #: USD
    impact_cost: float  #: USD


def rules_of(costs: Costs, bars_per_day: float = 1.0) -> Rules:
    """The kernels' form of ``costs``; ``bars_per_day`` sets the memory of the volatility and volume averages, in bars."""
    return Rules(
        costs.half_spread_bp * 1e-4,
        float(costs.impact),
        float(costs.commission_per_share),
        costs.commission_bp * 1e-4,
        costs.borrow_rate / YEAR,
        float(costs.participation),
        bool(costs.whole_shares),
        MEMORY ** (1.0 / bars_per_day),
    )


@kernel.inlined
def limit(volume: F64, at: int, rules: Rules) -> float:
    """A bar's volume, looked up only where it limits: far memory is the slowest thing in a fold."""
    return float(volume[at]) if rules.participation < INF else INF


@kernel.inlined
def execute(wanted: float, price: float, volume: float, flow: Flow, rules: Rules) -> Execution:
    """Fill as much of ``wanted`` (signed shares) at ``price`` (USD) as the bar's ``volume`` (shares) allows."""
    size = abs(wanted)
    if rules.participation < INF:
        size = capped(size, rules.participation * volume, rules.whole)
    return dealt(1.0 if wanted > 0.0 else -1.0, size, price, flow, rules)


@kernel.inlined
def capped(size: float, cap: float, whole: bool) -> float:
    """The part of ``size`` shares that is no more than ``cap``; a volume that is not known (NaN) fills nothing."""
    if not size <= cap:
        size = cap if cap > 0.0 else 0.0
        if whole:
            size = np.floor(size)
    return size


@kernel.inlined
def dealt(side: float, size: float, price: float, flow: Flow, rules: Rules) -> Execution:
    """Trade ``size`` shares on one side (1.0 buys, -1.0 sells) at ``price`` USD, worse by half-spread and impact.

    Impact is Y * daily volatility * sqrt(shares / daily volume). Daily volatility is the bar's times the root of bars a day and
    daily volume the bar's times bars a day, so the length of a day cancels; before the first bar has ended there is no impact.
    """
    moved = 0.0
    if rules.impact > 0.0 and flow.volume > 0.0:
        moved = min(rules.impact * math.sqrt(flow.variance * size / flow.volume), 1.0 - rules.half_spread)
    paid = price * (1.0 + side * (rules.half_spread + moved))
    commission = size * rules.per_share + size * paid * rules.commission
    return Execution(side * size, paid, commission, size * price * rules.half_spread, size * price * moved)


@kernel.inlined
def within(done: Execution, worst: float, rules: Rules) -> Execution:
    """The same execution at no worse a price than ``worst`` USD: what lies beyond is given back, impact first. NaN is no bound."""
    side, size = (1.0 if done.shares > 0.0 else -1.0), abs(done.shares)
    back = size * side * (done.price - worst)
    if not back > 0.0:
        return done
    commission = size * rules.per_share + size * worst * rules.commission
    spread_cost = done.spread_cost - max(back - done.impact_cost, 0.0)
    return Execution(done.shares, worst, commission, max(spread_cost, 0.0), max(done.impact_cost - back, 0.0))


@kernel.inlined
def learned(flow: Flow, before: float, close: float, volume: float, decay: float) -> Flow:
    """The averages after a bar: ``before`` is the last close (or the first price there was), NaN and zero teach nothing."""
    if before > 0.0 and close > 0.0 and volume >= 0.0:
        change = close / before - 1.0
        return Flow(decay * flow.variance + change * change, decay * flow.volume + volume)
    return flow
