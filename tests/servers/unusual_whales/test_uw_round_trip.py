"""Market to vendor to our source: nothing is lost on the way, and nothing comes before it was known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.servers.unusual_whales.uw_vendor import DAY, MARKET, Vendor, at, position
from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk, concat
from undertow.core.events import (
    MISSING,
    DailyBar,
    EarningsDate,
    EarningsReport,
    Event,
    FlowAlert,
    InsiderTrade,
    NewsItem,
    OffExchangePrint,
    OpenInterest,
    OptionTrade,
)
from undertow.core.time import HOUR, MINUTE, SECOND, Instant
from undertow.sandbox.servers.unusual_whales import Plan
from undertow.sources.unusual_whales.options import OI_CLOCK, TRADE_LAG
from undertow.sources.wire.stamps import new_york_day, new_york_midnight

MS = 10**6
UNIVERSE = ("AAPL", "KO")
NOW = at(DAY, 20.5)
BEGIN = at("2026-05-26", 0)  # three sessions: the 26th to the 28th


@pytest.fixture(scope="module")
def vendor() -> Vendor:
    return Vendor(NOW)


def told(vendor: Vendor, kind: type[Event], after: Instant = BEGIN, until: Instant = NOW) -> Chunk:
    """All that the source says of a kind; its account must be complete."""
    with vendor.source(kind) as source:
        chunks = list(source.history(UNIVERSE, after, until))
        assert source.completeness.complete, source.completeness.gaps
    assert chunks
    return concat(chunks)


def truth(kind: type[Event], first: str, last: str = DAY) -> Chunk:
    whole = MARKET.events(UNIVERSE, slice(position(first), position(last) + 1), (kind,))[kind]
    return whole.between(-(2**62), NOW)


def rows(chunk: Chunk, *columns: str, **clocks: Any) -> list[tuple[Any, ...]]:
    parts = [chunk.key, *clocks.values(), *(chunk.columns[name] for name in columns)]
    return sorted(zip(*(part.tolist() for part in parts), strict=True))


def test_off_exchange_prints_come_whole(vendor: Vendor) -> None:
    ours, market = told(vendor, OffExchangePrint), truth(OffExchangePrint, "2026-05-26")
    assert len(market) > 10_000
    assert rows(ours, "price", "size", at=ours.event_at, known=ours.known_at) == rows(
        market, "price", "size", at=market.event_at, known=market.known_at
    )
    assert sorted(ours.seq.tolist()) == sorted(market.seq.tolist())
    assert {"12", "37", "2", "53"} <= {code for text in ours.columns["conditions"] for code in text.split(",")}


def test_flow_alerts_come_whole(vendor: Vendor) -> None:
    ours, market = told(vendor, FlowAlert), truth(FlowAlert, "2026-05-26")
    assert len(market) > 50
    names = ("expiry", "strike", "is_put", "premium", "size", "ask_premium", "bid_premium", "open_interest", "is_sweep", "rule")
    assert rows(ours, *names, at=ours.event_at // MS, known=ours.known_at) == rows(
        market, *names, at=market.event_at // MS, known=market.known_at
    )


def test_option_trades_of_the_latest_session_come_whole(vendor: Vendor) -> None:
    ours, market = told(vendor, OptionTrade, at(DAY, 0)), truth(OptionTrade, DAY)
    assert len(market) > 2_500
    names = ("expiry", "strike", "is_put", "price", "size", "bid", "ask", "conditions")
    market.columns["bid"][market.columns["bid"] == 0] = MISSING  # a zero is no quote
    # REST does not say when a print was published: our reader's rule stands for it, and is later than the truth
    assert rows(ours, *names, at=ours.event_at) == rows(market, *names, at=market.event_at)
    assert (ours.known_at == ours.event_at + TRADE_LAG).all()
    assert (market.known_at - market.event_at <= TRADE_LAG).all()


def test_open_interest_of_each_morning_comes_whole(vendor: Vendor) -> None:
    ours, market = told(vendor, OpenInterest), truth(OpenInterest, "2026-05-22", "2026-05-27")
    assert len(market) == 3 * 56 * len(UNIVERSE)
    names = ("expiry", "strike", "is_put", "open_interest")
    assert rows(ours, *names, at=ours.event_at) == rows(market, *names, at=market.event_at)
    morning = {nyse().at_time(position(day), OI_CLOCK) for day in ("2026-05-26", "2026-05-27", DAY)}
    assert set(ours.known_at.tolist()) == morning


def test_news_comes_whole_with_the_sign_of_its_tone(vendor: Vendor) -> None:
    after = at("2026-03-02", 0)
    ours, market = told(vendor, NewsItem, after), truth(NewsItem, "2026-02-27").between(after, NOW)
    assert len(market) > 100
    assert rows(ours, "headline", known=ours.known_at) == rows(market, "headline", known=market.known_at)
    signs = np.where(np.abs(market.columns["tone"]) > 0.1, np.sign(market.columns["tone"]), 0.0)
    assert rows(ours, "headline", "tone", known=ours.known_at) == sorted(
        zip(market.key.tolist(), market.known_at.tolist(), market.columns["headline"].tolist(), signs.tolist(), strict=True)
    )


def test_insider_trades_come_whole_by_their_days(vendor: Vendor) -> None:
    after = at("2025-06-02", 0)
    ours = told(vendor, InsiderTrade, after)
    market = truth(InsiderTrade, "2025-05-20")
    ends = np.array([new_york_midnight(new_york_day(int(known)) + 1) for known in market.known_at])
    market, ends = market[(ends > after) & (ends <= NOW)], ends[(ends > after) & (ends <= NOW)]
    assert len(market) > 8
    names = ("insider", "title", "code", "shares", "price", "value")
    made = np.array([new_york_midnight(new_york_day(int(event))) for event in market.event_at])
    assert rows(ours, *names, at=ours.event_at, known=ours.known_at) == rows(market, *names, at=made, known=ends)


def test_earnings_reports_come_whole_within_the_window_that_the_vendor_names(vendor: Vendor) -> None:
    after = at("2024-06-03", 0)
    ours, market = told(vendor, EarningsReport, after), truth(EarningsReport, "2024-06-03")
    assert len(market) >= 14
    assert rows(ours, "eps", "eps_estimate") == rows(market, "eps", "eps_estimate")
    assert (np.sort(ours.event_at) <= np.sort(market.event_at)).all()
    assert (np.sort(market.known_at) <= np.sort(ours.known_at)).all()
    assert (np.sort(ours.known_at) - np.sort(market.known_at) < 4 * HOUR).all()


def test_an_announced_report_is_a_date_until_it_is_out() -> None:
    announced = MARKET.events(("AAPL",), slice(position("2026-01-02"), position(DAY)), (EarningsDate,))[EarningsDate]
    known, reports = int(announced.known_at[0]), int(announced.columns["reports_at"][0])
    day = str(new_york_day(reports))
    before, after, out = (Vendor(now).rows("/api/earnings/AAPL") for now in (known - SECOND, known + 12 * HOUR, reports + MINUTE))
    assert [row["report_date"] for row in before[:1]] != [day]
    assert (after[0]["report_date"], after[0]["actual_eps"]) == (day, None)
    assert out[0]["report_date"] == day
    assert out[0]["actual_eps"] is not None


def test_day_bars_come_whole() -> None:
    after = at("2025-06-02", 0)
    vendor = Vendor(NOW, Plan(earliest="2024-01-02"))  # fewer than a page, so that the source can tell that they are all
    ours, market = told(vendor, DailyBar, after), truth(DailyBar, "2025-06-02")
    names = ("open", "high", "low", "close", "volume")
    assert len(market) > 490
    assert rows(ours, *names, at=ours.event_at) == rows(market, *names, at=market.event_at)


@pytest.mark.parametrize("kind", [OffExchangePrint, FlowAlert, OptionTrade, NewsItem])
def test_at_noon_nothing_of_the_afternoon_is_told(kind: type[Event]) -> None:
    noon = at(DAY, 12)
    with Vendor(noon).source(kind) as source:
        found = [chunk for chunk in source.history(UNIVERSE, at(DAY, 4), noon + HOUR) if len(chunk)]
    market = truth(kind, "2026-05-27").between(at(DAY, 4), noon)
    assert sum(map(len, found)) == len(market) > 0
    assert max(int(chunk.event_at.max()) for chunk in found) <= noon
