"""The loop's side of the kill switch: heeds what persons ask for, guards every send, and says that the loop lives."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from undertow.app import clock
from undertow.core.errors import BrokerError, StoreError
from undertow.core.time import DAY, Instant
from undertow.execution.control.keeper import NAME, Keeper
from undertow.execution.control.words import Beat, Request, Wish
from undertow.execution.gateway.gateway import Gateway
from undertow.execution.gateway.words import Answer, Asset, Execution, Held, Hours, Money, Order, Says, Seen, Update
from undertow.execution.path.send import Path as OrderPath
from undertow.execution.risk.codes import Code
from undertow.execution.risk.inputs import World
from undertow.execution.risk.state import Mode

STRENGTH = tuple(Wish)  #: each asks for all that those before it ask for


class Guarded:
    """A gateway that asks the control folder in the last moment before an order; everything else goes straight through."""

    def __init__(self, gateway: Gateway, keeper: Keeper) -> None:
        self.name, self.real, self.simulated = gateway.name, gateway.real, gateway.simulated
        self.listening: asyncio.Event = getattr(gateway, "listening", None) or asyncio.Event()
        self._own, self._keeper = gateway, keeper
        self.closing = False  #: while positions are closed by a person's wish

    async def submit(self, order: Order) -> Answer:
        """Refused here where trading is halted: then the broker was never asked."""
        if why := self._keeper.refusal(flatten=self.closing):
            return Answer(says=Says.REJECTED, why=why)
        return await self._own.submit(order)

    async def cancel(self, broker_id: str) -> Answer:
        """See ``Gateway``."""
        return await self._own.cancel(broker_id)

    async def find(self, order: str) -> Seen | None:
        """See ``Gateway``."""
        return await self._own.find(order)

    async def working(self) -> Sequence[Seen]:
        """See ``Gateway``."""
        return await self._own.working()

    async def held(self) -> Sequence[Held]:
        """See ``Gateway``."""
        return await self._own.held()

    async def money(self) -> Money:
        """See ``Gateway``."""
        return await self._own.money()

    async def executions(self, after: Instant) -> Sequence[Execution]:
        """See ``Gateway``."""
        return await self._own.executions(after)

    async def asset(self, symbol: str) -> Asset | None:
        """See ``Gateway``."""
        return await self._own.asset(symbol)

    async def hours(self) -> Hours:
        """See ``Gateway``."""
        return await self._own.hours()

    def updates(self) -> AsyncIterator[Update]:
        """See ``Gateway``."""
        return self._own.updates()

    async def close(self) -> None:
        """See ``Gateway``."""
        await self._own.close()


class Switch:
    """Requests in, state out; one a loop."""

    def __init__(self, home: Path, root: Path, run: str) -> None:
        """``root`` is the account's folder. Raises ``StoreError``."""
        self.keeper = Keeper(home / NAME)
        self._root, self._run, self._done = root, run, self.keeper.seen
        self._known: tuple[Mode, str] | None = None
        self._undone = 0  # of the wishes that could not be done, the strongest: how far it is in their list

    def begin(self, path: OrderPath) -> None:
        """A halt that a person asked for and nobody took back holds for this account, too; another account's losses do not."""
        kept, desk = self.keeper.state, path.desk
        if kept.code == Code.STOPPED and desk.state.mode is not Mode.HALTED:
            desk.take(kept, "halted before it began")
        self.save(path)

    async def heed(self, path: OrderPath, guard: Guarded, world: Callable[[], World]) -> tuple[Request, ...]:
        """Do what was asked for since the last time; what could not be done is not said to be, so that whoever asked acts from outside."""
        state, requests = self.keeper.heed(path.desk.state)
        if requests:
            path.desk.take(state, "asked")
        for request in requests:
            try:
                await self._do(request, path, guard, world)
            except (BrokerError, StoreError):
                self._undone = max(self._undone, STRENGTH.index(request.wish))
                continue
            if STRENGTH.index(request.wish) >= self._undone:
                self._undone, self._done = 0, max(self._done, request.serial)
        return requests

    async def _do(self, request: Request, path: OrderPath, guard: Guarded, world: Callable[[], World]) -> None:
        if request.wish is Wish.CANCEL:
            await path.cancel_all()
        elif request.wish is Wish.FLATTEN:
            guard.closing = True
            try:
                outcomes = await path.flatten(world(), f"wish-{request.serial}", request.sentence(), request.at)
            finally:
                guard.closing = False
            if left := [one.sentence for one in outcomes if not one.sent]:
                raise BrokerError(f"not every position is being closed: {left[0]}")  # so that it does not count as done

    def save(self, path: OrderPath) -> None:
        """Keep the gate's state where others look, as often as it changes."""
        state = path.desk.state
        if self._known != (state.mode, state.code):
            self.keeper.save(state)
            self._known = (state.mode, state.code)

    def beat(self, path: OrderPath, world: World, says: str = "") -> None:
        """Say that the loop lives, and how it stands."""
        book = path.desk.book
        alive = abs(world.now - clock.now()) < DAY  # the rows of a session that is played have no age
        working = tuple((name, f"{order.side} {order.shares:f} {order.symbol} {order.state}") for name, order in book.live.items())
        self.keeper.beat(
            Beat(
                at=clock.now(),
                done=self._done,
                pid=os.getpid(),
                run=self._run,
                root=str(self._root),
                broker=path.gateway.name,
                equity=world.account.equity,
                positions=tuple(book.positions().items()),
                working=working,
                channels=tuple((one.name, one.known_at) for one in world.channels if alive),
                says=says,
            )
        )
