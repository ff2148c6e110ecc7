"""Runs that several end-to-end tests look at; each is made once."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.end_to_end.harness import (
    JOB,
    LONGER,
    MAPPINGS,
    SMALL,
    UNDERTOW,
    Done,
    data,
    environment,
    last_session,
    run,
    run_on_terminal,
    together,
)
from undertow.core.calendar import nyse
from undertow.core.events import DailyBar
from undertow.tape.store import Tape

#: the default backtest; in the market of seed 0 every signal of its window is NEUTRAL, and a run without a fill would show less
DEFAULT = ("--symbols", "AAPL,MSFT,GOOGL", "--mode", "backtest", "--end-date", last_session(), "--seed", "1", "--uncertified")


@pytest.fixture(scope="session")
def default_runs(tmp_path_factory: pytest.TempPathFactory) -> list[Done]:
    """The default backtest twice: into pipes, and with its progress on a terminal."""
    homes = [tmp_path_factory.mktemp("default") for _ in range(2)]
    return together(
        partial(run, JOB, *DEFAULT, env=environment(homes[0])), partial(run_on_terminal, JOB, *DEFAULT, env=environment(homes[1]))
    )


@pytest.fixture(scope="session")
def modes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Done]:
    """One session traded, backtested, foreseen at its premarket tick, and backtested together with the session before it."""
    home, day = tmp_path_factory.mktemp("modes"), last_session()
    before = str(nyse().day[nyse().session_on_or_before(np.datetime64(day)) - 1])
    of = ("--symbols", "AAPL", "--end-date", day, "--uncertified")
    calls = {
        "trading": ("--mode", "trading", "--speed", "1e12"),
        "backtest": ("--mode", "backtest", "--start-date", day),
        "premarket": ("--mode", "premarket"),
        "longer": ("--mode", "backtest", "--start-date", before),
    }
    done = together(*(partial(run, JOB, *of, *more, env=environment(home)) for more in calls.values()))
    return dict(zip(calls, done, strict=True))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The cheapest whole run."""
    return run(JOB, *SMALL, env=environment(tmp_path_factory.mktemp("small")))


@pytest.fixture(scope="session")
def longer(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The same over a month: long enough for a Sharpe ratio."""
    return run(JOB, *SMALL, "--end-date", LONGER, env=environment(tmp_path_factory.mktemp("longer")))


REAL = {
    "bars_5m": "bars_2016_2026/bars_5m.parquet",
    "bars_1d": "bars_2016_2026/bars_1d.parquet",
    "finra_daily": "off_exchange_2025_2026/finra_daily.parquet",
    "form4": "insider_2024_2026/form4.parquet",
    "earnings_history": "earnings/history.parquet",
    "option_chains": "options_2026/chains.parquet",
}


@pytest.fixture(scope="session")
def real_home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Done]]:
    """A home with the real data on its tape, and what each import said."""
    home = tmp_path_factory.mktemp("real")
    paths = {mapping: data(name) for mapping, name in REAL.items()}
    calls = [
        partial(
            run, UNDERTOW, "data", "import", "--mapping", str(MAPPINGS / f"{mapping}.toml"), str(path), env=environment(home, COLUMNS="200")
        )
        for mapping, path in reversed(paths.items())
    ]
    return home, dict(zip(reversed(REAL), together(*calls), strict=True))


@pytest.fixture(scope="session")
def imported_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small tape: 250 daily bars of OLDCO and its neighbour NEWCO, from 2023-01-03 on."""
    home, calendar = tmp_path_factory.mktemp("imported"), nyse()
    first = calendar.session_on_or_before(np.datetime64("2023-01-03"))
    at = calendar.close[first : first + 250]
    for symbol, price in (("OLDCO", 1_000_000), ("NEWCO", 500_000)):
        close = price + (pl.int_range(250, eager=True) * 7919 % 2003).cast(pl.Int64)
        table = {"symbol": symbol, "event_at": at, "known_at": at, "seq": range(250), "open": close, "high": close + 5_000}
        table |= {"low": close - 5_000, "close": close + 100, "volume": [1_000_000] * 250}
        Tape(home).append(DailyBar, pl.DataFrame(table).with_columns(grade=pl.lit(2, pl.Int8), source=pl.lit("test")))
    return home
