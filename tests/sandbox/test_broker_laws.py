"""What holds of the broker's book whatever is asked of it and however prices move."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json

from tests.sandbox.test_broker_book import LISTING, TEN
from undertow.core.time import HOUR, MINUTE
from undertow.sandbox.broker import margin
from undertow.sandbox.broker.book import Book
from undertow.sandbox.broker.units import DOLLAR, SHARE
from undertow.sandbox.broker.words import Ask, Change, Lasts, Refused, Side, State, Status, Terms, Together, Type

SYMBOLS = ("KO", "LNG")
cents = st.integers(9_000, 11_000).map(lambda cent: cent * 100)
maybe = st.none() | cents
common = {
    "symbol": st.sampled_from(SYMBOLS),
    "side": st.sampled_from(Side),
    "shares": st.integers(1, 16).map(lambda n: n * 25 * SHARE) | st.integers(1, 2 * SHARE),
    "lasts": st.sampled_from(Lasts),
}
legs = {"shares": st.just(200 * SHARE), "lasts": st.sampled_from([Lasts.DAY, Lasts.GTC])}
orders = [
    st.builds(Ask, **common),
    st.builds(Ask, **(common | {"shares": st.just(0), "lasts": st.just(Lasts.DAY)}), notional=st.integers(1, 50_000_000)),
    st.builds(Ask, **common, type=st.just(Type.LIMIT), limit=cents, extended=st.booleans()),
    st.builds(Ask, **common, type=st.just(Type.STOP), stop=cents),
    st.builds(Ask, **common, type=st.just(Type.STOP_LIMIT), stop=cents, limit=cents),
    st.builds(
        Ask, **(common | legs | {"side": st.just(Side.BUY)}), together=st.just(Together.BRACKET), take_profit=st.just(1_030_000),
        stop_loss=st.just(970_000), stop_loss_limit=st.none() | st.just(960_000),
    ),
    st.builds(Ask, **(common | legs), together=st.just(Together.OTO), stop_loss=st.sampled_from([950_000, 1_050_000])),
    st.builds(
        Ask, **(common | legs), type=st.just(Type.LIMIT), together=st.just(Together.OCO), take_profit=st.sampled_from([970_000, 1_030_000]),
        stop_loss=st.sampled_from([970_000, 1_030_000]),
    ),
    st.builds(
        Ask, **common, type=st.sampled_from(Type), limit=maybe, stop=maybe, notional=st.just(0) | st.integers(0, 50_000_000),
        together=st.sampled_from(Together), take_profit=maybe, stop_loss=maybe,
    ),
]  # fmt: skip
quotes = st.tuples(st.sampled_from(SYMBOLS), cents, st.integers(1, 100), st.integers(0, 300), st.integers(0, 300))
changes = st.tuples(st.integers(0, 50), maybe, st.none() | st.integers(1, 400).map(lambda n: n * SHARE))
step = st.one_of(
    *[st.tuples(st.just("submit"), order) for order in orders],
    *[st.tuples(st.just("quote"), quotes)] * 3,
    st.tuples(st.just("trade"), st.tuples(st.sampled_from(SYMBOLS), cents)),
    st.tuples(st.just("cancel"), st.integers(0, 50)),
    st.tuples(st.just("replace"), changes),
    st.tuples(st.just("close"), st.sampled_from(SYMBOLS)),
    st.tuples(st.just("wait"), st.sampled_from([1, MINUTE, HOUR, 7 * HOUR, 30 * HOUR])),
)
steps = st.lists(step, min_size=10, max_size=50)


def do(book: Book, what: str, given: object) -> None:
    now = book.state.now + 1
    names = list(book.state.orders)
    try:
        match what, given:
            case "submit", Ask() as ask:
                book.submit(ask, now)
            case "quote", (symbol, bid, spread, bids, offers):
                book.quote(symbol, bid, bid + spread * 100, now, (bids, offers))
            case "trade", (symbol, price):
                book.trade(symbol, price, now)
            case "cancel", int(i) if names:
                book.cancel(names[i % len(names)], now)
            case "replace", (int(i), price, shares) if names:
                book.replace(names[i % len(names)], Change(limit=price, shares=shares), now)
            case "close", str(symbol):
                book.close(symbol, now)
            case "wait", int(long):
                book.advance(now + long)
    except Refused:
        pass


def check(book: Book) -> None:
    state = book.state
    spent: dict[str, int] = {}
    for fill in state.fills:
        spent[fill.symbol] = spent.get(fill.symbol, 0) + fill.shares * fill.side.sign
    assert {s: n for s, n in spent.items() if n} == {s: p.shares for s, p in state.positions.items()}
    assert state.cash == state.terms.cash * DOLLAR - sum(fill.shares * fill.side.sign * fill.price for fill in state.fills)
    unrealised = sum(p.shares * margin.mark(state, p.symbol) - p.cost for p in state.positions.values())
    assert margin.equity(state) == state.terms.cash * DOLLAR + state.realised + unrealised
    for order in state.orders.values():
        mine = [fill for fill in state.fills if fill.order == order.id]
        assert order.filled == sum(fill.shares for fill in mine)
        assert order.value == sum(fill.shares * fill.price for fill in mine)
        assert 0 <= order.filled <= max(order.shares, 0)
        assert (order.status is Status.FILLED) == (order.filled == order.shares > 0) or order.status is Status.REPLACED
        assert (order.id in state.open) == order.open
        if order.limit is not None:
            assert all((order.limit - fill.price) * order.side.sign >= 0 for fill in mine)
    for symbol, position in state.positions.items():
        assert position.cost * position.shares > 0
        assert margin.held(state, symbol) <= abs(position.shares)
    assert "LNG" not in state.positions or state.positions["LNG"].shares > 0  # it cannot be sold short


@settings(max_examples=120, deadline=None)
@given(steps)
def test_money_shares_and_orders_add_up(script: Sequence[tuple[str, object]]) -> None:
    book = Book.begin(LISTING, Terms(), TEN)
    for symbol in SYMBOLS:
        book.quote(symbol, 999_500, 1_000_500, TEN)
    for what, given_ in script:
        do(book, what, given_)
        check(book)


@settings(max_examples=40, deadline=None)
@given(steps, st.integers(0, 40))
def test_a_book_that_was_put_on_disk_goes_on_as_if_it_had_not_been(script: Sequence[tuple[str, object]], cut: int) -> None:
    whole = Book.begin(LISTING, Terms(), TEN)
    told = []
    for what, given_ in script:
        do(whole, what, given_)
        told += whole.take()
    again, retold = Book.begin(LISTING, Terms(), TEN), []
    for i, (what, given_) in enumerate(script):
        if i == cut:
            again = Book(LISTING, json.decode(json.encode(again.state), type=State))
        do(again, what, given_)
        retold += again.take()
    assert json.encode(again.state) == json.encode(whole.state)
    assert told == retold
