"""A session made again from its own recording, and laid beside what it wrote down then."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from undertow.app.choose import Tell
from undertow.app.modes import warm_ticks, warmed
from undertow.app.prepare import Prepared, prepare
from undertow.app.rerun import job_of
from undertow.app.trading.basis import Inputs
from undertow.app.trading.feed import FAST, Played
from undertow.app.trading.folder import ABOUT, Folder
from undertow.app.trading.mode import paper_session, ticks_of
from undertow.app.trading.recording import Recording
from undertow.app.trading.retold import Retold
from undertow.app.trading.session import note_of, played
from undertow.app.trading.wants import asks_of
from undertow.app.wiring import BAND, BAR_SPAN
from undertow.core.calendar import Calendar
from undertow.core.chunk import I64, Chunk, concat
from undertow.core.errors import BadData
from undertow.core.time import Instant
from undertow.execution.gateway.account import ToldAccount
from undertow.tape.journal.entry import Kind
from undertow.tape.journal.journal import NAME, Journal, journal_of
from undertow.tape.journal.store import Wanted
from undertow.tape.shelf.whole import read_about
from undertow.validation.parity import Parity, compared

BEFORE_ALL: Instant = -(2**63)


def made_again(session: Path, home: Path, calendar: Calendar, tell: Tell, *keys: str | None) -> Parity:
    """Run a session's recording through the same loop as then, and compare with its journal.

    Raises ``BadData`` where it left too little. A live session that was stopped and gone on with differs where it began anew.
    """
    about = read_about(session / ABOUT)
    position = calendar.session_on_or_before(np.datetime64(about["job"]["last"]))
    job = replace(job_of(about, *keys), first=position, last=position, mode="trading", notes=())
    made = prepare(job, home, calendar, min(int(calendar.midnight[position + 1]), job.now), tell)
    made = replace(made, market=replace(made.market, chunks=_as_received(made, session, calendar)))
    with journal_of(session.parent / about.get("account", session.name), os.environ, to_write=False) as then:
        if "account" in about:
            return _with_broker(made, session.name, about, then, calendar, tell)
        return _on_paper(made, session.name, then, home, calendar, tell)


def _on_paper(made: Prepared, name: str, then: Journal, home: Path, calendar: Calendar, tell: Tell) -> Parity:
    """The simulated broker is made again, too."""
    with TemporaryDirectory(prefix="undertow-again-") as where:
        folder = Folder(path=Path(where) / name, begun=False)
        folder.path.mkdir()
        with Journal.to_write(folder.path / NAME) as journal:
            again = paper_session(made, folder, journal, home, folder.path)
            warmed(replace(made, desk=again.desk), calendar, again.live_from, tell)
            asyncio.run(played(again, ticks_done(then, name), 0, lambda _: None))
            return compared(then.entries(), journal.entries())


def _with_broker(made: Prepared, name: str, about: Mapping[str, Any], then: Journal, calendar: Calendar, tell: Tell) -> Parity:
    """What the broker said is taken from the journal."""
    job = made.job
    account = ToldAccount(job.symbols, float(about["capital"]), calendar, name="journal", band=BAND, kind=made.market.bars, span=BAR_SPAN)
    account.within(job.portfolio)
    desk = replace(made.desk, broker=account)
    ticks_done(then, name)
    feed = Played(made.market.chunks, int(warm_ticks(made, calendar)[-1]), FAST)
    live_from = int(ticks_of(made, calendar)[0])  # its first decision may have been killed before it was done
    warmed(replace(made, desk=desk), calendar, live_from, tell)
    asks = asks_of(name, job, int(calendar.close[job.first]))
    retold = Retold(asks=asks, desk=desk, account=account, rows=feed.skip, live_from=live_from, inputs=Inputs(name))
    return retold.parity(then.entries())


def ticks_done(journal: Journal, run: str) -> I64:
    """The ticks that a session took to their end. Raises ``BadData`` where there are none."""
    entries = journal.entries(Wanted(id=note_of(run), kinds=(Kind.NOTE,)))
    ticks = sorted({int(entry.content()["tick"]) for entry in entries})
    if not ticks:
        raise BadData(f"the session {run} took no decision to its end: there is nothing to make again")
    return np.array(ticks, np.int64)


def _as_received(made: Prepared, session: Path, calendar: Calendar) -> tuple[Chunk, ...]:
    """History up to the session, and the session as it was recorded."""
    begins, ends = int(warm_ticks(made, calendar)[-1]), int(calendar.midnight[made.job.last + 1])
    recorded = {chunk.kind: chunk for chunk in Recording(session).read(made.job.symbols, begins, ends)}
    before = {chunk.kind: chunk.between(BEFORE_ALL, begins) for chunk in made.market.chunks}
    kinds = tuple(dict.fromkeys((*before, *recorded)))
    return tuple(concat([part for part in (before.get(kind), recorded.get(kind)) if part is not None]) for kind in kinds)
