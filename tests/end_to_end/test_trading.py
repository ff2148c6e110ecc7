"""A session on paper: killed again and again it ends as if never, and made again from its recording it decides the same."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.end_to_end.harness import ROOT, environment
from tests.end_to_end.shelf_job import bits
from tests.end_to_end.trading_job import DAY, restless, trade
from undertow.app.trading.again import made_again
from undertow.app.trading.folder import session_of
from undertow.core.calendar import nyse
from undertow.core.errors import BadInput
from undertow.core.events import Bar
from undertow.engine.result import RunResult
from undertow.report.html import write_report
from undertow.report.summary import summary_lines
from undertow.tape.journal.entry import Kind
from undertow.tape.journal.journal import NAME, Journal
from undertow.tape.journal.orders import LIVE, Orders
from undertow.tape.shelf.whole import read_about, write_about
from undertow.validation.parity import Parity, compared

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
KILLS = 8


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunResult]:
    """A home whose models are taught, with one session that nothing disturbed."""
    home = tmp_path_factory.mktemp("calm")
    return home, trade(home)


def taught(calm: Path, home: Path) -> Path:
    """Another home with the same models, and no session yet."""
    shutil.copytree(calm, home, ignore=shutil.ignore_patterns("trading", "runs"))
    return home


def orders_of(home: Path) -> Orders:
    with Journal.to_read(session_of(home, DAY) / NAME) as journal:
        return Orders(journal.entries())


def test_a_session_leaves_a_journal_that_fits(calm: tuple[Path, RunResult]) -> None:
    home, result = calm
    with Journal.to_read(session_of(home, DAY) / NAME) as journal:
        assert journal.verify().fault is None
        entries = list(journal.entries())
    kinds = {kind: sum(entry.kind is kind for entry in entries) for kind in Kind}
    assert kinds[Kind.SIGNAL] == kinds[Kind.INPUTS] == 79 * 2
    assert kinds[Kind.INTENT] > 60
    assert kinds[Kind.FILL] == len(result.fills)
    orders = Orders(entries)
    orders.sound()
    assert not orders.in_state(LIVE)
    held = dict.fromkeys(result.symbols, 0.0)
    for order in orders.by_id.values():
        held[order.symbol] += float(order.filled) * (1.0 if order.side == "buy" else -1.0)
    assert list(held.values()) == result.shares[-1].tolist()


def test_stopped_at_its_first_decision_it_tells_what_it_decided_and_goes_on(calm: tuple[Path, RunResult], tmp_path: Path) -> None:
    home = taught(calm[0], tmp_path / "stopped")
    told = trade(home, each=lambda session, _: session.stop.set())
    assert len(told.ticks) == 1
    assert not len(told.mark_at), "nothing of the account was marked yet"
    said = summary_lines(told)
    assert [line.split(":")[0] for line in said[1:3]] == ["AAPL", "MSFT"]
    assert any("The session was stopped before its end" in line for line in said)
    assert "Last signals" in write_report(told, tmp_path / "report.html", trials=1).read_text("utf-8")
    assert bits(trade(home))["equity"] == bits(calm[1])["equity"]


def test_no_tick_waits_for_compiled_code(calm: tuple[Path, RunResult], tmp_path: Path) -> None:
    """All that a session calls was called before its first tick; orders that fill and orders that are denied are among what it does."""
    home = taught(calm[0], tmp_path / "quick")
    job = [sys.executable, "-m", "tests.end_to_end.loading_job", str(home)]
    ended = subprocess.run(job, cwd=ROOT, env=environment(home), capture_output=True, text=True, check=False)
    assert ended.stdout.splitlines()[-1] == "loaded: []", ended.stdout + ended.stderr


def test_killed_again_and_again_it_ends_as_if_never(calm: tuple[Path, RunResult], tmp_path: Path) -> None:
    """Positions, cash and journal; the kills come at any moment of the session, each a little later in it than the one before."""
    home, env = taught(calm[0], tmp_path / "shaken"), environment(tmp_path / "shaken")
    chance = np.random.default_rng(7)
    job = [sys.executable, "-m", "tests.end_to_end.trading_job", str(home), "1e12"]
    for mark in np.sort(chance.integers(1, ordered(calm[0]) * 9 // 10, KILLS)):
        with subprocess.Popen(job, cwd=ROOT, env=env, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None and ordered(home) < mark:
                time.sleep(0.005)
            time.sleep(float(chance.uniform(0.0, 0.1)))
            os.kill(process.pid, signal.SIGKILL)
    ended = subprocess.run(job, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert ended.stdout.endswith("over\n"), ended.stderr
    same, folder = session_of(calm[0], DAY), session_of(home, DAY)
    with Journal.to_read(same / NAME) as then, Journal.to_read(folder / NAME) as now:
        parity = compared(then.entries(), now.entries())
        assert not parity.differences, parity.lines()
        assert now.verify().fault is None
    assert (folder / "book.jsonl").read_text() == (same / "book.jsonl").read_text()
    then, now = orders_of(calm[0]), orders_of(home)
    now.sound()
    for name in ("symbol", "side", "shares", "state", "executions", "filled"):
        assert {key: getattr(one, name) for key, one in now.by_id.items()} == {key: getattr(one, name) for key, one in then.by_id.items()}
    assert bits(trade_again(home)) == bits(calm[1])


def ordered(home: Path) -> int:
    """How many lines the simulated broker has written."""
    books = list((home / "trading").glob("*/book.jsonl"))
    return books[0].read_text().count("\n") if books else 0


def trade_again(home: Path) -> RunResult:
    """The whole result of the shaken session: its finished ticks in silence, from the same folder."""
    about = session_of(home, DAY) / "session.json"
    kept = about.read_text()
    write_about(about, {**read_about(about), "finished": False})
    try:
        return trade(home)
    finally:
        about.write_text(kept)


def test_made_again_from_its_recording_it_decides_the_same(calm: tuple[Path, RunResult]) -> None:
    parity = again(calm[0])
    assert parity.lines()[0].startswith("Identical: 158 inputs, 158 signal")


def test_a_planted_difference_is_found_where_it_is(calm: tuple[Path, RunResult], tmp_path: Path) -> None:
    home = tmp_path / "planted"
    shutil.copytree(calm[0], home)
    files = sorted((session_of(home, DAY) / "tape" / Bar.kind).rglob("*.parquet"))
    rows = pl.read_parquet(files[20])
    rows.with_columns(close=pl.col("close") + 100).write_parquet(files[20])
    parity = again(home)
    first = parity.differences[0]
    assert first.at == int(rows["known_at"].max())
    assert first.kind is Kind.INPUTS
    assert parity.lines()[0].startswith("DIFFERENT")


def again(home: Path) -> Parity:
    with restless():
        return made_again(session_of(home, DAY), home, nyse(), lambda *_: None)


def test_a_day_without_a_session_is_named(calm: tuple[Path, RunResult]) -> None:
    with pytest.raises(BadInput, match="There is no session of 2001-01-01"):
        session_of(calm[0], "2001-01-01")
