"""The main job on the vendors' data, in all three modes, nothing changed but the addresses; and what it says where a plan lacks some."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.end_to_end.harness import JOB, Done, last_session, run, together
from tests.vendors.conftest import Vendors
from undertow.core.calendar import nyse

#: a session that is long over, on day bars, of which a vendor is asked a year at a time
DAY = str(nyse().day[nyse().session_on_or_before(np.datetime64(last_session())) - 3])
OF = ("--symbols", "AAPL", "--timeframe", "1d", "--start-date", DAY, "--end-date", DAY)
CANARY = "canary"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vendors")


@pytest.fixture(scope="module")
def modes(served: Vendors, home: Path) -> dict[str, Done]:
    served.faults.clear()
    env = served.env(home)
    first = run(JOB, *OF, "--mode", "backtest", env=env)
    calls = {mode: partial(run, JOB, *OF, "--mode", mode, "--speed", "1e12", env=env) for mode in ("premarket", "trading")}
    return {"backtest": first} | dict(zip(calls, together(*calls.values()), strict=True))


def test_all_three_modes_run_on_what_the_vendors_tell(modes: dict[str, Done], home: Path) -> None:
    for mode, done in modes.items():
        assert done.code == 0, (mode, done.err)
        assert "Results Summary:" in done.out or "Direction:" in done.out
        lines = done.summary.splitlines()[1:]
        assert all("SIMULATED" in line for line in lines if line.strip()), (mode, done.out)
        assert "massive (simulated seed 3 ic 0.05)" in done.out
        assert "unusual_whales (simulated seed 3 ic 0.05)" in done.out  # option volumes and open interest
        assert CANARY not in done.out + done.err
    assert "AAPL: Return: " in modes["backtest"].out
    assert "AAPL: Direction: " in modes["premarket"].out
    for path in home.rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path


def test_a_backtest_again_asks_the_vendors_for_no_data(vendors: Vendors, modes: dict[str, Done], home: Path) -> None:
    asked = dict(vendors.faults.served)
    again = run(JOB, *OF, "--mode", "backtest", env=vendors.env(home))
    assert again.summary == modes["backtest"].summary
    assert vendors.asked_for_data(asked) == set()


def test_what_no_plan_includes_is_simulated_told_and_not_traded(vendors: Vendors, tmp_path: Path) -> None:
    env = vendors.env(tmp_path / "home", whales=False)
    done = run(JOB, *OF, "--mode", "trading", "--speed", "1e12", env=env)
    assert done.code == 0, done.err
    assert "no plan of yours includes" in done.out
    assert "trading places no orders on it" in done.out
    assert done.table("fills").is_empty()
    assert done.table("signals")["target"].abs().max() == 0.0


def test_without_prices_there_is_no_run(vendors: Vendors, tmp_path: Path) -> None:
    from undertow.sandbox.servers.faults import Fault

    vendors.faults.plan(Fault(name="403", match="/v2/aggs", times=-1))
    done = run(JOB, *OF, env=vendors.env(tmp_path / "home", whales=False))
    assert (done.code, done.out) == (2, "")
    assert "None of your plans includes bars" in done.err


def test_source_massive_needs_its_key(vendors: Vendors, tmp_path: Path) -> None:
    done = run(JOB, *OF, "--source", "massive", env=vendors.env(tmp_path / "home", massive=False))
    assert (done.code, done.out) == (2, "")
    assert "needs a key" in done.err
