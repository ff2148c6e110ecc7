"""What the user asked for, checked: every wrong flag is named in one sentence before anything is read or written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from undertow.app.home import home
from undertow.app.vendors.access import Access, access
from undertow.core.calendar import Calendar
from undertow.core.errors import BadInput
from undertow.core.orders import PortfolioLimits
from undertow.core.time import HOUR, Instant, date_of
from undertow.strategies.catalogue import strategy_names

MODES = ("backtest", "premarket", "trading")
SOURCES = ("auto", "massive", "imported", "simulated")
BROKERS = ("auto", "simulated", "alpaca")
AT_CLOSE = ("hold", "flat")
TIMEFRAMES = ("auto", "5m", "1d")
DEFAULT_SYMBOLS = "AAPL,MSFT,GOOGL,AMZN,TSLA"
DEFAULT_DAYS = 30
MOST_SYMBOLS = 500
LIMITS = "limits.toml"  #: below the home
MOST_COSTS = 10.0
LEAST_RETRAIN, MOST_RETRAIN = 5, 252  #: sessions
LEAST_LOOK_BACK, MOST_LOOK_BACK = 252, 2520  #: sessions
_SYMBOL = re.compile(r"[A-Z][A-Z0-9]{0,5}([.\-][A-Z]{1,2})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """The main job's flags as typed."""

    symbols: str = DEFAULT_SYMBOLS
    mode: str = "backtest"
    start_date: str | None = None
    end_date: str | None = None
    polygon_key: str | None = field(default=None, repr=False)
    unusual_whales_key: str | None = field(default=None, repr=False)
    source: str = "auto"
    timeframe: str = "auto"
    capital: float = 100_000.0
    strategy: str = "meta"
    costs: float = 1.0
    retrain_every: int = 42
    look_back: int = 504
    seed: int = 0
    speed: float = 3600.0
    networks: bool = False
    certified: bool = True
    benchmark: str | None = None
    allow_gaps: bool = False
    prints: bool = False
    live: bool = False
    account: str | None = None
    broker: str = "auto"
    at_close: str = "hold"
    portfolio: PortfolioLimits | None = None  #: what the home's limits.toml says, where nothing is given
    home: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The main job, checked; sessions are positions in the calendar."""

    symbols: tuple[str, ...]
    mode: str
    first: int  #: first session that is decided in
    last: int  #: last one, included
    source: str
    timeframe: str
    capital: float  #: USD
    strategies: tuple[str, ...]
    costs: float  #: of trading, as a multiple of the usual ones
    retrain_every: int  #: sessions
    look_back: int  #: sessions
    seed: int
    speed: float
    networks: bool  #: LSTM, GRU and TCN among the models
    certified: bool  #: only calls whose hit rate is certified
    benchmark: str | None  #: a symbol that is held beside
    allow_gaps: bool  #: sessions without bars are traded over
    prints: bool  #: strategies also read single prints, quotes and alerts
    live: bool  #: orders may move real money
    account: str | None  #: the broker's id of the account, as a person typed it
    broker: str
    at_close: str  #: hold or flat
    portfolio: PortfolioLimits
    now: Instant
    access: Access = field(repr=False)  #: the vendors' keys and addresses
    dated: bool  #: the end was given, so now is not what is meant
    notes: tuple[str, ...]


def check(flags: Flags, calendar: Calendar, now: Instant) -> Job:
    """Turn flags into a job; raises BadInput naming the flag."""
    symbols = _symbols(flags.symbols)
    choices = (
        ("--mode", flags.mode, MODES),
        ("--source", flags.source, SOURCES),
        ("--timeframe", flags.timeframe, TIMEFRAMES),
        ("--broker", flags.broker, BROKERS),
        ("--at-close", flags.at_close, AT_CLOSE),
    )
    for name, value, valid in choices:
        if value not in valid:
            raise BadInput(f"{name} {value!r} is not one of {', '.join(valid)}")
    if not np.isfinite(flags.capital) or not 1_000.0 <= flags.capital <= 1e12:
        raise BadInput(f"--capital {flags.capital:g} is not between 1,000 and 1,000,000,000,000 USD")
    if not np.isfinite(flags.speed) or flags.speed <= 0.0:
        raise BadInput(f"--speed {flags.speed:g} must be a positive number: how many seconds of market time pass in one")
    if not np.isfinite(flags.costs) or not 0.0 <= flags.costs <= MOST_COSTS:
        raise BadInput(f"--costs {flags.costs:g} is not between 0 and {MOST_COSTS:g} times the usual costs")
    if not LEAST_RETRAIN <= flags.retrain_every <= MOST_RETRAIN:
        raise BadInput(f"--retrain-every {flags.retrain_every} is not between {LEAST_RETRAIN} and {MOST_RETRAIN} sessions")
    if not LEAST_LOOK_BACK <= flags.look_back <= MOST_LOOK_BACK:
        raise BadInput(f"--look-back {flags.look_back} is not between {LEAST_LOOK_BACK} and {MOST_LOOK_BACK} sessions")
    first, last, notes = _window(flags, calendar, now)
    return Job(
        symbols=symbols,
        mode=flags.mode,
        first=first,
        last=last,
        source=flags.source,
        timeframe=flags.timeframe,
        capital=flags.capital,
        strategies=_strategies(flags.strategy),
        costs=flags.costs,
        retrain_every=flags.retrain_every,
        look_back=flags.look_back,
        seed=flags.seed,
        speed=flags.speed,
        networks=flags.networks,
        certified=flags.certified,
        benchmark=_benchmark(flags.benchmark),
        allow_gaps=flags.allow_gaps,
        prints=flags.prints,
        live=_live(flags),
        account=flags.account,
        broker=flags.broker,
        at_close=flags.at_close,
        portfolio=_portfolio(flags, symbols),
        now=now,
        access=access(flags.polygon_key, flags.unusual_whales_key),
        dated=flags.end_date is not None,
        notes=tuple(notes),
    )


def _symbols(text: str) -> tuple[str, ...]:
    names = [s.strip().upper() for s in text.split(",") if s.strip()]
    if not names:
        raise BadInput("--symbols is empty: name at least one, for example --symbols AAPL,MSFT")
    for name in names:
        if not _SYMBOL.fullmatch(name):
            raise BadInput(f"--symbols: {name!r} is not a US ticker, such as AAPL or BRK.B")
    unique = tuple(dict.fromkeys(names))
    if len(unique) > MOST_SYMBOLS:
        raise BadInput(f"--symbols names {len(unique)} tickers; {MOST_SYMBOLS} at once is the most")
    return unique


def _live(flags: Flags) -> bool:
    if flags.live and (flags.mode != "trading" or flags.account is None or flags.broker == "simulated" or flags.end_date is not None):
        raise BadInput(
            "--live trades real money today: it needs --mode trading and --account ID, and neither --end-date nor --broker simulated"
        )
    return flags.live


def _portfolio(flags: Flags, symbols: tuple[str, ...]) -> PortfolioLimits:
    if flags.portfolio is not None:
        return flags.portfolio
    if not (path := (flags.home or home()) / LIMITS).exists():
        return PortfolioLimits()
    from undertow.app.trading.limits import portfolio_of  # with all that a limit needs, which takes its time

    return portfolio_of(path, symbols)


def _benchmark(text: str | None) -> str | None:
    if text is None:
        return None
    name = text.strip().upper()
    if not _SYMBOL.fullmatch(name):
        raise BadInput(f"--benchmark: {name!r} is not a US ticker, such as SPY")
    return name


def _strategies(text: str) -> tuple[str, ...]:
    valid = strategy_names()
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))
    if names == ("all",):
        return tuple(name for name in valid if name != "flat")
    if unknown := [name for name in names if name not in valid]:
        raise BadInput(f"--strategy {', '.join(unknown)}: there is no such strategy; there are {', '.join(valid)}, and all")
    if not names:
        raise BadInput(f"--strategy is empty: name at least one of {', '.join(valid)}, or all")
    return names


def _day(flag: str, text: str, today: np.datetime64) -> np.datetime64:
    try:
        day = date_of(text)
    except BadInput as error:
        raise BadInput(f"{flag}: {error}") from None
    if day > today:
        raise BadInput(f"{flag} {text} is in the future: today is {today}")
    return day


def _window(flags: Flags, calendar: Calendar, now: Instant) -> tuple[int, int, list[str]]:
    """First and last session, and a note for each date that had to move."""
    today = new_york_day(now)
    closed = calendar.last_closed(now)
    notes: list[str] = []
    end = today if flags.end_date is None else _day("--end-date", flags.end_date, today)
    start = end - np.timedelta64(DEFAULT_DAYS, "D") if flags.start_date is None else _day("--start-date", flags.start_date, today)
    if start > end:
        raise BadInput(f"--start-date {start} is after --end-date {end}")
    earliest = calendar.day[0]
    if start < earliest:
        raise BadInput(f"--start-date {start} is before {earliest}, where the exchange's calendar begins")
    last = min(calendar.session_on_or_before(end), closed)
    first = calendar.session_on_or_before(start)
    if flags.end_date is not None and calendar.day[last] != end:
        why = calendar.why_closed(end) or "that session has not closed yet"
        notes.append(f"--end-date {end} ({why}) moved to the session before, {calendar.day[last]}.")
    if flags.start_date is not None and calendar.day[first] != start:
        notes.append(f"--start-date {start} ({calendar.why_closed(start)}) moved to the session before, {calendar.day[first]}.")
    return min(first, last), last, notes


def new_york_day(now: Instant) -> np.datetime64:
    """The date in New York, four or five hours behind; in the first hour of a summer's day it is still called the day before."""
    day: np.datetime64 = np.datetime64(now - 5 * HOUR, "ns").astype("datetime64[D]")
    return day
