"""What is told, and when: the pre-market and the open, filings, reports, news, open interest."""

from __future__ import annotations

import numpy as np
import pytest

from tests.sandbox.panel import TEN, Panel, correlation, days
from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Array, Chunk
from undertow.core.events import ChainRow, DailyBar, EarningsReport, Event, InsiderTrade, NewsItem, OpenInterest
from undertow.core.time import HOUR, MINUTE
from undertow.sandbox.market import Market

NAMES = ("KO", "JPM", "QRST", "ZZTOP")
SESSIONS = days("2024-03-01", "2024-08-30")
LENGTH = SESSIONS.stop - SESSIONS.start


@pytest.fixture(scope="module")
def events() -> dict[type[Event], Chunk]:
    kinds = (InsiderTrade, EarningsReport, NewsItem, ChainRow, OpenInterest, DailyBar)
    return Market(3).events(TEN, days("2019-01-02", "2021-12-31"), kinds)


def marks(bars: Chunk, where: Array, column: str, *, last: bool) -> F64:
    """Log price (sessions, symbols) of the first or the last of these bars of each session."""
    rows = np.flatnonzero(where)
    rows = rows if last else rows[::-1]
    out = np.full((LENGTH, len(NAMES)), np.nan)
    out[nyse().position(bars.event_at[rows]) - SESSIONS.start, bars.key[rows]] = np.log(bars.columns[column][rows])
    return out


def test_the_pre_market_carries_the_night_into_the_open_and_says_nothing_of_the_day() -> None:
    market, calendar = Market(2, 0.0), nyse()
    bars = market.minutes(NAMES, SESSIONS)
    at = calendar.position(bars.event_at)
    before = bars.event_at <= calendar.open[at]
    regular = ~before & (bars.event_at <= calendar.close[at])
    begun, ended = marks(bars, before, "open", last=False), marks(bars, before, "close", last=True)
    opened, closed = marks(bars, regular, "open", last=False), marks(bars, regular, "close", last=True)
    night, morning, day = (opened[1:] - closed[:-1]), (ended - begun)[1:], (closed - opened)[1:]
    reports = market.events(NAMES, SESSIONS, (EarningsReport,))[EarningsReport]
    quiet = np.ones((LENGTH, len(NAMES)), bool)
    quiet[calendar.position(reports.event_at) - SESSIONS.start, reports.key] = False
    usual = quiet[:-1] & (np.abs(night) < 0.5)  # a split is no move
    assert (ended == opened)[1:].all()
    assert correlation(morning[usual], night[usual]) > 0.6  # 0.7 of a usual night's variance falls into the morning
    assert abs(correlation(morning[usual], day[usual])) < 3.0 / np.sqrt(LENGTH)
    # the nearer the open, the less is left to learn
    left = []
    for hour in (6, 8, 9):
        seen = marks(bars, bars.event_at <= calendar.midnight[at] + hour * HOUR, "close", last=True)
        left.append(float(np.nanvar((opened - seen)[1:][usual]) / night[usual].var()))
    assert left[0] > left[1] > left[2]
    assert left[2] < 0.3


def test_filings_come_one_or_two_sessions_after_the_trade(events: dict[type[Event], Chunk]) -> None:
    rows, calendar = events[InsiderTrade], nyse()
    filed = calendar.position(rows.known_at)
    lag = filed - calendar.position(rows.event_at)
    assert set(lag.tolist()) == {1, 2}
    assert 0.3 < (lag == 1).mean() < 0.7
    assert (rows.known_at - calendar.midnight[filed] == 18 * HOUR + 30 * MINUTE).all()
    assert "SPY" not in {rows.symbols[k] for k in rows.key.tolist()}
    assert 0.02 < len(rows) / len(events[DailyBar]) < 0.04


def test_a_report_jumps_by_what_the_company_is_known_for(events: dict[type[Event], Chunk]) -> None:
    panel = Panel(Market(3), TEN, days("2019-01-02", "2021-12-31"), ())
    night = np.log(panel.open[1:] / panel.close[:-1])
    rows = events[EarningsReport]
    at = nyse().position(rows.event_at) - panel.sessions.start
    told = np.zeros(panel.close.shape, bool)
    told[at, rows.key] = True
    assert night[told[:-1]].std() > 3.0 * night[~told[:-1]].std()
    inside = at < len(night)
    jump = night[at[inside], rows.key[inside]]
    assert correlation(rows.columns["surprise"][inside], jump) > 0.3  # 0.5 less what the estimate is rounded by
    for key in range(len(TEN)):
        assert (np.diff(at[rows.key == key]) == 63).all()


def test_tone_sees_what_is_to_come_and_what_was(events: dict[type[Event], Chunk]) -> None:
    rows, calendar = events[NewsItem], nyse()
    sessions = days("2019-01-02", "2021-12-31")
    place = calendar.position(rows.event_at) - sessions.start, rows.key
    market = Market(3)
    coming = np.column_stack([market.oracle(s, sessions).parts["news"] for s in TEN])[place]
    panel = Panel(market, TEN, sessions, ())
    past = (
        np.vstack([np.zeros(len(TEN)), panel.returns])[place] / np.column_stack([market.oracle(s, sessions).volatility for s in TEN])[place]
    )
    assert correlation(rows.columns["tone"], coming) > 0.6
    assert correlation(rows.columns["tone"], past) > 0.05
    assert (rows.known_at - calendar.next_midnight(rows.event_at) == 8 * HOUR).all()


def test_open_interest_is_told_the_next_morning_and_the_chain_the_same_evening(events: dict[type[Event], Chunk]) -> None:
    interest, chain, calendar = events[OpenInterest], events[ChainRow], nyse()
    assert (interest.known_at - calendar.next_midnight(interest.event_at) == 9 * HOUR).all()
    assert (calendar.position(interest.known_at) == calendar.position(interest.event_at) + 1).all()
    assert (chain.known_at - calendar.midnight[calendar.position(chain.event_at)] == 16 * HOUR + 20 * MINUTE).all()
