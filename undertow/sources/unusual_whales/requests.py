"""What to ask for each kind: paths and parameters of the vendor's REST (its specification of 2026-08)."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from undertow.core.events import FlowAlert, OptionTrade
from undertow.core.time import DAY, Instant
from undertow.sources.unusual_whales.pages import Walk
from undertow.sources.wire.stamps import Day, new_york_day

_MS = 10**6
_LATE = 90 * DAY  # how long after a trade its form 4 may still come in, generously


def flow_alerts(symbols: Sequence[str]) -> Walk:
    """Alerts of all symbols together, newest first. Filters stay unset: their defaults include everything."""
    return Walk(path="/api/option-trades/flow-alerts", params={"ticker_symbol": ",".join(symbols)}, limit=200, clock="created_at", step=_MS)


def option_trades(symbols: Sequence[str]) -> Walk:
    """Option prints of the latest session, all symbols together; earlier days are in the full tape's files only."""
    return Walk(path="/api/option-trades", params={"ticker_symbol": ",".join(symbols)}, step=_MS)


def off_exchange_prints(symbol: str, day: Day) -> Walk:
    """Off-exchange prints of a symbol and New York day; the cursor counts whole seconds."""
    return Walk(path=f"/api/darkpool/{_in_path(symbol)}", params={"date": str(day)})


def open_interest(symbol: str, day: Day) -> Walk:
    """Contracts whose open interest changed, as published in the morning of a New York day."""
    return Walk(path=f"/api/stock/{_in_path(symbol)}/oi-change", params={"date": str(day)}, most_pages=40)


def news(symbol: str) -> Walk:
    """Headlines that name a symbol, newest first."""
    return Walk(path="/api/news/headlines", params={"ticker": symbol}, limit=100, clock="created_at", most_pages=100)


def insider_trades(symbols: Sequence[str], after: Instant) -> Walk:
    """Insiders' transactions of all symbols together, one row each as filed."""
    start = str(new_york_day(after - _LATE))
    return Walk(
        path="/api/insider/transactions", params={"ticker_symbol": ",".join(symbols), "group": False, "start_date": start}, most_pages=100
    )


def congress_trades(symbol: str) -> Walk:
    """The newest 200 trades of members of Congress in a symbol."""
    return Walk(path="/api/congress/recent-trades", params={"ticker": symbol}, limit=200)


def earnings(symbol: str) -> Walk:
    """All reports of a symbol, past and to come."""
    return Walk(path=f"/api/earnings/{_in_path(symbol)}", limit=0)


def option_totals(symbol: str) -> Walk:
    """Option volume, premium and open interest of the newest 500 sessions: left alone the vendor gives one."""
    return Walk(path=f"/api/stock/{_in_path(symbol)}/options-volume", limit=500)


def daily_bars(symbol: str) -> Walk:
    """Day bars of the newest 2,500 sessions."""
    return Walk(path=f"/api/stock/{_in_path(symbol)}/ohlc/1d", params={"timeframe": "10Y"}, limit=2500)


#: kinds that are walked through for all symbols at once, by the clock of their cursor
TOGETHER = {FlowAlert: flow_alerts, OptionTrade: option_trades}


def _in_path(symbol: str) -> str:
    return quote(symbol, safe="")
