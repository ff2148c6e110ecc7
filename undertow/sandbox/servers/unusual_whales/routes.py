"""Which path is answered by what; every answer counts against the key and says how things stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from undertow.core.events import OffExchangePrint, Trade
from undertow.sandbox.servers.faults import Faults
from undertow.sandbox.servers.unusual_whales import (
    contracts,
    disclosures,
    exposure,
    flow_answers,
    interest,
    prices,
    prints,
    screens,
    sums,
    volumes,
)
from undertow.sandbox.servers.unusual_whales import volatility as vol
from undertow.sandbox.servers.unusual_whales.ask import Ask, Refused
from undertow.sandbox.servers.unusual_whales.desk import Desk, Shelf
from undertow.sandbox.servers.unusual_whales.meter import Meter
from undertow.sandbox.servers.unusual_whales.plan import Plan
from undertow.sandbox.servers.world import World

if TYPE_CHECKING:
    from fastapi import APIRouter
    from starlette.requests import Request
    from starlette.responses import Response

Answer = Callable[[Desk, Ask], Any]
_STOCK = "/api/stock/{ticker}"
#: the first that fits answers
ANSWERS: dict[str, Answer] = {
    "/api/option-trades": flow_answers.option_trades,
    "/api/option-trades/flow-alerts": flow_answers.flow_alerts,
    "/api/option-trades/flow-alerts/{id}": flow_answers.alert,
    "/api/option-trades/full-tape/{date}": flow_answers.full_tape,
    "/api/option-contract/{id}/flow": flow_answers.contract_flow,
    "/api/option-contract/{id}/historic": contracts.historic,
    "/api/option-contract/{id}/intraday": contracts.intraday,
    "/api/option-activity/unusual": screens.unusual,
    "/api/screener/option-contracts": screens.screener,
    f"{_STOCK}/flow-alerts": flow_answers.ticker_alerts,
    f"{_STOCK}/flow-recent": sums.per_expiry,
    f"{_STOCK}/flow-per-expiry": sums.per_expiry,
    f"{_STOCK}/flow-per-strike": sums.per_strike,
    f"{_STOCK}/options-volume": volumes.options_volume,
    f"{_STOCK}/net-prem-ticks": sums.net_premium_ticks,
    f"{_STOCK}/oi-change": interest.oi_change,
    f"{_STOCK}/oi-per-strike": interest.oi_per_strike,
    f"{_STOCK}/oi-per-expiry": interest.oi_per_expiry,
    f"{_STOCK}/option-contracts": contracts.option_contracts,
    f"{_STOCK}/option-chains": contracts.option_chains,
    f"{_STOCK}/greek-exposure": exposure.daily,
    f"{_STOCK}/greek-exposure/strike": exposure.by_strike,
    f"{_STOCK}/greek-exposure/expiry": exposure.by_expiry,
    f"{_STOCK}/spot-exposures": exposure.spot_exposures,
    f"{_STOCK}/gex-levels": exposure.levels,
    f"{_STOCK}/max-pain": exposure.max_pain,
    f"{_STOCK}/volatility/term-structure": vol.term_structure,
    f"{_STOCK}/volatility/stats": vol.stats,
    f"{_STOCK}/volatility/realized": vol.realized,
    f"{_STOCK}/iv-rank": vol.iv_rank,
    f"{_STOCK}/interpolated-iv": vol.interpolated,
    f"{_STOCK}/greeks": vol.greeks_of_expiry,
    f"{_STOCK}/ohlc/{{candle_size}}": prices.candles,
    f"{_STOCK}/stock-state": prices.state,
    "/api/seasonality/{ticker}/monthly": prices.months,
    "/api/darkpool/recent": prints.recent(OffExchangePrint),
    "/api/darkpool/{ticker}": prints.of_ticker(OffExchangePrint),
    "/api/darkpool/{ticker}/price-levels": prints.price_levels,
    "/api/lit-flow/recent": prints.recent(Trade),
    "/api/lit-flow/{ticker}": prints.of_ticker(Trade),
    "/api/insider/transactions": disclosures.insider_transactions,
    "/api/insider/{ticker}": disclosures.insiders,
    "/api/insider/{ticker}/ticker-flow": disclosures.insider_flow,
    "/api/earnings/premarket": disclosures.earnings_on("premarket"),
    "/api/earnings/afterhours": disclosures.earnings_on("postmarket"),
    "/api/earnings/{ticker}": disclosures.earnings,
    "/api/market/market-tide": sums.market_tide,
    "/api/market/total-options-volume": volumes.total_volume,
    "/api/market/{sector}/sector-tide": sums.sector_tide,
    "/api/news/headlines": disclosures.news,
    "/api/congress/recent-trades": disclosures.congress,
    "/api/shorts/{ticker}/data": disclosures.short_data,
}


def routes(world: World, faults: Faults, key: str = "", plan: Plan | None = None) -> APIRouter:
    """The vendor's REST paths and its socket.

    key  : the token that the socket accepts; empty: any, but one must be given (REST is guarded elsewhere)
    plan : what the key may do
    """
    from fastapi import APIRouter

    from undertow.sandbox.servers.unusual_whales.socket import PATH, endpoint

    held, shelf = plan or Plan(), Shelf()
    meter = Meter(held)

    def desk() -> Desk:
        return Desk(world.at(world.now()), held, shelf)

    router = APIRouter()
    for path, answer in ANSWERS.items():
        router.add_route(path, _endpoint(desk, answer, meter), methods=["GET"])
    router.add_websocket_route(PATH, endpoint(desk, faults, key))
    return router


def ask_of(path: str, parts: dict[str, str], pairs: Iterable[tuple[str, str]]) -> Ask:
    """A question from the parts of a request; ``name[]`` may be given more than once."""
    query: dict[str, str] = {}
    lists: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        if name.endswith("[]"):
            lists[name[:-2]] = (*lists.get(name[:-2], ()), value)
        else:
            query[name] = value
    return Ask(path=path, parts=parts, query=query, lists=lists)


def _endpoint(desk: Callable[[], Desk], answer: Answer, meter: Meter) -> Callable[[Request], Response]:
    # no coroutine: it may take a thread's time
    def respond(request: Request) -> Response:
        from msgspec import json
        from starlette.responses import Response

        here = desk()
        token = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        over, headers = meter.count(token, meter.plan.clock() if meter.plan.clock is not None else here.now)
        status, body = 429, _too_many(over)
        if not over:
            try:
                status, body = 200, answer(here, ask_of(request.url.path, dict(request.path_params), request.query_params.multi_items()))
            except Refused as refused:
                status, body = refused.status, refused.body
        if isinstance(body, bytes):
            return Response(body, status, headers, "application/zip")
        return Response(json.encode(body), status, headers, "application/json")

    return respond


def _too_many(over: str) -> Any:
    what = "daily request limit" if over == "day" else "requests allowed per minute"
    return {"error": {"code": f"{'daily' if over == 'day' else 'minute'}_limit_exceeded", "message": f"You have exceeded the {what}."}}
