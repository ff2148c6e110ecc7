"""The vendors' live streams as a session's feed; what comes is recorded on the vendors' own tape, too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from undertow.app.vendors.desk import Desk
from undertow.app.vendors.handshake import ask_once
from undertow.app.vendors.keeper import Keeper
from undertow.app.vendors.plans import plans_of
from undertow.app.vendors.recorder import Recording
from undertow.app.vendors.session import let_in
from undertow.app.vendors.tellers import shared_out, tellers
from undertow.core.chunk import Chunk
from undertow.core.errors import BadInput
from undertow.core.events import Bar, Event
from undertow.core.time import Instant
from undertow.tape.store import Tape


@contextmanager
def streaming(
    desk: Desk, home: Path, symbols: tuple[str, ...], kinds: Sequence[type[Event]], take: Callable[[Chunk], None], since: Instant
) -> Iterator[tuple[Recording, dict[str, str]]]:
    """A recording of the kinds, to be run by ``recorder.record``, that hands every chunk on; and what is not streamed, with the reason.

    since : minutes from then on, ns UTC, are handed on as well

    Raises ``WireError`` where no vendor streams to us, ``BadInput`` where none of them streams bars.
    """
    plans = plans_of(desk, home, symbols[0])
    taken, lacking = shared_out(plans, kinds)
    left = {kind.kind: why for kind, why in lacking.items()}
    if not any(Bar in own for own in taken.values()):
        raise BadInput("No plan of yours streams bars, which live trading decides on: --end-date plays a session that is over.")
    for vendor in taken:
        asyncio.run(ask_once(desk, vendor, symbols[0]))
    keeper = Keeper(Tape(desk.root), symbols, desk.market or "", desk.clock.now)
    with tellers(desk, home, taken, keeper, since) as all_of_them:
        some = let_in(desk, all_of_them, left)
        yield Recording(symbols=symbols, tellers=some, keeper=keeper, clock=desk.clock, also=take), left
