"""``undertow doctor`` on streams: whether each key is let in, who streams from this home, and how fast each key may ask."""

from __future__ import annotations

import asyncio
import fcntl
import json
from collections.abc import Iterator
from pathlib import Path

from undertow.app.vendors.checks import NAMES, Check, State
from undertow.app.vendors.desk import Desk
from undertow.app.vendors.handshake import ASSETS, LOCKS, dialect_of, shake_hands
from undertow.app.vendors.plan import Vendor
from undertow.core.errors import UndertowError
from undertow.core.time import DAY, Instant, iso
from undertow.sources.wire.key import Key
from undertow.sources.wire.leader import AlreadyStreaming, Leader


def streams(desk: Desk, home: Path) -> Iterator[Check]:
    """A line a key: connect, log in, leave; a key with which a process streams is left alone, for the vendor would close that stream.

    Ask the desk something first, so that it knows its market.
    """
    keys: dict[Vendor, Key | None] = {"massive": desk.access.massive, "unusual_whales": desk.access.whales}
    for vendor, key in keys.items():
        if key is not None:
            yield _stream(desk, home, vendor, key)


def locks(home: Path) -> Check:
    """Which streams processes of this home hold."""
    held = [f"{name} by process {owner or 'unknown'}" for name, owner in _held(home / LOCKS)]
    return Check(name="streams held", state=State.OK, says=f"{'; '.join(held)}." if held else "none.")


def pace(home: Path, now: Instant) -> Check:
    """What is kept of how fast each key may ask."""
    file = home / "pace.json"
    try:
        told = [
            f"key {name[:8]}… {int(size):,} a minute" + (f", closed until {iso(int(closed))}" if closed > now else "")
            for name, (_, at, closed, size) in sorted(json.loads(file.read_text("utf-8")).items())
            if now - at < DAY
        ]
    except FileNotFoundError:
        told = []
    except (OSError, ValueError, TypeError, AttributeError):
        return Check(name="pace", state=State.WARN, says=f"{file} cannot be read: remove it, the next run makes it anew.")
    return Check(name="pace", state=State.OK, says=f"{'; '.join(told)}." if told else "none kept of the last day.")


def _stream(desk: Desk, home: Path, vendor: Vendor, key: Key) -> Check:
    name = f"{NAMES[vendor]}: stream"
    try:
        with Leader(home / LOCKS, key, ASSETS[vendor]):
            met = asyncio.run(shake_hands(dialect_of(desk.access, vendor), desk.clock))
    except AlreadyStreaming as error:
        who = f"process {error.owner}" if error.owner else "another process"
        return Check(name=name, state=State.OK, says=f"not tried: {who} streams with this key, and would be thrown off.")
    except UndertowError as error:
        return Check(name=name, state=State.WARN, says=str(error))
    if met.error is not None:
        says = f"{met.error} A plan for REST alone has no stream: `undertow data record` needs one, downloads do not."
        return Check(name=name, state=State.WARN, says=says)
    if met.market != (desk.market or ""):
        says = f"{met.shown} is of another market than REST: set both addresses of the vendor, or neither."
        return Check(name=name, state=State.FAIL, says=says)
    return Check(name=name, state=State.OK, says=f"{met.shown} lets us in.")


def _held(folder: Path) -> Iterator[tuple[str, int]]:
    """Streams that a process holds: the beginning of the key's hash with the asset, and the process, 0 where it did not say."""
    for path in sorted(folder.glob("*.lock")):
        try:
            with path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    text = file.read(20)
                    name, _, asset = path.stem.partition(".")
                    yield f"{asset} of key {name[:8]}…", int(text) if text.isdigit() else 0
        except OSError:
            continue
