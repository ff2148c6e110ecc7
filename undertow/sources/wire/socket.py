"""A vendor's WebSocket, kept up for ever against a desired state: what should be subscribed is said once and holds over every reconnect."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from undertow.core.calendar import nyse
from undertow.core.time import SECOND, Duration, Instant
from undertow.sources.wire.clock import Clock
from undertow.sources.wire.errors import BadRequest, NotEntitled, NotFound, RateLimited, Unauthorised, WireError
from undertow.sources.wire.queue import FrameQueue
from undertow.sources.wire.socket_open import first_of, hang_up, opened
from undertow.sources.wire.socket_state import Change, Dialect, Evicted, Gap, Notice, Policy, Report, Said, State

if TYPE_CHECKING:
    import numpy as np

FINAL = (Unauthorised, NotEntitled, NotFound, BadRequest)  #: asking again would change nothing
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """How a connection ended. ``why`` is one of a few words to count by."""

    why: str
    reason: str
    mute: bool = False
    error: WireError | None = None


class Supervisor:
    """Runs one socket: ``run`` as a task, frames come out of ``queue``, spans that the stream missed out of ``gaps``.

    It reads as fast as the socket gives and never waits for its reader. ``chance`` draws the jitter.
    history : the latest changes of state, oldest first
    """

    def __init__(
        self, dialect: Dialect, *, clock: Clock, chance: np.random.Generator, policy: Policy | None = None, queue: FrameQueue | None = None
    ) -> None:
        self.dialect = dialect
        self.policy = policy or Policy()
        self.queue = queue or FrameQueue()
        self.history: deque[Change] = deque(maxlen=256)
        self.gaps: deque[Gap] = deque()
        self.covered: Instant | None = None  #: up to here nothing is missing but what ``gaps`` says; set it to fill from there at the start
        self._clock, self._chance = clock, chance
        self._desired: dict[str, None] = {}
        self._topics: dict[str, str] = {}
        self._words: deque[str] = deque(maxlen=32)
        self._ends: Counter[str] = Counter()
        self._connections = self._frames = self._bytes = 0
        self._data_at: Instant | None = None
        self._ready_at: Instant | None = None
        self._error: WireError | None = None
        self._poke, self._stop, self._ready = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._to(State.STOPPED, "not started")

    def subscribe(self, topics: Iterable[str]) -> None:
        """Want these topics from now on, connected or not."""
        self._desired.update(dict.fromkeys(topics))
        self._poke.set()

    def unsubscribe(self, topics: Iterable[str]) -> None:
        """Want these topics no more."""
        for topic in topics:
            self._desired.pop(topic, None)
        self._poke.set()

    async def run(self) -> None:
        """Keep the socket up until ``stop``. Raises one of ``FINAL`` where it is refused."""
        attempts = 0
        nyse()  # made once, for which a connected socket should not have to wait
        try:
            while not self._stop.is_set():
                self._to(State.CONNECTING, "")
                end = await self._spell()
                if self._stop.is_set():
                    break
                self._ends[end.why] += 1
                self._error = end.error
                if isinstance(end.error, FINAL):
                    self._to(State.REFUSED, end.reason)
                    raise end.error
                attempts = 1 if self._was_healthy(end) else attempts + 1
                pause = self._pause(end, attempts)
                evicted = isinstance(end.error, Evicted)
                self._to(State.EVICTED if evicted else State.BACKING_OFF, f"{end.reason} Trying again in {pause / SECOND:.1f} s.")
                await first_of(self._clock.sleep(pause), self._stop.wait())
            self._to(State.STOPPED, "stopped by us")
        finally:
            if self.state not in (State.REFUSED, State.STOPPED):
                self._to(State.STOPPED, "its task ended")
            self.queue.bell.set()

    def stop(self) -> None:
        """End ``run`` soon; safe to call twice."""
        self._stop.set()

    @property
    def state(self) -> State:
        """Where it stands."""
        return self.history[-1].state

    def report(self) -> Report:
        """Everything that can be said of it now; the key is in none of it."""
        last, queue = self.history[-1], self.queue
        return Report(
            state=last.state,
            reason=last.reason,
            since=last.at,
            connections=self._connections,
            ends=dict(self._ends),
            frames=self._frames,
            bytes=self._bytes,
            last_data_at=self._data_at,
            depth=queue.depth,
            deepest=queue.deepest,
            dropped=queue.dropped,
            lag=queue.lag(self._clock.now()),
            topics=dict(self._topics),
            words=tuple(self._words),
            error=self._error,
        )

    def __repr__(self) -> str:
        return f"Supervisor({self.dialect.shown}, {self.state})"

    async def _spell(self) -> _End:
        """One connection from its opening to its end."""
        self._topics.clear()
        self._ready.clear()
        self._ready_at = None
        opening = await first_of(opened(self.dialect, self.policy, self._clock), self._stop.wait())
        if isinstance(opening, WireError):
            return _End(why="not connected", reason=str(opening), error=opening)
        if not hasattr(opening, "recv"):
            return _End(why="stopped", reason="stopped by us")
        self._connections += 1
        end = _End(why="stopped", reason="stopped by us")
        try:
            done = await first_of(self._read(opening), self._watch(), self._write(opening), self._stop.wait())
            end = done if isinstance(done, _End) else end
        finally:
            self._ready.clear()
            await hang_up(opening, 0.0 if end.mute else self.policy.closing)
        return end

    async def _read(self, socket: Any) -> _End:
        """Take every frame as it comes: look, stamp, queue."""
        from websockets.exceptions import ConnectionClosed

        try:
            if self.dialect.ready_at_once:
                await self._take(socket, Notice(said=Said.READY))
            while True:
                raw = await socket.recv(decode=False)
                now = self._clock.now()
                heard = self.dialect.heard(raw)
                if heard.data:
                    self._frames += 1
                    self._bytes += len(raw)
                    self._data_at = now
                    if self._ready_at is not None:
                        self.covered = now
                    self.queue.put(now, raw)
                    if self.state is State.STALE:
                        self._to(State.LIVE, "data again")
                for notice in heard.notices:
                    if (end := await self._take(socket, notice)) is not None:
                        return end
        except ConnectionClosed as closed:
            received = closed.rcvd
            said = self.dialect.scrub(received.reason)[:200] if received and received.reason else "no reason given"
            code = received.code if received else 1006
            if code == 1008 and "connection" in said.lower():
                return self._evicted(said)
            return _End(why=f"closed {code}", reason=f"The server closed the connection (code {code}: {said}).")

    async def _take(self, socket: Any, notice: Notice) -> _End | None:
        text = self.dialect.scrub(notice.text)[:200]
        if notice.said is Said.CONNECTED:
            for message in self.dialect.login():
                await socket.send(message)
        elif notice.said is Said.READY:
            self._ready_at = now = self._clock.now()
            if self.covered is not None:
                self._missed(self.covered, now, "not connected")
            self.covered, self._error = now, None
            self._ready.set()
            self._poke.set()
            self._to(State.LIVE, "")
        elif notice.said is Said.REFUSED:
            message = f"The vendor does not accept the key for its stream ({self.dialect.shown}): {text}. Nothing will be streamed."
            return _End(why="refused", reason=message, error=Unauthorised(message, path=self.dialect.shown))
        elif notice.said is Said.NOT_ENTITLED:
            message = f"Your plan does not include the vendor's stream ({self.dialect.shown}): {text} Nothing will be streamed."
            return _End(why="refused", reason=message, error=NotEntitled(message, path=self.dialect.shown))
        elif notice.said is Said.EVICTED:
            return self._evicted(text)
        elif notice.said in (Said.JOINED, Said.NOT_JOINED) and notice.topic:
            if notice.said is Said.JOINED and self._ready_at is not None:  # what was sent between the two was not sent to us
                self._missed(self._ready_at, self._clock.now(), "not subscribed yet")
            self._topics[notice.topic] = "joined" if notice.said is Said.JOINED else f"refused: {text}"
        else:
            self._words.append(text)
        if notice.said is Said.NOT_JOINED:
            _log.warning("%s refused a subscription: %s %s", self.dialect.shown, notice.topic, text)
        return None

    def _evicted(self, said: str) -> _End:
        message = f"Another connection with this key took the stream's place ({said}): the vendor serves one a key. Stop the other program."
        return _End(why="evicted", reason=message, error=Evicted(message, path=self.dialect.shown))

    async def _write(self, socket: Any) -> _End:
        """Send what turns the subscriptions that are into those that should be, at every change of either."""
        from websockets.exceptions import ConnectionClosed

        await self._ready.wait()
        sent: dict[str, None] = {}
        try:
            while True:
                self._poke.clear()
                new = [topic for topic in self._desired if topic not in sent]
                old = [topic for topic in sent if topic not in self._desired]
                self._topics.update(dict.fromkeys(new, "asked"))
                sent = dict(self._desired)
                for message in (*(self.dialect.join(new) if new else ()), *(self.dialect.leave(old) if old else ())):
                    await socket.send(message)
                for topic in old:
                    self._topics.pop(topic, None)
                await self._poke.wait()
        except ConnectionClosed:
            await asyncio.Event().wait()  # the reader tells how it ended
            raise

    async def _watch(self) -> _End:
        """Give up a socket that does not log us in, or brings nothing while the market is open."""
        try:
            async with asyncio.timeout(self.policy.handshake):
                await self._ready.wait()
        except TimeoutError:
            return _End(why="no login", reason=f"No answer to the login within {self.policy.handshake:g} s.", mute=True)
        while True:
            await self._clock.sleep(self.policy.check)
            silent = self._silent(self._clock.now())
            if silent > self.policy.mute:
                return _End(why="mute", reason=f"No data for {silent / SECOND:.0f} s of an open market: the socket is mute.", mute=True)
            if silent > self.policy.mute // 2 and self.state is State.LIVE:
                self._to(State.STALE, f"no data for {silent / SECOND:.0f} s")

    def _silent(self, now: Instant) -> Duration:
        """How long regular hours have brought no data, ns; 0 outside them and while nothing is wanted."""
        calendar = nyse()
        at = int(calendar.position(now))
        if not self._desired or at < 0 or not calendar.open[at] <= now < calendar.close[at]:
            return 0
        return now - max(int(calendar.open[at]), self._ready_at or now, self._data_at or 0)

    def _was_healthy(self, end: _End) -> bool:
        if self._ready_at is None or end.error is not None:
            return False
        lasted = (self._data_at or 0 if end.mute else self._clock.now()) - self._ready_at
        return lasted >= self.policy.healthy

    def _pause(self, end: _End, attempts: int) -> Duration:
        if isinstance(end.error, Evicted):
            spread = self.policy.evicted
        else:
            spread = min(self.policy.longest, self.policy.backoff * 2 ** min(attempts, 32))
        told = end.error.retry_after if isinstance(end.error, RateLimited) else 0
        return told + spread // 2 + int(self._chance.random() * (spread - spread // 2))

    def _missed(self, after: Instant, until: Instant, why: str) -> None:
        self.gaps.append(Gap(after=after, until=until, why=why))
        self.queue.bell.set()

    def _to(self, state: State, reason: str) -> None:
        self.history.append(Change(at=self._clock.now(), state=state, reason=reason))
        self.queue.bell.set()
        _log.info("%s: %s %s", self.dialect.shown, state, reason)
