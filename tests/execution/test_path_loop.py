"""A small account through the whole path: gaps, broken numbers, rejections, lost answers and new starts, and no limit is passed by more
than one fill's slippage.

What the limits say is worked out here once more, from the broker's own book at the moment when an order reaches it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.execution.faulty import BASIS, BEGIN, Broker, Hands, House, quick_folder, world
from undertow.core.time import DAY, MINUTE
from undertow.execution.gateway.words import OPEN, Answer, Order, Says
from undertow.execution.path.plan import Tick, Want, plan
from undertow.execution.risk.inputs import Side, World
from undertow.execution.risk.limits import Limits
from undertow.execution.risk.state import Mode, phrase_for

CAPITAL = 10_000.0
LIMITS = Limits(
    order_value=1_500.0, position_value=2_500.0, name=0.3, sector=0.6, gross=0.28, exits_per_minute=10_000, orders_per_minute=1_000,
    orders_per_day=1_000, loss_reduce=0.02, loss_halt=0.04, peak_reduce=0.03, peak_halt=0.06,
)  # fmt: skip
SYMBOLS = ("AAA", "BBB", "CCC")
PRICES = {"AAA": 50.0, "BBB": 20.0, "CCC": 100.0}
FATES = ("fill", "fill", "part", "later", "reject", "lost", "lost and filled", "never came")
BROKEN = ("bid", "ask", "equity", "cash", "start", "peak", "buying_power")
HALF = 1.0005  # the ask, of the price


@dataclass(frozen=True)
class Step:
    moves: tuple[float, ...]  #: factors of price
    wants: tuple[float, ...]  #: shares by symbol
    fates: tuple[str, ...]
    slip: float
    broken: tuple[str, float] | None = None
    blind: bool = False  #: nothing is fresh
    new_day: bool = False
    rearms: bool = False
    restarts: bool = False


class Play:
    """The house, the broker, and what must never happen between them."""

    def __init__(self, house: House) -> None:
        self.house, self.broker = house, house.broker
        self.cash, self.start, self.told = CAPITAL, CAPITAL, 0
        self.step: Step = CALM
        self.entries = 0

    def equity(self) -> float:
        for each in self.broker.executions[self.told :]:
            self.cash -= each.shares * each.price * each.side
        self.told = len(self.broker.executions)
        return self.cash + sum(shares * self.broker.price[symbol] for symbol, shares in self.broker.positions.items())

    def world(self) -> World:
        equity = self.equity()
        seen = world(self.broker, equity)
        now = self.broker.clock.now() - (60 * MINUTE if self.step.blind else 0)
        account = replace(seen.account, cash=self.cash, start=self.start, peak=max(self.start, equity), buying_power=2.0 * equity)
        quotes = {symbol: replace(quote, known_at=now) for symbol, quote in seen.quotes.items()}
        what, bad = self.step.broken or ("", 0.0)
        if what in ("bid", "ask"):
            quotes["AAA"] = replace(quotes["AAA"], **{what: bad})
        elif what:
            account = replace(account, **{what: bad})
        return replace(seen, account=account, quotes=quotes, channels=tuple(replace(each, known_at=now) for each in seen.channels))

    def arrives(self, order: Order) -> Answer:
        """Every order on its way to the broker passes here, and is judged by the broker's own book."""
        held = self.broker.positions.get(order.symbol, 0.0)
        closes = held * order.side < 0.0 and order.shares <= abs(held)
        mode = self.house.path.desk.state.mode
        if not closes:
            base = self.house.path.desk.state.base
            loss = (self.start if base is None else base) - self.equity()
            assert mode is Mode.ACTIVE
            assert not self.step.blind
            assert not self.step.broken
            assert loss < LIMITS.loss_reduce * self.start
            self.within(order)
            self.entries += 1
        assert mode is not Mode.HALTED
        fate = self.step.fates[SYMBOLS.index(order.symbol)]
        if fate == "reject":
            return Answer(says=Says.REJECTED, why="no")
        if fate == "never came":
            return Answer(says=Says.UNKNOWN, why="504")
        answer = self.broker.accept(order)
        if fate in ("fill", "lost and filled", "part"):
            self.broker.fill(order.id, order.shares if fate != "part" else max(order.shares // 2, 1.0), self.step.slip)
        return Answer(says=Says.UNKNOWN, why="504") if "lost" in fate else answer

    def within(self, order: Order) -> None:
        """With all that works filled on its worse side, no limit is passed."""
        gross = 0.0
        for symbol in SYMBOLS:
            held = self.broker.positions.get(symbol, 0.0)
            buys = sells = 0.0
            for seen in self.broker.orders.values():
                if seen.symbol == symbol and seen.stands in OPEN:
                    left = seen.shares - seen.filled
                    buys, sells = (buys + left, sells) if seen.side is Side.BUY else (buys, sells + left)
            if symbol == order.symbol:
                buys, sells = (buys + order.shares, sells) if order.side is Side.BUY else (buys, sells + order.shares)
            worth = max(abs(held + buys), abs(held - sells)) * self.broker.price[symbol]
            gross += worth
            if symbol == order.symbol:
                assert worth <= LIMITS.position_value + 1e-6
                assert order.shares * self.broker.price[symbol] * HALF <= LIMITS.order_value + 1e-6
        assert gross <= LIMITS.gross * min(self.equity(), self.start) + 1e-6

    async def play(self, steps: list[Step]) -> None:
        await self.house.path.start(SYMBOLS)
        for step in steps:
            self.step = step
            self.next()
            await self.act()
        assert not self.house.book.faults()

    def next(self) -> None:
        clock = self.broker.clock
        clock.at += DAY if self.step.new_day else MINUTE
        if self.step.new_day:
            self.start = self.equity()
        for symbol, move in zip(SYMBOLS, self.step.moves, strict=True):
            self.broker.price[symbol] = min(max(self.broker.price[symbol] * move, 0.01), 1e6)
        for name in list(self.broker.orders):
            self.broker.fill(name, 1e9, self.step.slip)  # what waited fills after the gap
        if self.step.restarts:
            self.house.restart()
        self.house.drain()

    async def act(self) -> None:
        path = self.house.path
        if path.desk.compared is None:
            await path.start(SYMBOLS)
        await path.settle()
        if self.step.rearms and path.desk.state.mode is not Mode.ACTIVE and self.step.broken is None:
            path.desk.rearm("Ada", phrase_for(path.desk.state))
        await path.cancel(path.desk.watch(self.world()))
        assert not self.step.broken or path.desk.state.mode is Mode.HALTED
        wants = [Want(symbol=symbol, shares=shares) for symbol, shares in zip(SYMBOLS, self.step.wants, strict=True)]
        todo = plan(wants, self.house.book.standing(), Tick(run="loop", at=self.broker.clock.now(), strategy="s"))
        await path.cancel(todo.cancels)
        self.house.gateway.always = self.arrives
        for outcome in await path.send_all(todo.orders, self.world(), {one.decision: BASIS for one in todo.orders}):
            assert outcome.sent or outcome.sentence
        self.house.drain()


CALM = Step((1.0,) * 3, (0.0,) * 3, ("fill",) * 3, 0.0)
NUMBER = count()

odd = st.sampled_from([math.nan, math.inf, -math.inf])
rarely = st.integers(0, 9).map(lambda n: n == 0)
whole = st.integers(-30, 30).map(float)
wants = st.integers(0, 40).flatmap(lambda n: odd if n == 0 else st.floats(-80, 80) if n < 4 else whole)
moves = st.integers(0, 20).flatmap(lambda n: st.sampled_from([0.2, 0.7, 1.4, 4.0]) if n == 0 else st.floats(0.995, 1.005))
steps = st.lists(
    st.builds(
        Step,
        moves=st.tuples(moves, moves, moves),
        wants=st.tuples(wants, wants, wants),
        fates=st.tuples(*[st.sampled_from(FATES)] * 3),
        slip=st.floats(0.0, 0.02),
        broken=st.integers(0, 20).flatmap(lambda n: st.tuples(st.sampled_from(BROKEN), odd) if n == 0 else st.none()),
        blind=rarely,
        new_day=rarely,
        rearms=st.booleans(),
        restarts=rarely,
    ),
    min_size=4,
    max_size=16,
)


@pytest.fixture(scope="module")
def quick() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


def played(folder: Path, sequence: list[Step]) -> Play:
    house = House(folder / f"{next(NUMBER)}.sqlite", Broker(Hands(BEGIN), price=dict(PRICES)), LIMITS)
    play = Play(house)
    try:
        asyncio.run(play.play(sequence))
    finally:
        house.journal.close()
    return play


@settings(max_examples=150, deadline=None)
@given(sequence=steps)
def test_no_sequence_passes_a_limit_by_more_than_a_fill_s_slippage(quick: Path, sequence: list[Step]) -> None:
    played(quick, sequence)


def test_the_loop_trades_at_all(quick: Path) -> None:
    """A property of an account that never trades would say nothing."""
    buy = replace(CALM, wants=(25.0, -20.0, 10.0))
    play = played(quick, [buy, replace(buy, wants=(10.0, -20.0, 0.0))])
    assert play.entries == 3
    assert play.house.book.positions() == {"AAA": 10.0, "BBB": -20.0}
    fallen = played(quick, [buy, replace(buy, moves=(0.8, 1.0, 1.0), wants=(30.0, -20.0, 10.0))])
    assert fallen.house.path.desk.state.mode is Mode.REDUCING
    assert fallen.house.book.positions() == {"AAA": 25.0, "BBB": -20.0, "CCC": 10.0}


def test_of_a_tick_s_orders_none_comes_after_what_may_pass_the_limit_on_losses(quick: Path) -> None:
    """196 of 200 USD are lost; what the first two orders slip by is more than the rest, so the third is not sent with them."""
    held = replace(CALM, wants=(25.0, 0.0, 10.0))
    more = replace(CALM, moves=(0.92, 1.0, 0.904), wants=(29.0, 15.0, 11.0), slip=0.02)
    play = played(quick, [held, more])
    assert play.house.book.positions() == {"AAA": 29.0, "BBB": 15.0, "CCC": 10.0}
    assert CAPITAL - play.equity() > LIMITS.loss_reduce * CAPITAL


@pytest.mark.parametrize("what", BROKEN)
def test_any_broken_number_halts(quick: Path, what: str) -> None:
    for bad in (math.nan, math.inf, -math.inf):
        play = played(quick, [replace(CALM, wants=(10.0, 0.0, 0.0)), replace(CALM, wants=(20.0, 0.0, 0.0), broken=(what, bad))])
        assert play.house.path.desk.state.code == "not_a_number"
        assert play.house.book.positions() == {"AAA": 10.0}
