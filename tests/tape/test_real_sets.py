"""Every set of real data imports through its example mapping, and its traps are sprung where they should be."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.tape.workbench import EXAMPLES, NOW, REAL, needs_real
from undertow.app.data_import import ImportSummary, import_files
from undertow.core.calendar import nyse
from undertow.core.events import Bar, ChainRow, DailyBar, InsiderTrade, NewsItem, OffExchangePrint, OpenInterest, Trade
from undertow.core.time import HOUR, MINUTE
from undertow.tape.ledger import coverage
from undertow.tape.notes import read_notes
from undertow.tape.store import Appended, Tape

pytestmark = needs_real

NINE = ("AAPL", "MSFT", "GOOG", "AMZN", "TSLA", "SPY", "QQQ", "NVDA", "META")
#: mapping -> files, and rows on the tape by kind
SETS = {
    "bars_1d": ("bars_2016_2026/bars_1d.parquet", {"daily_bar": 22_637}),
    "bars_5m": ("bars_2016_2026/bars_5m.parquet", {"bar": 403_812}),
    "bars_1min_2018": ("bars_1min_2018", {"bar": 85_839}),
    "daily_panel": ("daily_panel_2021_2026", {"daily_bar": 62_695}),
    "finra_daily": ("off_exchange_2025_2026", {"off_exchange_volume": 2_196}),
    "form4": ("insider_2024_2026", {"insider_trade": 1_666}),
    "earnings_history": ("earnings/history.parquet", {"earnings_report": 84}),
    "earnings_surprises": ("earnings/surprises*.parquet", {"earnings_report": 577}),
    "news_daily": ("news_daily_2009_2020", {"news_item": 8_486}),
    "volatility_indices": ("volatility_indices", {"index_level": 17_330}),
    "ticks_2013_trades": ("ticks_2013/ibm/*_trade.zip", {"trade": 126_395, "off_exchange_print": 37_162}),
    "option_chain_split_2014": ("option_chain_split_2014", {"daily_bar": 0, "chain_row": 41_492, "open_interest": 29_358}),
}


def bring(tape: Tape, mapping: str, files: str | Path) -> ImportSummary:
    return import_files(tape, EXAMPLES / f"{mapping}.toml", [REAL / files], NOW)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for the module; each set has its own tape in it."""
    return tmp_path_factory.mktemp("real")


@pytest.mark.parametrize("name", SETS)
def test_a_set_imports_and_a_second_time_changes_nothing(home: Path, name: str) -> None:
    files, due = SETS[name]
    tape = Tape(home / name)
    done = bring(tape, name, files)
    assert {kind: counts.rows for kind, counts in done.kinds.items()} == due
    again = bring(tape, name, files)
    assert again.kinds == {kind: Appended(duplicates=counts.rows) for kind, counts in done.kinds.items()}
    assert {kind: tape.frame(k).select(pl.len()).collect().item() for kind in due for k in tape.kinds() if k.kind == kind} == {
        kind: rows for kind, rows in due.items() if rows
    }


def test_every_mapping_is_tried() -> None:
    assert {p.stem for p in EXAMPLES.glob("*.toml")} == {*SETS, "option_chains"}


def test_five_minute_bars_fill_every_session_and_half_day(home: Path) -> None:
    tape = Tape(home / "bars_5m")
    found = coverage(tape, NOW)
    assert {line.symbol for line in found.lines} == set(NINE)
    assert {(run.status, run.last) for line in found.lines for run in line.runs if run.first < "2026-07"} == {("here", "2026-06-30")}
    assert {"2024-07-03", "2024-11-29", "2024-12-24", "2025-07-03", "2025-11-28", "2025-12-24"} <= set(found.half_days)
    chunk = tape.read(Bar, NINE, 0, 2**62)
    assert set(np.unique(chunk.columns["span"])) == {5 * MINUTE}
    first = chunk.event_at[0] - 5 * MINUTE
    assert first == nyse().open[nyse().position(first)]


def test_minute_stamps_are_starts(home: Path) -> None:
    """The evidence for the mapping: 09:30 opens at the session's open, 16:00 closes at its close."""
    minutes = Tape(home / "bars_1min_2018").read(Bar, ("MSFT",), 0, 2**62)
    days = Tape(home / "bars_1d").read(DailyBar, ("MSFT",), 0, 2**62)
    place = nyse().position(minutes.event_at)
    last = minutes.event_at == nyse().close[place] + MINUTE
    by_close = dict(zip(nyse().position(days.event_at), days.columns["close"], strict=True))
    same = [minutes.columns["close"][i] == by_close[place[i]] for i in np.flatnonzero(last)]
    assert len(same) == 44
    assert np.mean(same) > 0.9


def test_violations_and_misdated_rows_are_refused_and_noted(home: Path) -> None:
    panel = read_notes(Tape(home / "daily_panel"))
    assert panel["rows"].sum() == 5
    assert set(panel["reason"]) == {"high or low contradicts the other prices"}
    assert read_notes(Tape(home / "form4"))["reason"].to_list() == ["transaction dated after its own filing"]
    insiders = Tape(home / "form4").read(InsiderTrade, NINE, 0, 2**62)
    assert bool((insiders.known_at - insiders.event_at > 0).all())
    split = Counter(row["day"] for row in read_notes(Tape(home / "option_chain_split_2014")).iter_rows(named=True))
    assert split["2014-06-06"] == 2


def test_weekend_news_waits_for_the_next_session(home: Path) -> None:
    news = Tape(home / "news_daily").read(NewsItem, ("AAPL",), 0, 2**62)
    calendar = nyse()
    assert set(np.unique(news.known_at)) <= set(calendar.midnight)
    assert int((news.known_at - news.event_at).max()) > 48 * HOUR


def test_off_exchange_prints_are_a_share_of_the_tape(home: Path) -> None:
    tape = Tape(home / "ticks_2013_trades")
    trades, prints = tape.read(Trade, ("IBM",), 0, 2**62), tape.read(OffExchangePrint, ("IBM",), 0, 2**62)
    share = prints.columns["size"].sum() / trades.columns["size"].sum()
    assert 0.2 < share < 0.4
    assert bool((np.diff(trades.known_at) >= 0).all())


def test_holidays_in_option_chains_are_refused_by_name(tmp_path: Path) -> None:
    tape = Tape(tmp_path)
    done = bring(tape, "option_chains", "options_2026/chains.parquet")
    refused: Counter[tuple[str, str]] = Counter()
    for row in done.refused:
        refused[(row.day, row.reason)] += row.rows
    assert refused == {
        ("2026-05-25", "Memorial Day, exchange closed"): 2 * 58_208,
        ("2026-06-19", "Juneteenth National Independence Day, exchange closed"): 2 * 60_424,
    }
    assert any("Memorial Day" in note.why for note in coverage(tape, NOW).refused)
    chains = tape.read(ChainRow, ("AAPL",), 0, 2**62)
    assert len(np.unique(nyse().position(chains.event_at))) == 25
    assert bool((chains.known_at > chains.event_at).all())
    assert float(np.nanmedian(chains.columns["iv"])) < 2
    interest = tape.read(OpenInterest, ("AAPL",), 0, 2**62)
    at, known = nyse().position(interest.event_at), nyse().position(interest.known_at)
    assert bool((known == at + 1).all())
    assert bool((interest.known_at < nyse().open[known]).all())
