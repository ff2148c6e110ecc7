"""One recording from beginning to end: plans, rights, doors, streams, and what came of it."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from undertow.app.vendors.desk import Desk
from undertow.app.vendors.handshake import ask_once, dialect_of, same_market, shake_hands
from undertow.app.vendors.keeper import Keeper
from undertow.app.vendors.plan import Vendor
from undertow.app.vendors.plans import plans_of
from undertow.app.vendors.recorder import Recording, Teller, record
from undertow.app.vendors.tellers import shared_out, tellers
from undertow.core.errors import BadInput
from undertow.core.events import Event
from undertow.core.time import Duration, Instant
from undertow.sources.wire.errors import WireError
from undertow.sources.wire.socket_stream import StreamReport
from undertow.tape.store import Appended, Tape


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to record, from when the streams let us in: for ``lasts`` ns, until ``until``, or until interrupted."""

    symbols: tuple[str, ...]
    kinds: tuple[type[Event], ...]
    lasts: Duration | None = None
    until: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a recording, or how it stands.

    written : kind's name -> rows on the tape, already there, conflicting
    left    : kind's name, or vendor -> why it is not recorded
    """

    market: str
    kinds: Mapping[Vendor, tuple[type[Event], ...]]
    written: Mapping[str, Appended]
    reports: Mapping[Vendor, StreamReport]
    left: Mapping[str, str]

    @property
    def filled(self) -> Counter[str]:
        """Rows that REST filled in, by kind."""
        return sum((Counter(report.filled) for report in self.reports.values()), Counter())


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """Who is told: once when it is known what will be recorded, then a few times a second."""

    begun: Callable[[Outcome], None] = field(default=lambda _: None)
    stands: Callable[[Outcome], None] = field(default=lambda _: None)


def record_session(desk: Desk, home: Path, wish: Wish, screen: Screen) -> Outcome:
    """Record until ``wish.until`` or an interrupt (SIGINT, SIGTERM); a second interrupt ends it at once.

    Raises ``AlreadyStreaming``, ``WireError`` where no vendor streams to us, ``BadData`` where markets would mix, and ``StoreError``.
    """
    plans = plans_of(desk, home, wish.symbols[0])
    taken, lacking = shared_out(plans, wish.kinds)
    left = {kind.kind: why for kind, why in lacking.items()}
    if not taken:
        raise BadInput("Nothing of what was asked for is streamed to you; nothing was recorded.")
    for vendor in taken:
        asyncio.run(ask_once(desk, vendor, wish.symbols[0]))
    keeper = Keeper(Tape(desk.root), wish.symbols, desk.market or "", desk.clock.now)
    with tellers(desk, home, taken, keeper) as all_of_them:
        some = let_in(desk, all_of_them, left)

        def stands() -> Outcome:
            return _outcome(desk, keeper, some, left)

        screen.begun(stands())
        asyncio.run(_interruptible(wish, some, keeper, desk, lambda: screen.stands(stands())))
        return stands()


def let_in(desk: Desk, all_of_them: Sequence[Teller], left: dict[str, str]) -> tuple[Teller, ...]:
    """Those whose streams let us in; the others are entered in ``left``. Raises the first refusal where there is none."""
    some, refusals = [], list[WireError]()
    for teller in all_of_them:
        met = asyncio.run(shake_hands(dialect_of(desk.access, teller.whole.vendor), desk.clock))
        if met.error is None:
            same_market(met, desk.market or "")
            some.append(teller)
        else:
            refusals.append(met.error)
            left[teller.whole.vendor] = str(met.error)
    if not some:
        raise refusals[0]
    return tuple(some)


async def _interruptible(wish: Wish, some: tuple[Teller, ...], keeper: Keeper, desk: Desk, tell: Callable[[], None]) -> None:
    ends = [wish.until, None if wish.lasts is None else desk.clock.now() + wish.lasts]
    until = min((end for end in ends if end is not None), default=None)
    asked = Recording(symbols=wish.symbols, tellers=some, keeper=keeper, clock=desk.clock, until=until, tell=tell)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        asked.stop.set()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)  # the next one ends the process as it would any other

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop)
    await record(asked)


def _outcome(desk: Desk, keeper: Keeper, some: Sequence[Teller], left: Mapping[str, str]) -> Outcome:
    told = {teller.whole.vendor: teller.live.report() for teller in some}
    refused: dict[str, str] = {teller.whole.vendor: str(teller.refused) for teller in some if teller.refused is not None}
    return Outcome(
        market=desk.market or "",
        kinds={teller.whole.vendor: teller.kinds for teller in some},
        written=dict(keeper.written),
        reports={vendor: report for vendor, report in told.items() if report is not None},
        left={**left, **refused},
    )
