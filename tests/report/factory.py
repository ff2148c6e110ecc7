"""A run that never was: prices with a planted edge, a broker in plain Python, and its own ledger to check the report against."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from statistics import NormalDist

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import Origin, chunk_of
from undertow.core.events import Fill, Grade
from undertow.core.orders import Costs, Direction, Signal
from undertow.core.time import SECOND
from undertow.engine.result import Judged, RunResult, Stage

CAPITAL = 100_000.0
HALF_SPREAD = 1e-4
IMPACT = 2e-4
COMMISSION = 0.005  # USD a share
BORROW = 0.02  # a year
CUT = 0.03


@dataclass
class Ledger:
    """What the plain broker saw: USD, summed as it happened."""

    gross: float = 0.0
    spread: float = 0.0
    impact: float = 0.0
    commission: float = 0.0
    carry: float = 0.0
    fills: list[tuple[int, int, float, float, float, float]] = field(default_factory=list)


def make(
    symbols: tuple[str, ...] = ("AAPL", "MSFT", "TSLA"),
    sessions: int = 60,
    per_day: int = 6,
    seed: int = 1,
    edge: float = 0.05,
    first: str = "2025-11-10",
) -> tuple[RunResult, dict[str, Ledger]]:
    """A backtest of that many sessions with ``per_day`` bars each, and the ledger of each symbol."""
    rng = np.random.default_rng(seed)
    calendar = nyse()
    days = np.arange(sessions) + int(np.searchsorted(calendar.day, np.datetime64(first)))
    opens, closes = calendar.open[days], calendar.close[days]
    mark_at = np.concatenate([o + (c - o) * np.arange(1, per_day + 1) // per_day for o, c in zip(opens, closes, strict=True)]).astype(
        np.int64
    )
    n, k = len(mark_at), len(symbols)
    common, own = rng.normal(size=(n, 1)), rng.normal(size=(n, k))
    z = edge * rng.normal(size=(n, k))
    p = np.vectorize(NormalDist().cdf)(z)
    volatility = 0.015 / np.sqrt(per_day)
    moves = np.vstack([np.zeros((1, k)), volatility * (z[:-1] + np.sqrt(0.4) * common[:-1] + np.sqrt(0.6) * own[:-1])])
    close = 100 * np.exp(np.cumsum(moves, axis=0)) * (1 + np.arange(k))
    opening = np.vstack([close[:1], close[:-1]])
    direction = np.where(p > 0.5 + CUT, 1, np.where(p < 0.5 - CUT, -1, 0)).astype(np.int8)
    columns = [_broker(opening[:, j], close[:, j], direction[:, j], mark_at, CAPITAL / k) for j in range(k)]
    ledgers = {s: c[0] for s, c in zip(symbols, columns, strict=True)}
    hold = np.column_stack([_hold(opening[0, j], close[:, j], CAPITAL / k) for j in range(k)])
    result = RunResult(
        mode="backtest",
        symbols=symbols,
        timeframe="1d" if per_day == 1 else "5m",
        start=int(calendar.midnight[days[0]]),
        end=int(mark_at[-1]),
        capital=CAPITAL,
        costs=Costs(),
        horizon=1,
        ticks=mark_at,
        p_up=p,
        direction=direction,
        targets=direction * 0.9,
        strategies=("meta", "dark_pool"),
        parts=np.stack([direction * 0.9 * share for share in (1.25, -0.25)]),
        silence={"does not pay its costs": int((direction == 0).sum())},
        at_costs=_at_costs(list(ledgers.values())),
        mark_at=mark_at,
        equity=np.column_stack([c[1] for c in columns]),
        shares=np.column_stack([c[2] for c in columns]),
        close=close,
        hold=hold,
        fills=_fills(symbols, ledgers),
        judged=_judged(mark_at, p, np.vstack([moves[1:], np.full((1, k), np.nan)]), rng),
        stages=_stages(mark_at, sessions, per_day),
        signals=tuple(_signal(s, int(mark_at[-1]), float(p[-1, j])) for j, s in enumerate(symbols)),
        sources={"bar": "simulated (modelled)", "option_trade": "simulated (stamped)", "news_item": "imported (recorded)"},
        simulated=True,
        tables={"bar": 12, "news_item": 3},
        notes=("2026-02-16 is no session (Presidents' Day): moved to 2026-02-13.",),
    )
    return result, ledgers


def _broker(opening, close, direction, mark_at, capital):
    """Next-open fills in whole shares; dividends and borrow go through cash."""
    book, cash, held = Ledger(), capital, 0
    equity, shares = np.empty(len(close)), np.empty(len(close))
    gross_cash = 0.0
    for i in range(len(close)):
        if i:
            want = int(direction[i - 1] * 0.9 * equity[i - 1] / opening[i])
            traded = want - held
            if traded:
                value = abs(traded) * opening[i]
                paid = opening[i] * (1 + np.sign(traded) * (HALF_SPREAD + IMPACT))
                fee = COMMISSION * abs(traded)
                cash -= traded * paid + fee
                gross_cash -= traded * opening[i]
                book.spread += value * HALF_SPREAD
                book.impact += value * IMPACT
                book.commission += fee
                book.fills.append((int(mark_at[i - 1]) + SECOND, traded, paid, fee, value * HALF_SPREAD, value * IMPACT))
                held = want
        carry = -BORROW / 252 * abs(held) * close[i] if held < 0 else 0.0
        carry += held * 0.25 if i == len(close) // 2 else 0.0
        cash += carry
        book.carry += carry
        equity[i], shares[i] = cash + held * close[i], held
    book.gross = gross_cash + held * close[-1]
    return book, equity, shares


def _at_costs(ledgers):
    """Total return with no costs, the costs as they were, and twice as much."""
    gross = sum(book.gross + book.carry for book in ledgers)
    friction = sum(book.spread + book.impact + book.commission for book in ledgers)
    return {multiple: (gross - multiple * friction) / CAPITAL for multiple in (0.0, 1.0, 2.0)}


def _hold(price, close, capital):
    held = int(capital / (price * (1 + HALF_SPREAD)))
    return capital - held * price * (1 + HALF_SPREAD) + held * close


def _fills(symbols, ledgers):
    rows = [(j, *fill) for j, s in enumerate(symbols) for fill in ledgers[s].fills]
    table = np.array(rows, np.float64).reshape(-1, 7)
    at = np.array([r[1] for r in rows], np.int64)
    columns = {"shares": table[:, 2].astype(np.int64), "price": table[:, 3], "commission": table[:, 4]}
    columns |= {"spread_cost": table[:, 5], "impact_cost": table[:, 6]}
    key = table[:, 0].astype(np.int64)
    return chunk_of(Fill, symbols, key=key, event_at=at, known_at=at, columns=columns, origin=Origin(Grade.RECORDED, ("broker",)))


def _judged(at, p, value, rng):
    n, k = p.shape
    known = np.isfinite(value).ravel()
    decided, key = np.repeat(at, k)[known], np.tile(np.arange(k), n)[known]
    shown = p.ravel()[known]
    base = {name: np.clip(shown + rng.normal(size=len(shown)) * 0.03, 0.01, 0.99) for name in ("xgboost", "random_forest", "lstm")}
    return Judged(decided_at=decided, key=key, p_up=shown, value=value.ravel()[known], base=base)


def _stages(at, sessions, per_day):
    importance = {"flow.put_call": 0.12, "price.rsi_14": 0.08, "dark.volume_ratio": 0.05, "price.macd": 0.03, "flow.premium": 0.02}
    return tuple(
        Stage(
            trained_at=int(at[i * per_day]),
            rows=5_000 + 900 * i,
            models=("xgboost", "random_forest", "lstm"),
            meta="stacked" if i else "equal weights (stacking did not beat it)",
            calibrator=f"platt (n_eff {900 + 60 * i})",
            importance=importance,
        )
        for i in range(0, sessions, 15)
    )


def _signal(symbol, at, p):
    direction = Direction.BUY if p > 0.5 + CUT else Direction.SELL if p < 0.5 - CUT else Direction.NEUTRAL
    score = float(np.log(p / (1 - p)))
    return Signal(
        symbol=symbol,
        at=at,
        direction=direction,
        confidence=max(p, 1 - p),
        p_up=p,
        horizon=1,
        phase="regular",
        abstain_reason="" if direction is not Direction.NEUTRAL else "expected edge below costs",
        contributions={"xgboost": score * 1.4, "lstm": -score * 0.9, "random_forest": score * 0.3, "news": score * 0.2},
        score=score,
        known_until=at - 90 * SECOND,
        grades={"bar": "modelled", "option_trade": "stamped"},
        simulated=True,
        model="meta-2026-02-01",
    )


def premarket(result: RunResult) -> RunResult:
    """The same run as a pre-market one: signals, no account."""
    k = len(result.symbols)
    none, empty = np.empty((0, k)), np.empty(0, np.int64)
    fills = result.fills[:0]
    return replace(
        result, mode="premarket", ticks=result.ticks[-1:], p_up=result.p_up[-1:], direction=result.direction[-1:],
        targets=result.targets[-1:], mark_at=empty, equity=none, shares=none, close=none, hold=none, fills=fills,
    )  # fmt: skip
