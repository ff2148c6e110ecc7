"""The first run, the second run, the interrupted run: the set-up scripts against a stand-in Python, without a network."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ["run_ml_trading.sh", "run_tests.sh", "scripts/setup_env.sh", ".ci/run"]

pytestmark = pytest.mark.skipif(os.name != "posix" or shutil.which("bash") is None, reason="the scripts are for bash")

# Answers as a Python, as `-m venv` and as pip; writes each call that matters to calls.txt beside it.
STAND_IN = """#!/usr/bin/env bash
here="$FAKE_HOME"
if [ "$1" = -I ]; then shift; fi
case "$1 ${2:-}" in
    "-c import sys"*) echo "${FAKE_VERSION:-3.11.9}"; [ "${FAKE_VERSION:-3.11.9}" != 3.9.2 ] ;;
    "-c import ensurepip"*) exit "${FAKE_NO_VENV:-0}" ;;
    "-m venv")
        echo venv >>"$here/calls.txt"
        mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
        printf 'home = /usr/bin\\nversion = %s\\n' "${FAKE_VERSION:-3.11.9}" >"$3/pyvenv.cfg" ;;
    "-m pip")
        if [ "$3" = --version ]; then exit 0; fi
        echo "pip $*" >>"$here/calls.txt"
        echo "Collecting numpy==2.4.6 (from -r requirements.lock (line 1))"
        if [ -e "$here/no-network" ]; then echo "ERROR: NewConnectionError: Failed to establish a new connection"; exit 1; fi
        if [ -e "$here/slow" ]; then echo "Installing collected packages: numpy"; sleep "$(cat "$here/slow")"; fi
        exit 0 ;;
    *) echo "ran $(basename -- "$1") ${*:2}" ;;
esac
"""


class Checkout:
    """A copy of the scripts in a folder with a space in its name, and the stand-in Python."""

    def __init__(self, folder: Path) -> None:
        """Copy what a set-up reads."""
        self.root = folder / "a folder" / "undertow"
        self.home = folder / "stand in"
        self.home.mkdir(parents=True)
        for name in [*SCRIPTS[:3], "requirements.lock", "requirements-dev.lock", "pyproject.toml", "run_ml_trading_models.py"]:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, self.root / name)
        self.python = self.home / "python3.11"
        self.python.write_text(STAND_IN)
        self.python.chmod(0o755)

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a run: the machine's, with the stand-in as the Python to use."""
        return {**os.environ, "UNDERTOW_PYTHON": str(self.python), "FAKE_HOME": str(self.home), **more}

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one of the scripts from another folder."""
        command = (str(self.root / (command[0] if command else "run_ml_trading.sh")), *command[1:])
        return subprocess.run(command, cwd=self.home, env=self.environment(**more), capture_output=True, text=True, timeout=60, check=False)

    def calls(self) -> list[str]:
        """What was asked of Python and pip since the last time, one entry a call."""
        path = self.home / "calls.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize("script", SCRIPTS)
def test_bash_reads_it_and_it_can_be_run(script: str) -> None:
    subprocess.run(["bash", "-n", str(ROOT / script)], check=True)
    assert os.access(ROOT / script, os.X_OK)


def test_first_run_installs_and_runs(checkout: Checkout) -> None:
    done = checkout.run("run_ml_trading.sh", "-s", "AAPL,MSFT", "--mode", "backtest")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "ran run_ml_trading_models.py -s AAPL,MSFT --mode backtest\n"
    assert done.stderr.count("First run") == 1
    assert "package 1 of " in done.stderr
    assert "numpy 2.4.6" in done.stderr
    venv, libraries, ours = checkout.calls()
    assert venv == "venv"
    assert "--require-hashes --only-binary :all:" in libraries
    assert libraries.endswith("requirements.lock")
    assert "--no-deps --no-build-isolation" in ours


def test_second_run_installs_nothing_and_says_nothing(checkout: Checkout) -> None:
    checkout.run()
    checkout.calls()
    done = checkout.run("run_ml_trading.sh", "--help")
    assert (done.stdout, done.stderr) == ("ran run_ml_trading_models.py --help\n", "")
    assert checkout.calls() == []


def test_second_run_starts_at_once(checkout: Checkout) -> None:
    checkout.run()
    best = min(_seconds(checkout) for _ in range(5))
    assert best < 0.25  # 20 ms on a quiet machine; a Python started on the way would show even on a busy one


def _seconds(checkout: Checkout) -> float:
    began = time.perf_counter()
    checkout.run()
    return time.perf_counter() - began


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_changed_lock_is_installed(checkout: Checkout, changed: str) -> None:
    checkout.run()
    checkout.calls()
    with (checkout.root / changed).open("a") as file:
        file.write("\n# changed\n")
    assert checkout.run().returncode == 0
    calls = checkout.calls()
    assert len(calls) == 2, "two calls of pip, into the .venv that was there"
    assert all(call.startswith("pip") for call in calls)


def test_missing_stamp_is_repaired(checkout: Checkout) -> None:
    checkout.run()
    checkout.calls()
    (checkout.root / ".venv/.undertow-runtime").unlink()
    assert checkout.run().returncode == 0
    assert [call.split()[0] for call in checkout.calls()] == ["pip", "pip"]


@pytest.mark.parametrize("lost", [".venv/bin/python", ".venv/pyvenv.cfg"])
def test_broken_venv_is_made_again(checkout: Checkout, lost: str) -> None:
    checkout.run()
    checkout.calls()
    (checkout.root / lost).unlink()
    assert checkout.run().returncode == 0
    assert checkout.calls()[0] == "venv"


def test_moved_folder_is_set_up_again(checkout: Checkout) -> None:
    checkout.run()
    checkout.calls()
    moved = checkout.root.parent / "moved"
    checkout.root.rename(moved)
    checkout.root = moved
    assert checkout.run().returncode == 0
    assert checkout.calls()[0] == "venv"


def test_set_up_killed_while_unpacking_starts_over(checkout: Checkout) -> None:
    (checkout.home / "slow").write_text("30")
    command = [str(checkout.root / "run_ml_trading.sh")]
    running = subprocess.Popen(command, env=checkout.environment(), stderr=subprocess.DEVNULL, start_new_session=True)
    _until((checkout.root / ".venv/.unpacking").exists)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    checkout.calls()
    assert not (checkout.root / ".venv/.undertow-runtime").exists()
    (checkout.home / "slow").unlink()
    assert checkout.run().returncode == 0
    assert checkout.calls()[0] == "venv"
    assert checkout.run().stderr == ""


def test_two_runs_at_once_install_once(checkout: Checkout) -> None:
    (checkout.home / "slow").write_text("1")
    command = [str(checkout.root / "run_ml_trading.sh")]
    both = [subprocess.Popen(command, env=checkout.environment(), stderr=subprocess.DEVNULL, stdout=subprocess.PIPE) for _ in range(2)]
    assert [process.communicate(timeout=60)[0].strip() for process in both] == [b"ran run_ml_trading_models.py"] * 2
    assert checkout.calls().count("venv") == 1


def test_lock_without_flock_outlives_its_owner(checkout: Checkout, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ["bash", "basename", "cat", "cp", "env", "grep", "head", "mkdir", "rm", "sha256sum", "sleep", "tail", "uname"]:
        if found := shutil.which(name):
            (tools / name).symlink_to(found)
    abandoned = checkout.root / ".venv-setup.lock.d"
    abandoned.mkdir()
    (abandoned / "pid").write_text(str(_dead_process()))
    done = checkout.run(PATH=str(tools))
    assert done.returncode == 0, done.stderr
    assert not abandoned.exists()
    assert not (checkout.root / ".venv-setup.lock").exists(), "flock was not to be found on this PATH"


def _dead_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_no_network_is_one_sentence(checkout: Checkout) -> None:
    (checkout.home / "no-network").touch()
    done = checkout.run()
    assert done.returncode == 1
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert "numpy==2.4.6 could not be downloaded" in last
    assert str(checkout.root / ".venv-setup.log") in last
    (checkout.home / "no-network").unlink()
    assert checkout.run().returncode == 0


def test_old_python_is_one_sentence(checkout: Checkout) -> None:
    done = checkout.run(FAKE_VERSION="3.9.2")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"Undertow needs Python 3.11 or newer and {checkout.python} is 3.9.2; "
        "install a newer one, or name it: UNDERTOW_PYTHON=/path/to/python3.11",
    ]


def test_missing_venv_module_is_one_sentence(checkout: Checkout) -> None:
    done = checkout.run(FAKE_NO_VENV="1")
    assert done.returncode == 1
    assert f"{checkout.python} has no venv module" in done.stderr.splitlines()[-1]
    assert not (checkout.root / ".venv").exists()


def test_unusable_python_by_name_is_not_swapped_for_another(checkout: Checkout) -> None:
    done = checkout.run(UNDERTOW_PYTHON=str(checkout.home / "nothing"))
    assert done.returncode == 1
    assert "UNDERTOW_PYTHON=" in done.stderr.splitlines()[-1]


def test_development_set_up_serves_the_run_too(checkout: Checkout) -> None:
    done = checkout.run("run_tests.sh", "tests/laws", "-k", "causality")
    assert done.stdout == "ran -m pytest -q -n 2 --no-loadscope-reorder tests/laws -k causality\n", done.stderr
    assert any(call.endswith("requirements-dev.lock") for call in checkout.calls())
    checkout.run("run_ml_trading.sh")
    checkout.run("run_tests.sh")
    assert checkout.calls() == []


def test_runtime_set_up_does_not_serve_the_tests(checkout: Checkout) -> None:
    checkout.run()
    checkout.calls()
    checkout.run("run_tests.sh")
    assert any(call.endswith("requirements-dev.lock") for call in checkout.calls())


def test_called_through_a_link(checkout: Checkout) -> None:
    link = checkout.home / "undertow"
    link.symlink_to(checkout.root / "run_ml_trading.sh")
    done = subprocess.run([str(link), "-h"], env=checkout.environment(), capture_output=True, text=True, check=False)
    assert done.stdout == "ran run_ml_trading_models.py -h\n", done.stderr


def test_python_without_the_libraries_is_one_sentence(tmp_path: Path) -> None:
    package = tmp_path / "undertow/app"
    package.mkdir(parents=True)
    for name in ("__init__.py", "../__init__.py"):
        (package / name).touch()
    (package / "main_job.py").write_text("import a_library_that_is_not_there\n")
    shutil.copy(ROOT / "run_ml_trading_models.py", tmp_path)
    done = subprocess.run([sys.executable, str(tmp_path / "run_ml_trading_models.py")], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "a_library_that_is_not_there is missing" in done.stderr
    assert "./run_ml_trading.sh" in done.stderr


def _until(condition, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
