"""What the user's plans include: asked of the vendors once a day, and kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from undertow.app.vendors.access import Access
from undertow.app.vendors.desk import Desk
from undertow.app.vendors.plan import Vendor
from undertow.core.calendar import nyse
from undertow.core.errors import StoreError
from undertow.core.events import BY_NAME, Bar, ChainRow, DailyBar, Event, FlowAlert, OptionTrade
from undertow.core.time import DAY, Instant
from undertow.sources.wire.capability import Capability, Entitlement
from undertow.sources.wire.errors import NotEntitled, WireError
from undertow.sources.wire.stamps import day_of, new_york_midnight

#: flat files that are read, and what is made of them
FILES: dict[str, tuple[type[Event], ...]] = {
    "us_options_opra/day_aggs_v1": (ChainRow,),
    "us_options_opra/trades_v1": (OptionTrade, FlowAlert),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """What each vendor said it includes."""

    market: str  #: which market the vendors are of; empty is the real one
    told: tuple[tuple[Vendor, Capability], ...]

    def open_to(self) -> dict[Vendor, frozenset[type[Event]]]:
        """Vendor -> kinds that may be asked; one whose question failed may be tried."""
        found: dict[Vendor, set[type[Event]]] = {}
        for vendor, capability in self.told:
            if capability.state is not Entitlement.NOT_ENTITLED:
                found.setdefault(vendor, set()).update(capability.kinds)
        return {vendor: frozenset(kinds) for vendor, kinds in found.items()}

    def earliest(self) -> dict[tuple[str, type[Event]], Instant]:
        """Vendor and kind -> the first instant that the plan includes; intraday bars begin where day bars do."""
        days = {(vendor, kind): capability.earliest for vendor, capability in self.told for kind in capability.kinds}
        if not days.get(("massive", Bar)) and days.get(("massive", DailyBar)):
            days["massive", Bar] = days["massive", DailyBar]
        return {where: new_york_midnight(day_of(day)) for where, day in days.items() if day}


def plans_of(desk: Desk, home: Path, symbol: str, *, anew: bool = False) -> Plans:
    """Ask each vendor about one symbol, or take what it said within a day. Raises ``Unauthorised``, ``WireError`` and ``StoreError``."""
    file, name = home / "plans.json", _name(desk.access)
    now = desk.clock.now()
    kept = None if anew else _read(file, name, now)
    if kept is None:
        kept = asyncio.run(_ask(desk, symbol, now))
        if not kept.market and all(c.state is not Entitlement.UNKNOWN for _, c in kept.told):
            _write(file, name, kept, now)
    desk.market = kept.market
    return kept


async def _ask(desk: Desk, symbol: str, now: Instant) -> Plans:
    from undertow.sources.massive import capabilities as massive
    from undertow.sources.unusual_whales import capabilities as whales

    told: list[tuple[Vendor, Capability]] = []
    if desk.access.massive is not None:
        async with desk.wire("massive") as wire:
            await wire.get("/v1/marketstatus/now")  # where nobody answers, that is said once and at once
            told += [("massive", c) for c in await massive.probe(wire, symbol, now)]
            desk.heard(wire)
    if desk.access.whales is not None:
        async with desk.wire("unusual_whales") as wire:
            told += [("unusual_whales", c) for c in await whales.probe(wire, symbol, now)]
            desk.heard(wire)
    if desk.access.files is not None:
        desk.market = desk.market or ""
        told += [("files", _files(desk, dataset, kinds, now)) for dataset, kinds in FILES.items()]
    return Plans(market=desk.market or "", told=tuple(told))


def _files(desk: Desk, dataset: str, kinds: tuple[type[Event], ...], now: Instant) -> Capability:
    """Whether a dataset's file of a session some days ago may be read."""
    calendar = nyse()
    try:
        desk.files.has(dataset, calendar.day[calendar.last_closed(now - 7 * DAY)])
    except NotEntitled as error:
        return Capability(kinds=kinds, state=Entitlement.NOT_ENTITLED, why=str(error))
    except WireError as error:
        return Capability(kinds=kinds, state=Entitlement.UNKNOWN, why=str(error))
    return Capability(kinds=kinds, state=Entitlement.ENTITLED)


def _name(access: Access) -> str:
    keys = [key.name if key else "-" for key in (access.massive, access.whales)]
    return " ".join([*keys, access.hosts.massive, access.hosts.whales, access.hosts.files if access.files else "-"])


def _read(file: Path, name: str, now: Instant) -> Plans | None:
    try:
        kept = json.loads(file.read_text("utf-8"))[name]
        if not 0 <= now - kept["at"] < DAY:
            return None
        return Plans(market=kept["market"], told=tuple((vendor, _capability(**told)) for vendor, told in kept["told"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _capability(kinds: Sequence[str], state: str, earliest: str, why: str, *, delayed: bool) -> Capability:
    known = tuple(BY_NAME[kind] for kind in kinds)
    return Capability(kinds=known, state=Entitlement(state), earliest=earliest, delayed=delayed, why=why)


def _write(file: Path, name: str, plans: Plans, now: Instant) -> None:
    told = [
        (vendor, {"kinds": [k.kind for k in c.kinds], "state": c.state, "earliest": c.earliest, "delayed": c.delayed, "why": c.why})
        for vendor, c in plans.told
    ]
    try:
        states = json.loads(file.read_text("utf-8")) if file.exists() else {}
    except ValueError:
        states = {}
    states[name] = {"at": now, "market": plans.market, "told": told}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(json.dumps(states), "utf-8")
        part.replace(file)
    except OSError as error:
        raise StoreError(
            f"Cannot write {file} ({error.strerror}); the next run will ask the vendors again what your plan includes."
        ) from error
