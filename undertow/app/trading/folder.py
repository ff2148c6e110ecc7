"""Where a session keeps what it must find again: one folder an account, with its journal, its control files and its sessions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from undertow.app.brokers import ABOUT as BROKER
from undertow.app.job import Job
from undertow.app.runs import config_digest, config_of
from undertow.core.calendar import Calendar
from undertow.core.errors import BadData, BadInput
from undertow.tape.journal.journal import NAME
from undertow.tape.shelf.whole import read_about, write_about

ROOM = "trading"  #: below the home
ABOUT = "session.json"
MOST_SESSIONS = 10_000  # of one job on one day
SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A session's folder, which on paper is its account's too."""

    path: Path
    begun: bool  #: whether it was there: it was stopped, and goes on

    @property
    def run(self) -> str:
        """What orders are called after."""
        return self.path.name

    @property
    def book(self) -> Path:
        """What the simulated broker keeps."""
        return self.path / "book.jsonl"

    def finish(self, job: Job) -> None:
        """Note that the session came to its end: the next one is another."""
        write_about(self.path / ABOUT, _about(job, finished=True))


def paper_folder(home: Path, job: Job, calendar: Calendar) -> Folder:
    """The folder of a paper session: the one that was stopped before its end, else a new one. Raises ``StoreError`` and ``BadData``."""
    name = f"paper-{calendar.day[job.last]}-{config_digest(job)}"
    for n in range(1, MOST_SESSIONS):
        path = home / ROOM / (name if n == 1 else f"{name}-{n}")
        if not (path / ABOUT).exists():
            write_about(path / ABOUT, _about(job, finished=False))
            return Folder(path=path, begun=False)
        if not read_about(path / ABOUT)["finished"]:
            return Folder(path=path, begun=True)
    raise BadData(f"{home / ROOM} holds {MOST_SESSIONS:,} sessions of {name}: move them away")


def broker_session(root: Path, run: str, job: Job, capital: float) -> float:
    """Note what a session with a broker needs to be made again; ``root`` is the account's folder, ``capital`` what is traded with.

    Returns the capital that the session began with, which one that goes on keeps: what was made and lost since is counted on it.
    """
    path = root.parent / run / ABOUT
    if not path.exists():
        write_about(path, {**_about(replace(job, last=job.first), finished=False), "account": root.name, "capital": capital})
    return float(read_about(path)["capital"])


def session_of(home: Path, day: str) -> Path:
    """The folder of the newest session of a day, YYYY-MM-DD, or of the session that is named. Raises ``BadInput``."""
    found = [path.parent for path in (home / ROOM).glob(f"*/{ABOUT}") if f"-{day}" in path.parent.name or path.parent.name == day]
    if not found:
        there = ", ".join(sorted(path.parent.name for path in (home / ROOM).glob(f"*/{ABOUT}"))[-SHOWN:]) or "none"
        raise BadInput(f"There is no session of {day} below {home / ROOM}; there are {there}")
    return max(found, key=lambda path: (path / ABOUT).stat().st_mtime_ns)


def account_of(home: Path) -> Path:
    """The folder of the account that was traded last from a home; the home itself where it is one, or none was."""
    marks = [path for name in (ABOUT, BROKER) for path in (home / ROOM).glob(f"*/{name}")]
    own = [path for path in marks if path.name == BROKER or "account" not in read_about(path)]
    return home if not own or (home / NAME).exists() else max(own, key=lambda path: path.stat().st_mtime_ns).parent


def _about(job: Job, *, finished: bool) -> dict[str, object]:
    return {"job": config_of(job), "finished": finished}
