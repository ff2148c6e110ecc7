"""``undertow adopt``: look at what the broker holds, and have the journal count from there."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from undertow.app.errors import one_sentence

if TYPE_CHECKING:
    from undertow.execution.path.reconcile import Comparison

Account = Annotated[str | None, typer.Option("--account", help="The account's folder below trading/.  [default: the one used last]")]
Who = Annotated[str, typer.Option("--who", help="Your name, for the record.  [default: your login name]")]
Phrase = Annotated[str | None, typer.Option("--phrase", help="The phrase, for scripts.  [default: it is asked for]")]
Home = Annotated[Path | None, typer.Option("--home", help="Where data live; default UNDERTOW_HOME or your user data folder.")]


def adopt_command(account: Account = None, who: Who = "", phrase: Phrase = None, home: Home = None) -> None:
    """Compare journal and broker; where positions differ, take over the broker's, by a phrase that names them all.

    For the first day on an account that holds something already, and after splits and transfers. Orders are never adopted.
    """
    from undertow.app.commands.control import home_of, login

    with one_sentence():
        found = asyncio.run(_adopted(_root(home_of(home), account), who or login(), phrase))
    print(found.sentence)


def _root(home: Path, account: str | None) -> Path:
    from undertow.app.brokers import ABOUT
    from undertow.app.trading.folder import ROOM
    from undertow.core.errors import BadInput

    there = sorted((path.parent for path in (home / ROOM).glob(f"*/{ABOUT}")), key=lambda path: path.stat().st_mtime_ns)
    meant = [path for path in there if account in (None, path.name)]
    if not meant:
        names = ", ".join(path.name for path in there) or "none: a live session with Alpaca makes one"
        raise BadInput(f"There is no account {account or ''} of a broker below {home / ROOM}; there are {names}")
    return meant[-1]


async def _adopted(root: Path, who: str, phrase: str | None) -> Comparison:
    from undertow.app.brokers import gateway_of
    from undertow.app.clock import WallClock
    from undertow.execution.path.book import Book
    from undertow.execution.path.desk import Desk
    from undertow.execution.path.reconcile import phrase_of
    from undertow.execution.path.send import Path as OrderPath
    from undertow.execution.risk.limits import Limits
    from undertow.tape.journal.journal import journal_of

    gateway = gateway_of(root)
    try:
        with journal_of(root, os.environ) as journal:
            desk = Desk(Book(journal), Limits(), WallClock(), real=gateway.real)
            path = OrderPath(desk, gateway)
            found = await path.reconcile()
            if found.equal:
                return found
            print(found.sentence)
            wanted = phrase_of(found)
            told = phrase if phrase is not None else typer.prompt(f"To trade from there, write: {wanted}\n", prompt_suffix="> ")
            desk.adopt(who, told.strip())
            return await path.reconcile()
    finally:
        await gateway.close()
