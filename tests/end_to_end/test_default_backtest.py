"""The command a newcomer types first: no key, no data, a backtest on the simulated market; twice the same to the bit."""

from __future__ import annotations

import re
from itertools import groupby

import pytest

from tests.end_to_end.harness import Done
from undertow.core.time import iso

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SYMBOLS = ("AAPL", "MSFT", "GOOGL")


def test_it_succeeds(default_runs: list[Done]) -> None:
    assert [done.code for done in default_runs] == [0, 0], default_runs[0].err


def test_the_summary_is_in_the_promised_format(default_runs: list[Done]) -> None:
    lines = default_runs[0].out.splitlines()
    assert lines[0] == "Results Summary:"
    for line, symbol in zip(lines[1:], SYMBOLS, strict=False):
        assert re.match(rf"^{symbol}: Return: -?\d+\.\d\d%", line)
    assert lines[4].startswith("Portfolio: Return: ")


def test_every_line_that_rests_on_simulated_data_says_so(default_runs: list[Done]) -> None:
    *body, report = default_runs[0].out.splitlines()[1:]
    silent = [line for line in body if "SIMULATED" not in line and not line.startswith("  Note: ")]
    assert len(body) >= 10
    assert not silent
    assert "SIMULATED" not in report


def test_the_report_exists_and_says_simulated(default_runs: list[Done]) -> None:
    for done in default_runs:
        assert done.report.name == "report.html"
        assert "SIMULATED" in done.report.read_text("utf-8")
        assert done.manifest()["simulated"] is True
        assert {path.name for path in done.report.parent.iterdir()} == {
            "report.html",
            "manifest.json",
            "equity.parquet",
            "signals.parquet",
            "orders.parquet",
            "fills.parquet",
        }
        assert [path.name for path in done.report.parent.parent.iterdir()] == [done.report.parent.name]


def test_progress_into_a_pipe_is_a_line_a_step(default_runs: list[Done]) -> None:
    said = [re.fullmatch(r"([A-Z][\w ]+): (\d+) of (\d+)", line) for line in default_runs[0].err.splitlines()]
    assert all(said), default_runs[0].err
    steps = [(m[1], int(m[2]), int(m[3])) for m in said if m]
    names = [name for name, _ in groupby(steps, key=lambda step: step[0])]
    assert names[:2] == ["Reading the market", "Learning from history"]
    assert len(names) == len(set(names)) == 3
    for _, group in groupby(steps, key=lambda step: step[0]):
        done = [step[1] for step in group]
        assert done == sorted(set(done))
    assert steps[-1][1] == steps[-1][2]


def test_progress_on_a_terminal_is_a_bar(default_runs: list[Done]) -> None:
    drawn = default_runs[1].err
    assert "\x1b[" in drawn
    assert "━" in drawn
    for line in default_runs[0].err.splitlines():
        name, whole = line.split(":")[0], line.split()[-1]
        assert name in drawn
        assert f"{whole}/{whole}" in drawn, f"{name}: the bar never became full"
    assert "Traceback" not in drawn


def test_twice_the_same_to_the_bit(default_runs: list[Done]) -> None:
    one, two = default_runs
    assert one.summary == two.summary
    for name in ("equity", "signals", "fills"):
        assert one.table(name).equals(two.table(name)), name
        assert len(one.table(name)), name
    assert one.manifest()["results"] == two.manifest()["results"]
    assert one.manifest() == two.manifest()
    assert one.report.read_bytes() == two.report.read_bytes()


def test_the_tables_are_whole(default_runs: list[Done]) -> None:
    done = default_runs[0]
    signals, equity, window = done.table("signals"), done.table("equity"), done.manifest()["window"]
    assert signals["p_up"].is_between(0.0, 1.0).all()
    assert set(signals["symbol"].unique()) == set(SYMBOLS)
    assert [iso(int(at)) for at in (signals["at"].cast(int).min(), signals["at"].cast(int).max())] == window
    for line, symbol in zip(done.out.splitlines()[1:4], SYMBOLS, strict=True):
        made = equity[symbol][-1] / (100_000.0 / 3) - 1.0
        assert line.split()[2] == f"{100.0 * made:.2f}%"
