"""Worlds in which models are compared: planted panels whose truth is known, and a real panel of daily bars where it is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from undertow.core.calendar import Calendar, nyse
from undertow.core.chunk import F64, I64, Chunk, chunk_of
from undertow.core.events import DailyBar, LabelKnown
from undertow.core.time import HOUR, MINUTE
from undertow.engine.ticks import decision_ticks
from undertow.features.engineering import FeatureEngineering
from undertow.features.labels import Labels

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "daily_panel_2021_2026" / "bars.parquet"
INFORMATION_COEFFICIENT = 0.05
FIRST = 8000  #: session at which planted worlds begin
#: what the planted columns are called, and the family each belongs to, so that every model finds some to read
PLANTED = {f"noise_{j}": "own" for j in range(10)} | {
    "kalman_slope": "microstructure",
    "kalman_distance": "microstructure",
    "return_slope_t": "microstructure",
    "residual_score": "relative value",
    "synthetic_divergence_score": "relative value",
    "gap": "price",
    "alert_balance_today": "options flow",
    "news_tone": "news",
    "anomaly_p": "anomalies",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A matrix at some ticks with what became of them.

    truth : (ticks, symbols) expected value of the outcome in units of its noise; None where nobody knows it
    """

    name: str
    symbols: tuple[str, ...]
    families: dict[str, str]  #: feature -> family, in order
    ticks: I64
    X: F64  #: (ticks, symbols, features)
    labels: Chunk
    truth: F64 | None = None

    def values(self) -> F64:
        """What became of each tick and symbol (ticks, symbols), NaN where it is not known."""
        out = np.full(self.X.shape[:2], np.nan)
        out[np.searchsorted(self.ticks, self.labels.event_at), self.labels.key] = self.labels.numbers("value")
        return out


def _beyond(x: F64, dead: float) -> F64:
    return np.asarray(np.sign(x) * np.maximum(np.abs(x) - dead, 0.0), np.float64)


def _of(X: F64, name: str) -> F64:
    return X[:, :, list(PLANTED).index(name)]


def _nothing(X: F64) -> F64:
    return np.zeros(X.shape[:2])


def _linear(X: F64) -> F64:
    return np.asarray(X[:, :, :4].sum(axis=2), np.float64)


def _interaction(X: F64) -> F64:
    return np.asarray(X[:, :, 0] * X[:, :, 1] + np.sign(X[:, :, 2]) * np.abs(X[:, :, 3]), np.float64)


def _past(X: F64) -> F64:
    # what the last rows together say: half of it is gone after three
    out, state = np.empty(X.shape[:2]), np.zeros(X.shape[1])
    for t in range(len(X)):
        state = 0.8 * state + X[t, :, 0]
        out[t] = state
    return out


def _signals(X: F64) -> F64:
    trend = 0.4 * (_of(X, "kalman_slope") + _of(X, "return_slope_t"))
    return np.asarray(trend - _beyond(_of(X, "residual_score"), 1.25) + _beyond(_of(X, "synthetic_divergence_score"), 2.0), np.float64)


#: name -> what foretells there
TRUTHS: dict[str, Callable[[F64], F64]] = {
    "nothing": _nothing,
    "linear": _linear,
    "interaction": _interaction,
    "past": _past,
    "signals": _signals,
}


def planted(name: str, symbols: int, sessions: int, *, strength: float = INFORMATION_COEFFICIENT, seed: int = 0) -> World:
    """Independent noise columns, of which some foretell the next day's outcome with an information coefficient of ``strength``."""
    calendar, rng = nyse(), np.random.default_rng([seed, list(TRUTHS).index(name)])
    clock = np.array([9 * HOUR, 12 * HOUR])
    ticks = (calendar.midnight[FIRST : FIRST + sessions, None] + clock).ravel()
    X = rng.standard_normal((len(ticks), symbols, len(PLANTED)))
    raw = TRUTHS[name](X)
    truth = strength * raw / max(float(raw.std()), 1e-12)
    # one path a symbol and session: the two outcomes of a session overlap almost wholly, as real ones do
    noise = np.repeat(rng.standard_normal((sessions, symbols)), len(clock), axis=0)
    X[rng.random(X.shape) < 0.02] = np.nan
    who = tuple(f"S{k:02d}" for k in range(symbols))
    key, at = np.tile(np.arange(symbols), len(ticks)), np.repeat(ticks, symbols)
    later = calendar.midnight[calendar.position(at) + 1] - calendar.midnight[calendar.position(at)]
    columns = {"horizon": later, "value": (truth + noise).ravel()}
    labels = chunk_of(LabelKnown, who, key=key, event_at=at, known_at=at + later + 5 * MINUTE, columns=columns)
    return World(name=f"planted: {name}", symbols=who, families=PLANTED, ticks=ticks, X=X, labels=labels, truth=truth)


def real(symbols: int, sessions: int) -> World | None:
    """The last sessions of some names of the real daily panel, with every feature of daily bars; None where the panel is not there."""
    if not REAL.exists():
        return None
    calendar = nyse()
    bars, context = _bars(symbols, calendar)
    features = _of_daily_bars(bars.symbols, calendar)
    labels = Labels(bars.symbols, calendar, kind=DailyBar)
    last = int(calendar.position(int(bars.event_at[-1])))
    first = max(last - sessions, int(calendar.position(int(bars.event_at[0]))) + 1)
    ticks = decision_ticks(calendar, range(first, last + 1), None)
    X = features.push([bars, *context], ticks)
    return World(
        name=f"real: {len(bars.symbols)} names, {calendar.day[first]} to {calendar.day[last]}",
        symbols=bars.symbols,
        families={name: one.about.family for name, one in features.features.items()},
        ticks=ticks,
        X=X,
        labels=labels.push([bars], ticks),
    )


def _of_daily_bars(symbols: tuple[str, ...], calendar: Calendar) -> FeatureEngineering:
    every = FeatureEngineering(symbols, calendar=calendar).features
    alone = [
        name
        for name, one in every.items()
        if {kind.kind for kind in one.memories()} <= {"daily_bar", "corporate_action"}
        and one.about.family != "candlestick"
        and set(one.expr.symbols()) <= {"SPY"}
    ]
    return FeatureEngineering(symbols, only=alone, calendar=calendar)


def _bars(symbols: int, calendar: Calendar) -> tuple[Chunk, list[Chunk]]:
    """Day bars of the first names by the alphabet, funds aside, and those of SPY; known a minute after the close."""
    import polars as pl

    frame = (
        pl.read_parquet(REAL)
        .with_columns(pl.col("date").str.to_date())
        .sort("date", "symbol")
        .unique(["date", "symbol"], keep="first", maintain_order=True)
    )
    funds = {"SPY", "TLT", "XLK", "XLP", "FXI", "SQQQ", "SOXS", "XLY", "DIA", "XLU", "TQQQ", "GLD", "QQQ", "IWM"}
    names = tuple(sorted(set(frame["symbol"]) - funds))[:symbols]
    made = [_chunk(frame.filter(pl.col("symbol").is_in(list(who))), who, calendar) for who in (names, ("SPY",))]
    return made[0], made[1:]


def _chunk(frame: object, symbols: tuple[str, ...], calendar: Calendar) -> Chunk:
    import polars as pl

    assert isinstance(frame, pl.DataFrame)
    days = frame["date"].to_numpy().astype("datetime64[D]")
    there = np.array([calendar.is_session(day) for day in days])
    frame, days = frame.filter(pl.Series(there)), days[there]
    at = calendar.close[np.searchsorted(calendar.day, days)]
    key = np.array([symbols.index(one) for one in frame["symbol"]])
    columns = {name: np.round(frame[name].to_numpy() * 1e4).astype(np.int64) for name in ("open", "high", "low", "close")}
    columns["volume"] = frame["volume"].to_numpy().astype(np.int64)
    return chunk_of(DailyBar, symbols, key=key, event_at=at, known_at=at + MINUTE, columns=columns)
