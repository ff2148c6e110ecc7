"""The queue between trading and the outside: telling it something takes microseconds, and nothing that happens beyond it comes back."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from undertow.app.alerts.words import Alert, Counts, Level, Policy

Send = Callable[[str, str], bool]  #: title, text -> whether somebody got it; may block and may raise
THREAD = "undertow-alerts"  #: whose log lines are never shown: libraries name addresses in them
_TITLE = "Undertow"
_MOST_KEYS, _MOST_UNSENT = 10_000, 100


class Alerts:
    """A thread that sends what it is told; ``close`` it. ``send`` is only ever called from that thread."""

    def __init__(self, send: Send, policy: Policy | None = None, alive: Callable[[], str] | None = None) -> None:
        """``alive``: a line about how things stand, for the daily heartbeat; without it there is none."""
        self._send, self._policy, self._alive = send, policy or Policy(), alive
        self._waiting: queue.Queue[Alert | None] = queue.Queue(self._policy.room)
        self._counts, self._lock = Counts(), threading.Lock()
        self._over = threading.Event()
        self._sent_at: dict[str, float] = {}  # key -> when it was last sent, by the monotonic clock
        self._again: dict[str, tuple[int, Alert]] = {}  # key -> how often it came since
        self._unsent: list[str] = []  # of the last message, if it did not get through
        self._tries = 0
        self._told_dropped = 0
        self._next_beat = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)
        self._thread.start()

    def tell(self, alert: Alert) -> bool:
        """Hand an alert over without ever waiting; False where it was dropped."""
        with self._lock:
            self._counts = replace(self._counts, told=self._counts.told + 1)
        try:
            self._waiting.put_nowait(alert)
        except queue.Full:
            with self._lock:
                self._counts = replace(self._counts, dropped=self._counts.dropped + 1)
            return False
        return True

    @property
    def counts(self) -> Counts:
        """So far."""
        return self._counts

    def close(self, seconds: float = 5.0) -> None:
        """Send what waits and end; after ``seconds`` whoever closes goes on without it."""
        self._over.set()
        try:
            self._waiting.put_nowait(None)  # wakes the thread
        except queue.Full:
            pass
        self._thread.join(seconds)

    def _run(self) -> None:
        while not (self._over.is_set() and self._waiting.empty()):
            gathered = self._gathered()
            self._deliver(self._lines(gathered))
            self._beat()

    def _gathered(self) -> list[Alert]:
        """The alerts of one digest: an urgent one, or the end, cuts it short."""
        found: list[Alert] = []
        until = time.monotonic() + self._patience()
        while True:
            try:
                alert = self._waiting.get(timeout=max(until - time.monotonic(), 0.0))
            except queue.Empty:
                return found
            if alert is None:
                return found
            if not found:
                until = min(until, time.monotonic() + self._policy.digest)
            found.append(alert)
            if (alert.level is Level.URGENT or self._over.is_set()) and self._waiting.empty():
                return found
            if alert.level is Level.URGENT:
                until = time.monotonic()  # what waits already goes with it

    def _patience(self) -> float:
        """Until the next heartbeat, or until repetitions are to be told, or a digest."""
        if self._again or self._unsent:
            return self._policy.digest
        return max(self._next_beat - time.monotonic(), 0.0) if self._alive is not None else self._policy.digest

    def _lines(self, alerts: list[Alert]) -> list[str]:
        now, lines = time.monotonic(), []
        for alert in alerts:
            last = self._sent_at.get(alert.key)
            if last is not None and now - last < self._policy.window:
                self._again[alert.key] = (self._again.get(alert.key, (0, alert))[0] + 1, alert)
                self._count(repeated=self._counts.repeated + 1)
                continue
            lines.append(f"[{alert.level.name}] {alert.text}")
            self._sent_at[alert.key] = now
        for key, (count, alert) in list(self._again.items()):
            if now - self._sent_at.get(key, 0.0) >= self._policy.window or self._over.is_set():
                lines.append(f"[{alert.level.name}] {count} more like it: {alert.text}")
                self._sent_at[key] = now
                del self._again[key]
        dropped = self._counts.dropped - self._told_dropped
        if dropped and (lines or self._over.is_set()):
            lines.append(f"{dropped} alerts were dropped, for more came than could be sent.")
            self._told_dropped += dropped
        if len(self._sent_at) > _MOST_KEYS:
            self._sent_at = {key: at for key, at in self._sent_at.items() if now - at < self._policy.window}
        return lines

    def _beat(self) -> None:
        if self._alive is None or time.monotonic() < self._next_beat:
            return
        self._next_beat = time.monotonic() + self._policy.heartbeat
        try:
            says = self._alive()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the thread
            says = f"how things stand could not be told ({type(error).__name__})"
        self._deliver([f"Undertow is running: {says}"])

    def _deliver(self, new: list[str]) -> None:
        lines = [*self._unsent, *new]
        if not lines:
            return
        text = "\n".join(lines)
        if len(text) > self._policy.longest:
            text = f"{text[: self._policy.longest]}\n… cut short"
        try:
            through = self._send(_TITLE if len(lines) == 1 else f"{_TITLE}: {len(lines)} messages", text)
        except Exception:  # noqa: BLE001 - a messenger may raise anything, an address with its secret among it
            through = False
        if through:
            self._count(sent=self._counts.sent + 1)
        else:
            self._count(failed=self._counts.failed + 1)
        self._tries = 0 if through or self._tries + 1 >= self._policy.tries else self._tries + 1
        self._unsent = lines[:_MOST_UNSENT] if self._tries else []

    def _count(self, **changes: int) -> None:
        with self._lock:
            self._counts = replace(self._counts, **changes)
