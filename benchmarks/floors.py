"""The floor of each workload: its rules as one bare compiled loop with nothing else in it.

No costs but a slippage and a fee, no missing prices, no partial fills. A product's rate is quoted as a ratio to these, measured in the
same run, and its final equity must be theirs to the cent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

F64 = NDArray[np.float64]
CASH, SIZE, SLIP, FEE, PANEL_FEE = 1_000_000.0, 100.0, 1e-4, 1e-4, 5e-4
EVERY, SHARES, WEIGHT = 500, 10.0, 2 / 101.0  #: of W4: trades between two orders, shares of one, a trade's weight in the average
#: final equity in USD; of W3 the mean over its variants; W4's orders fill at the next trade's price, whoever calls the strategy
EXPECTED = {"W1": 922_761.12, "W2": 613_922.61, "W3": 994_611.38, "W4": 998_209.39, "W4P": 998_209.39, "W4W": 998_209.39}


F = TypeVar("F", bound=Callable[..., object])


def bare(function: F) -> F:
    """Numba as it comes."""
    return cast("F", njit(function))


@bare
def one_symbol(opens: F64, closes: F64, signal: NDArray[np.int8], equity: F64) -> tuple[float, float, float, int]:
    """Hold signal * 100 shares from the next open on; writes the equity curve (n,) and a log of fills."""
    n = closes.shape[0]
    cash = peak = before = CASH
    shares, deepest, total, squares, fills, now = 0.0, 0.0, 0.0, 0.0, 0, 0
    log_bar, log_shares, log_price = np.empty(n // 8 + 16, np.int64), np.empty(n // 8 + 16), np.empty(n // 8 + 16)
    for t in range(n):
        wanted = signal[t - 1] if t > 0 else 0
        if wanted != now:
            change = (wanted - now) * SIZE
            paid = opens[t] * (1 + SLIP) if change > 0 else opens[t] * (1 - SLIP)
            cash -= change * paid + abs(change) * paid * FEE
            shares += change
            log_bar[fills], log_shares[fills], log_price[fills] = t, change, paid
            fills += 1
            now = wanted
        worth = cash + shares * closes[t]
        equity[t] = worth
        gain = worth / before - 1.0
        total += gain
        squares += gain * gain
        before = worth
        peak = max(peak, worth)
        deepest = min(deepest, worth / peak - 1.0)
    mean = total / n
    return before, mean / (squares / n - mean * mean) ** 0.5, deepest, fills


@bare
def panel(opens: F64, closes: F64, weights: F64) -> tuple[float, float, float, int]:
    """Hold each weight of the equity, sized at its day's close, bought at the next open in any fraction of a share."""
    days, symbols = closes.shape
    shares = np.zeros(symbols)
    cash = peak = before = CASH
    deepest, total, squares, fills = 0.0, 0.0, 0.0, 0
    for t in range(days):
        if t > 0:
            for i in range(symbols):
                wanted = weights[t - 1, i] * before / closes[t - 1, i] if weights[t - 1, i] != 0.0 else 0.0
                change = wanted - shares[i]
                if change != 0.0:
                    cash -= change * opens[t, i] + abs(change) * opens[t, i] * PANEL_FEE
                    shares[i] = wanted
                    fills += 1
        worth = cash
        for i in range(symbols):
            worth += shares[i] * closes[t, i]
        gain = worth / before - 1.0
        total += gain
        squares += gain * gain
        before = worth
        peak = max(peak, worth)
        deepest = min(deepest, worth / peak - 1.0)
    mean = total / days
    return before, mean / (squares / days - mean * mean) ** 0.5, deepest, fills


@bare
def sweep(opens: F64, closes: F64, signals: NDArray[np.int8], out: F64) -> None:
    """``one_symbol`` for each column of signals (n, variants) without its curve and log; out (variants, 4): its four numbers."""
    n, variants = signals.shape
    for v in range(variants):
        cash = peak = before = CASH
        shares, deepest, total, squares, fills, now = 0.0, 0.0, 0.0, 0.0, 0, 0
        for t in range(n):
            wanted = signals[t - 1, v] if t > 0 else 0
            if wanted != now:
                change = (wanted - now) * SIZE
                paid = opens[t] * (1 + SLIP) if change > 0 else opens[t] * (1 - SLIP)
                cash -= change * paid + abs(change) * paid * FEE
                shares += change
                fills += 1
                now = wanted
            worth = cash + shares * closes[t]
            gain = worth / before - 1.0
            total += gain
            squares += gain * gain
            before = worth
            peak = max(peak, worth)
            deepest = min(deepest, worth / peak - 1.0)
        mean = total / n
        out[v, 0], out[v, 1], out[v, 2], out[v, 3] = before, mean / (squares / n - mean * mean) ** 0.5, deepest, fills


@bare
def on_trade(state: F64, price: float) -> float:
    """The strategy of W4: state is the average and the number of trades so far; every 500th trade buys above it, sells below."""
    if state[1] == 0:
        state[0] = price
    state[0] += WEIGHT * (price - state[0])
    state[1] += 1
    if state[1] % EVERY == 0:
        return SHARES if price >= state[0] else -SHARES
    return 0.0


@bare
def trades(strategy: Callable[[F64, float], float], prices: F64) -> tuple[float, float, float, int]:
    """One call of the strategy a trade; its order fills at the next trade's price."""
    state = np.zeros(8)
    cash = peak = CASH
    shares, pending, deepest, fills = 0.0, 0.0, 0.0, 0
    for i in range(prices.shape[0]):
        price = prices[i]
        if pending != 0.0:
            paid = price * (1 + SLIP) if pending > 0 else price * (1 - SLIP)
            cash -= pending * paid + abs(pending) * paid * FEE
            shares += pending
            fills += 1
        pending = strategy(state, price)
        worth = cash + shares * price
        peak = max(peak, worth)
        deepest = min(deepest, worth - peak)
    return cash + shares * prices[-1], shares, deepest, fills


def trades_in_python(
    strategy: Callable[[int, float, float, object], float | None], at: NDArray[np.int64], prices: F64, sizes: F64
) -> float:
    """The same as a bare Python loop that marks nothing but the end: what the interpreter allows."""
    cash, shares, pending = CASH, 0.0, None
    for when, price, size in zip(at.tolist(), prices.tolist(), sizes.tolist(), strict=True):
        if pending:
            paid = price * (1 + SLIP) if pending > 0 else price * (1 - SLIP)
            cash -= pending * paid + abs(pending) * paid * FEE
            shares += pending
        pending = strategy(when, price, size, None)
    return cash + shares * float(prices[-1])
