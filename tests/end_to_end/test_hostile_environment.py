"""A machine that does not cooperate: homes, disks, pipes, locales and terminals that refuse, and a hand on Ctrl-C."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from tests.end_to_end.harness import (
    JOB,
    LONGER,
    LONGEST,
    MAPPINGS,
    NOW,
    SMALL,
    UNDERTOW,
    Done,
    data,
    environment,
    files,
    run,
    run_on_terminal,
    together,
)
from undertow.app import modes, runs
from undertow.app.job import Flags, Job, check
from undertow.app.main_job import main
from undertow.core.calendar import nyse
from undertow.core.errors import StoreError, UndertowError
from undertow.engine.result import RunResult
from undertow.tape.journal.entry import Kind
from undertow.tape.journal.journal import Journal

pytestmark = pytest.mark.timeout(600)

# --- a home that refuses --------------------------------------------------------------------------------------------------------------


def below_a_file(folder: Path) -> Path:
    file = folder / "file"
    file.write_text("not a folder")
    return file / "below" / "home"


def in_proc(folder: Path) -> Path:
    return Path("/proc/nope")


@pytest.mark.parametrize("refusing", [below_a_file, in_proc])
@pytest.mark.parametrize("mode", ["backtest", "premarket", "trading"])
def test_a_home_that_cannot_be_written_is_refused_before_any_work(
    refusing: Callable[[Path], Path], mode: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = refusing(tmp_path)
    before = files(tmp_path)
    monkeypatch.setenv("UNDERTOW_HOME", str(home))
    assert main(["-m", mode]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: UNDERTOW_HOME {home} cannot be written to")
    assert len(err.splitlines()) == 1
    assert files(tmp_path) == before


@pytest.mark.parametrize("refusing", [below_a_file, in_proc])
def test_an_import_into_such_a_home(refusing: Callable[[Path], Path], tmp_path: Path) -> None:
    home = refusing(tmp_path)
    rows = tmp_path / "rows.csv"
    rows.write_text("symbol,date,open,high,low,close,volume\nAAPL,2026-06-01,10,11,9,10.5,100\n")
    mapping = str(MAPPINGS / "daily_panel.toml")
    done = run(UNDERTOW, "data", "import", "--mapping", mapping, str(rows), env=environment(home))
    assert done.code == 2, done.err
    assert done.err.startswith(f"error: The tape at {home}")
    assert len(done.err.splitlines()) == 1


def test_an_import_that_fails_says_error_first(tmp_path: Path) -> None:
    done = run(UNDERTOW, "data", "import", "--mapping", str(tmp_path / "no.toml"), "no.csv", env=environment(tmp_path / "home"))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: Mapping ")
    assert len(done.err.splitlines()) == 1
    assert not (tmp_path / "home").exists()


def test_rows_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("symbol,date,open,high,low,close,volume\nAAPL,2026-06-01,ten,11,9,10.5,100\n")
    done = run(UNDERTOW, "data", "import", "--mapping", str(MAPPINGS / "daily_panel.toml"), str(rows), env=environment(tmp_path / "home"))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert len(done.err.splitlines()) == 1
    assert "row" in done.err
    assert not files(tmp_path / "home")


# --- a disk that fills up -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunResult, Job]:
    """A run that is done and not saved yet."""
    flags = Flags(symbols="AAPL", source="simulated", timeframe="1d", start_date="2005-08-25", end_date="2005-08-26")
    job = check(flags, nyse(), NOW)
    return modes.backtest(job, tmp_path_factory.mktemp("home"), nyse(), lambda *_: None), job


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let the system refuse to write more than ``size`` bytes to any file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("place", ["manifest", "table", "report"])
def test_a_disk_that_fills_up_leaves_no_half_a_run(
    finished: tuple[RunResult, Job], place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == "table":
        monkeypatch.setattr(runs, "_manifest", lambda *_: {})
    size = 100_000 if place == "report" else 500
    with files_of_at_most(size), pytest.raises(StoreError, match=r"could not be written to .*File too large"):
        runs.save_run(*finished, tmp_path / "home")
    assert not files(tmp_path / "home")


def test_no_space_left_is_one_sentence(
    finished: tuple[RunResult, Job], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(runs, "write_report", full)
    monkeypatch.setattr("undertow.app.show.backtest", lambda *_: finished[0])
    monkeypatch.setenv("UNDERTOW_HOME", str(tmp_path / "home"))
    assert main(list(SMALL)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: the run could not be written to {tmp_path / 'home' / 'runs'}")
    assert "No space left on device" in err
    assert len(err.splitlines()) == 1
    assert not files(tmp_path / "home")


def test_two_runs_of_one_second_keep_both(finished: tuple[RunResult, Job], tmp_path: Path) -> None:
    first, second = (runs.save_run(*finished, tmp_path) for _ in range(2))
    assert first != second
    assert files(first).keys() == files(second).keys()
    assert len(list((tmp_path / "runs").iterdir())) == 2


# --- pipes, locales and folders -------------------------------------------------------------------------------------------------------


def shell(line: str, home: Path, **more: str) -> Done:
    """Run a line of bash in which ``job`` is the cheapest whole run."""
    words = " ".join(f"'{word}'" for word in (*JOB, *SMALL))
    return run(["bash", "-c", f"set -o pipefail; job() {{ {words}; }}; {line}"], env=environment(home, **more))


def test_pipes_that_close_and_devices_that_are_full(tmp_path: Path) -> None:
    one, full, shut = together(
        partial(shell, "job | head -n 1", tmp_path / "one"),
        partial(shell, "job > /dev/full", tmp_path / "full"),
        partial(shell, "job >&-", tmp_path / "shut"),
    )
    assert one.out == "Results Summary:\n"
    for done in (one, full, shut):
        assert "Traceback" not in done.err
        assert "Exception ignored" not in done.err
        assert "BrokenPipe" not in done.err
    assert full.code == 2
    last = full.err.splitlines()[-1]
    assert last.startswith("error: the summary could not be printed (No space left on device); the run is in ")
    assert Path(last.rsplit(" ", 1)[1], "report.html").is_file(), "the work is not lost"
    assert shut.code == 0


KEYS = ("--polygon-key", "PK0123456789", "--unusual-whales-key", "UW9876543210")


def test_strange_surroundings(tmp_path: Path, small: Done, longer: Done) -> None:
    """No HOME, a locale without ×, twenty columns, a folder that cannot be written, a home with a space and an ü; and keys."""
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    bare = {"LC_ALL": "C", "COLUMNS": "20", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    homeless = {name: value for name, value in environment(tmp_path / "bare", **bare).items() if name != "HOME"}
    ascii_only, narrow, elsewhere = together(
        partial(run, JOB, *SMALL, "--end-date", LONGER, env=homeless, cwd=locked),
        partial(run_on_terminal, JOB, *SMALL, "--mode", "trading", "--speed", "1e12", env=environment(tmp_path / "narrow", COLUMNS="20")),
        partial(run, JOB, *SMALL, *KEYS, env=environment(tmp_path / "mein hüs", MASSIVE_API_KEY="MK1122334455")),
    )
    for done in (ascii_only, narrow, elsewhere):
        assert done.code == 0, done.err
        assert "Traceback" not in done.err
        assert done.out.startswith("Results Summary:\nAAPL: ")
    assert ascii_only.out.isascii()
    assert "√" in longer.summary
    assert ascii_only.summary == longer.summary.replace("×", "?").replace("√", "?")
    assert ascii_only.manifest()["results"] == longer.manifest()["results"]
    assert [line for line in elsewhere.summary.splitlines() if not line.startswith("  Note: ")] == small.summary.splitlines()
    assert (tmp_path / "mein hüs") in elsewhere.report.parents
    assert elsewhere.report.is_file()
    assert not list(locked.iterdir())
    written = [path.read_bytes() for path in elsewhere.report.parent.iterdir()]
    assert len(written) == 6
    for key in ("PK0123456789", "UW9876543210", "MK1122334455"):
        assert key not in elsewhere.out + elsewhere.err
        assert not any(key.encode() in content for content in written), "a key was written down"
    assert "--source simulated does not use it" in elsewhere.out


def test_without_any_home_the_platform_s_folder_is_used(tmp_path: Path) -> None:
    bare = {name: value for name, value in environment(tmp_path).items() if name not in ("HOME", "UNDERTOW_HOME")}
    asked = "import sys; sys.path.insert(0, sys.argv[1]); from undertow.app.home import home; print(home())"
    root = str(Path(JOB[1]).parent)
    said = subprocess.run([sys.executable, "-c", asked, root], env=bare, capture_output=True, text=True, timeout=60, check=True)
    assert Path(said.stdout.strip()).name == "undertow"


# --- Ctrl-C ---------------------------------------------------------------------------------------------------------------------------


PACED = [*SMALL, "--mode", "trading", "--timeframe", "5m", "--speed", "1"]  #: waits minutes between ticks


@pytest.mark.parametrize("when", ["Reading the market: 0", "Learning from history: 1 "])
def test_an_interrupt_stops_with_one_word(when: str, tmp_path: Path) -> None:
    """While it reads and while it learns."""
    env = environment(tmp_path / "home")
    with subprocess.Popen([*JOB, *PACED], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(when.encode()):
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LONGEST)
    said = [line for line in err.decode().splitlines() if " of " not in line]
    assert process.returncode == 130
    assert said == ["stopped"]
    assert out == b""
    assert not [name for name in files(tmp_path / "home") if not name.startswith("models/")], "trained models are kept, and nothing else"


@pytest.mark.parametrize("ticks", [1, 3])
def test_an_interrupt_ends_a_session_with_what_there_is(ticks: int, tmp_path: Path) -> None:
    """Stopped after its first tick or later, a session tells what it decided, and can be gone on with."""
    home = tmp_path / "home"
    with subprocess.Popen(
        [*JOB, *PACED, "--speed", "900"], env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        while process.poll() is None and ticks_done(home) < ticks:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LONGEST)
    assert process.returncode == 0, err
    assert out.startswith(b"Results Summary:\nAAPL: Direction: ")
    assert b"The session was stopped before its end" in out
    again = run(JOB, *PACED, "--speed", "1e12", env=environment(home))
    assert again.code == 0, again.err
    assert "went on from there" in again.out


def ticks_done(home: Path) -> int:
    """Ticks that a session has taken to their end."""
    for path in (home / "trading").glob("*/journal.sqlite"):
        with suppress(UndertowError), Journal.to_read(path) as journal:
            return sum(entry.kind is Kind.NOTE and entry.id.startswith("ticks-") for entry in journal.entries())
    return 0


def test_an_interrupt_during_saving_leaves_no_half_a_run(
    finished: tuple[RunResult, Job], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "write_report", interrupted)
    monkeypatch.setattr("undertow.app.show.backtest", lambda *_: finished[0])
    monkeypatch.setenv("UNDERTOW_HOME", str(tmp_path / "home"))
    assert main(list(SMALL)) == 130
    out, err = capsys.readouterr()
    assert (out, err) == ("", "stopped\n")
    assert not files(tmp_path / "home")


def test_importing_twice_at_once_keeps_each_row_once(tmp_path: Path) -> None:
    rows, mapping = str(data("insider_2024_2026/form4.parquet")), str(MAPPINGS / "form4.toml")
    both = together(*[partial(run, UNDERTOW, "data", "import", "--mapping", mapping, rows, env=environment(tmp_path))] * 2)
    assert [done.code for done in both] == [0, 0], both[0].err + both[1].err
    assert sorted(done.out.count("1,666 │            0") for done in both) == [0, 1], both
