"""What a connection has subscribed to, and the events of that between two instants."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from undertow.core.time import Instant
from undertow.sandbox.servers.asked import Refused
from undertow.sandbox.servers.massive import option_stream, stream
from undertow.sandbox.servers.massive.asking import contract, stock
from undertow.sandbox.servers.massive.stream import Event
from undertow.sandbox.servers.world import World

_OF_STOCKS: dict[str, Callable[[World, str, Instant, Instant], Iterable[Event]]] = {
    "T": stream.trades,
    "Q": stream.quotes,
    "A": stream.second_bars,
    "AM": stream.minute_bars,
    "LULD": stream.bands,
}
_OF_OPTIONS = ("T", "Q", "A", "AM")
_MOST_QUOTES = 1000  #: contracts whose quotes one connection may have


@dataclass(slots=True)
class Topics:
    """Subscriptions of one connection of an asset class, ``/stocks`` or ``/options``."""

    path: str
    chosen: dict[str, None] = field(default_factory=dict)  #: ``T.AAPL``, in the order they came

    def subscribe(self, params: str) -> list[dict[str, str]]:
        """One status for each topic of a list."""
        return [self._one(topic.strip()) for topic in params.split(",") if topic.strip()]

    def unsubscribe(self, params: str) -> list[dict[str, str]]:
        """One status for each topic of a list."""
        topics = [topic.strip() for topic in params.split(",") if topic.strip()]
        for topic in topics:
            self.chosen.pop(topic, None)
        return [status("success", f"unsubscribed to: {topic}") for topic in topics]

    def events(self, world: World, after: Instant, until: Instant) -> list[Event]:
        """All that became known in ``(after, until]``, in order; a topic and the wildcard that includes it count once."""
        known = world.at(until)
        found: list[Event] = []
        for kind in dict.fromkeys(topic.partition(".")[0] for topic in self.chosen):
            names = self._names(world, kind)
            if self.path == "/options":
                found += option_stream.events(known, kind, names, after, until)
            else:
                for name in names:
                    found += _OF_STOCKS[kind](known, name, after, until)
        found.sort(key=lambda event: event[0])
        return found

    def _names(self, world: World, kind: str) -> list[str]:
        names = [topic.partition(".")[2] for topic in self.chosen if topic.partition(".")[0] == kind]
        if "*" not in names:
            return names
        others = [name for name in names if name != "*" and name not in world.listed and ":" not in name]
        return [*world.listed, *others]

    def _one(self, topic: str) -> dict[str, str]:
        kind, _, name = topic.partition(".")
        if kind not in (_OF_OPTIONS if self.path == "/options" else _OF_STOCKS):
            return status("error", f"not authorized: {topic}")
        try:
            if name != "*":
                (contract if self.path == "/options" else stock)(name)
        except Refused:
            return status("error", f"invalid topic: {topic}")
        if self.path == "/options" and kind == "Q":
            if name == "*":
                return status("error", f"wildcard is not supported: {topic}")
            if sum(other.startswith("Q.") for other in self.chosen) >= _MOST_QUOTES:
                return status("error", f"too many contracts: {topic}")
        self.chosen[topic] = None
        return status("success", f"subscribed to: {topic}")


def status(what: str, message: str) -> dict[str, str]:
    """A status event."""
    return {"ev": "status", "status": what, "message": message}
