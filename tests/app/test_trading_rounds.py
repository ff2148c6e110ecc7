"""A tick's orders: planned until there is nothing new to ask for, so that a journal's next plan is the loop's own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.execution.faulty import BASIS, BEGIN, WIDE, Broker, Hands, House, quick_folder, world
from undertow.app.trading.desk import Place
from undertow.app.trading.session import Session, _asked
from undertow.app.trading.wants import STRATEGY, Asks
from undertow.core.time import DAY
from undertow.execution.gateway.words import Answer, Order, Update
from undertow.execution.path.desk import Desk
from undertow.execution.risk.limits import Limits
from undertow.tape.journal.ids import client_order_id

SYMBOLS = ("AAA", "BBB")
TICK = BEGIN


@pytest.fixture
def house() -> Iterator[House]:
    """A broker that fills every order before it answers."""
    with quick_folder() as folder:
        house = House(folder / "journal.sqlite", Broker(Hands(), price={"AAA": 50.0, "BBB": 20.0}))
        house.gateway.always = lambda order: at_once(house, order)
        yield house
        house.journal.close()


def at_once(house: House, order: Order) -> Answer:
    answer = house.broker.accept(order)
    house.broker.fill(order.id, order.shares)
    return answer


class Wanted:
    """An account whose targets are said."""

    symbols = SYMBOLS

    def __init__(self, *shares: float) -> None:
        self.shares = np.array(shares)

    def wanted(self) -> np.ndarray:
        return self.shares


def session_of(house: House, *shares: float, limits: Limits = WIDE, closes: int = TICK + DAY) -> Session:
    def told() -> list[Update]:
        updates, house.broker.stream[:] = list(house.broker.stream), []
        return updates

    house.path.desk = Desk(house.book, limits, house.broker.clock, real=False)
    asyncio.run(house.path.start(SYMBOLS))
    rest: Any = SimpleNamespace()
    account: Any = Wanted(*shares)
    return Session(
        asks=Asks(run="r", closes=closes), desk=rest, account=account, path=house.path, guard=rest, switch=rest, feed=rest, recording=rest,
        inputs=rest, world=lambda: world(house.broker), told=told, simulated=True, live_from=0,
    )  # fmt: skip


def tick(session: Session, at: int = TICK) -> None:
    asyncio.run(_asked(session, dict.fromkeys(SYMBOLS, BASIS), at))


def name(symbol: str, count: int, at: int = TICK) -> str:
    return client_order_id("r", at, symbol, STRATEGY, count)


def held(house: House) -> dict[str, float]:
    return {symbol: shares for symbol, shares in house.broker.positions.items() if shares}


def open_ten(house: House) -> Session:
    """A position of ten shares, and nothing that works."""
    session = session_of(house, 10.0, np.nan)
    tick(session, TICK - 1)
    assert held(house) == {"AAA": 10.0}
    return session


def test_a_position_turns_around_in_one_tick_where_its_close_is_filled_at_once(house: House) -> None:
    open_ten(house)
    house.gateway.sent.clear()
    session = session_of(house, -5.0, 3.0)
    tick(session)
    assert house.gateway.sent == [name("AAA", 0), name("BBB", 0), name("AAA", 1)]
    assert held(house) == {"AAA": -5.0, "BBB": 3.0}
    assert not session.asks.plan(session.account, house.book, TICK).orders


def test_the_other_side_waits_for_a_close_that_is_not_filled(house: House) -> None:
    open_ten(house)
    house.gateway.sent.clear()
    house.gateway.always = house.broker.accept
    session = session_of(house, -5.0, np.nan)
    tick(session)
    assert house.gateway.sent == [name("AAA", 0)]
    house.broker.fill(name("AAA", 0), 10.0)
    tick(session, TICK + 1)
    assert house.gateway.sent[1:] == [name("AAA", 0, TICK + 1)]


def test_an_order_that_ends_unfilled_is_not_asked_for_again_in_its_tick(house: House) -> None:
    def cancelled(order: Order) -> Answer:
        answer = house.broker.accept(order)
        house.broker.end(answer.broker_id)
        return answer

    house.gateway.always = cancelled
    session = session_of(house, 10.0, np.nan)
    tick(session)
    assert house.gateway.sent == [name("AAA", 0)]
    assert not session.asks.plan(session.account, house.book, TICK).orders
    tick(session, TICK + 1)
    assert house.gateway.sent[1:] == [name("AAA", 0, TICK + 1)]


def test_what_is_denied_is_judged_once_beside_a_position_that_turns_around(house: House) -> None:
    open_ten(house)
    session = session_of(house, -5.0, 3.0, limits=replace(WIDE, order_value=40.0, position_value=1e9))
    tick(session)
    assert [(one.order, one.sent) for one in session.outcomes] == [(name("AAA", 0), True), (name("BBB", 0), False), (name("AAA", 1), False)]
    assert set(session.denied) == set(SYMBOLS)


def test_from_the_close_on_nothing_is_asked_for(house: House) -> None:
    session = session_of(house, 10.0, 10.0, closes=TICK)
    tick(session)
    assert house.gateway.sent == []


def test_an_account_is_given_every_fill_once(house: House) -> None:
    session, given = session_of(house, 10.0, 4.0), list[tuple[str, float]]()
    account: Any = SimpleNamespace(fill=lambda told, _at: given.append((told.symbol, told.side * told.shares)))
    watched: Any = SimpleNamespace(account=account)
    rest: Any = None
    place = Place(session=session, root=rest, feed=rest, kinds=(), heard=rest, watched=watched)
    house.gateway.always = house.broker.accept
    tick(session)
    for symbol, shares in (("BBB", 3.0), ("AAA", 10.0), ("BBB", 1.0)):
        house.broker.fill(name(symbol, 0), shares)
        house.drain()
        assert place.take_fills() == place.take_fills() == ()
    assert given == [("BBB", 3.0), ("AAA", 10.0), ("BBB", 1.0)]
