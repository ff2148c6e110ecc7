"""Which stream is listened to for which kind: the vendor that downloads of the kind are made from, so that one kind has one teller."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from undertow.app.vendors.handshake import ASSETS, LOCKS
from undertow.app.vendors.plan import Vendor, roads
from undertow.app.vendors.recorder import Live, Teller
from undertow.core.events import Bar, Event, FlowAlert, NewsItem, OffExchangePrint, OptionTrade, Quote, Trade
from undertow.core.time import MINUTE, Instant
from undertow.sources.wire.leader import Leader

if TYPE_CHECKING:
    from pathlib import Path

    from undertow.app.vendors.desk import Desk
    from undertow.app.vendors.keeper import Keeper
    from undertow.app.vendors.plans import Plans

#: vendor -> kind -> the topic, or channel, that brings it
STREAMED: Mapping[Vendor, Mapping[type[Event], str]] = {
    "massive": {Trade: "T", OffExchangePrint: "T", Quote: "Q", Bar: "AM"},
    "unusual_whales": {OptionTrade: "option_trades", FlowAlert: "flow-alerts", OffExchangePrint: "off_lit_trades", NewsItem: "news"},
}
KINDS: tuple[type[Event], ...] = tuple(dict.fromkeys(kind for kinds in STREAMED.values() for kind in kinds))


def shared_out(plans: Plans, wanted: Sequence[type[Event]]) -> tuple[dict[Vendor, tuple[type[Event], ...]], dict[type[Event], str]]:
    """Vendor -> kinds to record from it; and kind -> why it is not recorded."""
    by = {kind: route.vendor for route, kinds in roads(wanted, plans.open_to()).items() for kind in kinds if kind in wanted}
    taken: dict[Vendor, tuple[type[Event], ...]] = {}
    left: dict[type[Event], str] = {}
    for kind in wanted:
        vendor = by.get(kind)
        if vendor is None:
            left[kind] = "no plan of yours includes it"
        elif kind in STREAMED.get(vendor, {}):
            taken[vendor] = (*taken.get(vendor, ()), kind)
        else:
            left[kind] = f"it is downloaded from {vendor.replace('_', ' ')}, which does not stream it here; two tellers would tell it twice"
    return taken, left


@contextmanager
def tellers(
    desk: Desk, home: Path, taken: Mapping[Vendor, tuple[type[Event], ...]], keeper: Keeper, bars_since: Instant | None = None
) -> Iterator[tuple[Teller, ...]]:
    """A teller a vendor, each with the sole right to its key's stream. Raises ``AlreadyStreaming`` and ``StoreError``.

    bars_since : minutes from then on are told as well, ns UTC
    """
    with ExitStack() as stack:
        for vendor in taken:
            key = desk.access.whales if vendor == "unusual_whales" else desk.access.massive
            assert key is not None, vendor  # noqa: S101 - no road leads to a vendor without its key
            stack.enter_context(Leader(home / LOCKS, key, ASSETS[vendor]))
        yield tuple(
            _teller(
                _whales(desk, kinds, keeper, stack) if vendor == "unusual_whales" else _massive(desk, kinds, keeper, stack, bars_since),
                vendor,
                kinds,
                keeper,
            )
            for vendor, kinds in taken.items()
        )


def _teller(live: Live, vendor: Vendor, kinds: tuple[type[Event], ...], keeper: Keeper) -> Teller:
    def topic(kind: type[Event], symbol: str) -> str:
        name = STREAMED[vendor].get(kind, "")
        if vendor == "massive":
            return f"{name}.{symbol}"
        return f"{name}:{symbol}" if kind is OptionTrade else name

    return Teller(live=live, kinds=kinds, whole=keeper.whole(vendor, kinds, topic))


def _massive(desk: Desk, kinds: tuple[type[Event], ...], keeper: Keeper, stack: ExitStack, bars_since: Instant | None) -> Live:
    import numpy as np

    from undertow.sources.massive.live import LiveSettings, MassiveLive
    from undertow.sources.massive.source import MassiveSource, Settings

    key = desk.access.massive
    assert key is not None  # noqa: S101 - as above
    topics = tuple(dict.fromkeys(STREAMED["massive"][kind] for kind in kinds))
    settings = LiveSettings(topics=topics, url=desk.access.hosts.massive_socket, since=keeper.begun, bars_since=bars_since)
    filled = [tuple(kind for kind in kinds if kind is Bar), tuple(kind for kind in kinds if kind is not Bar)]
    backfill = tuple(stack.enter_context(MassiveSource(desk.wire("massive"), Settings(kinds=some, span=MINUTE))) for some in filled if some)
    return MassiveLive(key, settings, clock=desk.clock, chance=np.random.default_rng(), backfill=backfill)


def _whales(desk: Desk, kinds: tuple[type[Event], ...], keeper: Keeper, stack: ExitStack) -> Live:
    import numpy as np

    from undertow.sources.unusual_whales.live import LiveSettings, UnusualWhalesLive
    from undertow.sources.unusual_whales.source import Settings, UnusualWhalesSource

    key = desk.access.whales
    assert key is not None  # noqa: S101 - as above
    channels = tuple(STREAMED["unusual_whales"][kind] for kind in kinds)
    settings = LiveSettings(channels=channels, url=desk.access.hosts.whales_socket, since=keeper.begun)
    source = stack.enter_context(UnusualWhalesSource(desk.wire("unusual_whales"), Settings(kinds=kinds)))
    return UnusualWhalesLive(key, settings, clock=desk.clock, chance=np.random.default_rng(), backfill=(source,))
