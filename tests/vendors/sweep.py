"""Commands run in this process as a user would, and a search of all that they say, log and leave."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.vendors.canary import SECRETS, Searched, leaks
from tests.vendors.conftest import Vendors
from tests.vendors.parrot import Parrot
from undertow.app import main_job
from undertow.app.cli import app
from undertow.app.main_job import guarded


@dataclass(slots=True)
class Sweep:
    """Runs commands in this process as a user would in a folder of their own, and searches all that they leave."""

    root: Path
    vendors: Vendors
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]
    parrot: Parrot
    searched: Searched = field(init=False)
    logs: io.StringIO = field(default_factory=io.StringIO)

    def __post_init__(self) -> None:
        self.searched = Searched(self.root)

    def env(self, home: str = "home", *, url: str = "", without: Sequence[str] = ()) -> dict[str, str]:
        """Variables with every secret but for some."""
        theirs = replace(self.vendors, url=url) if url else self.vendors
        secret = {name: value for name, value in SECRETS.items() if not name.startswith("-") and name not in without}
        return (
            theirs.env(self.root / home, massive=False, whales=False) | secret | {"TMPDIR": str(self.root / "tmp"), "HOME": str(self.root)}
        )

    def run(self, command: str, *arguments: str, env: Mapping[str, str], fault: str = "no fault") -> tuple[int, str]:
        """The exit status, 99 for a traceback, and what was shown. Raises ``AssertionError`` for a leak."""
        for name in {*os.environ, *env} - {"PYTEST_CURRENT_TEST"}:
            self.patch.setenv(name, env[name]) if name in env else self.patch.delenv(name)
        main, *names = command.split()
        told = [one.replace("{root}", str(self.root)) for one in arguments]
        try:
            code = guarded(app if main == "undertow" else main_job.app, [*names, *told], main)
        except Exception:  # noqa: BLE001 - whatever it is, a user would see it
            kind, error, trace = sys.exc_info()
            assert kind is not None and error is not None  # noqa: PT018
            sys.excepthook(kind, error, trace)
            traceback.print_exception(error)
            code = 99
        out, err = self.capture.readouterr()
        self.check(f"{command}, {fault}", {"standard output": out, "standard error": err})
        return code, out + err

    def check(self, what: str, said: Mapping[str, str]) -> None:
        """Search texts, the logs and every file."""
        logs = self.logs.getvalue()
        self.logs.seek(0)
        self.logs.truncate()
        found = [leak for place, text in {**said, "the logs": logs}.items() for leak in leaks(text.encode(), place)]
        found += self.searched.leaks()
        assert not found, f"{what}: {'; '.join(found)}"
