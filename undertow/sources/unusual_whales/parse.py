"""Which reader makes which kind: every one is pure, rows and a universe in, ``Parsed`` out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from undertow.core.events import (
    ChainRow,
    CongressTrade,
    DailyBar,
    EarningsReport,
    Event,
    FlowAlert,
    InsiderTrade,
    NewsItem,
    OffExchangePrint,
    OpenInterest,
    OptionTrade,
)
from undertow.sources.unusual_whales.company import earnings_dates, earnings_reports, news
from undertow.sources.unusual_whales.envelope import Row
from undertow.sources.unusual_whales.filings import congress_trades, insider_trades
from undertow.sources.unusual_whales.options import flow_alerts, open_interest, option_trades, volume_oi_ratios
from undertow.sources.unusual_whales.prints import off_exchange_prints
from undertow.sources.unusual_whales.rows import Parsed
from undertow.sources.unusual_whales.totals import chain_totals, daily_bars, interest_totals

__all__ = [
    "READERS",
    "Parsed",
    "chain_totals",
    "congress_trades",
    "daily_bars",
    "earnings_dates",
    "earnings_reports",
    "flow_alerts",
    "insider_trades",
    "interest_totals",
    "news",
    "off_exchange_prints",
    "open_interest",
    "option_trades",
    "volume_oi_ratios",
]

#: kind -> its reader; ``EarningsDate`` is apart, as ``earnings_dates`` must be told when the rows were received
READERS: dict[type[Event], Callable[[Iterable[Row], Sequence[str]], Parsed]] = {
    OffExchangePrint: off_exchange_prints,
    OptionTrade: option_trades,
    FlowAlert: flow_alerts,
    OpenInterest: open_interest,
    NewsItem: news,
    InsiderTrade: insider_trades,
    CongressTrade: congress_trades,
    EarningsReport: earnings_reports,
    ChainRow: chain_totals,
    DailyBar: daily_bars,
}
