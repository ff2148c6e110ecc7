"""Which streams of data talk, and where one does not, whose fault it is: the symbol's, the feed's, the clock's or the API's.

A fold over what arrives: ``heard`` keeps the newest of each, so the order and the cuts in which facts are handed over do not matter.
Nothing is remembered of a silence, so that it ends with the next fact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from undertow.core.calendar import Phase
from undertow.core.time import SECOND, Duration, Instant
from undertow.execution.risk.inputs import Channel


class Cause(StrEnum):
    """Why something is not fresh."""

    QUIET_SYMBOL = "quiet symbol"  #: other symbols of the same channel talk
    FEED = "feed"  #: the channel is silent, and its vendor is not
    CLOCK = "clock"  #: stamps from the future, or a clock that is off: no age can be believed
    API = "API"  #: all of a vendor is silent, or does not answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A channel and how long it may be silent; a phase that is left out expects nothing."""

    name: str
    vendor: str
    silent: Mapping[Phase, Duration]
    symbol_silent: Mapping[Phase, Duration] = field(default_factory=dict)  #: the same of each symbol; left out: never asked
    symbols: tuple[str, ...] = ()  #: those that are to be heard


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """When a clock is off and a vendor is gone."""

    skew: Duration = SECOND // 2  #: either way
    answer: Duration = 30 * SECOND  #: from a vendor being asked for a sign of life to its answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One channel, or one symbol of it, that is not fresh."""

    channel: str
    symbol: str  #: empty where it is the whole channel
    cause: Cause
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How every channel stands at one instant: LIVE, unless it is among ``stale``."""

    ages: Mapping[str, Duration | None]  #: ns since the last fact of each channel; None where there never was one
    stale: tuple[Finding, ...]  #: a finding a channel, in the order of the feeds
    quiet: tuple[Finding, ...]  #: symbols that are silent in channels that are LIVE

    def live(self, channel: str) -> bool:
        """Whether a channel may be traded on."""
        return channel in self.ages and all(each.channel != channel for each in self.stale)

    @property
    def says(self) -> str:
        """Everything that is not fresh, for a person; empty where all is."""
        return " ".join(each.says for each in (*self.stale, *self.quiet))


class FeedWatch:
    """Keeps when each channel, symbol and vendor was last heard."""

    def __init__(self, feeds: tuple[Feed, ...], bounds: Bounds | None = None) -> None:
        self._feeds, self._bounds = feeds, bounds or Bounds()
        self._vendor = {feed.name: feed.vendor for feed in feeds}
        self._heard: dict[tuple[str, str], Instant] = {}
        self._newest: dict[str, tuple[Instant, Duration]] = {}  # channel -> received, how far its stamp lay ahead of that
        self._asked: dict[str, Instant] = {}  # the first that was not answered
        self._answered: dict[str, Instant] = {}
        self._skew: tuple[Instant, Duration] | None = None

    def heard(self, channel: str, symbol: str, stamped_at: Instant, received_at: Instant) -> None:
        """A fact arrived. ``stamped_at``: by the vendor's clock; ``received_at``: by ours."""
        key = (channel, symbol)
        if received_at > self._heard.get(key, received_at - 1):
            self._heard[key] = received_at
        newest = (received_at, stamped_at - received_at)
        if channel not in self._newest or newest > self._newest[channel]:
            self._newest[channel] = newest

    def asked(self, vendor: str, at: Instant) -> None:
        """A vendor was asked for a sign of life."""
        self._asked.setdefault(vendor, at)

    def answered(self, vendor: str, at: Instant) -> None:
        """And gave one."""
        self._answered[vendor] = max(at, self._answered.get(vendor, at))
        if self._asked.get(vendor, at + 1) <= at:
            del self._asked[vendor]

    def measured(self, skew: Duration, at: Instant) -> None:
        """Our clock less a trusted one."""
        self._skew = max(self._skew or (at, skew), (at, skew))

    def report(self, now: Instant, phase: Phase, phase_began_at: Instant) -> Report:
        """How every channel stands; a silence counts from the phase's beginning, for what was enough before may not be now."""
        ages = {feed.name: now - self._newest[feed.name][0] if feed.name in self._newest else None for feed in self._feeds}
        silent = {feed.name: self._is_silent(feed, now, phase, phase_began_at) for feed in self._feeds}
        stale, quiet = [], []
        for feed in self._feeds:
            clock = self._clock(feed, now)
            if clock:
                stale.append(_finding(feed, "", Cause.CLOCK, clock))
            elif silent[feed.name]:
                cause, why = self._whose(feed, silent, now, phase)
                stale.append(_finding(feed, "", cause, f"{_silence(ages[feed.name])}; {why}"))
            else:
                quiet += self._quiet(feed, now, phase, phase_began_at)
        return Report(ages=ages, stale=tuple(stale), quiet=tuple(quiet))

    def channels(self, report: Report) -> tuple[Channel, ...]:
        """What the risk gate is told: when each channel last told something; None where it is STALE by a stricter limit than the gate's.

        Give the gate ``longest(feeds)`` as its limits: then it denies entries wherever a channel is STALE here.
        """
        most = dict(longest(self._feeds))
        found = []
        for feed in self._feeds:
            age = report.ages[feed.name]
            told = age is not None and (report.live(feed.name) or age > most[feed.name])
            found.append(Channel(name=feed.name, known_at=self._newest[feed.name][0] if told else None))
        return tuple(found)

    def _is_silent(self, feed: Feed, now: Instant, phase: Phase, began: Instant) -> bool:
        most = feed.silent.get(phase)
        if most is None:
            return False
        if feed.name not in self._newest:
            return True
        return now - max(self._newest[feed.name][0], began) > most

    def _clock(self, feed: Feed, now: Instant) -> str:
        most = self._bounds.skew
        if self._skew is not None and abs(self._skew[1]) > most:
            return f"this machine's clock is off by {_seconds(self._skew[1])}, more than {_seconds(most)}"
        received, ahead = self._newest.get(feed.name, (now, 0))
        if received - now > most:
            return f"its last fact came {_seconds(received - now)} from now: this machine's clock was set back"
        if ahead > most:
            return f"its last stamp lay {_seconds(ahead)} in the future: this machine's clock or the vendor's is wrong"
        return ""

    def _whose(self, feed: Feed, silent: Mapping[str, bool], now: Instant, phase: Phase) -> tuple[Cause, str]:
        asked = self._asked.get(feed.vendor)
        answered = self._answered.get(feed.vendor)
        unanswered = asked is not None and now - asked > self._bounds.answer
        others = [each for each in self._feeds if each.vendor == feed.vendor and each.name != feed.name and phase in each.silent]
        talking = [each.name for each in others if not silent[each.name]]
        if unanswered:
            return Cause.API, f"{feed.vendor} does not answer either"
        if talking:
            return Cause.FEED, f"{', '.join(talking)} of {feed.vendor} talk"
        if answered is not None and now - answered <= self._bounds.answer:
            return Cause.FEED, f"{feed.vendor} answers, so it is up"
        return Cause.API, f"all of {feed.vendor} is silent"

    def _quiet(self, feed: Feed, now: Instant, phase: Phase, began: Instant) -> list[Finding]:
        most = feed.symbol_silent.get(phase)
        if most is None:
            return []
        found = []
        for symbol in feed.symbols:
            last = self._heard.get((feed.name, symbol))
            if last is None or now - max(last, began) > most:
                age = None if last is None else now - last
                found.append(_finding(feed, symbol, Cause.QUIET_SYMBOL, f"{_silence(age)}; other symbols of {feed.name} talk"))
        return found


def longest(feeds: tuple[Feed, ...]) -> tuple[tuple[str, Duration], ...]:
    """For ``Limits.channels``: each feed and the longest silence that any phase allows it."""
    return tuple((feed.name, max(feed.silent.values(), default=SECOND)) for feed in feeds)


def _finding(feed: Feed, symbol: str, cause: Cause, why: str) -> Finding:
    what = f"{symbol} on {feed.name}" if symbol else f"{feed.name} is STALE"
    return Finding(channel=feed.name, symbol=symbol, cause=cause, says=f"{what} ({cause.value}): {why}.")


def _silence(age: Duration | None) -> str:
    return "nothing was ever heard" if age is None else f"silent for {_seconds(age)}"


def _seconds(span: Duration) -> str:
    return f"{span / SECOND:.3g} s"
