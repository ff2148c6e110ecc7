"""The inputs of the workloads, always the same (numpy seed 7), made in memory and never kept.

The order of the draws is part of the recipe: every workload's expected equity depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from undertow.core.calendar import nyse
from undertow.core.time import MINUTE

F64 = NDArray[np.float64]
BARS, SWEEP_BARS, VARIANTS, DAYS, SYMBOLS, TRADES = 1_000_000, 100_000, 200, 2_520, 500, 1_000_000
SESSION = 390  # minutes of a full one


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """W1 and W3 trade the minute bars, W2 the daily panel, W4 the trades."""

    start: NDArray[np.int64]  #: (bars,) ns UTC
    open: F64  #: (bars,) USD
    close: F64  #: (bars,) USD
    volume: F64  #: (bars,) shares
    signal: NDArray[np.int8]  #: (bars,) in {-1, 0, 1}
    signals: NDArray[np.int8]  #: (100,000, variants), Fortran order: each variant lies in one piece
    day_open: F64  #: (days, symbols) USD
    day_close: F64  #: (days, symbols) USD
    weights: F64  #: (days, symbols) top and bottom decile, half the equity each
    trade_at: NDArray[np.int64]  #: (trades,) ns UTC
    trade_price: F64  #: (trades,) USD
    trade_size: F64  #: (trades,) shares


def make() -> Inputs:
    """All inputs; a second or two."""
    chance = np.random.default_rng(7)
    end, minute, opening = minutes()
    minute_bars = walk(chance, minute, opening)
    signal = runs(chance, BARS)
    signals = np.stack([runs(chance, SWEEP_BARS) for _ in range(VARIANTS)], axis=1)
    day_open, day_close, weights = panel(chance)
    trade_at, trade_price, trade_size = trades(chance)
    return Inputs(
        start=end - MINUTE,
        open=minute_bars[0],
        close=minute_bars[1],
        volume=minute_bars[2],
        signal=signal,
        signals=np.asfortranarray(signals),
        day_open=day_open,
        day_close=day_close,
        weights=weights,
        trade_at=trade_at,
        trade_price=trade_price,
        trade_size=trade_size,
    )


def minutes() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """The first million regular minutes from 2012 on: their ends, their number in the session, whether they open one."""
    calendar = nyse()
    sessions = calendar.sessions(np.datetime64("2012-01-03"), np.datetime64("2022-12-30"))
    opens, closes = calendar.open[sessions], calendar.close[sessions]
    ends = np.concatenate([np.arange(a + MINUTE, b + MINUTE, MINUTE) for a, b in zip(opens, closes, strict=True)])
    number = np.concatenate([np.arange((b - a) // MINUTE) for a, b in zip(opens, closes, strict=True)])
    return ends[:BARS], number[:BARS], number[:BARS] == 0


def walk(chance: Generator, minute: NDArray[np.int64], opening: NDArray[np.bool_]) -> tuple[F64, F64, F64]:
    """Open, close and volume of a random walk, livelier at both ends of the session, on a grid of one cent."""
    busy = 1.0 + 1.2 * np.exp(-minute / 30.0) + 0.6 * np.exp(-(SESSION - 1 - np.minimum(minute, SESSION - 1)) / 25.0)
    busy /= busy.mean()
    sigma = 0.20 / np.sqrt(252 * SESSION)
    moves = chance.standard_normal(BARS) * sigma * busy + 0.05 / 252 / SESSION
    gaps = np.where(opening, chance.standard_normal(BARS) * 0.004, chance.standard_normal(BARS) * sigma * 0.1)
    gaps[0] = 0
    level = np.log(100.0) + np.cumsum(moves + gaps)
    chance.standard_normal(BARS)  # the highs and the lows: no workload here trades on them, but they were drawn
    chance.standard_normal(BARS)
    volume = np.round(np.exp(chance.standard_normal(BARS) * 0.5 + np.log(20_000)) * busy)
    return np.round(np.exp(level - moves), 2), np.round(np.exp(level), 2), volume


def runs(chance: Generator, n: int, mean: int = 50) -> NDArray[np.int8]:
    """A signal (n,) that changes every 50 bars or so."""
    pieces = int(n / mean * 1.5) + 50
    lengths, steps = chance.geometric(1.0 / mean, pieces), chance.integers(1, 3, pieces)
    return np.repeat(np.cumsum(steps) % 3 - 1, lengths)[:n].astype(np.int8)


def panel(chance: Generator) -> tuple[F64, F64, F64]:
    """Daily open, close and weights (days, symbols): a market factor, own noise, and a slow score that ranks the symbols."""
    noise, market = chance.uniform(0.15, 0.5, SYMBOLS) / np.sqrt(252), chance.standard_normal(DAYS) * 0.009
    beta = chance.uniform(0.5, 1.5, SYMBOLS)
    change = market[:, None] * beta + chance.standard_normal((DAYS, SYMBOLS)) * noise
    overnight = chance.standard_normal((DAYS, SYMBOLS)) * 0.003
    first = chance.uniform(20, 200, SYMBOLS)
    level = np.log(first) + np.cumsum(change - 0.5 * noise**2, axis=0)
    close = np.maximum(np.round(np.exp(level), 2), 0.05)
    open_ = np.maximum(np.round(np.exp(level - change * 0.8 + overnight), 2), 0.05)
    score, state = np.empty((DAYS, SYMBOLS)), chance.standard_normal(SYMBOLS)
    for t in range(DAYS):
        state = 0.97 * state + np.sqrt(1 - 0.97**2) * chance.standard_normal(SYMBOLS)
        score[t] = state
    rank, decile = score.argsort(1).argsort(1), SYMBOLS // 10
    weights = np.where(rank >= SYMBOLS - decile, 0.5 / decile, 0.0) - np.where(rank < decile, 0.5 / decile, 0.0)
    return open_, close, weights


def trades(chance: Generator) -> tuple[NDArray[np.int64], F64, F64]:
    """Times, prices and sizes of trades ten a second, whose price stays or moves by one cent."""
    apart = np.maximum(chance.exponential(0.1, TRADES) * 1e9, 1000)
    at = np.int64(1_700_000_000_000_000_000) + np.cumsum(apart).astype(np.int64)
    moves = chance.choice([-1, 0, 1], TRADES, p=[0.25, 0.5, 0.25])
    price = np.round(200 + np.cumsum(moves) * 0.01, 2)
    return at, price, chance.integers(1, 400, TRADES).astype(np.float64)
