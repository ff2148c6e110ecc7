"""Every answer has the shape of the vendor's own sample of the same endpoint: its envelope, its names, its types."""

from __future__ import annotations

from typing import Any

import pytest

from tests.servers.unusual_whales.uw_vendor import DAY, Vendor, at
from tests.sources.unusual_whales.samples import needed, sample
from undertow.sandbox.servers.unusual_whales.routes import ANSWERS

pytestmark = needed
STOCK = "/api/stock/AAPL"
#: path -> samples of it, the documented one first
SHAPES: dict[str, tuple[str, ...]] = {
    "/api/option-trades": ("openapi_option_trades",),
    "/api/option-trades/flow-alerts": ("openapi_option_trades_flow_alerts", "digibug_option_trades_flow_alerts"),
    "/api/option-trades/flow-alerts/{id}": ("openapi_option_trades_flow_alerts_id",),
    "/api/option-contract/{id}/historic": ("openapi_option_contract_id_historic",),
    "/api/option-contract/{id}/intraday": ("openapi_option_contract_id_intraday",),
    "/api/option-activity/unusual": ("openapi_option_activity_unusual",),
    "/api/screener/option-contracts": ("openapi_screener_option_contracts",),
    f"{STOCK}/flow-alerts": ("openapi_stock_ticker_flow_alerts", "digibug_option_trades_flow_alerts"),
    f"{STOCK}/flow-recent": ("openapi_stock_ticker_flow_recent",),
    f"{STOCK}/flow-per-expiry": ("openapi_stock_ticker_flow_per_expiry",),
    f"{STOCK}/flow-per-strike": ("openapi_stock_ticker_flow_per_strike",),
    f"{STOCK}/options-volume": ("openapi_stock_ticker_options_volume",),
    f"{STOCK}/net-prem-ticks": ("openapi_stock_ticker_net_prem_ticks",),
    f"{STOCK}/oi-change": ("openapi_stock_ticker_oi_change",),
    f"{STOCK}/oi-per-strike": ("openapi_stock_ticker_oi_per_strike",),
    f"{STOCK}/oi-per-expiry": ("openapi_stock_ticker_oi_per_expiry",),
    f"{STOCK}/option-contracts": ("openapi_stock_ticker_option_contracts",),
    f"{STOCK}/option-chains": ("openapi_stock_ticker_option_chains",),
    f"{STOCK}/greek-exposure": ("openapi_stock_ticker_greek_exposure",),
    f"{STOCK}/greek-exposure/strike": ("openapi_stock_ticker_greek_exposure_strike",),
    f"{STOCK}/greek-exposure/expiry": ("openapi_stock_ticker_greek_exposure_expiry",),
    f"{STOCK}/spot-exposures": ("openapi_stock_ticker_spot_exposures",),
    f"{STOCK}/gex-levels": ("openapi_stock_ticker_gex_levels",),
    f"{STOCK}/max-pain": ("openapi_stock_ticker_max_pain",),
    f"{STOCK}/volatility/term-structure": ("openapi_stock_ticker_volatility_term_structure",),
    f"{STOCK}/volatility/stats": ("openapi_stock_ticker_volatility_stats",),
    f"{STOCK}/volatility/realized": ("openapi_stock_ticker_volatility_realized",),
    f"{STOCK}/iv-rank": ("openapi_stock_ticker_iv_rank",),
    f"{STOCK}/interpolated-iv": ("openapi_stock_ticker_interpolated_iv",),
    f"{STOCK}/greeks": ("openapi_stock_ticker_greeks",),
    f"{STOCK}/ohlc/1m": ("openapi_stock_ticker_ohlc_candle_size",),
    f"{STOCK}/ohlc/5m": ("openapi_stock_ticker_ohlc_candle_size",),
    f"{STOCK}/stock-state": ("openapi_stock_ticker_stock_state",),
    "/api/seasonality/AAPL/monthly": ("openapi_seasonality_ticker_monthly",),
    "/api/darkpool/recent": ("openapi_darkpool_recent",),
    "/api/darkpool/AAPL": ("openapi_darkpool_ticker",),
    "/api/darkpool/AAPL/price-levels": ("openapi_darkpool_ticker_price_levels",),
    "/api/lit-flow/recent": ("openapi_lit_flow_recent",),
    "/api/lit-flow/AAPL": ("openapi_lit_flow_ticker",),
    "/api/insider/transactions": ("openapi_insider_transactions",),
    "/api/insider/AAPL": ("openapi_insider_ticker",),
    "/api/insider/AAPL/ticker-flow": ("openapi_insider_ticker_ticker_flow",),
    "/api/earnings/afterhours": ("openapi_earnings_afterhours",),
    "/api/earnings/AAPL": ("openapi_earnings_ticker",),
    "/api/market/market-tide": ("openapi_market_market_tide",),
    "/api/market/total-options-volume": ("openapi_market_total_options_volume",),
    "/api/market/Technology/sector-tide": ("openapi_market_sector_sector_tide",),
    "/api/news/headlines": ("openapi_news_headlines",),
    "/api/shorts/AAPL/data": ("openapi_shorts_ticker_data",),
}
ASKED: dict[str, dict[str, str]] = {f"{STOCK}/greeks": {"expiry": "2026-06-05"}, "/api/earnings/afterhours": {"date": "2026-05-27"}}


@pytest.fixture(scope="module")
def vendor() -> Vendor:
    return Vendor(at(DAY, 20.5))


def rows_of(body: Any) -> list[Any]:
    if isinstance(body, list):
        return body
    if "trades" in body:
        return [body["alert"]]
    inner = body.get("data", body.get("chains", body))
    return inner if isinstance(inner, list) else [inner]


def types(rows: list[Any]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.items() if isinstance(row, dict) else [("", row)]:
            found.setdefault(name, set()).update({} if value is None else {type(value).__name__})
    return found


def differences(ours: Any, vendors: list[Any]) -> list[str]:
    """What is not as in the vendor's samples: the first of them is the documented one, whose every field must be there."""
    wrong = []
    if type(ours) is not type(vendors[0]) or (isinstance(ours, dict) and "data" in vendors[0] and set(ours) != set(vendors[0])):
        wrong.append(f"envelope {type(ours).__name__} {sorted(ours) if isinstance(ours, dict) else ''}")
    rows = rows_of(ours)
    if not rows:
        return [*wrong, "no rows"]
    told, every = types(rows), types([row for body in vendors for row in rows_of(body)])
    wrong += [f"missing {name}" for name in types(rows_of(vendors[0])) if name not in told]
    wrong += [f"unknown {name}" for name in told if name not in every]
    wrong += [
        f"{name} is {told[name]}, at the vendor {every[name]}"
        for name in told
        if name in every and every[name] and told[name] - every[name]
    ]
    return wrong


@pytest.mark.parametrize("path", SHAPES)
def test_the_answer_has_the_shape_of_the_sample(vendor: Vendor, path: str) -> None:
    if "{id}" in path:
        alert = path.startswith("/api/option-trades")
        some = vendor.rows("/api/option-trades/flow-alerts", limit=1)[0]["id"] if alert else vendor.rows(f"{STOCK}/option-chains")[20]
        ours = vendor.body(path.replace("{id}", some))
    else:
        ours = vendor.body(path, **ASKED.get(path, {}))
    assert differences(ours, [sample(name) for name in SHAPES[path]]) == []


def test_prints_of_an_alert_and_of_a_contract_have_their_shapes(vendor: Vendor) -> None:
    alert = vendor.rows("/api/option-trades/flow-alerts", limit=1, ticker_symbol="AAPL")[0]
    body, theirs = vendor.body(f"/api/option-trades/flow-alerts/{alert['id']}"), sample("openapi_option_trades_flow_alerts_id")
    assert set(body) == set(theirs)
    assert differences(body["trades"], [theirs["trades"]]) == []
    assert len(body["trades"]) == alert["trade_count"]
    assert sum(row["size"] for row in body["trades"]) == alert["total_size"]
    flow = vendor.rows(f"/api/option-contract/{alert['option_chain']}/flow")
    assert differences(flow, [[sample("openapi_option_contract_id_flow")]]) == []


def test_each_path_has_a_sample_or_a_test_of_its_own() -> None:
    asked = {path.replace("AAPL", "{ticker}").replace("Technology", "{sector}") for path in SHAPES}
    apart = {
        "/api/option-trades/full-tape/{date}",
        "/api/congress/recent-trades",
        "/api/earnings/premarket",
        "/api/option-contract/{id}/flow",
    }
    assert {path.replace("{candle_size}", "1m") for path in ANSWERS} - asked == apart


def test_a_difference_is_seen() -> None:
    theirs = {"data": [{"a": "1", "b": 2, "c": None}]}
    assert differences({"data": [{"a": "1", "b": 2, "c": 3}]}, [theirs]) == []
    assert differences({"data": [{"a": 1, "d": 2, "c": 3}]}, [theirs]) == ["missing b", "unknown d", "a is {'int'}, at the vendor {'str'}"]
    assert differences([], [theirs]) == ["envelope list ", "no rows"]
