"""The broker's book: what each kind of order does, what is refused, and what legs do to each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from undertow.core.calendar import nyse
from undertow.core.errors import BadData
from undertow.core.time import DAY, HOUR, MINUTE, SECOND, Instant
from undertow.sandbox.broker import kept, margin
from undertow.sandbox.broker.book import Book
from undertow.sandbox.broker.listing import Listing
from undertow.sandbox.broker.units import DOLLAR, PRICE, SHARE, average_text, dollars, text, whole
from undertow.sandbox.broker.words import Ask, Asset, Change, Lasts, Refused, Side, Status, Terms, Together, Type

BUY, SELL = Side.BUY, Side.SELL
LISTING = Listing(
    ("KO",),
    {
        "LIT": Asset(symbol="LIT", tradable=False),
        "WHL": Asset(symbol="WHL", fractional=False),
        "LNG": Asset(symbol="LNG", shortable=False),
        "HTB": Asset(symbol="HTB", easy_to_borrow=False),
    },
)


def at(day: str, hours: float) -> Instant:
    calendar = nyse()
    return int(calendar.midnight[calendar.session_on_or_before(np.datetime64(day))]) + int(hours * HOUR)


TEN = at("2025-06-12", 10)


def usd(price: float) -> int:
    return round(price * PRICE)


def ask(side: Side, shares: float, symbol: str = "KO", **more: object) -> Ask:
    for name in ("limit", "stop", "take_profit", "stop_loss", "stop_loss_limit"):
        if name in more:
            more[name] = usd(more[name])
    if "limit" in more or "stop" in more:
        more.setdefault("type", Type.STOP_LIMIT if {"limit", "stop"} <= more.keys() else Type.LIMIT if "limit" in more else Type.STOP)
    return Ask(symbol=symbol, side=side, shares=round(shares * SHARE), **more)


def bracket(side: Side, shares: float, **more: object) -> Ask:
    return ask(side, shares, together=Together.BRACKET, **more)


def opened(now: Instant = TEN, cash: int = 100_000, price: float | None = 100.0, **terms: object) -> Book:
    book = Book.begin(LISTING, Terms(cash=cash, **terms), now)
    if price is not None:
        for symbol in ("KO", "LIT", "WHL", "LNG", "HTB"):
            put(book, price - 0.05, price + 0.05, now, symbol)
    return book


def put(book: Book, bid: float, offer: float, now: Instant, symbol: str = "KO", sizes: tuple[int, int] = (0, 0)) -> None:
    book.quote(symbol, usd(bid), usd(offer), now, sizes)


def shares(book: Book, symbol: str = "KO") -> float:
    held = book.state.positions.get(symbol)
    return held.shares / SHARE if held else 0.0


def events(book: Book) -> list[str]:
    return [told.event for told in book.take()]


def refusal(book: Book, asked: Ask, now: Instant = TEN) -> Refused:
    before = len(book.state.orders)
    with pytest.raises(Refused) as caught:
        book.submit(asked, now)
    assert len(book.state.orders) == before
    assert caught.value.body()["code"] == caught.value.code
    return caught.value


def test_a_market_order_is_taken_first_and_filled_at_the_far_side_afterwards() -> None:
    book = opened()
    order = book.submit(ask(BUY, 10, client_id="mine"), TEN)
    assert (order.status, order.filled, events(book)) == (Status.PENDING_NEW, 0, ["pending_new"])
    book.advance(TEN + 1)
    assert (order.status, order.value) == (Status.FILLED, 10 * SHARE * usd(100.05))
    assert events(book) == ["new", "fill"]
    assert book.by_client("mine") is order
    assert book.state.cash == 100_000 * DOLLAR - order.value
    assert margin.equity(book.state) == 100_000 * DOLLAR - 10 * SHARE * usd(0.05)


def test_a_limit_waits_for_its_price_and_gets_a_better_one() -> None:
    book = opened()
    order = book.submit(ask(BUY, 10, limit=99.0), TEN)
    put(book, 99.0, 99.01, TEN + SECOND)
    assert order.status is Status.NEW
    put(book, 98.0, 98.5, TEN + 2 * SECOND)
    assert order.value == 10 * SHARE * usd(98.5)
    later = book.submit(ask(SELL, 10, limit=98.5), TEN + 3 * SECOND)
    put(book, 98.49, 98.6, TEN + 4 * SECOND)
    assert later.open
    put(book, 98.55, 98.6, TEN + 5 * SECOND)
    assert later.value == 10 * SHARE * usd(98.55)
    assert book.state.realised == 10 * SHARE * usd(0.05)


@pytest.mark.parametrize("by_trade", [False, True])
def test_a_stop_sleeps_until_it_is_touched(by_trade: bool) -> None:
    book = opened()
    book.submit(ask(BUY, 10), TEN)
    stop = book.submit(ask(SELL, 10, stop=95.0), TEN + SECOND)
    limited = opened()
    limited.submit(ask(BUY, 10), TEN)
    waits = limited.submit(ask(SELL, 10, stop=95.0, limit=94.5), TEN + SECOND)
    for one in (book, limited):
        put(one, 95.5, 95.6, TEN + 2 * SECOND)
        assert shares(one) == 10
        if by_trade:
            one.trade("KO", usd(95.0), TEN + 3 * SECOND)
        else:
            put(one, 94.0, 94.1, TEN + 3 * SECOND)
    assert stop.value == 10 * SHARE * usd(95.5 if by_trade else 94.0)
    assert waits.open is not by_trade
    put(limited, 94.6, 94.7, TEN + 4 * SECOND)
    assert waits.value == 10 * SHARE * usd(95.5 if by_trade else 94.6)


def test_displayed_sizes_fill_in_parts_and_are_used_up() -> None:
    book = opened(price=None, most=50)
    put(book, 99.9, 100.0, TEN, sizes=(400, 400))
    first, second = book.submit(ask(BUY, 250), TEN), book.submit(ask(BUY, 100), TEN)
    book.advance(TEN + 1)
    assert (first.filled, second.filled) == (200 * SHARE, 0)
    book.advance(TEN + MINUTE)
    assert first.filled == 200 * SHARE  # the quote has nothing left
    put(book, 100.0, 100.1, TEN + 2 * MINUTE, sizes=(400, 200))
    assert (first.status, second.filled) == (Status.FILLED, 50 * SHARE)
    assert average_text(first.value, first.shares) == "100.02"
    assert [(f.total // SHARE, f.left // SHARE) for f in book.state.fills] == [(200, 50), (250, 0), (50, 50)]


def test_immediate_or_cancel_and_fill_or_kill() -> None:
    book = opened(price=None)
    put(book, 99.9, 100.0, TEN, sizes=(100, 100))
    some, none = book.submit(ask(BUY, 150, lasts=Lasts.IOC), TEN), book.submit(ask(BUY, 150, lasts=Lasts.FOK), TEN)
    book.advance(TEN + 1)
    assert (some.status, some.filled) == (Status.CANCELED, 100 * SHARE)
    assert (none.status, none.filled) == (Status.CANCELED, 0)


def test_day_orders_end_with_the_day_and_others_do_not() -> None:
    book = opened()
    day, kept_on = (book.submit(ask(BUY, 1, limit=90.0, lasts=lasts), TEN) for lasts in (Lasts.DAY, Lasts.GTC))
    late = book.submit(ask(BUY, 1, limit=90.0, extended=True), TEN)
    book.advance(at("2025-06-12", 15.99))
    assert day.open
    book.advance(at("2025-06-12", 16))
    assert (day.status, kept_on.status, late.status) == (Status.EXPIRED, Status.NEW, Status.NEW)
    put(book, 89.0, 89.1, at("2025-06-12", 18))
    assert (late.status, kept_on.status) == (Status.FILLED, Status.NEW)  # only one of them trades after the close
    put(book, 89.0, 89.1, at("2025-06-13", 9.6))
    assert kept_on.status is Status.FILLED
    ages = book.submit(ask(BUY, 1, limit=50.0, lasts=Lasts.GTC), at("2025-06-13", 10))
    book.advance(at("2025-06-13", 10) + 91 * DAY)
    assert ages.status is Status.EXPIRED


def test_an_order_for_a_closed_market_waits_for_the_open_and_a_price_of_that_day() -> None:
    book = opened(at("2025-06-12", 15))
    order = book.submit(ask(BUY, 1), at("2025-06-13", 36))
    assert order.status is Status.ACCEPTED
    book.advance(at("2025-06-16", 9.5))
    assert order.status is Status.NEW
    book.advance(at("2025-06-16", 9.6))
    assert not order.filled
    put(book, 101.0, 101.1, at("2025-06-16", 9.7))
    assert order.value == SHARE * usd(101.1)


def test_auctions() -> None:
    book = opened(at("2025-06-12", 9))
    opening, dear = (book.submit(ask(BUY, 1, lasts=Lasts.OPG, **more), at("2025-06-12", 9)) for more in ({}, {"limit": 80.0}))
    put(book, 100.0, 100.2, at("2025-06-12", 9.5) + SECOND)
    assert (opening.value, dear.status) == (SHARE * usd(100.2), Status.CANCELED)
    closing = book.submit(ask(BUY, 500, lasts=Lasts.CLS), TEN)
    put(book, 101.0, 101.2, TEN + MINUTE, sizes=(1, 1))
    assert not closing.filled
    book.advance(at("2025-06-12", 16))
    assert closing.value == 500 * SHARE * usd(101.1)
    assert "09:28" in refusal(book, ask(BUY, 1, lasts=Lasts.OPG), at("2025-06-12", 17)).message
    assert book.submit(ask(BUY, 1, lasts=Lasts.OPG), at("2025-06-12", 19)).status is Status.ACCEPTED
    other = opened()
    assert "15:50" in refusal(other, ask(BUY, 1, lasts=Lasts.CLS), at("2025-06-12", 15.9)).message
    late = other.submit(ask(BUY, 1, lasts=Lasts.OPG), at("2025-06-13", 4))
    other.advance(at("2025-06-13", 9.6))  # the auction came without a price
    assert late.status is Status.CANCELED


def test_parts_of_shares_and_amounts() -> None:
    book = opened()
    book.submit(ask(BUY, 0.123456789), TEN)
    spent = book.submit(Ask(symbol="KO", side=BUY, notional=usd(1000)), TEN)
    book.advance(TEN + 1)
    assert text(spent.filled, SHARE) == "9.995002498"
    assert usd(1000) * SHARE - spent.value < usd(100.05)
    assert book.close("KO", TEN + 2).shares == spent.filled + 123_456_789


def test_a_bracket_arms_its_legs_when_the_entry_is_whole_and_one_leg_ends_the_other() -> None:
    book = opened(price=None)
    put(book, 99.9, 100.0, TEN, sizes=(100, 60))
    entry = book.submit(bracket(BUY, 100, take_profit=105.0, stop_loss=95.0), TEN)
    book.advance(TEN + 1)
    legs = {leg.role: leg for leg in book.state.orders.values() if leg.parent == entry.id}
    assert [leg.status for leg in legs.values()] == [Status.HELD, Status.HELD]
    put(book, 94.0, 106.0, TEN + SECOND, sizes=(100, 0))  # both would be touched, but nothing is there to protect yet
    assert (entry.status, [leg.armed for leg in legs.values()]) == (Status.FILLED, [True, True])
    assert legs["stop_loss"].status is Status.FILLED
    assert (legs["take_profit"].status, shares(book)) == (Status.CANCELED, 0)
    book = opened()
    entry = book.submit(bracket(BUY, 100, take_profit=105.0, stop_loss=95.0), TEN)
    book.advance(TEN + 1)
    legs = {leg.role: leg for leg in book.state.orders.values() if leg.parent == entry.id}
    assert (legs["take_profit"].status, legs["stop_loss"].status) == (Status.NEW, Status.HELD)
    put(book, 105.0, 105.1, TEN + SECOND, sizes=(30, 30))
    assert (legs["take_profit"].filled, legs["stop_loss"].shares) == (30 * SHARE, 70 * SHARE)
    put(book, 94.0, 94.1, TEN + 2 * SECOND)
    assert (legs["take_profit"].status, legs["stop_loss"].status, shares(book)) == (Status.CANCELED, Status.FILLED, 0)


def test_an_entry_that_ends_half_filled_leaves_no_exits() -> None:
    book = opened(price=None)
    put(book, 99.9, 100.0, TEN, sizes=(100, 60))
    entry = book.submit(bracket(BUY, 100, take_profit=105.0, stop_loss=95.0), TEN)
    book.cancel(entry.id, TEN + 1)
    assert shares(book) == 60
    assert all(not order.open for order in book.state.orders.values())
    assert events(book) == ["pending_new", "new", "partial_fill", "canceled", "canceled", "canceled"]


def test_two_exits_and_one() -> None:
    book = opened()
    book.submit(ask(BUY, 10), TEN)
    book.advance(TEN + 1)
    limit = book.submit(ask(SELL, 10, type=Type.LIMIT, together=Together.OCO, take_profit=105.0, stop_loss=95.0), TEN + 2)
    assert refusal(book, ask(SELL, 1), TEN + 3).more["held_for_orders"] == "10"
    stop = next(order for order in book.state.orders.values() if order.parent == limit.id)
    put(book, 94.0, 94.2, TEN + SECOND)
    assert (stop.status, limit.status, shares(book)) == (Status.FILLED, Status.CANCELED, 0)
    entry = book.submit(ask(SELL, 5, together=Together.OTO, stop_loss=99.0), TEN + 2 * SECOND)
    book.advance(TEN + 3 * SECOND)
    cover = next(order for order in book.state.orders.values() if order.parent == entry.id)
    assert (cover.side, cover.status, shares(book)) == (BUY, Status.NEW, -5)
    put(book, 99.0, 99.2, TEN + 4 * SECOND)
    assert shares(book) == 0
    assert book.state.cash == 100_000 * DOLLAR + book.state.realised


def test_replacing_leaves_what_was_filled_with_the_old_order() -> None:
    book = opened(price=None)
    put(book, 99.9, 100.0, TEN, sizes=(100, 40))
    old = book.submit(ask(BUY, 100, limit=100.0, client_id="a"), TEN)
    book.advance(TEN + 1)
    new = book.replace(old.id, Change(limit=usd(99.0), client_id="b"), TEN + 2)
    assert (old.status, old.filled, old.replaced_by) == (Status.REPLACED, 40 * SHARE, new.id)
    assert (new.shares, new.limit, new.replaces, new.status) == (60 * SHARE, usd(99.0), old.id, Status.NEW)
    for wrong, said in (
        (Change(shares=0), "qty"),
        (Change(stop=usd(99)), "no stop"),
        (Change(shares=5000 * SHARE), "buying power"),
        (Change(client_id="a"), "unique"),
    ):
        with pytest.raises(Refused, match=said):
            book.replace(new.id, wrong, TEN + 3)
        assert new.open
    with pytest.raises(Refused, match='already in "replaced"'):
        book.replace(old.id, Change(), TEN + 4)
    entry = opened()
    parent = entry.submit(bracket(BUY, 10, take_profit=105.0, stop_loss=95.0), TEN)
    entry.advance(TEN + 1)
    stop = next(leg for leg in entry.state.orders.values() if leg.role == "stop_loss")
    tighter = entry.replace(stop.id, Change(stop=usd(99.0)), TEN + 2)
    put(entry, 98.0, 98.1, TEN + SECOND)
    assert (tighter.status, tighter.parent, shares(entry)) == (Status.FILLED, parent.id, 0)


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        (ask(BUY, 1, "NOTHERE"), 422, "not found"),
        (ask(BUY, 1, "LIT"), 422, "not tradable"),
        (ask(BUY, 0.5, "WHL"), 403, "not fractionable"),
        (ask(BUY, 0.5, lasts=Lasts.GTC), 422, "fractional orders must be DAY"),
        (ask(SELL, 0.5), 422, "fractional orders cannot be sold short"),
        (ask(SELL, 1, "LNG"), 422, "cannot be sold short"),
        (ask(SELL, 1, "HTB"), 422, "hard to borrow"),
        (ask(BUY, 5000), 403, "insufficient buying power"),
        (ask(SELL, 5000), 403, "insufficient buying power"),
        (ask(BUY, 0), 422, "qty"),
        (ask(BUY, 1, limit=100.055), 422, "sub-penny"),
        (ask(BUY, 1, limit=-1.0), 422, "must be > 0"),
        (ask(BUY, 1, type=Type.LIMIT), 422, "require limit price"),
        (ask(BUY, 1, type=Type.STOP), 422, "require stop price"),
        (ask(BUY, 1, limit=99.0, type=Type.MARKET), 422, "no stop or limit"),
        (ask(BUY, 1, extended=True), 422, "extended hours"),
        (ask(BUY, 1, stop=99.0, lasts=Lasts.CLS), 422, "market or limit"),
        (bracket(BUY, 1, take_profit=95.0, stop_loss=105.0), 422, "take_profit.limit_price must be >"),
        (bracket(BUY, 1, take_profit=105.0, stop_loss=101.0), 422, "stop_loss.stop_price must be <= base_price"),
        (bracket(SELL, 1, take_profit=101.0, stop_loss=105.0), 422, "take_profit.limit_price must be <= base_price"),
        (bracket(BUY, 1, take_profit=105.0), 422, "require"),
        (bracket(BUY, 1, take_profit=105.0, stop_loss=95.0, lasts=Lasts.IOC), 422, "DAY or GTC"),
        (ask(SELL, 1, type=Type.LIMIT, together=Together.OCO, take_profit=105.0, stop_loss=95.0), 403, "insufficient qty"),
        (ask(BUY, 1, client_id="x" * 129), 422, "128"),
        (ask(BUY, 1, "NEW"), 422, "no price is known"),
    ],
)  # fmt: skip
def test_refusals(asked: Ask, status: int, said: str) -> None:
    refused = refusal(opened(), asked)
    assert refused.status == status
    assert said in refused.message


def test_refusals_that_depend_on_the_account() -> None:
    assert "restricted" in refusal(opened(blocked=True), ask(BUY, 1)).message
    assert "not allowed to short" in refusal(opened(shorting=False), ask(SELL, 1)).message
    assert "not allowed to short" in refusal(opened(cash=1_900), ask(SELL, 1)).message
    book = opened()
    book.submit(ask(BUY, 1, client_id="once"), TEN)
    again = refusal(book, ask(BUY, 1, client_id="once"), TEN + DAY)
    assert (again.status, again.code, again.message) == (422, 40010001, "client_order_id must be unique")
    book = opened(at("2025-06-13", 36))
    assert "market is closed" in refusal(book, ask(BUY, 1, lasts=Lasts.IOC), at("2025-06-13", 36)).message


def test_an_account_does_not_trade_with_itself() -> None:
    book = opened()
    book.submit(ask(SELL, 5, limit=101.0), TEN)
    assert "cannot open a long buy" in refusal(book, ask(BUY, 5, limit=99.0)).message
    book = opened()
    book.submit(ask(BUY, 5), TEN)
    book.submit(ask(SELL, 5, limit=101.0), TEN + 1)
    washed = refusal(book, ask(BUY, 5), TEN + 2)
    assert (washed.status, washed.more["reject_reason"]) == (403, "opposite side limit order exists")
    assert book.submit(ask(BUY, 5, limit=99.0), TEN + 3).open
    more = refusal(book, ask(SELL, 6, limit=102.0), TEN + 4)
    assert (more.more["available"], more.more["existing_qty"]) == ("0", "5")


def test_buying_power_is_twice_the_equity_overnight_and_four_times_by_day() -> None:
    book = opened()
    assert margin.buying_power(book.state, margin.multiplier(book.state, TEN)) == 400_000 * DOLLAR
    book.submit(ask(BUY, 1000, limit=100.0), TEN)
    assert margin.buying_power(book.state, 4) == 300_000 * DOLLAR
    assert margin.multiplier(book.state, at("2025-06-12", 17)) == 2
    assert margin.multiplier(opened(cash=24_000).state, TEN) == 2
    assert margin.multiplier(opened(cash=1_999).state, TEN) == 1


def test_day_trades_are_counted_and_the_old_rule_ends_on_its_day() -> None:
    for now, refused in ((TEN, True), (at("2026-07-06", 10), False)):
        book = opened(now, cash=20_000)
        for i in range(3):
            book.submit(ask(BUY, 10), now + 4 * i)
            book.submit(ask(SELL, 10), now + 4 * i + 1)
            book.advance(now + 4 * i + 2)
        assert margin.day_trades(book.state, now + MINUTE) == 3
        if refused:
            assert refusal(book, ask(BUY, 1), now + MINUTE).code == 40310100
        else:
            book.submit(ask(BUY, 1), now + MINUTE)
        later = now + 10 * DAY
        put(book, 99.0, 99.1, later)
        assert margin.day_trades(book.state, later) == 0


def test_the_close_is_remembered() -> None:
    book = opened()
    book.submit(ask(BUY, 10), TEN)
    put(book, 110.0, 110.2, at("2025-06-12", 15))
    put(book, 90.0, 90.2, at("2025-06-13", 10))
    assert book.state.last_equity == book.state.cash + 10 * SHARE * usd(110.1)
    assert (book.state.closes["KO"], book.state.positions["KO"].opened_today) == (usd(110.1), 0)


def test_the_state_survives_on_disk(tmp_path: Path) -> None:
    book = opened()
    book.submit(bracket(BUY, 0 + 10, take_profit=105.0, stop_loss=95.0), TEN)
    book.submit(ask(SELL, 3, "WHL"), TEN)
    book.advance(TEN + 1)
    path = tmp_path / "deep" / "account.json"
    kept.write(book.state, path)
    found = kept.read(path)
    assert found is not None
    assert found == book.state
    again = Book(LISTING, found)
    for one in (book, again):
        put(one, 94.0, 94.1, TEN + SECOND)
    assert again.state == book.state
    assert refusal(again, ask(BUY, 1, client_id=next(iter(again.state.orders))), TEN + SECOND).code == 40010001
    assert kept.read(tmp_path / "none.json") is None
    path.write_text("{")
    with pytest.raises(BadData, match=r"account\.json"):
        kept.read(path)


def test_sending_back_and_ending_everything() -> None:
    book = opened()
    sent_back = book.submit(ask(BUY, 1, limit=90.0), TEN)
    book.reject(sent_back.id, TEN + 1)
    assert sent_back.status is Status.REJECTED
    book.submit(bracket(BUY, 10, take_profit=105.0, stop_loss=95.0), TEN + 2)
    book.advance(TEN + 3)
    assert len(book.cancel_all(TEN + 4)) == 2
    assert not book.state.open
    with pytest.raises(Refused, match='already in "rejected"'):
        book.cancel(sent_back.id, TEN + 5)
    with pytest.raises(Refused, match="order not found"):
        book.cancel("none", TEN + 5)
    with pytest.raises(Refused, match="position does not exist"):
        book.close("NONE", TEN + 6)


def test_a_symbol_that_only_trades_is_filled_at_its_trades() -> None:
    book = opened(price=None)
    book.trade("KO", usd(50), TEN)
    order = book.submit(ask(BUY, 2), TEN)
    book.trade("KO", usd(51), TEN + SECOND)
    assert order.value == 2 * SHARE * usd(50)
    assert margin.equity(book.state) == 100_002 * DOLLAR


def test_numbers_as_text() -> None:
    assert [text(n, SHARE) for n in (0, SHARE, -SHARE // 2, 10 * SHARE, 1)] == ["0", "1", "-0.5", "10", "0.000000001"]
    assert dollars(-12_345 * DOLLAR // 100) == "-123.45"
    assert [whole(given, PRICE) for given in ("1.5", 2, 0.1, "x", True, None, "nan", "1.00001", "1e2")] == [
        15_000, 20_000, 1_000, None, None, None, None, None, 1_000_000,
    ]  # fmt: skip
