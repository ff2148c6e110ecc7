"""Real bars, chains, filings and reports: imported, traded on, and every cent of the outcome worked out again from the raw file."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.end_to_end.harness import JOB, ROOT, UNDERTOW, Done, data, environment, run
from undertow.core.calendar import nyse

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SYMBOLS = ("AAPL", "MSFT", "GOOG", "AMZN", "TSLA")
WINDOW = ("--start-date", "2026-04-01", "--end-date", "2026-06-30")
HOLIDAYS = {"2026-05-25": "Memorial Day", "2026-06-19": "Juneteenth National Independence Day"}
SESSIONS = 62
SLEEVE = 20_000.0  #: USD
SPAN = pl.duration(minutes=5)
NEW_YORK = "America/New_York"


@pytest.fixture(scope="module")
def backtest(real_home: tuple[Path, dict[str, Done]]) -> Done:
    return run(JOB, "-s", ",".join(SYMBOLS), *WINDOW, "--uncertified", env=environment(real_home[0]))


@pytest.fixture(scope="module")
def raw() -> pl.DataFrame:
    """The raw five-minute bars, read without any of our code."""
    bars = pl.read_parquet(data("bars_2016_2026/bars_5m.parquet")).filter(pl.col("symbol").is_in(SYMBOLS))
    start = pl.col("bar_start_utc").dt.cast_time_unit("ns")
    return bars.with_columns(start=start, end=(start + SPAN).dt.cast_time_unit("ns")).sort("symbol", "start")


def in_new_york(table: pl.DataFrame) -> list[str]:
    return table["at"].dt.convert_time_zone(NEW_YORK).dt.date().cast(pl.String).unique().to_list()


# --- import ---------------------------------------------------------------------------------------------------------------------------


def test_every_import_succeeds(real_home: tuple[Path, dict[str, Done]]) -> None:
    assert {name: done.code for name, done in real_home[1].items()} == dict.fromkeys(real_home[1], 0)


@pytest.mark.parametrize("day", HOLIDAYS)
@pytest.mark.parametrize("kind", ["chain_row", "open_interest"])
def test_an_archive_of_a_holiday_is_refused_by_its_name(real_home: tuple[Path, dict[str, Done]], day: str, kind: str) -> None:
    said = real_home[1]["option_chains"].out.splitlines()
    assert [line for line in said if line.startswith(f"{kind} {day}: {HOLIDAYS[day]}") and line.endswith("rows refused")]


def test_coverage_names_the_holes(real_home: tuple[Path, dict[str, Done]]) -> None:
    done = run(UNDERTOW, "data", "coverage", "--json", env=environment(real_home[0]))
    assert done.code == 0, done.err
    found = json.loads(done.out)
    closed = {entry["day"]: entry["why"] for entry in found["holidays"]}
    assert closed.items() >= HOLIDAYS.items()
    assert {day for day in HOLIDAYS if any(r["day"] == day and HOLIDAYS[day] in r["why"] for r in found["refused"])} == set(HOLIDAYS)
    assert not [day for day in found["half_days"] if "2026-04-01" <= day <= "2026-06-30"]
    lines = {(line["kind"], line["symbol"]): line for line in found["lines"]}
    for symbol in SYMBOLS:
        here, *later = lines["bar", symbol]["runs"]
        assert (here["first"], here["last"], here["status"]) == ("2024-03-11", "2026-06-30", "here")
        assert here["sessions"] == np.ptp(np.r_[nyse().sessions(np.datetime64("2024-03-11"), np.datetime64("2026-06-30"))]) + 1
        assert all(r["first"] > "2026-06-30" and r["status"] in ("hole", "not imported", "not yet published") for r in later)
        assert later or nyse().last_closed(int(np.datetime64("now", "ns").astype(np.int64))) == nyse().session_on_or_before(
            np.datetime64("2026-06-30")
        )
    assert not [r for line in found["lines"] for r in line["runs"] if r["first"] in HOLIDAYS or r["last"] in HOLIDAYS]


# --- the run --------------------------------------------------------------------------------------------------------------------------


def test_it_succeeds_and_nothing_is_simulated(backtest: Done) -> None:
    assert backtest.code == 0, backtest.err
    assert [line.split(":")[0] for line in backtest.out.splitlines()[1:6]] == list(SYMBOLS)
    for text in (backtest.out, backtest.err, json.dumps(backtest.manifest()), backtest.report.read_text("utf-8")):
        assert "SIMULATED" not in text
    assert backtest.manifest()["simulated"] is False
    assert not any("simulated" in source for source in backtest.manifest()["sources"].values())
    assert set(backtest.manifest()["sources"]) >= {"bar", "daily_bar", "chain_row", "open_interest", "off_exchange_volume"}


def test_it_was_taught_on_earlier_dates_only(backtest: Done, raw: pl.DataFrame) -> None:
    stages = backtest.manifest()["stages"]
    trained = [np.datetime64(stage["trained_at"].rstrip("Z"), "ns") for stage in stages]
    signals, fills = backtest.table("signals"), backtest.table("fills")
    first_tick = signals["at"].min()
    assert all(np.diff(np.array(trained)).astype(np.int64) > 0)
    assert trained[0] < fills["at"].to_numpy().min()
    assert trained[0] < signals["at"].to_numpy().min()
    assert trained[-1] <= signals["at"].to_numpy().max()
    assert signals["p_up"].is_finite().all(), "a tick before any model was ready"
    assert first_tick is not None
    days = raw["start"].dt.convert_time_zone(NEW_YORK).dt.date().unique().sort().to_numpy()
    for at, stage in zip(trained, stages, strict=True):
        # at 02:00 the session before has no outcome; each other has one at 9:00, at 9:45 and at each whole hour from 10:00 to 16:00
        before = int((days < at.astype("datetime64[D]")).sum()) - 1
        assert stage["rows"] <= len(SYMBOLS) * 9 * min(before, 504), stage


def test_nothing_happens_on_a_holiday_and_every_session_is_whole(backtest: Done) -> None:
    signals, equity, fills = (backtest.table(name) for name in ("signals", "equity", "fills"))
    for table in (signals, equity, fills):
        assert len(table)
        assert not set(in_new_york(table)) & set(HOLIDAYS)
    days = nyse().sessions(np.datetime64("2026-04-01"), np.datetime64("2026-06-30"))
    assert not nyse().half_days()[days].any()
    assert set(in_new_york(equity)) == {str(day) for day in nyse().day[days]}
    assert len(equity) == SESSIONS * 78
    assert len(signals) == SESSIONS * 79 * len(SYMBOLS)
    by_day = equity.group_by(pl.col("at").dt.convert_time_zone(NEW_YORK).dt.date()).len()
    assert by_day["len"].unique().to_list() == [78]


def test_the_report_is_there(backtest: Done) -> None:
    page = backtest.report.read_text("utf-8")
    assert page.rstrip().endswith("</html>")
    assert all(symbol in page for symbol in SYMBOLS)


# --- the money, from the raw bars -----------------------------------------------------------------------------------------------------


def averages(bars: pl.DataFrame, decay: float) -> Iterator[tuple[float, float]]:
    """Before each bar: the decayed sums of squared returns and of volume, as docs/concepts/costs.md states them."""
    variance = volume = 0.0
    before = bars["open"][0]
    for close, traded in zip(bars["close"], bars["volume"], strict=True):
        yield variance, volume
        variance = decay * variance + (close / before - 1.0) ** 2
        volume = decay * volume + traded
        before = close


def test_each_fill_is_at_the_open_of_its_bar_with_the_stated_costs(backtest: Done, raw: pl.DataFrame) -> None:
    fills, costs = backtest.table("fills"), backtest.manifest()["costs"]
    assert set(fills["symbol"]) == set(SYMBOLS)
    for symbol in SYMBOLS:
        bars = raw.filter(pl.col("symbol") == symbol)
        known = dict(zip(bars["start"], zip(bars["open"], averages(bars, 0.94 ** (1.0 / 78.0)), strict=True), strict=True))
        for fill in fills.filter(pl.col("symbol") == symbol).iter_rows(named=True):
            price, (variance, volume) = known[fill["at"]]
            size, side = abs(fill["shares"]), math.copysign(1.0, fill["shares"])
            impact = costs["impact"] * math.sqrt(variance * size / volume)
            assert fill["price"] == pytest.approx(price * (1.0 + side * (costs["half_spread_bp"] * 1e-4 + impact)), rel=1e-9), fill
            assert fill["spread_cost"] == pytest.approx(size * price * costs["half_spread_bp"] * 1e-4, rel=1e-9)
            assert fill["impact_cost"] == pytest.approx(size * price * impact, rel=1e-6)
            assert fill["commission"] == 0.0


def test_the_first_fill_comes_after_its_decision(backtest: Done) -> None:
    signals, fills = backtest.table("signals"), backtest.table("fills")
    assert fills["at"].min() > signals["at"].min()
    by_symbol = signals.filter(pl.col("target") != 0.0).group_by("symbol").agg(pl.col("at").min())
    first = fills.group_by("symbol").agg(pl.col("at").min().alias("filled")).join(by_symbol, on="symbol")
    assert len(first) == len(SYMBOLS)
    assert (first["filled"] > first["at"]).all()


def test_each_fill_does_what_the_last_tick_before_it_said(backtest: Done, raw: pl.DataFrame) -> None:
    """Sized at the last close known at the tick: whole shares of target times its part of the equity, nothing that came later."""
    signals, fills, equity = (backtest.table(name) for name in ("signals", "fills", "equity"))
    worth = equity.select("at", equity=sum((pl.col(symbol) for symbol in SYMBOLS), pl.lit(0.0)) / len(SYMBOLS))
    for symbol in SYMBOLS:
        bars = raw.filter(pl.col("symbol") == symbol).select(pl.col("end").alias("at"), "close")
        said = signals.filter(pl.col("symbol") == symbol).select("at", "target")
        mine = fills.filter(pl.col("symbol") == symbol).with_columns(held=pl.col("shares").cum_sum())
        for table in (said, bars, worth):
            mine = mine.join_asof(table, on="at", strategy="backward")
        wanted = mine["target"] * mine["equity"].fill_null(SLEEVE) / mine["close"]
        assert (mine["held"] == wanted.to_numpy().astype(np.int64)).all(), mine


def test_cash_and_shares_are_the_equity_to_the_cent_at_every_mark(backtest: Done, raw: pl.DataFrame) -> None:
    fills, equity = backtest.table("fills"), backtest.table("equity")
    checked = 0
    for symbol in SYMBOLS:
        mine = fills.filter(pl.col("symbol") == symbol).with_columns(
            held=pl.col("shares").cum_sum(), cash=SLEEVE - (pl.col("shares") * pl.col("price") + pl.col("commission")).cum_sum()
        )
        if (mine["held"] < 0).any():
            continue  # a short position pays its lender as well
        bars = raw.filter(pl.col("symbol") == symbol).select(pl.col("start").alias("at"), "end", "close")
        marks = bars.join_asof(mine.select("at", "held", "cash"), on="at").with_columns(pl.col("held").fill_null(0))
        marks = marks.with_columns(again=pl.col("cash").fill_null(SLEEVE) + pl.col("held") * pl.col("close"))
        both = equity.select(pl.col("at").alias("end"), pl.col(symbol).alias("equity")).join(marks, on="end", how="left")
        assert both["again"].null_count() == 0
        assert (both["again"] - both["equity"]).abs().max() < 0.005
        line = next(line for line in backtest.out.splitlines() if line.startswith(symbol))
        assert f"Return: {100.0 * (both['again'][-1] / SLEEVE - 1.0):.2f}%" in line
        checked += 1
    assert checked


# --- every strategy on four weeks ------------------------------------------------------------------------------------------------------


def test_a_real_month_is_told_as_it_came_out(real_home: tuple[Path, dict[str, Done]]) -> None:
    """The page of the documents has the summary of this very run, to the last digit."""
    nine, days = "AAPL,MSFT,GOOG,AMZN,TSLA,SPY,QQQ,NVDA,META", ("--start-date", "2026-05-26", "--end-date", "2026-06-30")
    done = run(JOB, "-s", nine, *days, "--strategy", "all", env=environment(real_home[0]))
    assert done.code == 0, done.err
    page = (ROOT / "docs" / "concepts" / "a-real-month.md").read_text("utf-8")
    told = page.split("```text\n")[1].split("```")[0]
    luck = ("Sharpe ratio", "Luck alone", "Not enough", "Significance", "This track record")  # settings tried in this home before count
    assert [line for line in told.splitlines() if not line.strip().startswith(luck)] == [
        line for line in done.summary.splitlines() if not line.strip().startswith(luck)
    ]


# --- a tape that lacks something ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["backtest", "premarket", "trading"])
def test_a_symbol_that_was_not_imported_is_never_made_up(real_home: tuple[Path, dict[str, Done]], mode: str) -> None:
    done = run(JOB, "-s", "AAPL,GOOGL", "-m", mode, *WINDOW, env=environment(real_home[0]))
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("error: --symbols: GOOGL not among the imported data (AAPL, AMZN, GOOG,")
    assert len(done.err.splitlines()) == 1
