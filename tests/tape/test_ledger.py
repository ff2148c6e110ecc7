"""The ledger says why a session is missing: closed, short, empty, refused, a hole, or not due yet."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from tests.tape.workbench import DAILY, Bench, rows
from undertow.app.commands.data import data
from undertow.core.calendar import nyse
from undertow.core.time import HOUR, MINUTE
from undertow.tape.ledger import coverage
from undertow.tape.notes import Note, write_notes

BARS = """
[[event]]
kind = "bar"
event_at = { instant = "t", zone = "America/New_York", plus = "30m" }
known_at = { same = "event_at" }
columns = { span = "'30m'", open = "10", high = "10", low = "10", close = "10", volume = "10" }
"""


def line(day: str, low: int = 9) -> str:
    return f"AAPL,{day},10,11,{low},10,100"


def test_each_reason_is_told(bench: Bench) -> None:
    text = rows(line("2026-05-20"), line("2026-05-21"), line("2026-05-25"), line("2026-05-27", low=12), line("2026-05-29"))
    assert bench.run(DAILY, bench.file("bars.csv", text)).exit_code == 0
    empty = Note(kind="daily_bar", symbol="AAPL", day="2026-05-28", says="no trades", reason="halted", rows=0, source="exchange")
    assert write_notes(bench.tape, [empty, empty]) == 1
    assert write_notes(bench.tape, [empty]) == 0
    close = int(nyse().close[nyse().position(nyse().midnight[nyse().sessions(*2 * [nyse().day[0].__class__("2026-06-01", "D")])])][0])
    found = coverage(bench.tape, close - HOUR)
    runs = [(r.first, r.last, r.sessions, r.status) for r in found.lines[0].runs]
    assert runs == [
        ("2026-05-20", "2026-05-21", 2, "here"),
        ("2026-05-22", "2026-05-26", 2, "hole"),
        ("2026-05-27", "2026-05-27", 1, "refused"),
        ("2026-05-28", "2026-05-28", 1, "no trades"),
        ("2026-05-29", "2026-05-29", 1, "here"),
        ("2026-06-01", "2026-06-01", 1, "not yet published"),
    ]
    assert [(c.day, c.why) for c in found.holidays] == [("2026-05-25", "Memorial Day")]
    assert [c.day for c in found.refused] == ["2026-05-25", "2026-05-27"]
    assert coverage(bench.tape, close).lines[0].runs[-1].status == "not imported"


def test_half_days_are_whole_and_gaps_are_counted(bench: Bench) -> None:
    half = [f"2025-11-28 {h}" for h in ("09:30", "10:00", "10:30", "11:00", "11:30", "12:00", "12:30")]
    torn = [f"2025-12-01 {h}" for h in ("08:00", "09:30", "15:30", "16:00")]
    text = "symbol,t\n" + "".join(f"SPY,{t}\n" for t in half + torn)
    assert bench.run(BARS, bench.file("bars.csv", text)).exit_code == 0
    found = coverage(bench.tape, int(nyse().close[nyse().session_on_or_before(nyse().day.dtype.type("2025-12-01"))]) + MINUTE)
    assert [(r.status, r.detail) for r in found.lines[0].runs] == [("here", ""), ("partial", "2 of 13 bars")]
    assert found.lines[0].span == "30m"
    assert found.half_days == ("2025-11-28",)


def test_the_command_prints_tables_and_json(bench: Bench) -> None:
    home = ["--home", str(bench.folder / "home")]
    assert "empty" in CliRunner().invoke(data, ["coverage", *home]).output
    bench.run(DAILY, bench.file("bars.csv", rows(line("2026-05-20"), line("2026-05-25"))))
    told = CliRunner().invoke(data, ["coverage", *home])
    assert told.exit_code == 0
    assert "Memorial Day" in told.output
    found = json.loads(CliRunner().invoke(data, ["coverage", "--json", *home]).output)
    assert found["lines"][0]["symbol"] == "AAPL"
    assert found["lines"][0]["runs"][0]["status"] == "here"
