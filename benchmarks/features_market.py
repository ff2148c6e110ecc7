"""Invented events for the bounds of features: bars that walk, and every other kind at the times and rates of a liquid share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import I64, Array, Chunk, chunk_of
from undertow.core.events import (
    KINDS,
    Bar,
    ChainRow,
    DailyBar,
    Event,
    FlowAlert,
    OffExchangePrint,
    OffExchangeVolume,
    OpenInterest,
    OptionTrade,
    Quote,
    Trade,
    columns_of,
)
from undertow.core.time import HOUR, MINUTE, SECOND
from undertow.features.engineering import FeatureEngineering
from undertow.features.language.expressions import Column, Expr
from undertow.features.language.register import feature
from undertow.features.vocabulary import column
from undertow.validation.planted_values import CONTRACTS, planted_values

LAST = nyse().session_on_or_before(np.datetime64("2024-11-26"))
SESSIONS, DAYS, CHAINS = 25, 300, 30  #: of intraday bars, daily bars and chains before the last session
FREQUENT = {Quote: 20.0, Trade: 10.0, OffExchangePrint: 5.0, OptionTrade: 3.0}  #: rows for each unit of ``prints``


def walk(rng: np.random.Generator, at: I64, symbols: int) -> dict[str, Array]:
    """Prices and volumes of bars of all symbols at some instants (len(at) * symbols,)."""
    n = len(at) * symbols
    close = 1_000_000 + np.cumsum(rng.integers(-500, 501, (len(at), symbols)), axis=0).ravel()
    opened = close + rng.integers(-400, 401, n)
    return {
        "open": opened,
        "high": np.maximum(opened, close) + rng.integers(0, 300, n),
        "low": np.minimum(opened, close) - rng.integers(0, 300, n),
        "close": close,
        "volume": rng.integers(1_000, 100_000, n),
    }


def bars(kind: type[Event], rng: np.random.Generator, at: I64, symbols: Sequence[str]) -> Chunk:
    """Bars of all symbols that end at some instants, known a second later."""
    columns = walk(rng, at, len(symbols)) | ({"span": np.full(len(at) * len(symbols), 5 * MINUTE)} if kind is Bar else {})
    event, key = np.repeat(at, len(symbols)), np.tile(np.arange(len(symbols)), len(at))
    return chunk_of(kind, symbols, key=key, event_at=event, known_at=event + SECOND, columns=columns)


def ends(first: int, last: int) -> I64:
    """The ends of the five-minute bars of sessions ``first`` to ``last``."""
    calendar = nyse()
    return np.concatenate([np.arange(calendar.open[s] + 5 * MINUTE, calendar.close[s] + 1, 5 * MINUTE) for s in range(first, last + 1)])


def one_symbol(rows: int) -> Chunk:
    """So many one-minute bars of one symbol, session after session."""
    calendar, sessions = nyse(), range(LAST - rows // 380 - 1, LAST)
    at = np.concatenate([np.arange(calendar.open[s] + MINUTE, calendar.close[s] + 1, MINUTE) for s in sessions])
    return bars(Bar, np.random.default_rng(7), at[:rows], ("AAA",))


def of_bars_alone(symbols: Sequence[str]) -> list[str]:
    """Names of the features that read intraday bars and nothing else but splits."""
    every = FeatureEngineering(symbols).features
    return [name for name, one in every.items() if {kind.kind for kind in one.memories()} == {"bar", "corporate_action"}]


def drawn(kind: type[Event], rng: np.random.Generator, event: I64, key: I64, symbols: Sequence[str]) -> Chunk:
    """Rows of a kind at some instants, their numbers drawn as on the planted tape."""
    n, own = len(event), {}
    for name, unit in columns_of(kind).items():
        if unit.kept is str:
            own[name] = rng.choice(np.array(["a", "b", ""], object), n)
        else:
            own[name] = np.round(rng.normal(0.0, 0.4, n), 6) if unit.kept is float else rng.integers(0, 2, n)
    known = nyse().next_midnight(event) + 9 * HOUR if kind.next_session else event + max(kind.least_lag, SECOND)
    own |= planted_values(kind, rng, event)
    order = np.argsort(known, kind="stable")
    return chunk_of(kind, symbols, key=key, event_at=event, known_at=known, columns=own)[order]


def session(symbols: int, seed: int, prints: int) -> tuple[list[Chunk], I64]:
    """Every kind: history of bars and chains, and a last session with prints in plenty; and the ends of its bars as ticks."""
    rng, calendar, names = np.random.default_rng(seed), nyse(), (*(f"S{i:03d}" for i in range(symbols - 1)), "SPY")
    context = sorted(set(FeatureEngineering(names).context))
    universe = (*names, *context)
    days = calendar.close[LAST - DAYS : LAST]
    out = [bars(Bar, rng, ends(LAST - SESSIONS, LAST), universe), bars(DailyBar, rng, days, universe)]
    opens, closes = int(calendar.open[LAST]), int(calendar.close[LAST])
    for kind in KINDS:
        if kind in (Bar, DailyBar):
            continue
        if kind in FREQUENT:
            n = int(FREQUENT[kind] * prints) * symbols
            out.append(drawn(kind, rng, np.sort(rng.integers(opens, closes, n)), rng.integers(0, symbols, n), universe))
        elif kind in (ChainRow, OpenInterest, OffExchangeVolume):
            rows = 1 if kind is OffExchangeVolume else CONTRACTS
            event = np.repeat(days[-CHAINS:], symbols * rows)
            out.append(drawn(kind, rng, event, np.tile(np.repeat(np.arange(symbols), rows), CHAINS), universe))
        else:
            event = np.sort(rng.integers(opens - 30 * 24 * HOUR, closes, 20 * symbols))
            out.append(drawn(kind, rng, event, rng.integers(0, symbols, len(event)), universe))
    return out, ends(LAST, LAST) + 2 * SECOND


def traded(chunks: Sequence[Chunk]) -> tuple[str, ...]:
    """The symbols asked about."""
    return chunks[0].symbols[: chunks[0].symbols.index("SPY") + 1]


def today(chunks: Iterable[Chunk]) -> tuple[list[Chunk], list[Chunk]]:
    """What was known before the last session's day, and what since."""
    midnight = int(nyse().midnight[LAST])
    pairs = [(one.between(0, midnight), one.between(midnight, 2**62)) for one in chunks]
    return [a for a, _ in pairs if len(a)], [b for _, b in pairs if len(b)]


# --- thirty flow features -------------------------------------------------------------------------------------------------

PREMIUM, SIZE, AT_ASK = (column(FlowAlert, name) for name in ("premium", "size", "ask_premium"))
PUT, SWEEP = column(FlowAlert, "is_put"), column(FlowAlert, "is_sweep")
COLUMNS: dict[str, Column] = {
    "premium": PREMIUM,
    "puts": PREMIUM.where(PUT),
    "at_ask": AT_ASK,
    "sweeps": PREMIUM.where(SWEEP),
    "size": SIZE,
}
TIMES: dict[str, Callable[[Column], Expr]] = {
    "15m": lambda one: one.sum("15m"),
    "1h": lambda one: one.sum("1h"),
    "1d": lambda one: one.sum("1d"),
    "today": lambda one: one.today(),
    "decayed": lambda one: one.decayed("30m"),
    "last": lambda one: one.last("1h"),
}


class FlowFeatures(FeatureEngineering):
    """Five columns of alerts in six kinds of window."""


def _flow(one: Column, window: Callable[[Column], Expr]) -> Callable[[FlowFeatures], Expr]:
    def method(_: FlowFeatures) -> Expr:
        return window(one)

    method.__doc__ = "A column of alerts in a window."
    return feature(unit="as the column", family="benchmark")(method)


for _name, _one in COLUMNS.items():
    for _when, _window in TIMES.items():
        setattr(FlowFeatures, f"flow_{_name}_{_when}", _flow(_one, _window))


def flow_names() -> list[str]:
    """The thirty."""
    return [f"flow_{name}_{when}" for name in COLUMNS for when in TIMES]


def flow(events: int) -> tuple[list[Chunk], I64]:
    """So many alerts of fifty symbols over a year, and the ends of its bars as ticks."""
    rng, symbols = np.random.default_rng(0), tuple(f"S{i:02d}" for i in range(50))
    at = ends(LAST - 250, LAST)
    known = np.sort(at[rng.integers(0, len(at), events)] - rng.integers(0, 300 * SECOND, events))
    numbers = {name: rng.integers(1, 10**9, events) for name in ("premium", "ask_premium")} | {"size": rng.integers(1, 5_000, events)}
    flags = {name: rng.integers(0, 2, events) for name in ("is_put", "is_sweep")}
    key = rng.integers(0, 50, events)
    return [chunk_of(FlowAlert, symbols, key=key, event_at=known - SECOND, known_at=known, columns=numbers | flags)], at + 2 * SECOND
