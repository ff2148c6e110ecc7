"""What is told about a company besides its trades: sector, size, names, and the report that is announced."""

from __future__ import annotations

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.events import EarningsDate
from undertow.sandbox.daily.companies import company
from undertow.sandbox.servers.unusual_whales.desk import Desk, day_of

_SECTORS = {
    "AAPL": "Technology",
    "MSFT": "Technology",
    "NVDA": "Technology",
    "AMD": "Technology",
    "GOOGL": "Communication Services",
    "META": "Communication Services",
    "NFLX": "Communication Services",
    "AMZN": "Consumer Cyclical",
    "TSLA": "Consumer Cyclical",
    "JPM": "Financial Services",
    "KO": "Consumer Defensive",
    "XOM": "Energy",
}
#: the vendor's names of sectors
SECTORS = (
    "Basic Materials", "Communication Services", "Consumer Cyclical", "Consumer Defensive", "Energy", "Financial Services",
    "Healthcare", "Industrials", "Real Estate", "Technology", "Utilities",
)  # fmt: skip
_NOTICE = 16  # sessions back within which an announced report was announced
_SHARE = 0.0035  # of its size that changes hands in a session


def is_fund(symbol: str) -> bool:
    """Whether it is a fund, which reports no earnings."""
    return company(symbol).jump == 0


def issue_type(symbol: str) -> str:
    """``ETF`` or ``Common Stock``."""
    return "ETF" if is_fund(symbol) else "Common Stock"


def sector(symbol: str) -> str | None:
    """The sector; None for a fund."""
    return None if is_fund(symbol) else _SECTORS.get(symbol, SECTORS[sum(symbol.encode()) % len(SECTORS)])


def marketcap(symbol: str) -> str:
    """A size that goes with what it trades, in whole USD."""
    return str(int(company(symbol).turnover / _SHARE))


def full_name(symbol: str) -> str:
    """A made-up name."""
    return f"{symbol} {'TRUST' if is_fund(symbol) else 'CORP'}"


def next_report(desk: Desk, symbol: str, position: int) -> str | None:
    """The day of the next report as it was known before a session opened, YYYY-MM-DD."""
    dates = desk.rows(EarningsDate, symbol, position - _NOTICE, position)
    ahead = dates.columns["reports_at"][dates.columns["reports_at"] >= nyse().midnight[position]]
    return day_of(int(nyse().position(int(np.min(ahead))))) if len(ahead) else None
