"""What a live session does not begin with: one sentence and exit status 2 each, before anything is downloaded or ordered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.vendors.conftest import Vendors
from tests.vendors.live_ground import BEGIN, JOB, SECRET
from undertow.app import clock
from undertow.app.main_job import main
from undertow.core.calendar import nyse
from undertow.core.time import HOUR
from undertow.sandbox.market import Market
from undertow.sandbox.servers.alpaca import Brokerage
from undertow.sandbox.servers.alpaca.accounts import number_of
from undertow.sandbox.servers.build import build
from undertow.sandbox.servers.faults import Faults
from undertow.sandbox.servers.serve import Serving
from undertow.sandbox.servers.world import World

PAPER, LIVE = "PKREFUSED", "AKREFUSED"
SATURDAY = int(np.datetime64("2026-05-30T15:00").astype("datetime64[ns]").astype(np.int64))
CLOSE = int(nyse().close[nyse().session_on_or_before(np.datetime64("2026-05-28"))])


@pytest.fixture(scope="module")
def servers() -> Iterator[Vendors]:
    world, faults = World(Market(seed=3), lambda: BEGIN), Faults()
    with Serving(build(world, faults, broker=Brokerage(world, secret=SECRET))) as url:
        yield Vendors(url, world, faults)


@pytest.fixture
def desk(servers: Vendors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A market that is open, and a paper account's keys."""
    servers.faults.clear()
    own = {"APCA_API_KEY_ID": PAPER, "APCA_API_SECRET_KEY": SECRET, "APCA_API_BASE_URL": servers.url}
    more = {"APCA_API_LIVE_URL": f"{servers.url}/live"}
    for name, value in (servers.env(tmp_path) | own | more).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(clock, "now", lambda: BEGIN)
    return monkeypatch


def refused(capsys: pytest.CaptureFixture[str], servers: Vendors, home: Path, *flags: str) -> str:
    """The one sentence; nothing was downloaded, nothing ordered, nothing written but the folder of runs."""
    assert main([*JOB, *flags]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert SECRET not in err
    line, *rest = err.strip().splitlines()
    assert line.startswith("error: ")
    assert not rest
    assert not servers.asked_for_data()
    assert not any("orders" in question for question in servers.faults.asked)
    assert not [path for path in home.rglob("*") if path.is_file() and "journal" in path.name]
    return line


def test_a_live_key_for_paper_and_a_paper_key_for_live(
    desk: pytest.MonkeyPatch, servers: Vendors, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, servers, tmp_path, "--live", "--account", number_of(LIVE))
    assert "key of Alpaca's paper account, and live trading was asked for" in said
    desk.setenv("APCA_API_KEY_ID", LIVE)
    said = refused(capsys, servers, tmp_path)
    assert "key of a live Alpaca account, and paper trading was asked for" in said


@pytest.mark.parametrize("name", ["APCA_API_KEY_ID", "APCA_API_SECRET_KEY"])
def test_half_a_pair(name: str, desk: pytest.MonkeyPatch, servers: Vendors, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk.delenv(name)
    assert "belong together, and one of them is not set" in refused(capsys, servers, tmp_path)


@pytest.mark.parametrize("flags", [("--broker", "alpaca"), ("--live", "--account", "1")])
def test_no_keys_of_the_broker_that_is_asked_for(
    flags: tuple[str, ...], desk: pytest.MonkeyPatch, servers: Vendors, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.delenv("APCA_API_KEY_ID")
    desk.delenv("APCA_API_SECRET_KEY")
    assert "needs Alpaca's keys: set APCA_API_KEY_ID and APCA_API_SECRET_KEY" in refused(capsys, servers, tmp_path, *flags)


@pytest.mark.parametrize("at", [SATURDAY, CLOSE + HOUR])
def test_a_market_that_is_closed(
    at: int, desk: pytest.MonkeyPatch, servers: Vendors, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.setattr(clock, "now", lambda: at)
    said = refused(capsys, servers, tmp_path)
    assert "The market is closed until 2026-0" in said
    assert "--end-date" in said


def test_an_account_that_is_not_the_keys_own(
    desk: pytest.MonkeyPatch, servers: Vendors, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, servers, tmp_path, "--account", "PA000")
    assert "The key belongs to another account than 'PA000'" in said


def test_a_secret_that_the_broker_does_not_know(
    desk: pytest.MonkeyPatch, servers: Vendors, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.setenv("APCA_API_SECRET_KEY", "canary-of-a-secret")
    said = refused(capsys, servers, tmp_path)
    assert "Alpaca knows no account for this key" in said
    assert "canary" not in said


def test_live_without_arming(desk: pytest.MonkeyPatch, servers: Vendors, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A live account on this machine's own address may be a proxy's: it needs everything that real money needs."""
    desk.setenv("APCA_API_KEY_ID", LIVE)
    said = refused(capsys, servers, tmp_path, "--live", "--account", number_of(LIVE))
    assert "Real orders need an armed configuration: run `undertow arm --account ID`" in said
    said = refused(capsys, servers, tmp_path, "--live", "--account", "123")
    assert "The key belongs to another account than '123'" in said
    said = refused(capsys, servers, tmp_path, "--live")
    assert "--live trades real money today: it needs --mode trading and --account ID" in said


def test_live_on_prices_that_are_none(
    desk: pytest.MonkeyPatch, servers: Vendors, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.setenv("APCA_API_KEY_ID", LIVE)
    desk.delenv("POLYGON_API_KEY")
    said = refused(capsys, servers, tmp_path, "--live", "--account", number_of(LIVE))
    assert "simulated or recorded data never place a real order" in said


def test_an_address_without_encryption(
    desk: pytest.MonkeyPatch, servers: Vendors, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.setenv("APCA_API_BASE_URL", "http://paper-api.alpaca.markets")
    assert "would send your keys in the clear" in refused(capsys, servers, tmp_path)
