"""A run that is killed at any point and started again goes on, and leaves what an undisturbed one leaves: one folder, the same bytes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.end_to_end.harness import JOB, ROOT, SMALL, UNDERTOW, Done, environment, run
from undertow.app.underway import MARKS
from undertow.validation.trials import TrialLedger

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
KILLS = 5
#: kills itself in place of doing what is named
SUICIDE = """
import os, signal, sys
sys.argv = ["run_ml_trading_models.py", *sys.argv[2:]] if (at := sys.argv[1]) else []
room, name = at.rsplit(".", 1)
import importlib
setattr(importlib.import_module(room), name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
from undertow.app.main_job import main
sys.exit(main(sys.argv[1:]))
"""


def visible(home: Path) -> list[Path]:
    return sorted((home / "runs").glob("[!.]*"))


def hidden(home: Path) -> list[Path]:
    return sorted((home / "runs").glob(".*"))


def killed_at(point: str, home: Path) -> None:
    command = [sys.executable, "-c", SUICIDE, point, *SMALL]
    done = subprocess.run(command, env=environment(home), cwd=ROOT, capture_output=True, timeout=300, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def same(home: Path, whole: Done) -> None:
    """One run is shown, with the bytes of the undisturbed one; no mark is left, and the ledger has it once."""
    (folder,) = visible(home)
    assert hidden(home) == []
    assert list((home / MARKS).iterdir()) == []
    names = sorted(path.name for path in whole.report.parent.iterdir())
    assert sorted(path.name for path in folder.iterdir()) == names
    for name in names:
        assert (folder / name).read_bytes() == (whole.report.parent / name).read_bytes(), name
    trials = [len(TrialLedger(root / "trials.sqlite").trials()) for root in (home, whole.report.parents[2])]
    assert trials[0] == trials[1]


def killed_after(seconds: float, home: Path) -> float:
    """Kill a run after so long; how long it lasted. What it has told in full is no killed run: its folder is put away."""
    begun, told = time.monotonic(), home.with_name(f"{home.name}.out")
    with told.open("wb") as out:
        process = subprocess.Popen([*JOB, *SMALL], env=environment(home), stdout=out, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if b"Report: " in told.read_bytes():
        for folder in visible(home):
            shutil.rmtree(folder)
    return time.monotonic() - begun


def test_killed_at_random_points_again_and_again(small: Done, tmp_path: Path) -> None:
    rng, longest = random.Random(6), 8.0
    for _ in range(KILLS):
        longest = min(longest, killed_after(rng.uniform(0.5, longest), tmp_path) + 0.5)  # what comes to its end is killed earlier next time
    done = run(JOB, *SMALL, env=environment(tmp_path))
    assert done.code == 0, done.err
    assert done.summary == small.summary
    same(tmp_path, small)


@pytest.fixture
def home(small: Done, tmp_path: Path) -> Path:
    """A home that has the models of the undisturbed run, so that these runs are short."""
    shutil.copytree(small.report.parents[2] / "models", tmp_path / "models")
    return tmp_path


def test_killed_while_it_is_saved(small: Done, home: Path) -> None:
    killed_at("undertow.app.runs.write_report", home)
    (half,) = hidden(home)
    assert visible(home) == []
    told = run(UNDERTOW, "replay", "last", env=environment(home))
    assert told.err.startswith("error: There is no finished run below "), "what is half made is no run"
    done = run(JOB, *SMALL, env=environment(home))
    assert f"note: {half.name[1:].rpartition('.')[0]} was stopped while it was saved" in done.err
    assert "note: The same run was stopped before it ended" in done.err
    same(home, small)


def test_killed_between_the_ledger_and_the_name(small: Done, home: Path) -> None:
    killed_at("undertow.app.runs._named", home)
    assert visible(home) == []
    assert run(JOB, *SMALL, env=environment(home)).code == 0
    same(home, small)


def test_killed_before_its_summary_was_seen(small: Done, home: Path) -> None:
    killed_at("undertow.app.show._say", home)
    (kept,) = visible(home)
    killed_at("undertow.app.show.save_run", home)
    done = run(JOB, *SMALL, env=environment(home))
    assert done.report.parent == kept, "the run that was whole is told, no second one is made"
    assert done.summary == small.summary
    same(home, small)


def test_another_run_that_still_works_is_left_alone(small: Done, home: Path) -> None:
    from undertow.app.underway import underway

    with underway(home, "own", "digest") as found, underway(home, "other", "else"):
        assert found == ()
        assert len(list((home / MARKS).iterdir())) == 2
    assert not (home / MARKS).exists()  # who came first leaves as little as there was
