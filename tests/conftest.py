"""How the tests are dealt among workers: what shares a costly fixture stays together, and the longest begin first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]
#: folders whose tests share what is made once, those that take longest first
TOGETHER = ("tests/vendors", "tests/docs", "tests/end_to_end", "tests/servers", "tests/sandbox")

# a machine that is busy must not make a property fail: no test of ours is about time
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def group(nodeid: str) -> str:
    """The folder or file whose tests run in one worker, by a test's full name."""
    file = nodeid.split("::", 1)[0]
    return next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)


def pytest_configure(config: pytest.Config) -> None:
    """Compile before workers begin."""
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        subprocess.run([sys.executable, "-m", "tests.warm"], cwd=ROOT, check=True, timeout=900)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the groups in the order in which they should begin."""
    items.sort(key=lambda item: TOGETHER.index(of) if (of := group(item.nodeid)) in TOGETHER else len(TOGETHER))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Deal groups to whichever worker is free."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    return ByGroup(config, log)
