"""``undertow data download`` against the served market: whole, resumable, labelled, and nothing asked twice."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import polars as pl
import pytest

from tests.end_to_end.harness import UNDERTOW, run
from tests.vendors.conftest import MASSIVE_CANARY, WHALES_CANARY, Vendors
from undertow.app.vendors.access import access
from undertow.app.vendors.desk import Desk
from undertow.app.vendors.gather import Wanted, gather
from undertow.app.vendors.plan import LIGHT
from undertow.core.calendar import nyse
from undertow.core.events import Bar, ChainRow, DailyBar, FlowAlert, OffExchangePrint, OptionTrade
from undertow.sources.wire.shelf import Shelf
from undertow.tape.store import Tape

FIRST, LAST = "2026-03-02", "2026-03-13"
OF = ("--symbols", "AAPL,MSFT", "--start-date", FIRST, "--end-date", LAST)
KINDS = ("--kinds", "corporate_action,bar,daily_bar,off_exchange_volume,news_item,flow_alert,insider_trade,earnings_report")
KILLS = 20
PROBE = "/api/earnings/AAPL"


def market(home: Path) -> Path:
    """The folder of the simulated market under a home."""
    return next(path.parent for path in home.glob("simulated*/tape"))


def rows(home: Path) -> dict[str, pl.DataFrame]:
    tape = Tape(market(home))
    return {kind.kind: tape.frame(kind).collect().sort("known_at", "seq", "symbol", "id") for kind in tape.kinds()}


def contents(home: Path) -> dict[str, list[str]]:
    """Every table's data files by what is in them: their names are drawn by chance."""
    folder = market(home) / "tape"
    return {
        str(table.relative_to(folder)): sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in table.rglob("*.parquet"))
        for table in sorted(folder.iterdir())
        if table.is_dir()
    }


@pytest.fixture(scope="session")
def whole(served: Vendors, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one uninterrupted download."""
    home = tmp_path_factory.mktemp("whole")
    served.faults.clear()
    done = run(UNDERTOW, "data", "download", *OF, *KINDS, env=served.env(home))
    assert done.code == 0, done.err
    return home


def test_what_the_vendors_have_is_on_the_tape(vendors: Vendors, whole: Path) -> None:
    calendar, tape = nyse(), Tape(market(whole))
    sessions = calendar.sessions(np.datetime64(FIRST), np.datetime64(LAST))
    for symbol in ("AAPL", "MSFT"):
        truth = vendors.world.market.minutes([symbol], sessions)
        five = -(-truth.event_at // (300 * 10**9)) * 300 * 10**9
        sums = {int(t): int(truth.columns["volume"][five == t].sum()) for t in np.unique(five)}
        until = int(calendar.midnight[sessions.stop])
        told = tape.read(Bar, [symbol], int(calendar.midnight[sessions.start]), until)
        assert dict(zip(told.event_at.tolist(), told.columns["volume"].tolist(), strict=True)) == sums
        days = vendors.world.market.events([symbol], sessions, (DailyBar,))[DailyBar]
        assert (
            tape.read(DailyBar, [symbol], int(calendar.midnight[sessions.start]), until).columns["close"].tolist()
            == days.columns["close"].tolist()
        )
        alerts = vendors.world.market.events([symbol], sessions, (FlowAlert,))[FlowAlert]
        got = tape.read(FlowAlert, [symbol], int(calendar.midnight[sessions.start]), until)
        assert got.columns["premium"].tolist() == alerts.columns["premium"].tolist()
        assert got.known_at.tolist() == alerts.known_at.tolist()


def test_a_second_time_asks_for_nothing_but_the_plan(vendors: Vendors, whole: Path) -> None:
    before = contents(whole)
    done = run(UNDERTOW, "data", "download", *OF, *KINDS, env=vendors.env(whole))
    assert done.code == 0, done.err
    assert "Everything is here already." in done.out
    assert contents(whole) == before
    assert vendors.asked_for_data() == set()


def test_it_says_what_it_is_and_what_the_plan_has(vendors: Vendors, tmp_path: Path) -> None:
    done = run(UNDERTOW, "data", "download", *OF, "--kinds", "daily_bar", env=vendors.env(tmp_path / "home"))
    assert "SIMULATED" in done.out
    assert "What your plans include" in done.out
    assert "not entitled" not in done.out
    assert not (tmp_path / "home" / "tape").exists()  # the real tape stays untouched
    sources = {source for table in rows(tmp_path / "home").values() for source in table["source"].unique()}
    assert all("simulated" in source for source in sources)


def test_coverage_shows_the_simulated_market_apart(vendors: Vendors, whole: Path) -> None:
    done = run(UNDERTOW, "data", "coverage", env=vendors.env(whole))
    assert done.code == 0, done.err
    assert "SIMULATED market, kept apart: simulated-seed-3-ic-0.05" in done.out
    assert "The tape is empty" not in done.out
    assert "flow_alert" in done.out


def test_killed_twenty_times_it_ends_as_if_never(vendors: Vendors, whole: Path, tmp_path: Path) -> None:
    home, chance = tmp_path / "killed", np.random.default_rng(20)
    vendors.faults.clear()
    command = [*UNDERTOW, "data", "download", *OF, *KINDS]
    kept_twice: list[str] = []
    for kill in range(KILLS):
        before = dict(vendors.faults.served)
        shelved = {page.name for page in home.glob("simulated*/raw/*/*.gz")}
        with subprocess.Popen(
            command, env=vendors.env(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        ) as process:
            time.sleep(0.9 + 0.11 * kill + chance.random() * 0.3)
            os.killpg(process.pid, signal.SIGKILL)
        for question, count in vendors.faults.served.items():
            # what a simulated vendor's plan includes is not remembered: each run asks, of earnings by this very question, once
            if count - before.get(question, 0) > (question == PROBE) and _page(question) in shelved:
                kept_twice.append(question)
    done = run(UNDERTOW, "data", "download", *OF, *KINDS, env=vendors.env(home))
    assert done.code == 0, done.err
    assert kept_twice == []
    assert contents(home) == contents(whole)
    for kind, table in rows(whole).items():
        assert table.equals(rows(home)[kind]), kind


def _page(question: str) -> str:
    parts = urlsplit(question)
    return Shelf.name(f"{parts.path}?{parts.query}", None)


@pytest.mark.parametrize(
    ("fault", "match", "times"),
    [
        ("429-retry-after", "/v2/aggs", 2),
        ("500-html", "/v2/aggs", 2),
        ("504", "/stocks/v1/short-volume", 2),
        ("truncated", "/v2/aggs", 2),
        ("half-json", "/v2/reference/news", 2),
        ("no-results", "/v2/aggs", 2),
        ("500-html", "/api/option-trades", 2),
        ("504", "/api/insider", 2),
        ("429-retry-after", "/api/earnings", 2),
        ("truncated", "/api/option-trades", 2),
        ("half-json", "/api/insider", 1),
        ("no-results", "/api/option-trades", 1),
    ],
)
def test_what_passes_leaves_the_data_whole(vendors: Vendors, whole: Path, tmp_path: Path, fault: str, match: str, times: int) -> None:
    _plan(vendors, fault, match, times)
    given = access(MASSIVE_CANARY, WHALES_CANARY, {"POLYGON_BASE_URL": vendors.url, "UW_BASE_URL": vendors.url})
    desk, calendar = Desk(given, tmp_path / "home"), nyse()
    sessions = calendar.sessions(np.datetime64(FIRST), np.datetime64(LAST))
    kinds = {kind: int(calendar.midnight[sessions.start]) for kind in LIGHT if kind.kind in KINDS[1].split(",")}
    try:
        got = gather(desk, tmp_path / "home", Wanted(kinds=kinds, symbols=("AAPL", "MSFT"), until=int(calendar.midnight[sessions.stop])))
    finally:
        desk.close()
    assert got.account.failed == []
    assert contents(tmp_path / "home") == contents(whole)


def _plan(vendors: Vendors, fault: str, match: str, times: int) -> None:
    from undertow.sandbox.servers.faults import Fault

    vendors.faults.plan(Fault(name=fault, match=match, times=times, seconds=1.0))


def test_what_stays_is_an_error_and_no_data(vendors: Vendors, whole: Path, tmp_path: Path) -> None:
    _plan(vendors, "no-results", "/stocks/v1/short-volume", -1)
    done = run(UNDERTOW, "data", "download", *OF, *KINDS, env=vendors.env(tmp_path / "home"))
    assert done.code == 1
    assert "could not be fetched" in done.err.splitlines()[-1]
    assert "run again" in done.err
    there, all_of_it = contents(tmp_path / "home"), contents(whole)
    assert "off_exchange_volume" not in there
    assert {name: files for name, files in all_of_it.items() if name != "off_exchange_volume"} == there
    vendors.faults.clear()
    assert run(UNDERTOW, "data", "download", *OF, *KINDS, env=vendors.env(tmp_path / "home")).code == 0
    assert contents(tmp_path / "home") == all_of_it


def test_a_wrong_key_and_a_small_plan(vendors: Vendors, tmp_path: Path) -> None:
    _plan(vendors, "401", "/v2/aggs", -1)
    done = run(UNDERTOW, "data", "download", *OF, env=vendors.env(tmp_path / "home"))
    assert (done.code, done.out.strip()) == (2, "")
    assert "does not accept the key" in done.err
    vendors.faults.clear()
    _plan(vendors, "403", "/stocks/v1/short-volume", -1)
    done = run(UNDERTOW, "data", "download", *OF, "--kinds", "daily_bar,off_exchange_volume", env=vendors.env(tmp_path / "home"))
    assert done.code == 0, done.err
    assert "not entitled" in done.out
    assert set(rows(tmp_path / "home")) == {"daily_bar"}


def test_no_key_is_anywhere(vendors: Vendors, whole: Path) -> None:
    for path in whole.rglob("*"):
        if path.is_file():
            body = path.read_bytes()
            if path.suffix == ".gz":
                import gzip

                body = gzip.decompress(body)
            assert MASSIVE_CANARY.encode() not in body, path
            assert WHALES_CANARY.encode() not in body, path


def test_off_exchange_prints_come_from_massive_where_there_is_no_other_key(vendors: Vendors, tmp_path: Path) -> None:
    of = ("--symbols", "AAPL", "--start-date", LAST, "--end-date", LAST, "--kinds", "off_exchange_print,flow_alert")
    done = run(UNDERTOW, "data", "download", *of, env=vendors.env(tmp_path / "home", whales=False))
    assert done.code == 0, done.err
    got = rows(tmp_path / "home")["off_exchange_print"]
    at = nyse().session_on_or_before(np.datetime64(LAST))
    truth = vendors.world.market.events(["AAPL"], slice(at, at + 1), (OffExchangePrint,))[OffExchangePrint]
    assert got["price"].to_list() == truth.columns["price"].tolist()
    assert set(got["source"]) == {"massive (simulated seed 3 ic 0.05)"}


def test_flow_is_derived_from_the_flat_files_where_there_is_no_whales_key(vendors: Vendors, tmp_path: Path) -> None:
    of = ("--symbols", "AAPL", "--start-date", "2026-03-12", "--end-date", LAST, "--kinds", "flow_alert,chain_row")
    env = vendors.env(tmp_path / "home", whales=False, files=True)
    done = run(UNDERTOW, "data", "download", *of, env=env)
    assert done.code == 0, done.err
    got, sessions = rows(tmp_path / "home"), nyse().sessions(np.datetime64("2026-03-12"), np.datetime64(LAST))
    truth = vendors.world.market.events(["AAPL"], sessions, (OptionTrade, FlowAlert, ChainRow))
    assert got["option_trade"]["price"].to_list() == truth[OptionTrade].columns["price"].tolist()
    assert sorted(got["flow_alert"]["premium"].to_list()) == sorted(truth[FlowAlert].columns["premium"].tolist())
    assert set(got["flow_alert"]["source"]) == {"tape_derived (simulated seed 3 ic 0.05)"}
    traded = truth[ChainRow].columns["volume"] > 0
    assert got["chain_row"]["volume"].sum() == truth[ChainRow].columns["volume"][traded].sum()
    again = run(UNDERTOW, "data", "download", *of, env=env)
    assert "Everything is here already." in again.out
    assert not any("canary" in text for text in (done.out, done.err, again.out, again.err))
