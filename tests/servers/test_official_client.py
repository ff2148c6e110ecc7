"""The vendor's own client against the simulated market: what it asks for is there, and comes out of its models whole."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator

import pytest
from massive import RESTClient, WebSocketClient
from massive.exceptions import BadResponse
from massive.websocket.models import EquityAgg, EquityQuote, EquityTrade

from tests.servers.conftest import DAY, at
from tests.servers.running import KEY, Running, running
from undertow.core.calendar import nyse
from undertow.core.events import OffExchangePrint, Trade
from undertow.core.time import MINUTE


@pytest.fixture(scope="module")
def client(evening: Running) -> Iterator[RESTClient]:
    made = RESTClient(KEY, base=evening.base, retries=0)
    yield made
    made.client.clear()


def session() -> slice:
    i = int(nyse().position(at(DAY, 12)))
    return slice(i, i + 1)


def test_aggregates_over_several_pages(client: RESTClient, evening: Running) -> None:
    got = list(client.list_aggs("AAPL", 1, "minute", DAY, DAY, limit=100))
    truth = evening.world.minutes("AAPL", session())
    assert len(got) == len(truth) > 700
    assert [bar.timestamp * 10**6 + MINUTE for bar in got] == truth.event_at.tolist()
    assert [round(bar.close * 10_000) for bar in got] == truth.columns["close"].tolist()
    assert [bar.transactions for bar in got] == truth.columns["trades"].tolist()
    assert evening.faults.asked.total() > 7
    grouped = client.get_grouped_daily_aggs(DAY)
    assert len(grouped) == len(evening.world.listed)
    assert client.get_previous_close_agg("KO")[0].close == client.get_daily_open_close_agg("KO", DAY).close


def test_trades_and_quotes(client: RESTClient, evening: Running) -> None:
    got = list(client.list_trades("KO", timestamp=DAY, limit=5000, order="asc"))
    lit, dark = (len(evening.world.rows(kind, "KO", session())) for kind in (Trade, OffExchangePrint))
    assert (sum(t.trf_id is None for t in got), sum(t.trf_id is not None for t in got)) == (lit, dark)
    assert all((t.exchange == 4) == (t.trf_id is not None) for t in got)
    assert [t.sequence_number for t in got] == list(range(1, len(got) + 1))
    assert all(a.sip_timestamp <= b.sip_timestamp for a, b in itertools.pairwise(got))
    quotes = list(client.list_quotes("KO", timestamp=DAY, limit=5000))
    assert len(quotes) > 1000
    assert all(quote.bid_price < quote.ask_price for quote in quotes)
    last, nbbo = client.get_last_trade("KO"), client.get_last_quote("KO")
    assert (last.price, last.sip_timestamp) == (got[-1].price, got[-1].sip_timestamp)
    assert nbbo.bid_price < nbbo.ask_price


def test_snapshots(client: RESTClient) -> None:
    one = client.get_snapshot_ticker("stocks", "AAPL")
    assert one.day.volume > one.min.volume > 0
    assert one.last_quote.bid_price < one.last_quote.ask_price
    assert one.todays_change == pytest.approx(one.min.close - one.prev_day.close, abs=1e-6)
    every = client.get_snapshot_all("stocks", ["AAPL", "KO"])
    assert [row.ticker for row in every] == ["AAPL", "KO"]
    gainers, losers = client.get_snapshot_direction("stocks", "gainers"), client.get_snapshot_direction("stocks", "losers")
    assert all(row.todays_change_percent > 0 for row in gainers)
    assert all(row.todays_change_percent < 0 for row in losers)
    assert gainers
    assert losers
    rows = list(client.list_universal_snapshots(ticker_any_of=["AAPL", "KO", "ZZZZZZZZ"]))
    assert [(row.ticker, row.error) for row in rows] == [("AAPL", None), ("KO", None), ("ZZZZZZZZ", "NOT_FOUND")]


def test_options(client: RESTClient) -> None:
    chain = list(client.list_snapshot_options_chain("AAPL", params={"limit": 20}))
    assert len(chain) > 40
    assert all(row.implied_volatility > 0 and row.greeks.gamma > 0 and row.greeks.theta < 0 for row in chain)
    assert any(row.open_interest > 0 and row.last_trade is not None for row in chain)
    calls = list(client.list_snapshot_options_chain("AAPL", params={"contract_type": "call", "strike_price.gte": 600}))
    assert calls
    assert all(row.details.contract_type == "call" and row.details.strike_price >= 600 for row in calls)
    name = chain[10].details.ticker
    assert client.get_snapshot_option("AAPL", name).details.ticker == name
    assert next(iter(client.list_universal_snapshots(ticker_any_of=[name]))).type == "options"
    contracts = list(client.list_options_contracts("AAPL", limit=30))
    assert {row.details.ticker for row in chain} <= {row.ticker for row in contracts}
    assert all(row.expiration_date >= DAY for row in contracts)
    expired = list(client.list_options_contracts("AAPL", expired=True, expiration_date_gte="2025-05-01", limit=1000))
    assert expired
    assert all("2025-05-01" <= row.expiration_date < DAY for row in expired)
    earlier = list(client.list_options_contracts("AAPL", as_of="2025-03-03", limit=1000))
    assert min(row.expiration_date for row in earlier) < "2025-03-31"
    assert client.get_options_contract(name).strike_price == chain[10].details.strike_price
    assert len(list(client.list_aggs(name, 1, "day", "2025-05-01", DAY))) >= 1
    assert list(client.list_trades(name, timestamp=DAY, limit=100))


def test_reference_and_news(client: RESTClient, evening: Running) -> None:
    assert len(client.get_sma("AAPL", window=5, limit=7).values) == 7
    assert client.get_macd("AAPL").values[0].signal is not None
    assert 0 < client.get_rsi("AAPL").values[0].value < 100
    assert client.get_ema("AAPL", timespan="minute").values[0].value > 0
    news = [story for story, _ in zip(client.list_ticker_news("AAPL", limit=5), range(12), strict=False)]
    assert len(news) == 12
    assert {story.insights[0].sentiment for story in news} <= {"positive", "negative", "neutral"}
    assert all(story.tickers == ["AAPL"] for story in news)
    assert [s.split_to for s in client.list_stocks_splits(ticker="JPM") if s.execution_date == "2025-06-10"] == [4]
    assert [s.split_to for s in client.list_splits(ticker="JPM") if s.execution_date == "2025-06-10"] == [4]
    assert list(client.list_stocks_dividends(ticker="AAPL")) == list(client.list_dividends("AAPL")) == []
    volume = next(iter(client.list_short_volume("AAPL")))
    assert (volume.date, volume.short_volume < volume.total_volume) == (DAY, True)
    assert list(client.list_short_interest("AAPL")) == []
    assert client.get_market_status().market == "closed"
    assert client.get_market_holidays()[0].date > DAY
    assert {e.id for e in client.get_exchanges("stocks")} >= {4, 10, 12}
    assert {c.id for c in client.list_conditions("stocks", limit=1000)} >= {2, 12, 37, 53}
    assert [t.ticker for t in client.list_tickers(limit=4)] == sorted(evening.world.listed)
    assert client.get_ticker_details("AAPL").primary_exchange == "XNAS"
    assert client.get_related_companies("AAPL")


def test_refusals_reach_the_client(evening: Running) -> None:
    with pytest.raises(BadResponse, match="before 'from'"):
        list(RESTClient(KEY, base=evening.base, retries=0).list_aggs("AAPL", 1, "day", DAY, "2025-06-01"))
    evening.plan("403", match="/v2/aggs")
    with pytest.raises(BadResponse, match="NOT_AUTHORIZED"):
        list(RESTClient(KEY, base=evening.base, retries=0).list_aggs("AAPL", 1, "day", DAY, DAY))


def test_the_socket_client_in_accelerated_time() -> None:
    """Trades, quotes and minutes parse; the minutes that came are those of the market, in order, none twice."""
    heard: list[object] = []

    async def listen(server: Running) -> None:
        client = WebSocketClient(KEY, feed=server.base.removeprefix("http://"), secure=False, subscriptions=["T.KO", "Q.KO", "AM.*"])

        async def take(messages: list[object]) -> None:
            heard.extend(messages)
            minutes = {m.end_timestamp for m in heard if isinstance(m, EquityAgg)}
            if len(minutes) >= 4:
                await client.close()

        server.clock.run(600)
        await asyncio.wait_for(client.connect(take), 60)

    with running(at(DAY, 10), listed=("KO", "JPM")) as server:
        asyncio.run(listen(server))
        day = int(nyse().position(server.clock.at))
        truth = {symbol: server.world.minutes(symbol, slice(day, day + 1)) for symbol in ("KO", "JPM")}
    trades, bars = [m for m in heard if isinstance(m, EquityTrade)], [m for m in heard if isinstance(m, EquityAgg)]
    assert [m for m in heard if isinstance(m, EquityQuote)]
    assert {t.symbol for t in trades} == {"KO"}
    numbers = [t.sequence_number for t in trades]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    for symbol, whole in truth.items():
        mine = [bar for bar in bars if bar.symbol == symbol]
        first = whole.event_at.tolist().index(mine[0].end_timestamp * 10**6)
        same = whole[first : first + len(mine)]
        assert [bar.end_timestamp * 10**6 for bar in mine] == same.event_at.tolist()
        assert [round(bar.close * 10_000) for bar in mine] == same.columns["close"].tolist()
        assert [bar.volume for bar in mine] == same.columns["volume"].tolist()
        assert [bar.accumulated_volume for bar in mine] == whole.columns["volume"].cumsum()[first : first + len(mine)].tolist()
        opening = whole.event_at.tolist().index(int(nyse().open[day]) + MINUTE)
        assert {round(bar.official_open_price * 10_000) for bar in mine} == {int(whole.columns["open"][opening])}
