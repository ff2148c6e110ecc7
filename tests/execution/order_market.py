"""Bars and orders for the order fold: by hand, and by chance."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from undertow.core.time import MINUTE
from undertow.execution.orders.columns import Kind, OrderBars, Orders, order_bars, orders_of
from undertow.execution.orders.margin import Account, policies
from undertow.execution.orders.sleeve import OrderSleeve, Venue
from undertow.execution.tables import Actions

CAPITAL = 10_000.0
T0 = 1_790_000_000_000_000_000 // MINUTE * MINUTE  # in September 2026
PER_SESSION = 6


def by_hand(rows: list[tuple[float, ...]], **given) -> OrderBars:
    """Bars of one minute from T0 on, one session; rows of open, high, low, close, volume."""
    n = len(rows)
    start = T0 + np.arange(n, dtype=np.int64) * MINUTE
    bars = order_bars(start, start + MINUTE, np.array(rows, float), np.zeros(n, np.int64), np.arange(n) == n - 1)
    return bars._replace(**{name: np.asarray(column) for name, column in given.items()})


def one(kind: Kind, shares: float, minute: float = 0.0, **given: float) -> Orders:
    """One order, decided so many minutes after T0."""
    at = np.array([T0 + int(minute * MINUTE)])
    return orders_of(at, np.array([kind]), np.array([shares]), **{name: np.array([value]) for name, value in given.items()})


def several(*orders: Orders) -> Orders:
    """Orders end to end."""
    return Orders(*(np.concatenate(columns) for columns in zip(*orders, strict=True)))


def some_order_bars(rng: Generator, n: int) -> OrderBars:
    """Bars with gaps between them, holes in prices and volumes, halts, bands, spreads and a lender who runs out."""
    start = T0 + np.cumsum(rng.integers(1, 4, n)).astype(np.int64) * MINUTE
    close = np.round(50 * np.exp(np.cumsum(rng.normal(0, 0.02, n))), 2)
    open_ = np.round(np.append(50.0, close[:-1])[:n] * np.exp(rng.normal(0, 0.01, n)), 2)
    high = np.round(np.maximum(open_, close) * (1 + rng.exponential(0.01, n)), 2)
    low = np.round(np.minimum(open_, close) * (1 - rng.exponential(0.01, n)), 2)
    volume = rng.integers(0, 4000, n).astype(float)
    prices = np.stack([open_, high, low, close, volume], axis=1)
    prices[rng.random((n, 5)) < 0.05] = np.nan
    session = np.arange(n) // PER_SESSION
    bars = order_bars(start, start + MINUTE, prices, session, np.arange(n) % PER_SESSION == PER_SESSION - 1)

    def sometimes(values: np.ndarray, share: float = 0.3) -> np.ndarray:
        return np.where(rng.random(n) < share, values, np.nan)

    return bars._replace(
        halted=rng.random(n) < 0.1,
        up=sometimes(np.round(open_ * 1.01, 2)),
        down=sometimes(np.round(open_ * 0.99, 2)),
        half_spread=sometimes(rng.uniform(0, 0.002, n)),
        locate=sometimes(rng.integers(0, 200, n).astype(float)),
    )


def some_orders(rng: Generator, bars: OrderBars, k: int) -> Orders:
    """Orders of every kind around the prices, brackets, groups and cancels among them."""
    parts: list[Orders] = []
    given, first, last = 0, int(bars.start[0]) - MINUTE, int(bars.end[-1])
    for at in np.unique(rng.integers(first // MINUTE, last // MINUTE, k) * MINUTE + rng.integers(0, 2) * MINUTE // 2):
        price = np.nan_to_num(bars.close[max(np.searchsorted(bars.start, at) - 1, 0)], nan=50.0)
        made = _some_at(rng, int(at), price, given)
        given += len(made.kind)
        parts.append(made)
    return several(*parts)


def _some_at(rng: Generator, at: int, price: float, given: int) -> Orders:
    side, size = rng.choice([-1, 1]), float(rng.integers(1, 200))
    level = np.round(price * np.exp(rng.normal(0, 0.02, 4)), 2)
    until = int(at + rng.integers(1, 40) * MINUTE) if rng.random() < 0.5 else 2**63 - 1
    choice = rng.random()
    if choice < 0.15 and given:
        return orders_of(np.array([at]), np.array([Kind.CANCEL]), np.array([0.0]), parent=np.array([rng.integers(0, given)]))
    if choice < 0.4:  # a bracket: an entry, a target, a stop
        kinds = np.array([rng.choice([Kind.MARKET, Kind.LIMIT, Kind.STOP]), Kind.LIMIT, Kind.STOP])
        gap = price * rng.uniform(0.002, 0.03)
        return orders_of(
            np.full(3, at),
            kinds,
            np.array([side * size, -side * size, -side * size]),
            limit=np.round([price - side * 0.005 * price, price + side * gap, np.nan], 2),
            stop=np.round([price + side * 0.003 * price, np.nan, price - side * gap], 2),
            parent=np.array([-1, given, given]),
            group=np.array([-1, 0, 0]),
            until=np.full(3, until),
        )
    k = int(rng.integers(1, 4))
    return orders_of(
        np.full(k, at),
        rng.integers(0, 6, k),
        side * rng.integers(1, 200, k).astype(float),
        limit=level[:k],
        stop=level[-k:],
        group=np.full(k, 0 if rng.random() < 0.4 else -1),
        until=np.full(k, until),
    )


def some_order_actions(rng: Generator, n: int) -> Actions:
    """Up to three splits or dividends."""
    k = int(rng.integers(0, 4))
    bar, split = np.sort(rng.integers(0, n, k)), rng.random(k) < 0.5
    return Actions(bar, np.where(split, rng.choice([2.0, 0.5, 1.5], k), 1.0), np.where(split, 0.0, 0.37))


def some_sleeve(rng: Generator, costs, capital: float = CAPITAL) -> tuple[OrderSleeve, OrderSleeve]:
    """Two accounts alike, of any kind."""
    rule = policies(Account(rng.choice([kind.value for kind in Account])), str(rng.choice(["*", "last to switch"])))
    venue = Venue(latency=int(rng.integers(0, 3)) * MINUTE // 3, open_cutoff=MINUTE, close_cutoff=2 * MINUTE)
    return OrderSleeve(capital, costs, rule, venue), OrderSleeve(capital, costs, rule, venue)


def cut_order_bars(bars: OrderBars, a: int, b: int) -> OrderBars:
    """Bars a to b."""
    return OrderBars(*(column[a:b].copy() for column in bars))
