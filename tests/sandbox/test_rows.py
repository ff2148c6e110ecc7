"""Rows agree with one another, with the calendar and with what their kinds declare about their two clocks."""

from __future__ import annotations

import numpy as np
import pytest

from tests.sandbox.panel import TEN, correlation, days, table
from undertow.core.calendar import nyse
from undertow.core.chunk import Array, Chunk
from undertow.core.events import (
    BY_NAME,
    Bar,
    ChainRow,
    CorporateAction,
    DailyBar,
    EarningsDate,
    EarningsReport,
    Event,
    Grade,
    IndexLevel,
    InsiderTrade,
    NewsItem,
    OffExchangeVolume,
    OpenInterest,
    columns_of,
)
from undertow.core.time import HOUR, MINUTE
from undertow.sandbox.market import KINDS, Market

SESSIONS = days("2023-06-01", "2024-08-30")
Events = dict[type[Event], Chunk]


@pytest.fixture(scope="module")
def events() -> Events:
    return Market(1).events(TEN, SESSIONS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.kind)
def test_clocks_and_columns(events: Events, kind: type[Event]) -> None:
    rows, calendar = events[kind], nyse()
    assert BY_NAME[kind.kind] is kind
    assert kind in (CorporateAction, IndexLevel) or len(rows)  # no company is an index
    assert list(rows.columns) == list(columns_of(kind))
    assert (rows.grade == Grade.MODELLED).all()
    assert rows.sources == ("simulated",)
    for name, unit in columns_of(kind).items():
        assert rows.columns[name].dtype == {int: np.int64, float: np.float64, str: object}[unit.kept]
    assert (rows.known_at - rows.event_at >= kind.least_lag).all()
    if kind.next_session:
        assert (rows.known_at >= calendar.next_midnight(rows.event_at)).all()
    if kind.in_session:
        at = calendar.position(rows.event_at)
        assert ((rows.event_at > calendar.open[at]) & (rows.event_at <= calendar.close[at])).all()
    identity = list(zip(rows.key.tolist(), rows.event_at.tolist(), *(rows.columns[c].tolist() for c in kind.identity), strict=True))
    assert len(set(identity)) == len(identity)


def test_bars_make_the_day_and_half_days_are_short(events: Events) -> None:
    bars, daily, calendar = events[Bar], events[DailyBar], nyse()
    at = calendar.position(bars.event_at)
    group = bars.key * len(calendar) + at
    order = np.lexsort((bars.event_at, group))
    where, start, count = np.unique(group[order], return_index=True, return_counts=True)
    assert (np.where(calendar.half_days()[where % len(calendar)], 42, 78) == count).all()
    assert set(count.tolist()) == {42, 78}
    c = {name: values[order] for name, values in bars.columns.items()}
    assert (c["low"] <= np.minimum(c["open"], c["close"])).all()
    assert (c["high"] >= np.maximum(c["open"], c["close"])).all()
    assert ((c["low"] <= c["vwap"]) & (c["vwap"] <= c["high"])).all()
    assert (c["volume"] > 0).all()
    assert (c["trades"] > 0).all()
    assert all((c[name] % 100 == 0).all() and (c[name] > 0).all() for name in ("open", "high", "low", "close"))
    row = np.searchsorted(where, daily.key * len(calendar) + calendar.position(daily.event_at))
    expect: dict[str, Array] = {
        "open": c["open"][start],
        "close": c["close"][start + count - 1],
        "high": np.maximum.reduceat(c["high"], start),
        "low": np.minimum.reduceat(c["low"], start),
        "volume": np.add.reduceat(c["volume"], start),
        "trades": np.add.reduceat(c["trades"], start),
        "vwap": np.add.reduceat(c["vwap"] * c["volume"], start) // np.add.reduceat(c["volume"], start),
    }
    for name, values in expect.items():
        assert (daily.columns[name] == values[row]).all(), name


def test_published_times(events: Events) -> None:
    calendar = nyse()

    def clock(kind: type[Event]) -> Array:
        return events[kind].known_at - calendar.midnight[calendar.position(events[kind].known_at)]

    assert (clock(ChainRow) == 16 * HOUR + 20 * MINUTE).all()
    assert (clock(OpenInterest) == 9 * HOUR).all()
    assert (clock(OffExchangeVolume) == 18 * HOUR).all()
    assert (clock(NewsItem) == 8 * HOUR).all()
    assert (clock(InsiderTrade) == 18 * HOUR + 30 * MINUTE).all()


def test_chain_prices_obey_parity(events: Events) -> None:
    chain = events[ChainRow]
    c = {name: values.reshape(-1, 2) for name, values in chain.columns.items()}
    assert (c["is_put"] == [0, 1]).all()
    assert (c["strike"][:, 0] == c["strike"][:, 1]).all()
    close, first = events[DailyBar], SESSIONS.start
    spots = table(close, "close", first, SESSIONS.stop - first)
    spot = spots[nyse().position(chain.event_at) - first, chain.key].reshape(-1, 2)[:, 0]
    call, put, strike = c["price"][:, 0], c["price"][:, 1], c["strike"][:, 0]
    assert (c["price"] >= 100).all()
    assert (c["iv"] > 0.02).all()
    assert (c["iv"] < 4.0).all()
    assert (c["volume"] >= 0).all()
    assert (np.abs(call - put - spot + strike) <= 200).all()
    assert (call <= spot).all()
    assert (put <= strike).all()
    assert (call >= spot - strike - 100).all()
    assert (put >= strike - spot - 100).all()
    assert ((c["delta"][:, 0] >= 0) & (c["delta"][:, 1] <= 0)).all()
    assert np.allclose(c["delta"][:, 0] - c["delta"][:, 1], 1.0)
    assert (chain.columns["expiry"] > chain.event_at // (24 * HOUR)).all()


def _contracts(chunk: Chunk) -> list[tuple[int, ...]]:
    columns = [chunk.columns[c].tolist() for c in ("expiry", "strike", "is_put")]
    return list(zip(chunk.key.tolist(), chunk.event_at.tolist(), *columns, strict=True))


def test_open_interest_moves_by_what_opens_and_closes(events: Events) -> None:
    chain, interest = events[ChainRow], events[OpenInterest]
    volume = dict(zip(_contracts(chain), chain.columns["volume"].tolist(), strict=True))
    split = set(events[CorporateAction].key.tolist())
    held: dict[tuple[int, ...], int] = {}
    rows = zip(_contracts(interest), interest.columns["open_interest"].tolist(), strict=True)
    checked, first = 0, int(interest.event_at.min()) + 100 * 24 * HOUR
    for (key, at, *contract), count in rows:
        name, traded = (key, *contract), volume[key, at, *contract]
        assert count >= 0
        if name in held:
            assert 0 <= traded + count - held[name] <= 2 * traded
            checked += 1
        elif at > first and key not in split:  # listed within the panel: it starts from nothing
            assert count <= traded
        held[name] = count
    assert checked > 50_000


def test_off_exchange_share_news_and_filings(events: Events) -> None:
    off, daily = events[OffExchangeVolume], events[DailyBar]
    share = off.columns["volume"] / daily.columns["volume"]
    assert abs(share.mean() - 0.40) < 0.01
    assert abs(share.std() - 0.07) < 0.01
    assert (off.columns["short_volume"] <= off.columns["volume"]).all()
    news = events[NewsItem].columns
    assert (np.abs(news["tone"]) <= 1).all()
    assert (news["stories"] >= 1).all()
    filed = events[InsiderTrade].columns
    assert set(filed["code"]) == {"P", "S"}
    assert (filed["value"] == filed["shares"] * filed["price"]).all()
    dates, reports = events[EarningsDate], events[EarningsReport]
    said = set(zip(dates.key.tolist(), dates.columns["reports_at"].tolist(), strict=True))
    notice = nyse().midnight[SESSIONS.start + 15]  # what is reported sooner was announced before the panel
    late = reports.event_at > notice
    assert set(zip(reports.key[late].tolist(), reports.event_at[late].tolist(), strict=True)) <= said
    r = reports.columns
    assert correlation(r["surprise"], np.sign(r["eps"] - r["eps_estimate"])) > 0.5


def test_a_planted_split_changes_the_count_and_not_the_wealth() -> None:
    sessions = days("2026-02-20", "2026-03-12")
    kinds = (CorporateAction, DailyBar, ChainRow, OpenInterest)
    plain, split = (Market(0, splits=s).events(["MSFT", "AAPL"], sessions, kinds) for s in ({}, {"AAPL": ("2026-03-02", 4.0)}))
    actions, effective = split[CorporateAction], int(nyse().midnight[nyse().session_on_or_before(np.datetime64("2026-03-02"))])
    assert actions.columns["ratio"].tolist() == [4.0]
    assert actions.event_at.tolist() == [effective]
    assert actions.key.tolist() == [1]
    a, b = plain[DailyBar], split[DailyBar]
    after = (a.key == 1) & (a.event_at > effective)
    assert after.sum() == 9
    for name in ("open", "high", "low", "close"):
        assert (a.columns[name][~after] == b.columns[name][~after]).all()
        assert (np.abs(a.columns[name][after] - 4 * b.columns[name][after]) <= 300).all()
    assert np.allclose(b.columns["volume"][after], 4 * a.columns["volume"][after], rtol=1e-4)
    chain = split[ChainRow]
    old = (chain.key == 1) & (chain.event_at < effective)
    assert chain.columns["strike"][old].min() > chain.columns["strike"][(chain.key == 1) & ~old].max()
