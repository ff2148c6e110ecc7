"""From what a job needs to a tape that holds it: plans, roads, what is still missing, and the fetching of that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from undertow.app.vendors.desk import Desk
from undertow.app.vendors.download import Account, Tell, fetch
from undertow.app.vendors.plan import Known, Unit, Vendor, roads, units
from undertow.app.vendors.plans import Plans, plans_of
from undertow.core.errors import UndertowError
from undertow.core.events import Event
from undertow.core.time import MINUTE, Instant
from undertow.tape.fetched import Fetched
from undertow.tape.store import Tape

#: what is asked for ends at a multiple of this, so that a second run shortly after asks for the same
GRID = 5 * MINUTE


class Unfinished(UndertowError):
    """A part of what was asked for could not be fetched; what was fetched is on the tape and will not be fetched again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be on the tape: kinds of symbols, each with ``after < known_at <= until``."""

    kinds: Mapping[type[Event], Instant]  #: kind -> after
    symbols: tuple[str, ...]
    until: Instant
    beside: tuple[Wanted, ...] = ()  #: of other symbols; nothing is missing where nobody has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """A tape with what was wanted, as far as the vendors have it."""

    tape: Tape
    plans: Plans
    told_by: dict[type[Event], Vendor]  #: who is asked for which kind
    account: Account


def gather(
    desk: Desk, home: Path, wanted: Wanted, tell: Tell | None = None, planned: Callable[[Plans, list[Unit]], None] | None = None
) -> Gathered:
    """Fetch what is not on the tape yet. ``planned`` is told the plans and the work before it begins.

    Raises ``WireError``, ``StoreError`` and ``BadData``; what fails in part is in the account.
    """
    plans = plans_of(desk, home, wanted.symbols[0])
    tape, now = Tape(desk.root), desk.clock.now() // GRID * GRID
    known = Known(Fetched(tape).spans(), plans.earliest())
    work = [unit for one in (wanted, *wanted.beside) for unit in _missing(one, plans, known, now)]
    if planned is not None:
        planned(plans, work)
    account = fetch(desk, tape, work, tell)
    told_by = {kind: route.vendor for route, kinds in roads(wanted.kinds, plans.open_to()).items() for kind in kinds}
    return Gathered(tape=tape, plans=plans, told_by=told_by, account=account)


def _missing(wanted: Wanted, plans: Plans, known: Known, now: Instant) -> Iterator[Unit]:
    """What is still to be asked, on every road that is open."""
    for route, kinds in roads(wanted.kinds, plans.open_to()).items():
        begins = min(wanted.kinds[kind] for kind in kinds if kind in wanted.kinds)
        yield from units(route, kinds, wanted.symbols, (begins, min(wanted.until, now)), known)


def finished(account: Account) -> None:
    """Raise ``Unfinished`` where a part could not be fetched."""
    if account.failed:
        unit, why = account.failed[0]
        more = f" and {len(account.failed) - 1} more parts" if len(account.failed) > 1 else ""
        raise Unfinished(f"{unit}{more} could not be fetched: {why} What was fetched is kept: run again to fetch the rest alone.")
