"""Whether the vendors can be used from here: keys, addresses, the first answer of each, what the plans include, and the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from undertow.app.vendors.access import FILES_KEYS, HOST_VARIABLES, MASSIVE_KEYS, WHALES_KEY, Access, Hosts
from undertow.app.vendors.desk import Desk
from undertow.app.vendors.plan import Vendor
from undertow.app.vendors.plans import plans_of
from undertow.core.errors import UndertowError
from undertow.core.time import SECOND, Duration, Instant
from undertow.sources.wire.capability import Capability, Entitlement
from undertow.sources.wire.errors import NotEntitled, Unauthorised, WireError
from undertow.sources.wire.key import Key

if TYPE_CHECKING:
    from undertow.sources.wire.answer import Answer
    from undertow.sources.wire.client import Params, Wire

ASKED = "AAPL"  #: the symbol that the vendors are asked about
MOST_SKEW: Duration = 2 * SECOND
TRIES = 2  #: of the first question: a vendor that cannot be reached is told soon
NAMES: dict[Vendor, str] = {"massive": "Massive", "unusual_whales": "Unusual Whales", "files": "Massive's flat files"}


class State(StrEnum):
    """What a check found."""

    OK = "ok"
    WARN = "warn"  #: works, with less than there could be
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line: what was looked at, what was found, and what to do about it."""

    name: str
    state: State
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A vendor's first answer: none where the plan does not include what was asked, which the key was accepted for."""

    answer: Answer | None
    sent_at: Instant


def keys(access: Access) -> Iterator[Check]:
    """A line a key, by its name alone."""
    given = (
        ("Massive key", access.massive, MASSIVE_KEYS[0]),
        ("Unusual Whales key", access.whales, WHALES_KEY),
        ("flat files key", Key(access.files.id) if access.files else None, " and ".join(FILES_KEYS)),
    )
    for name, key, variable in given:
        if key is not None:
            yield Check(name=name, state=State.OK, says=f"present; it is named {key.name} here and never shown.")
        else:
            yield Check(name=name, state=State.WARN, says=f"none: set {variable} if you have it; all works without, on less data.")


def hosts(access: Access) -> Iterator[Check]:
    """A line for each address that the environment sets."""
    usual = Hosts()
    for host, variables in HOST_VARIABLES.items():
        address = getattr(access.hosts, host)
        if address != getattr(usual, host):
            says = f"{address}, set by {' or '.join(variables)}; unset it to ask the vendor itself."
            yield Check(name=f"address of {host.replace('_', ' ')}", state=State.OK, says=says)


def vendors(access: Access, home: Path) -> Iterator[Check]:
    """Each vendor that there is a key to: whether it answers, the clock against its own, its stream, and what the plan includes."""
    from undertow.app.vendors.streams import streams  # which is written in this module's words

    accepted, market = access, ""
    asked: tuple[tuple[Vendor, Key | None], ...] = (("massive", access.massive), ("unusual_whales", access.whales))
    desk = Desk(access, home)
    for vendor in (vendor for vendor, key in asked if key is not None):
        name = NAMES[vendor]
        try:
            reached = asyncio.run(_reach(desk, vendor))
        except UndertowError as error:
            accepted = replace(accepted, massive=None) if vendor == "massive" else replace(accepted, whales=None)
            yield Check(name=name, state=State.FAIL, says=_advice(error))
            continue
        market = desk.market or ""
        told = f"answers, and takes the key; SIMULATED: it is {market}." if market else "answers, and takes the key."
        yield Check(name=name, state=State.OK, says=told)
        yield _clock(name, reached)
    streaming = Desk(accepted, home)
    streaming.market = desk.market
    yield from streams(streaming, home)
    yield from _closed(desk)
    if accepted.any or accepted.files is not None:
        yield from _plans(accepted, home)


def skew(date: str, sent_at: Instant, received_at: Instant) -> tuple[Duration, Duration]:
    """By how much this clock is ahead of the one that wrote an HTTP ``Date`` (whole seconds), and how far that may be off, in ns.

    Raises ``ValueError`` where it is no date.
    """
    stamped = int(parsedate_to_datetime(date).timestamp()) * SECOND
    low, high = sent_at - stamped - SECOND, received_at - stamped
    return (low + high) // 2, (high - low) // 2


def _advice(error: UndertowError) -> str:
    said = " ".join(str(error).split())
    if isinstance(error, Unauthorised):
        return f"{said} Copy the key again from the vendor's dashboard."
    return f"{said} Check the address, your connection and the vendor's status page."


async def _reach(desk: Desk, vendor: Vendor) -> Reached:
    """One small question. Raises ``WireError`` and, where two markets would mix, ``BadData``."""
    async with desk.wire(vendor) as wire:
        wire.policy = replace(wire.policy, attempts=TRIES)
        path, params = _question(vendor, desk.clock.now())
        answer, sent = await _asked(wire, path, params)
        desk.heard(wire)
    return Reached(answer=answer, sent_at=sent)


async def _asked(wire: Wire, path: str, params: Params) -> tuple[Answer | None, Instant]:
    sent = wire.clock.now()
    try:
        return await wire.get(path, params), sent
    except NotEntitled:
        return None, sent


def _question(vendor: Vendor, now: Instant) -> tuple[str, Params]:
    if vendor == "massive":
        from undertow.sources.massive import requests

        path, params = requests.splits(ASKED, now)
        return path, {**params, "limit": 1}
    from undertow.sources.unusual_whales import requests as whales

    walk = whales.news(ASKED)
    return walk.path, {**walk.params, "limit": 1}


def _clock(vendor: str, reached: Reached) -> Check:
    name = f"clock against {vendor}'s"
    try:
        if reached.answer is None:
            raise ValueError
        ahead, off = skew(reached.answer.headers.get("date", ""), reached.sent_at, reached.answer.received_at)
    except ValueError:
        return Check(name=name, state=State.WARN, says="not known: the answer carried no date; compare your clock with a time server.")
    shown = f"this machine is {abs(ahead) / SECOND:.1f} s {'ahead' if ahead >= 0 else 'behind'}, to within {off / SECOND:.1f} s"
    # a slow answer or a wait for the vendor's limit makes it uncertain, never wrong
    if abs(ahead) - max(0, off - SECOND // 2) > MOST_SKEW:
        return Check(name=name, state=State.WARN, says=f"{shown}: turn on network time, or live data are stamped wrong.")
    return Check(name=name, state=State.OK, says=f"{shown}.")


def _plans(access: Access, home: Path) -> Iterator[Check]:
    desk = Desk(access, home)
    try:
        plans = plans_of(desk, home, ASKED, anew=True)
    except UndertowError as error:
        yield Check(name="plans", state=State.FAIL, says=_advice(error) if isinstance(error, WireError) else str(error))
    else:
        for vendor, told in plans.told:
            yield _capability(vendor, told)
    yield from _closed(desk)


def _capability(vendor: Vendor, told: Capability) -> Check:
    kinds = ", ".join(kind.kind.replace("_", " ") for kind in told.kinds)
    name, why = f"{NAMES[vendor]}: {kinds}", " ".join(told.why.split())
    if told.state is Entitlement.ENTITLED:
        says = "included" + (f" from {told.earliest}" if told.earliest else "") + (", 15 minutes late" if told.delayed else "")
        return Check(name=name, state=State.OK, says=f"{says}{' (the files are listed)' if vendor == 'files' else ''}.")
    if told.state is Entitlement.NOT_ENTITLED:
        return Check(name=name, state=State.WARN, says=f"not in your plan: {why}")
    state = State.FAIL if vendor == "files" else State.WARN
    return Check(name=name, state=state, says=f"not known: {why} Run `undertow doctor` again later.")


def _closed(desk: Desk) -> Iterator[Check]:
    """Close a desk, with a line where what it learned of the vendors' limits could not be kept."""
    try:
        desk.close()
    except UndertowError as error:
        yield Check(name="pace", state=State.WARN, says=str(error))
