"""Bad input of every kind: exit status 2, one sentence that names the flag, and not a byte written."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.end_to_end.harness import CHEAPEST, FIRST_POSSIBLE, JOB, SMALL, Done, environment, files, run, together
from undertow.app.main_job import main
from undertow.core.calendar import nyse

PROGRESS = re.compile(r"(note: .+|Reading the market: 0 of 1)")

# Each begins where it must; what follows is for people.
WRONG = {
    "malformed symbol": (["-s", "AAPL!;rm"], "--symbols: 'AAPL!;RM' is not a US ticker"),
    "malformed among good": (["-s", "AAPL,../x"], "--symbols: '../X' is not a US ticker"),
    "a line break in a symbol": (["-s", "AAPL\nMSFT"], r"--symbols: 'AAPL\nMSFT' is not a US ticker"),
    "empty symbols": (["-s", ""], "--symbols is empty"),
    "commas only": (["-s", " ,, ,"], "--symbols is empty"),
    "too many symbols": (["-s", ",".join(f"A{i}" for i in range(501))], "--symbols names 501 tickers; 500"),
    "end before start": (["--start-date", "2026-06-02", "--end-date", "2026-06-01"], "--start-date 2026-06-02 is after --end-date"),
    "start in the future": (["--start-date", "2199-01-04"], "--start-date 2199-01-04 is in the future"),
    "end in the future": (["--end-date", "2199-01-04"], "--end-date 2199-01-04 is in the future"),
    "before the calendar": (["--start-date", "1989-01-03", "--end-date", "2020-01-03"], "--start-date 1989-01-03 is before 1990-01-02"),
    "unknown mode": (["--mode", "yolo"], "--mode 'yolo' is not one of backtest, premarket, trading"),
    "mode in capitals": (["--mode", "BACKTEST"], "--mode 'BACKTEST' is not one of"),
    "unknown source": (["--source", "bloomberg"], "--source 'bloomberg' is not one of auto, massive, imported, simulated"),
    "unknown timeframe": (["--timeframe", "3m"], "--timeframe '3m' is not one of auto, 5m, 1d"),
    "nothing imported": (["--source", "imported", "-s", "AAPL"], "--symbols: AAPL not among the imported data (nothing)"),
    "no live Massive yet": (["--source", "massive"], "--source massive: "),
    "before any data": (
        ["-s", "AAPL", "--start-date", "2001-01-01", "--end-date", "2001-02-02"],
        "--start-date 2000-12-29 to --end-date 2001-02-02 does not overlap the data",
    ),
}
WRONG |= {f"capital {c}": ([f"--capital={c}"], f"--capital {c} is not between 1,000 and") for c in ("0", "-5", "nan", "inf", "-inf", "999")}
VALID = "meta, options_flow, dark_pool, market_structure, earnings, technical_flow, flat, and all"
WRONG |= {
    "unknown strategy": (["--strategy", "meta,astrology"], f"--strategy astrology: there is no such strategy; there are {VALID}"),
    "no strategy": (["--strategy", " ,"], "--strategy is empty: name at least one of meta, "),
    "negative costs": (["--costs", "-1"], "--costs -1 is not between 0 and 10"),
    "costs that are no number": (["--costs", "nan"], "--costs nan is not between 0 and 10"),
    "retraining at every session": (["--retrain-every", "1"], "--retrain-every 1 is not between 5 and 252"),
    "looking back no further than a month": (["--look-back", "21"], "--look-back 21 is not between 252 and 2520"),
}
WRONG |= {f"speed {s}": ([f"--speed={s}"], f"--speed {s} must be a positive number") for s in ("0", "-1", "nan", "inf")}
DATES = ("2026-13-01", "2026-02-30", "20260401", "2026-4-1", "tomorrow", "", "2026-06-01T00:00", "-1", "２０２６-06-01")
WRONG |= {f"start {d!r}": ([f"--start-date={d}"], f"--start-date: {d!r} is not a date: write YYYY-MM-DD") for d in DATES}
WRONG |= {f"end {d!r}": ([f"--end-date={d}"], f"--end-date: {d!r} is not a date: write YYYY-MM-DD") for d in DATES}


def refused(arguments: list[str], home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the main job in this process, which must refuse; its one sentence, without ``error: ``."""
    monkeypatch.setenv("UNDERTOW_HOME", str(home))
    before = files(home)
    code = main(arguments)
    out, err = capsys.readouterr()
    *earlier, last = err.splitlines()
    assert code == 2, err
    assert out == ""
    assert last.startswith("error: ")
    assert all(PROGRESS.fullmatch(line) for line in earlier), err
    assert files(home) == before
    assert home.exists() == bool(before)
    return last.removeprefix("error: ")


@pytest.mark.parametrize("name", WRONG)
def test_a_bad_flag(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    arguments, begins = WRONG[name]
    assert refused(arguments, tmp_path / "home", capsys, monkeypatch).startswith(begins)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--frobnicate"], "--frobnicate"), (["--mode"], "--mode"), (["surplus"], "surplus"), (["--capital", "much"], "--capital")],
)
def test_what_the_command_line_itself_refuses(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERTOW_HOME", str(tmp_path / "home"))
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert "Traceback" not in err
    assert not (tmp_path / "home").exists()


# --- with imported data ---------------------------------------------------------------------------------------------------------------

IMPORTED = {
    "unknown symbol": (["-s", "GHOST", "--source", "imported"], "--symbols: GHOST not among the imported data (NEWCO, OLDCO)"),
    "imported and not imported": (["-s", "OLDCO,GHOST"], "--symbols: GHOST not among the imported data (NEWCO, OLDCO)"),
    "after the data": (
        ["-s", "OLDCO", "--start-date", "2024-02-01", "--end-date", "2024-03-01"],
        "--start-date 2024-02-01 to --end-date 2024-03-01 does not overlap the data of every symbol; there is daily bar from 2023-01-03",
    ),
    "before the data": (
        ["-s", "OLDCO", "--start-date", "2020-02-03", "--end-date", "2020-03-02"],
        "--start-date 2020-02-03 to --end-date 2020-03-02 does not overlap the data of every symbol",
    ),
    "bars that are not there": (
        ["-s", "OLDCO", "--start-date", "2023-10-02", "--end-date", "2023-10-31", "--timeframe", "5m"],
        "--start-date 2023-10-02 to --end-date 2023-10-31 does not overlap the data",
    ),
}


@pytest.mark.parametrize("name", IMPORTED)
def test_bad_input_for_a_tape(name: str, imported_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    arguments, begins = IMPORTED[name]
    said = refused(arguments, imported_home, capsys, monkeypatch).replace("daily_bar", "daily bar")
    assert said.startswith(begins)


def test_too_little_history_says_how_much_more_and_from_when(
    imported_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = "2023-06-01"
    said = refused(["-s", "OLDCO", "--start-date", asked, "--end-date", "2023-06-30"], imported_home, capsys, monkeypatch)
    found = re.match(rf"--start-date {asked}: (\d+) sessions .*, (\d+) more are needed; start on (\d{{4}}-\d\d-\d\d) or later", said)
    assert found, said
    first, start = (nyse().session_on_or_before(np.datetime64(day)) for day in ("2023-01-03", asked))
    assert int(found[1]) == start - first
    assert nyse().day[start + int(found[2])] == np.datetime64(found[3])


def test_the_advice_is_the_first_day_that_works(
    small: Done, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [*CHEAPEST[:-4], "--start-date", "2005-08-24", "--end-date", "2005-08-26"]
    said = refused(arguments, tmp_path / "home", capsys, monkeypatch)
    assert f" 1 more are needed; start on {FIRST_POSSIBLE} or later" in said
    assert small.code == 0, small.err
    assert small.table("signals")["p_up"].is_finite().all()


# --- odd, but good --------------------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(600)
def test_odd_symbols_are_taken(tmp_path: Path) -> None:
    """Lower case, repeated, with a class; and sixty of them."""
    sixty = ",".join(f"{chr(65 + i // 26)}{chr(65 + i % 26)}X" for i in range(60))
    odd, many = together(
        *(
            lambda symbols=symbols: run(JOB, *SMALL, "--symbols", symbols, env=environment(tmp_path / symbols[:3]))  # type: ignore[misc]
            for symbols in (" brk.b ,BRK.B,aapl,Aapl,", sixty)
        )
    )
    assert odd.code == 0, odd.err
    assert [line.split(":")[0] for line in odd.out.splitlines()[1:4]] == ["BRK.B", "AAPL", "Portfolio"]
    assert odd.manifest()["job"]["symbols"] == ["BRK.B", "AAPL"]
    assert many.code == 0, many.err
    assert sum(bool(re.match(r"^[A-C][A-Z]X: Return: -?\d+\.\d\d%  \[SIMULATED\]$", line)) for line in many.out.splitlines()) == 60


def test_a_longer_window_decides_its_first_days_alike(small: Done, longer: Done) -> None:
    """Law 4 from end to end: what comes after the window's first days changes nothing in them."""
    assert longer.code == 0, longer.err
    short, long = small.table("signals"), longer.table("signals")
    assert len(long) > len(short) == 2
    assert long.head(2).equals(short)


def test_moved_dates_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERTOW_HOME", str(tmp_path / "home"))
    assert main(["-s", "AAPL", "--start-date", "2005-01-15", "--end-date", "2005-01-17"]) == 2
    err = capsys.readouterr().err.splitlines()
    assert "note: --end-date 2005-01-17 (Dr. Martin Luther King Jr. Day) moved to the session before, 2005-01-14." in err
    assert "note: --start-date 2005-01-15 (weekend) moved to the session before, 2005-01-14." in err
