"""What `undertow honesty` and `undertow audit` last found on this machine, for the marks on reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from undertow.app import clock
from undertow.core.time import iso
from undertow.models.keeping.identity import code
from undertow.report.badges import NOT_RUN, Badges

FILE = "checks.json"  #: below the home


def note_check(home: Path, name: str, passed: bool, says: str) -> None:
    """Remember how a check of this code ended; where the disk refuses, reports go on saying that it was not run."""
    path = home / FILE
    found = _kept(path) | {name: {"passed": passed, "says": says, "at": iso(clock.now())[:10], "code": code()}}
    try:
        home.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        partial.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
        partial.replace(path)
    except OSError:
        return


def badges(home: Path) -> Badges:
    """A mark for each check: passed or failed by this very code, else not run."""
    found, own = _kept(home / FILE), code()
    out = dict(NOT_RUN)
    for name in NOT_RUN:
        last = found.get(name)
        if not isinstance(last, dict):
            continue
        ended = "passed" if last.get("passed") is True else "failed"
        if last.get("code") == own:
            out[name] = (ended, f"{last.get('says')} ({last.get('at')})")
        else:
            out[name] = ("not run", f"`undertow {name.lower()}` {ended} on {last.get('at')}, with other code than this")
    return out


def _kept(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
