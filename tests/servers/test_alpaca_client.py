"""The official client against the simulated broker: what it asks for is there, and comes out of its models whole."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.servers.alpaca_broker import KEY, LIVE_KEY, SECRET, Trading, TradingClient, trading
from tests.servers.conftest import DAY, at
from undertow.core.calendar import nyse
from undertow.core.events import Quote
from undertow.sandbox.broker.listing import Listing
from undertow.sandbox.broker.words import Asset

from alpaca.common.exceptions import APIError  # isort: skip - after the helper, which keeps its warning quiet
from alpaca.trading import requests as ask  # isort: skip
from alpaca.trading.enums import OrderClass, OrderSide, QueryOrderStatus, TimeInForce  # isort: skip

BUY, SELL = OrderSide.BUY, OrderSide.SELL
LISTING = Listing(("AAPL", "KO", "MSFT"), {"HTB": Asset(symbol="HTB", easy_to_borrow=False)})


@pytest.fixture
def server() -> Iterator[Trading]:
    with trading(at(DAY, 10), listing=LISTING) as running:
        running.broker.quote("KO", 70.00, 70.02)
        yield running


@pytest.fixture
def client(server: Trading) -> Iterator[TradingClient]:
    made = server.client()
    yield made
    made._session.close()


def market(side: OrderSide, qty: float, symbol: str = "KO", **more: Any) -> ask.MarketOrderRequest:
    return ask.MarketOrderRequest(symbol=symbol, qty=qty, side=side, time_in_force=TimeInForce.DAY, **more)


def limit(side: OrderSide, qty: float, price: float, symbol: str = "KO", **more: Any) -> ask.LimitOrderRequest:
    more.setdefault("time_in_force", TimeInForce.DAY)
    return ask.LimitOrderRequest(symbol=symbol, qty=qty, side=side, limit_price=price, **more)


def test_account_and_positions(client: TradingClient) -> None:
    account = client.get_account()
    assert (account.status.value, account.cash, account.equity, account.last_equity) == ("ACTIVE", "100000", "100000", "100000")
    assert (account.multiplier, account.buying_power, account.regt_buying_power) == ("4", "400000", "200000")
    assert (account.daytrade_count, account.pattern_day_trader, account.shorting_enabled) == (0, False, True)
    assert account.account_number.startswith("PA")
    assert client.get_account_configurations().no_shorting is False
    order = client.submit_order(market(BUY, 10, client_order_id="one"))
    assert (order.status.value, order.filled_qty, order.client_order_id) == ("pending_new", "0", "one")
    filled = client.get_order_by_client_id("one")
    assert (filled.id, filled.status.value, filled.filled_avg_price) == (order.id, "filled", "70.02")
    held = client.get_open_position("KO")
    assert (held.qty, held.avg_entry_price, held.side.value, held.current_price) == ("10", "70.02", "long", "70.01")
    assert (held.market_value, held.cost_basis, held.unrealized_pl) == ("700.1", "700.2", "-0.1")
    assert client.get_open_position(held.asset_id).qty_available == "10"
    account = client.get_account()
    assert (account.cash, account.equity, account.long_market_value) == ("99299.8", "99999.9", "700.1")
    assert client.close_position("KO", ask.ClosePositionRequest(qty="4")).qty == "4"
    assert client.close_position("KO", ask.ClosePositionRequest(percentage="50")).qty == "3"
    assert client.get_account().daytrade_count == 2
    closed = client.close_all_positions(cancel_orders=True)
    assert [(one.symbol, one.status, one.body.qty) for one in closed] == [("KO", 200, "3")]
    assert client.get_all_positions() == []
    with pytest.raises(APIError, match="position does not exist"):
        client.get_open_position("KO")


def test_looking_at_orders(server: Trading, client: TradingClient) -> None:
    first = client.submit_order(limit(BUY, 1, 60))
    server.wait(5)
    middle = datetime.fromtimestamp(server.clock.at / 1e9, UTC) - timedelta(seconds=1)
    second = client.submit_order(limit(BUY, 2, 61, symbol="KO"))
    client.submit_order(market(BUY, 3))
    closed = client.get_orders(ask.GetOrdersRequest(status=QueryOrderStatus.CLOSED))
    assert [order.qty for order in closed] == ["3"]
    assert [order.id for order in client.get_orders()] == [second.id, first.id]
    by = ask.GetOrdersRequest
    assert [order.id for order in client.get_orders(by(after=middle))] == [second.id]
    assert [order.id for order in client.get_orders(by(until=middle))] == [first.id]
    assert [order.id for order in client.get_orders(by(direction="asc", limit=1))] == [first.id]
    assert client.get_orders(by(symbols=["AAPL"])) == client.get_orders(by(side=SELL)) == []
    assert len(client.get_orders(by(status=QueryOrderStatus.ALL, symbols=["KO", "AAPL"]))) == 3
    moved = client.replace_order_by_id(first.id, ask.ReplaceOrderRequest(qty=2, limit_price=62, client_order_id="moved"))
    assert (moved.replaces, moved.limit_price, moved.qty) == (first.id, "62", "2")
    assert client.get_order_by_id(first.id).replaced_by == moved.id
    client.cancel_order_by_id(moved.id)
    canceled = client.get_order_by_id(moved.id)
    assert (canceled.status.value, canceled.canceled_at) == ("canceled", canceled.updated_at)
    with pytest.raises(APIError, match='already in \\\\"canceled') as caught:
        client.cancel_order_by_id(moved.id)
    assert (caught.value.status_code, caught.value.code) == (422, 42210000)
    assert [(one.id, one.status) for one in client.cancel_orders()] == [(second.id, 200)]
    with pytest.raises(APIError, match="order not found"):
        client.get_order_by_client_id("nobody's")


def test_a_bracket_and_its_legs(server: Trading, client: TradingClient) -> None:
    legs = {"take_profit": ask.TakeProfitRequest(limit_price=75), "stop_loss": ask.StopLossRequest(stop_price=65, limit_price=64.5)}
    order = client.submit_order(market(BUY, 10, order_class=OrderClass.BRACKET, **legs))
    assert [(leg.type.value, leg.status.value) for leg in order.legs] == [("limit", "held"), ("stop_limit", "held")]
    flat = client.get_orders()
    assert {leg.status.value for leg in flat} == {"new", "held"}
    server.wait(1)
    server.broker.quote("KO", 75.5, 75.6)
    nested = client.get_orders(ask.GetOrdersRequest(status=QueryOrderStatus.ALL, nested=True))
    assert [(one.order_class, one.status.value) for one in nested] == [(OrderClass.BRACKET, "filled")]
    assert [(leg.status.value, leg.filled_avg_price) for leg in nested[0].legs] == [("filled", "75.5"), ("canceled", None)]
    assert client.get_all_positions() == []
    client.submit_order(market(BUY, 5))
    exits = client.submit_order(limit(SELL, 5, None, order_class=OrderClass.OCO, time_in_force=TimeInForce.GTC, **legs | {
        "take_profit": ask.TakeProfitRequest(limit_price=80)}))  # fmt: skip
    assert (exits.limit_price, [leg.stop_price for leg in exits.legs]) == ("80", ["65"])
    with pytest.raises(APIError, match="insufficient qty available"):
        client.close_position("KO")


@pytest.mark.parametrize(
    ("order", "status", "code", "said"),
    [
        (market(BUY, 1, symbol="NOTHERE"), 422, 40010001, "not found"),
        (market(BUY, 50_000), 403, 40310000, "insufficient buying power"),
        (market(SELL, 1, symbol="HTB"), 422, 42210000, "hard to borrow"),
        (limit(BUY, 1, 70.005), 422, 42210000, "sub-penny"),
    ],
)
def test_refusals(server: Trading, client: TradingClient, order: Any, status: int, code: int, said: str) -> None:
    server.broker.quote("HTB", 10, 10.1)
    with pytest.raises(APIError, match=said) as caught:
        client.submit_order(order)
    assert (caught.value.status_code, caught.value.code) == (status, code)


def test_the_same_id_twice(client: TradingClient) -> None:
    client.submit_order(market(BUY, 1, client_order_id="same"))
    with pytest.raises(APIError, match="client_order_id must be unique") as caught:
        client.submit_order(market(BUY, 1, client_order_id="same"))
    assert (caught.value.status_code, caught.value.code) == (422, 40010001)
    assert len(client.get_orders(ask.GetOrdersRequest(status=QueryOrderStatus.ALL))) == 1


@pytest.mark.parametrize(("key", "secret"), [("PKOTHER", "wrong"), (LIVE_KEY, SECRET), ("ZZ", SECRET)])
def test_wrong_keys(server: Trading, key: str, secret: str) -> None:
    with pytest.raises(APIError) as caught:
        server.client(key, secret).get_account()
    assert (caught.value.status_code, caught.value.message) == (403, "forbidden.")


def test_live_accounts_live_elsewhere(server: Trading) -> None:
    live = TradingClient(LIVE_KEY, SECRET, paper=False, url_override=server.base + "/live")
    assert live.get_account().account_number.isdigit()
    with pytest.raises(APIError, match="forbidden"):
        TradingClient(KEY, SECRET, paper=False, url_override=server.base + "/live").get_account()
    live.submit_order(market(BUY, 1))
    assert server.client().get_all_positions() == []


def test_assets_clock_and_calendar(server: Trading, client: TradingClient) -> None:
    assert [asset.symbol for asset in client.get_all_assets()] == ["AAPL", "HTB", "KO", "MSFT"]
    asset = client.get_asset("HTB")
    assert (asset.tradable, asset.shortable, asset.easy_to_borrow, asset.fractionable) == (True, True, False, True)
    assert client.get_asset(asset.id).symbol == "HTB"
    assert client.get_asset("IBM").tradable
    with pytest.raises(APIError, match="asset not found"):
        client.get_asset("NOTHERE")
    clock = client.get_clock()
    assert (clock.is_open, clock.timestamp.isoformat()) == (True, f"{DAY}T10:00:00-04:00")
    assert (clock.next_close.isoformat(), clock.next_open.isoformat()) == (f"{DAY}T16:00:00-04:00", "2025-06-13T09:30:00-04:00")
    server.clock.at = at("2025-06-13", 36)
    assert not client.get_clock().is_open
    days = client.get_calendar(ask.GetCalendarRequest(start=date(2025, 7, 1), end=date(2025, 7, 6)))
    assert [(day.date.day, day.close.hour) for day in days] == [(1, 16), (2, 16), (3, 13)]


def test_activities_page_by_page(server: Trading, client: TradingClient) -> None:
    for i in range(5):
        client.submit_order(market(BUY, i + 1, client_order_id=f"n{i}"))
        server.wait(1)
    rows = client.get("/account/activities/FILL", {"page_size": 2, "direction": "asc"})
    assert [row["qty"] for row in rows] == ["1", "2"]
    rows = client.get("/account/activities", {"page_size": 100, "direction": "asc", "page_token": rows[-1]["id"]})
    assert [(row["qty"], row["type"], row["cum_qty"]) for row in rows] == [("3", "fill", "3"), ("4", "fill", "4"), ("5", "fill", "5")]
    newest = client.get("/account/activities/FILL", {"after": rows[1]["transaction_time"]})
    assert [row["qty"] for row in newest] == ["5"]
    assert newest[0]["order_id"] == str(client.get_order_by_client_id("n4").id)
    assert client.get("/account/activities/DIV") == []
    assert len(client.get("/account/activities", {"date": DAY, "activity_types": "FILL,DIV"})) == 5


def test_the_official_stream(server: Trading, client: TradingClient) -> None:
    heard: list[Any] = []

    async def listen() -> None:
        async with server.updates(heard, 7):
            server.broker.quote("KO", 70.0, 70.02, (100, 60))
            await asyncio.to_thread(client.submit_order, limit(BUY, 100, 71, client_order_id="parts"))
            await asyncio.to_thread(server.broker.quote, "KO", 70.0, 70.01, (100, 100))
            waiting = await asyncio.to_thread(client.submit_order, limit(BUY, 1, 50))
            await asyncio.to_thread(client.cancel_order_by_id, waiting.id)

    asyncio.run(listen())
    assert [update.event for update in heard] == ["pending_new", "new", "partial_fill", "fill", "pending_new", "new", "canceled"]
    part, whole = heard[2:4]
    assert (part.qty, part.price, part.position_qty, part.order.filled_qty) == (60, 70.02, 60, "60")
    assert (whole.qty, whole.price, whole.position_qty, whole.order.status.value) == (40, 70.01, 100, "filled")
    assert part.execution_id != whole.execution_id
    assert {update.order.client_order_id for update in heard[:4]} == {"parts"}


def test_the_market_s_own_quotes_fill_orders() -> None:
    with trading(at(DAY, 10)) as server:
        client = server.client()
        session = int(nyse().position(server.clock.at))
        client.submit_order(market(BUY, 10, "AAPL"))
        quotes = server.broker.world.rows(Quote, "AAPL", slice(session, session + 1))
        ask_, size = (int(quotes.columns[name][-1]) for name in ("ask", "ask_size"))
        assert size >= 10
        assert float(client.get_open_position("AAPL").avg_entry_price) == ask_ / 10_000
        low = round(ask_ / 10_000 - 0.4, 2)
        resting = client.submit_order(limit(BUY, 5, low, "AAPL", time_in_force=TimeInForce.GTC))
        server.clock.at = at(DAY, 15.9)
        quotes = server.broker.world.rows(Quote, "AAPL", slice(session, session + 1))
        low_enough = (quotes.known_at > at(DAY, 10)) & (quotes.columns["ask"] <= round(low * 10_000))
        order = client.get_order_by_id(resting.id)
        assert (order.status.value == "filled") == bool(low_enough.any())
        if low_enough.any():
            first = quotes[low_enough]
            assert float(order.filled_avg_price) == int(first.columns["ask"][0]) / 10_000
            assert round(order.filled_at.timestamp() * 1e6) == int(first.known_at[0]) // 1000
        equity = float(client.get_account().equity)
        assert abs(equity - 100_000) < 1_000
        client._session.close()
