"""What a run earned, at what risk and cost: every number that a report prints is computed here, once. Pure numpy."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64, Array
from undertow.core.time import Instant
from undertow.engine.result import RunResult
from undertow.report.costs import Waterfall, total, waterfall
from undertow.report.trades import RoundTrips, fills_of, round_trips, together
from undertow.validation.significance import LEAST_SESSIONS, SESSIONS_A_YEAR, Significance, moments

SHARPE_BASIS = "daily session-end returns, × √252, risk-free rate 0"  #: printed beside every Sharpe ratio
NO_BARS = "no bars in the window"


@dataclass(frozen=True, slots=True)
class Measure:
    """A number, or None and the reason why there is none."""

    value: float | None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawdown:
    """The deepest fall from a high: ``depth`` is a fraction, zero or negative; None where it never fell, or has not recovered."""

    depth: float
    peak_at: Instant | None = None
    trough_at: Instant | None = None
    recovered_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One equity curve. Ratios are a year's, from ``daily`` (sessions,): returns from session end to session end."""

    total_return: Measure
    cagr: Measure
    volatility: Measure
    sharpe: Measure
    sortino: Measure
    drawdown: Drawdown
    daily: F64


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """Of ``judged`` predictions, ``right`` had the sign of the outcome."""

    right: int
    judged: int

    @property
    def rate(self) -> Measure:
        """Share that was right."""
        return Measure(self.right / self.judged) if self.judged else Measure(None, "nothing has been judged yet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """One purse, or the portfolio as the sum of its purses, with buy-and-hold of the same capital beside it."""

    name: str
    sessions: int
    equity: F64  #: (marks,) USD, no NaN
    hold_equity: F64  #: (marks,) USD, no NaN
    curve: Curve
    hold: Curve
    excess: Measure  #: total return less buy-and-hold's
    trips: RoundTrips
    trip_hits: Measure  #: share of closed trades with a profit
    called: Hits  #: of BUY and SELL calls
    costs: Waterfall
    traded: float  #: USD bought plus USD sold
    turnover: Measure  #: traded value a year over mean equity (both sides counted)
    turnover_in_window: Measure  #: the same, not annualised
    gross_exposure: Measure  #: mean of |position| / equity
    net_exposure: Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """All of a run: the portfolio and each symbol, and the sessions that the daily numbers refer to."""

    portfolio: Performance
    symbols: tuple[Performance, ...]
    days: Array  #: datetime64[D] (sessions,)


def scorecard(result: RunResult) -> Scorecard:
    """Measure a run. NaN in equity before the first price counts as cash; later NaN repeats the value before it."""
    purse = result.capital / max(1, len(result.symbols))
    days, ends = session_ends(result.mark_at)
    books = tuple(_of_symbol(result, column, purse) for column in range(len(result.symbols)))
    portfolio, *symbols = (_measure(book, result.mark_at, ends) for book in (_sum(books, result), *books))
    return Scorecard(portfolio=portfolio, symbols=tuple(symbols), days=days)


def skill_verdict(proof: Significance, performance: Performance) -> str:
    """What the significance says, and whether holding did as well for its risk: an edge over zero may be the market's."""
    own, held = performance.curve.sharpe.value, performance.hold.sharpe.value
    if own is None or held is None or own <= 0.0 or own > held:
        return proof.verdict
    return f"{proof.verdict} Buying and holding did as well or better for its risk: nothing here shows that the signals helped."


def session_ends(mark_at: I64) -> tuple[Array, I64]:
    """Days (sessions,) that have marks, and the index of each one's last mark (sessions,). Days are New York's."""
    if not len(mark_at):
        return np.empty(0, "datetime64[D]"), np.empty(0, np.int64)
    calendar = nyse()
    position = calendar.position(mark_at)
    ends = np.flatnonzero(np.append(np.diff(position) != 0, True))
    return calendar.day[position[ends]], ends


def filled(equity: F64, start: float) -> F64:
    """Equity (marks,) without NaN: cash ``start`` before the first value, the last value repeated afterwards."""
    seen = np.isfinite(equity)
    last = np.maximum.accumulate(np.where(seen, np.arange(len(equity)), -1)) if len(equity) else np.empty(0, np.int64)
    return np.where(last >= 0, equity[last], start) if len(equity) else np.empty(0)


def curve_of(equity: F64, start: float, mark_at: I64, ends: I64) -> Curve:
    """Measure one curve: equity (marks,) without NaN that began with ``start`` USD; ``ends`` as from ``session_ends``."""
    if not len(equity):
        nothing = Measure(None, NO_BARS)
        return Curve(
            total_return=nothing,
            cagr=nothing,
            volatility=nothing,
            sharpe=nothing,
            sortino=nothing,
            drawdown=Drawdown(depth=0.0),
            daily=np.empty(0),
        )
    levels = np.concatenate([[start], equity[ends]])
    daily = _returns(levels)
    gain = float(equity[-1]) / start - 1
    cagr, volatility, sharpe, sortino = _annual(daily, gain)
    return Curve(
        total_return=Measure(gain),
        cagr=cagr,
        volatility=volatility,
        sharpe=sharpe,
        sortino=sortino,
        drawdown=drawdown(equity, start, mark_at),
        daily=daily,
    )


def _returns(levels: F64) -> F64:
    before = np.where(levels[:-1] > 0, levels[:-1], np.nan)
    return np.asarray(levels[1:] / before - 1, np.float64)


def _annual(daily: F64, gain: float) -> tuple[Measure, Measure, Measure, Measure]:
    n = len(daily)
    if n < LEAST_SESSIONS:
        short = _too_short(n)
        return short, short, short, short
    if not np.isfinite(daily).all():
        broke = Measure(None, "the equity fell to zero")
        return broke, broke, broke, broke
    year = math.sqrt(SESSIONS_A_YEAR)
    cagr = Measure((1 + gain) ** (SESSIONS_A_YEAR / n) - 1) if gain > -1 else Measure(None, "the equity fell to zero")
    volatility = Measure(float(daily.std(ddof=1)) * year)
    ratio = moments(daily).sharpe
    sharpe = Measure(None, "the equity did not move") if math.isnan(ratio) else Measure(ratio * year)
    down = math.sqrt(float((np.minimum(daily, 0.0) ** 2).mean()))
    sortino = Measure(float(daily.mean()) / down * year) if down > 0 else Measure(None, "no session lost money")
    return cagr, volatility, sharpe, sortino


def _too_short(sessions: int) -> Measure:
    return Measure(None, f"too short to annualise: {sessions} session{'' if sessions == 1 else 's'}, at least {LEAST_SESSIONS} needed")


def drawdown(equity: F64, start: float, mark_at: I64) -> Drawdown:
    """The deepest fall, over every mark; ``start`` USD counts as a high before the first mark (its time is the first mark's)."""
    curve = np.concatenate([[start], equity])
    highs = np.maximum.accumulate(curve)
    depth = underwater(equity, start)
    if not len(depth) or depth.min() >= 0:
        return Drawdown(depth=0.0)
    trough = int(depth.argmin()) + 1
    peak = int(np.flatnonzero(curve[: trough + 1] == highs[trough])[-1])
    back = np.flatnonzero(curve[trough:] >= highs[trough])
    return Drawdown(
        depth=float(depth[trough - 1]),
        peak_at=int(mark_at[max(0, peak - 1)]),
        trough_at=int(mark_at[trough - 1]),
        recovered_at=int(mark_at[trough + int(back[0]) - 1]) if len(back) else None,
    )


def underwater(equity: F64, start: float) -> F64:
    """Fraction below the highest value so far (marks,), zero or negative."""
    return np.asarray(equity / np.maximum(np.maximum.accumulate(equity), start) - 1, np.float64) if len(equity) else np.empty(0)


def monthly_returns(days: Array, daily: F64) -> dict[tuple[int, int], float]:
    """Compounded return of each (year, month) that has sessions; the first and last may be part months."""
    out: dict[tuple[int, int], float] = {}
    for day, r in zip(days.astype("datetime64[M]").tolist(), daily.tolist(), strict=True):
        out[day.year, day.month] = (1 + out.get((day.year, day.month), 0.0)) * (1 + r) - 1
    return out


def called_hits(result: RunResult, column: int) -> Hits:
    """How many judged BUY and SELL calls of one symbol had the sign of what followed; an outcome of exactly zero is wrong."""
    judged = result.judged
    rows = np.flatnonzero((judged.key == column) & np.isfinite(judged.value))
    if not len(rows) or not len(result.ticks):
        return Hits(right=0, judged=0)
    tick = np.minimum(np.searchsorted(result.ticks, judged.decided_at[rows]), len(result.ticks) - 1)
    called = np.where(result.ticks[tick] == judged.decided_at[rows], result.direction[tick, column], 0)
    right = called * judged.value[rows] > 0
    return Hits(right=int(right.sum()), judged=int((called != 0).sum()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Book:
    name: str
    start: float
    equity: F64
    hold: F64
    gross: F64  # (marks,) USD, absolute value of positions
    net: F64  # (marks,) USD, signed
    traded: float
    trips: RoundTrips
    called: Hits
    costs: Waterfall


def _of_symbol(result: RunResult, column: int, purse: float) -> _Book:
    equity = filled(result.equity[:, column], purse)
    shares, close = result.shares[:, column], result.close[:, column]
    value = np.where(shares == 0, 0.0, shares * close)
    held = float(np.nan_to_num(value[-1])) if len(value) else 0.0
    fills = fills_of(result, column)
    return _Book(
        name=result.symbols[column],
        start=purse,
        equity=equity,
        hold=filled(result.hold[:, column], purse),
        gross=np.abs(value),
        net=value,
        traded=float(np.nansum(np.abs(fills.numbers("shares")) * fills.numbers("price"))),
        trips=round_trips(result, column),
        called=called_hits(result, column),
        costs=waterfall(purse, equity, held, fills),
    )


def _sum(books: tuple[_Book, ...], result: RunResult) -> _Book:
    none = np.zeros(len(result.mark_at))
    return _Book(
        name="Portfolio",
        start=result.capital,
        equity=sum((b.equity for b in books), none),
        hold=sum((b.hold for b in books), none),
        gross=sum((b.gross for b in books), none),
        net=sum((b.net for b in books), none),
        traded=sum(b.traded for b in books),
        trips=together([b.trips for b in books]),
        called=Hits(right=sum(b.called.right for b in books), judged=sum(b.called.judged for b in books)),
        costs=total([b.costs for b in books]),
    )


def _measure(book: _Book, mark_at: I64, ends: I64) -> Performance:
    curve, hold = (curve_of(equity, book.start, mark_at, ends) for equity in (book.equity, book.hold))
    trips = book.trips
    return Performance(
        name=book.name,
        sessions=len(ends),
        equity=book.equity,
        hold_equity=book.hold,
        curve=curve,
        hold=hold,
        excess=_excess(curve, hold),
        trips=trips,
        trip_hits=Measure(float((trips.profit > 0).mean())) if len(trips) else Measure(None, "no trade has been closed"),
        called=book.called,
        costs=book.costs,
        traded=book.traded,
        turnover=_turnover(book.traded, book.equity, len(ends), annual=True),
        turnover_in_window=_turnover(book.traded, book.equity, len(ends), annual=False),
        gross_exposure=_exposure(book.gross, book.equity),
        net_exposure=_exposure(book.net, book.equity),
    )


def _excess(curve: Curve, hold: Curve) -> Measure:
    if curve.total_return.value is None or hold.total_return.value is None:
        return Measure(None, NO_BARS)
    return Measure(curve.total_return.value - hold.total_return.value)


def _turnover(traded: float, equity: F64, sessions: int, *, annual: bool) -> Measure:
    mean = float(equity.mean()) if len(equity) else 0.0
    if mean <= 0:
        return Measure(None, NO_BARS if not len(equity) else "the equity fell to zero")
    if annual and sessions < LEAST_SESSIONS:
        return _too_short(sessions)
    return Measure(traded / mean * (SESSIONS_A_YEAR / sessions if annual else 1))


def _exposure(value: F64, equity: F64) -> Measure:
    usable = np.isfinite(value) & (equity > 0)
    return Measure(float((value[usable] / equity[usable]).mean())) if usable.any() else Measure(None, NO_BARS)
