"""Paper trading: orders sent tick by tick to the simulated broker end in the account that the backtest has, bit for bit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Chunk
from undertow.core.errors import BadData
from undertow.core.orders import Costs, PortfolioLimits
from undertow.core.time import MINUTE
from undertow.engine.ticks import session_ticks
from undertow.execution.gateway.words import OPEN, Lasts, Order, Says, Stands, Type
from undertow.execution.paper.account import PaperAccount
from undertow.execution.paper.floor import Floor
from undertow.execution.paper.gateway import PaperGateway
from undertow.execution.risk.inputs import Side
from undertow.execution.simulated import SimulatedBroker
from undertow.sources.simulated import SimulatedSource

SYMBOLS = ("AAPL", "MSFT", "TSLA")
NONE = np.empty(0, np.int64), np.empty((0, 3))
AT = nyse().session_on_or_before(np.datetime64("2026-10-20"))
MIDNIGHT, NEXT = int(nyse().midnight[AT]), int(nyse().midnight[AT + 1])
TICKS = session_ticks(nyse(), AT, 5 * MINUTE)
BAND = 0.1


@pytest.fixture(scope="module")
def history() -> list[Chunk]:
    return list(SimulatedSource().history(SYMBOLS, int(nyse().midnight[AT - 5]), NEXT))


def between(chunks: list[Chunk], after: int, until: int) -> list[Chunk]:
    return [chunk.between(after, until) for chunk in chunks]


def drawn(seed: int) -> F64:
    """Targets (ticks, symbols) that are kept for a while and often turn around; some say nothing."""
    chance = np.random.default_rng(seed)
    targets = np.round(chance.uniform(-1.0, 1.0, (len(TICKS), 3)), 2)
    kept = chance.random(targets.shape) < 0.5
    for i in range(1, len(TICKS)):
        targets[i] = np.where(kept[i], targets[i - 1], targets[i])
    targets[chance.random(targets.shape) < 0.05] = np.nan
    return targets


def traded(
    history: list[Chunk],
    targets: F64,
    capital: float,
    book: Path | None,
    again: Callable[[int], bool],
    limits: PortfolioLimits | None = None,
) -> PaperAccount:
    """The session tick by tick; where ``again`` says so the broker starts anew from its book before the tick."""

    def fresh(upto: int) -> PaperAccount:
        made = PaperAccount(Floor(SYMBOLS, capital, Costs(), nyse(), book=book), BAND, limits)
        made.push(between(history, -(2**63), MIDNIGHT), *NONE)
        before = MIDNIGHT
        for tick in TICKS[:upto]:
            made.push(between(history, before, int(tick)), *NONE)
            before = int(tick)
        return made

    account = fresh(0)
    for i, tick in enumerate(TICKS):
        account = fresh(i) if again(i) else account
        account.push(between(history, int(TICKS[i - 1]) if i else MIDNIGHT, int(tick)), TICKS[i : i + 1], targets[i : i + 1])
        send(account, int(tick))
    account.push(between(history, int(TICKS[-1]), NEXT), *NONE)
    return account


def send(account: PaperAccount, at: int) -> None:
    for k, want in enumerate(account.wanted()):
        symbol, held = SYMBOLS[k], account.floor.sleeves[k].shares
        live = [one for one in account.floor.every() if one.symbol == symbol and one.stands in OPEN]
        left = sum(one.side * (one.shares - one.filled) for one in live)
        if np.isnan(want) or held + left == want:
            continue
        for one in live:
            assert account.floor.cancel(one.id, at).says is Says.ACCEPTED
        if want != held:
            side = Side.BUY if want > held else Side.SELL
            answer = account.floor.submit(Order(id=f"{symbol}-{at}", symbol=symbol, side=side, shares=abs(want - held)), at)
            assert answer.says is Says.ACCEPTED, answer


LIMITED = PortfolioLimits(
    name=0.2, sector=0.25, gross=0.5, volatility=0.3, ladder=((0.0005, 0.5), (0.002, 0.2)), sectors={"AAPL": "tech", "MSFT": "tech"}
)


@pytest.mark.parametrize(("capital", "limits"), [(100_000.0, PortfolioLimits()), (30_000_000.0, PortfolioLimits()), (1e6, LIMITED)])
def test_orders_end_in_the_account_of_the_backtest(history: list[Chunk], capital: float, limits: PortfolioLimits) -> None:
    targets = drawn(3)
    broker = SimulatedBroker(SYMBOLS, capital, Costs(), nyse(), band=BAND).within(limits)
    broker.push(between(history, -(2**63), MIDNIGHT), *NONE)
    end = int(TICKS[-1])
    broker.push(between(history, MIDNIGHT, end), TICKS, targets)
    bound = broker.bound
    broker.push(between(history, end, NEXT), np.array([NEXT]), np.full((1, 3), np.nan))
    account = traded(history, targets, capital, None, lambda _: False, limits)
    assert account.portfolio() == broker.portfolio()
    assert len(account.floor.every()) > 50
    assert bool(bound) == (limits is LIMITED)
    assert account.bound == bound  # before the tick after the end, which the session does not have


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sets(st.integers(0, len(TICKS) - 1), max_size=4))
def test_a_broker_that_starts_anew_finds_its_orders(
    history: list[Chunk], tmp_path_factory: pytest.TempPathFactory, seed: int, restarts: set[int]
) -> None:
    targets, folder = drawn(seed), tmp_path_factory.mktemp("book")
    calm = traded(history, targets, 10_000_000.0, folder / "calm.jsonl", lambda _: False)
    shaken = traded(history, targets, 10_000_000.0, folder / "shaken.jsonl", lambda i: i in restarts)
    assert shaken.portfolio() == calm.portfolio()
    assert shaken.floor.every() == calm.floor.every()
    assert (folder / "shaken.jsonl").read_text() == (folder / "calm.jsonl").read_text()


def test_a_torn_line_is_an_order_that_was_not_taken(tmp_path: Path) -> None:
    book = tmp_path / "book.jsonl"
    floor = Floor(SYMBOLS, 1e5, Costs(), nyse(), book=book)
    assert floor.submit(Order(id="a", symbol="AAPL", side=Side.BUY, shares=5.0), int(TICKS[0])).says is Says.ACCEPTED
    whole = book.read_text()
    book.write_text(whole + whole[:30])
    assert [one.id for one in Floor(SYMBOLS, 1e5, Costs(), nyse(), book=book).every()] == ["a"]
    assert book.read_text() == whole
    book.write_text("{]\n")
    with pytest.raises(BadData, match="is broken"):
        Floor(SYMBOLS, 1e5, Costs(), nyse(), book=book)


def test_what_it_refuses(history: list[Chunk]) -> None:
    floor, at = Floor(SYMBOLS, 1e5, Costs(), nyse()), int(TICKS[0])
    good = Order(id="a", symbol="AAPL", side=Side.BUY, shares=5.0)
    assert floor.submit(good, at).says is Says.ACCEPTED
    assert floor.submit(good, at).says is Says.UNKNOWN  # an id that was used: only a look-up tells
    for wrong, why in (("ZZZZ", 1.0), "not traded"), (("AAPL", 1.5), "whole shares"):
        answer = floor.submit(Order(id=why, symbol=wrong[0], side=Side.BUY, shares=wrong[1]), at)
        assert (answer.says, why in answer.why) == (Says.REJECTED, True)
    assert floor.cancel("b", at).says is Says.REJECTED


def test_limits_stops_and_auctions(history: list[Chunk]) -> None:
    floor, at = Floor(SYMBOLS, 1e6, Costs(), nyse()), int(TICKS[1])
    floor.push(between(history, -(2**63), at))
    price = floor.sleeves[0].mark
    for name, order in {
        "near": Order(id="near", symbol="AAPL", side=Side.BUY, shares=3.0, type=Type.LIMIT, limit=price * 1.05),
        "far": Order(id="far", symbol="AAPL", side=Side.BUY, shares=3.0, type=Type.LIMIT, limit=price * 0.5),
        "stop": Order(id="stop", symbol="AAPL", side=Side.BUY, shares=3.0, type=Type.STOP, stop=price * 0.5),
        "close": Order(id="close", symbol="AAPL", side=Side.SELL, shares=6.0, lasts=Lasts.CLS),
    }.items():
        assert floor.submit(order, at).says is Says.ACCEPTED, name
    floor.push(between(history, at, NEXT))
    stands = {one.id: one.stands for one in floor.every()}
    assert stands == {"near": Stands.FILLED, "far": Stands.EXPIRED, "stop": Stands.FILLED, "close": Stands.FILLED}
    assert floor.sleeves[0].shares == 0.0


def test_bars_that_come_again_or_too_late_are_not_met(history: list[Chunk]) -> None:
    calm, shaken = Floor(SYMBOLS, 1e6, Costs(), nyse()), Floor(SYMBOLS, 1e6, Costs(), nyse())
    early, late = between(history, -(2**63), int(TICKS[1])), between(history, int(TICKS[1]), NEXT)
    assert len(calm.push(early).at) == len(shaken.push([*early, *early]).at) > 0
    for floor in (calm, shaken):
        assert floor.submit(Order(id="a", symbol="TSLA", side=Side.BUY, shares=5.0), int(TICKS[1])).says is Says.ACCEPTED
    once, again = calm.push(late), shaken.push([*late, *early, *late])
    assert once.executions == again.executions
    assert len(once.executions) == 1
    for name in ("at", "key", "equity", "shares"):
        np.testing.assert_array_equal(getattr(once, name), getattr(again, name))
    assert len(shaken.push([*early, *late]).at) == len(shaken.push([]).at) == 0
    assert shaken.every() == calm.every()


def test_the_gateway_tells_of_the_account(history: list[Chunk]) -> None:
    floor, now = Floor(SYMBOLS, 1e6, Costs(), nyse()), [int(TICKS[1])]
    floor.push(between(history, -(2**63), now[0]))
    gateway = PaperGateway(floor, lambda: now[0])

    async def day() -> None:
        assert (await gateway.submit(Order(id="a", symbol="AAPL", side=Side.BUY, shares=100.0))).says is Says.ACCEPTED
        assert [one.id for one in await gateway.working()] == ["a"]
        assert (await gateway.hours()).open
        now[0] = int(TICKS[3])
        floor.push(between(history, int(TICKS[1]), now[0]))
        updates = [one async for one in gateway.updates()]
        assert [one.order.stands for one in updates] == [Stands.FILLED]
        (held,), money = await gateway.held(), await gateway.money()
        assert (held.symbol, held.shares) == ("AAPL", 100.0)
        assert money.cash + 100.0 * floor.sleeves[0].mark == pytest.approx(money.equity)
        assert [one.shares for one in await gateway.executions(0)] == [100.0]
        assert not await gateway.working()
        assert (await gateway.asset("ZZZZ")) is None

    asyncio.run(day())
