"""The workloads: what the product does, and the floor that it is measured against."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks import features, floors
from benchmarks.inputs import SWEEP_BARS, SYMBOLS, VARIANTS, Inputs
from undertow.core.orders import Costs
from undertow.execution.fold import ShareSleeve, Sweep
from undertow.execution.panel import Panel, Prices
from undertow.execution.tables import bars_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One job done twice; both callables return the final equity in USD."""

    name: str
    units: int  #: bars, asset-days or variant-bars
    product: Callable[[], float]
    floor: Callable[[], float]


def plain(half_spread_bp: float, commission_bp: float) -> Costs:
    """The floors' costs: a slippage and a fee, nothing that depends on volume or time, fractions of shares."""
    return Costs(
        half_spread_bp=half_spread_bp,
        commission_bp=commission_bp,
        impact=0.0,
        borrow_rate=0.0,
        participation=math.inf,
        whole_shares=False,
    )


def one_symbol(data: Inputs) -> Workload:
    """W1: a million minute bars of one symbol, with equity curve, fill log and summary."""
    bars, costs = bars_of(data.open, data.close, data.volume, data.start), plain(1.0, 1.0)
    mine, theirs = np.empty(len(data.close)), np.empty(len(data.close))

    def product() -> float:
        sleeve = ShareSleeve(floors.CASH, costs, size=floors.SIZE)
        sleeve.push(bars, data.signal, out=mine)
        return sleeve.summary().equity

    def floor() -> float:
        return float(floors.one_symbol(data.open, data.close, data.signal, theirs)[0])

    return Workload(name="W1", units=len(data.close), product=product, floor=floor)


def panel(data: Inputs) -> Workload:
    """W2: 500 symbols for ten years of days, rebalanced daily on one account."""
    days = np.arange(len(data.day_close), dtype=np.int64)
    prices, costs = Prices(days, data.day_open, data.day_close, np.ones_like(data.day_close)), plain(0.0, 5.0)

    def product() -> float:
        account = Panel(SYMBOLS, floors.CASH, costs)
        account.push(prices, data.weights)
        return account.summary().equity

    def floor() -> float:
        return float(floors.panel(data.day_open, data.day_close, data.weights)[0])

    return Workload(name="W2", units=data.day_close.size, product=product, floor=floor)


def sweep(data: Inputs) -> Workload:
    """W3: 200 variants of a signal over 100,000 bars, a summary each; the equity is their mean."""
    first = slice(0, SWEEP_BARS)
    bars = bars_of(data.open[first].copy(), data.close[first].copy(), data.volume[first].copy(), data.start[first].copy())
    costs = plain(1.0, 1.0)
    out = np.empty((VARIANTS, 4))

    def product() -> float:
        variants = Sweep(VARIANTS, floors.CASH, costs, size=floors.SIZE)
        variants.push(bars, data.signals)
        return float(np.mean([summary.equity for summary in variants.summaries()]))

    def floor() -> float:
        floors.sweep(bars.open, bars.close, data.signals, out)
        return float(out[:, 0].mean())

    return Workload(name="W3", units=data.signals.size, product=product, floor=floor)


#: workloads with a floor
COMPARED: tuple[Callable[[Inputs], Workload], ...] = (one_symbol, panel, sweep)

#: workloads without one, printed as a rate: functions that return (name, units, callable)
RATES: tuple[Callable[[], tuple[str, int, Callable[[], object]]], ...] = (features.f1, features.f1_live)
