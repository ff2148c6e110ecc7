"""Which path is answered by what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from undertow.sandbox.servers.asked import Answer, Asked, endpoint
from undertow.sandbox.servers.faults import Faults
from undertow.sandbox.servers.massive import aggregates, contracts, indicators, published, reference, snapshots, ticks
from undertow.sandbox.servers.massive.asking import resumed
from undertow.sandbox.servers.massive.socket import Sockets
from undertow.sandbox.servers.world import World

if TYPE_CHECKING:
    from fastapi import APIRouter

_AGGS, _STOCKS, _OPTIONS = "/v2/aggs", "/v2/snapshot/locale/us/markets/stocks", "/v3/reference/options/contracts"
#: an earlier path wins
ANSWERS: dict[str, Answer] = {
    _AGGS + "/ticker/{ticker}/range/{multiplier}/{timespan}/{from}/{to}": aggregates.bars,
    _AGGS + "/ticker/{ticker}/prev": aggregates.previous,
    _AGGS + "/grouped/locale/us/market/stocks/{date}": aggregates.grouped,
    "/v1/open-close/{ticker}/{date}": aggregates.open_close,
    "/v3/trades/{ticker}": ticks.trades,
    "/v3/quotes/{ticker}": ticks.quotes,
    "/v2/last/trade/{ticker}": ticks.last_trade,
    "/v2/last/nbbo/{ticker}": ticks.last_quote,
    _STOCKS + "/tickers": snapshots.every,
    _STOCKS + "/tickers/{ticker}": snapshots.one,
    _STOCKS + "/{direction}": snapshots.movers,
    "/v3/snapshot": snapshots.universal,
    "/v3/snapshot/options/{underlying}": contracts.chain,
    "/v3/snapshot/options/{underlying}/{ticker}": contracts.one_snapshot,
    _OPTIONS: contracts.contracts,
    _OPTIONS + "/{ticker}": contracts.one_contract,
    "/v1/indicators/sma/{ticker}": indicators.sma,
    "/v1/indicators/ema/{ticker}": indicators.ema,
    "/v1/indicators/rsi/{ticker}": indicators.rsi,
    "/v1/indicators/macd/{ticker}": indicators.macd,
    "/v2/reference/news": published.news,
    "/stocks/v1/splits": published.splits,
    "/v3/reference/splits": published.old_splits,
    "/stocks/v1/dividends": published.dividends,
    "/v3/reference/dividends": published.dividends,
    "/stocks/v1/short-volume": published.short_volume,
    "/stocks/v1/short-interest": published.short_interest,
    "/v3/reference/tickers": reference.tickers,
    "/v3/reference/tickers/{ticker}": reference.details,
    "/v1/related-companies/{ticker}": reference.related,
    "/v3/reference/exchanges": reference.exchanges,
    "/stocks/v1/exchanges": reference.new_exchanges,
    "/v3/reference/conditions": reference.conditions,
    "/v1/marketstatus/now": reference.market_now,
    "/v1/marketstatus/upcoming": reference.market_upcoming,
}


def routes(world: World, faults: Faults, key: str = "") -> APIRouter:
    """Massive's REST paths and sockets; ``key`` is the one a socket accepts, empty for any."""
    from fastapi import APIRouter

    router = APIRouter()
    for path, answer in ANSWERS.items():
        router.add_route(path, endpoint(world, _paged(answer)), methods=["GET"])
    sockets = Sockets(world, faults, key)
    for path in ("/stocks", "/options"):
        router.add_websocket_route(path, sockets.serve)
    return router


def _paged(answer: Answer) -> Answer:
    def resume(world: World, asked: Asked) -> Any:
        return answer(*resumed(world, asked))

    return resume
