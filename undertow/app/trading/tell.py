"""Who is told of a session beside the terminal: a log of its own, numbers for Prometheus, and alerts to a person."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from undertow.app.alerts.desk import Alerts
from undertow.app.alerts.messengers import addresses
from undertow.app.alerts.words import Alert, Level
from undertow.app.job import Job
from undertow.app.logs import Log
from undertow.app.metrics import Metrics
from undertow.app.trading.session import Session
from undertow.core.errors import BadInput
from undertow.core.time import iso
from undertow.engine.run import Step
from undertow.execution.risk.codes import Code
from undertow.execution.risk.inputs import World
from undertow.execution.risk.state import Mode
from undertow.sources.wire.key import Key

Each = Callable[[Session, Step], None]
PORT = "UNDERTOW_METRICS_PORT"
MOST_PORT = 65_535


class Teller:
    """Told of every step; whatever happens on the way to a person never comes back."""

    def __init__(self, log: Log, metrics: Metrics | None, alerts: Alerts | None) -> None:
        self._log, self._metrics, self._alerts = log, metrics, alerts
        self._outcomes = 0
        self._mode, self._equal, self._says = Mode.ACTIVE, True, ""

    def step(self, session: Session, step: Step) -> None:
        """The newest tick, and what became of its orders."""
        desk, world = session.path.desk, session.world()
        fresh, self._outcomes = session.outcomes[self._outcomes :], len(session.outcomes)
        for one in fresh:
            self._log.info("order", order=one.order, sent=one.sent, state=one.state, code=one.code, says=one.sentence)
        account = world.account
        self._log.info("tick", tick=iso(int(step.ticks[-1])), equity=account.equity, state=desk.state.mode.value)
        if self._metrics is not None:
            self._numbers(self._metrics, session, world, [one.code for one in fresh])
        if desk.state.mode is not self._mode:
            self._mode = desk.state.mode
            self._tell("state", f"Trading is {self._mode.value} ({session.run}): {desk.state.why or 're-armed'}", Level.URGENT)
        if desk.compared is not None and desk.compared.equal is not self._equal:
            self._equal = desk.compared.equal
            self._tell("compared", desk.compared.sentence, Level.URGENT)

    def feeds(self, says: str) -> None:
        """What is wrong with the streams, where it changed."""
        if says != self._says:
            self._says = says
            self._tell("feeds", says or "All streams are fresh again.", Level.WARNING)

    def _numbers(self, metrics: Metrics, session: Session, world: World, codes: list[str]) -> None:
        for code in codes:
            with suppress(ValueError):
                metrics.verdict(Code(code))
        metrics.money(world.account.equity, world.account.start, world.account.peak)
        metrics.mode(session.path.desk.state.mode)
        metrics.orders(Counter(order.state.value for order in session.path.desk.book.orders.by_id.values()))
        for channel in world.channels:
            metrics.channel(channel.name, None, None if channel.known_at is None else world.now - channel.known_at)
        if self._alerts is not None:
            metrics.alerts(self._alerts.counts.dropped, self._alerts.counts.failed)

    def _tell(self, key: str, text: str, level: Level) -> None:
        (self._log.error if level is Level.URGENT else self._log.warning)(key, says=text)
        if self._alerts is not None:
            self._alerts.tell(Alert(key=key, text=text, level=level))


@contextmanager
def telling(job: Job, home: Path, folder: Path, broker: Key | None = None) -> Iterator[Teller]:
    """A teller of one session. Raises ``BadInput`` for an alert address or a port that is none, ``StoreError`` for the log."""
    from undertow.app.clock import now

    keys: list[Key] = [key for key in (job.access.massive, job.access.whales, broker) if key is not None]
    with ExitStack() as stack:
        log = Log(folder, keys, now)
        stack.callback(log.close)
        metrics = _served(stack, log)
        alerts = None
        if len(found := addresses(home)):
            alerts = Alerts(found.sender())
            stack.callback(alerts.close)
        yield Teller(log, metrics, alerts)


def both(teller: Teller, each: Each) -> Each:
    """Whoever is told of every step, and the teller before it."""

    def told(session: Session, step: Step) -> None:
        teller.step(session, step)
        each(session, step)

    return told


def _served(stack: ExitStack, log: Log) -> Metrics | None:
    told = os.environ.get(PORT, "").strip()
    if not told:
        return None
    if not told.isdecimal() or int(told) > MOST_PORT:
        raise BadInput(f"{PORT} is {told!r} and must be a port of this machine, or 0 for any that is free")
    metrics = Metrics()
    try:
        address, close = metrics.serve(int(told))
    except OSError as error:
        raise BadInput(f"{PORT} {told} cannot be served on ({error.strerror}): choose another") from error
    stack.callback(close)
    log.info("metrics", address=address)
    return metrics
