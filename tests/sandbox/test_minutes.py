"""Minute bars make the five-minute bars, carry the night into the open, and do not depend on what else was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from tests.sandbox.panel import TEN, days
from undertow.core.calendar import nyse
from undertow.core.chunk import Array, Chunk
from undertow.core.events import Bar, EarningsReport
from undertow.core.time import HOUR, MINUTE, SECOND
from undertow.sandbox.market import Market

MARKET = Market(1)
SESSIONS = days("2024-11-18", "2024-12-06")  # with the half day after Thanksgiving
FIVE = ("AAPL", "SPY", "KO", "QRST", "ZZTOP")


@pytest.fixture(scope="module")
def minutes() -> Chunk:
    return MARKET.minutes(FIVE, SESSIONS)


def regular(bars: Chunk) -> Array:
    calendar = nyse()
    at = calendar.position(bars.event_at)
    return np.asarray((bars.event_at > calendar.open[at]) & (bars.event_at <= calendar.close[at]))


def test_five_minutes_make_the_five_minute_bar(minutes: Chunk) -> None:
    bars = MARKET.events(FIVE, SESSIONS, (Bar,))[Bar]
    for key in range(len(FIVE)):
        whole = bars[bars.key == key]
        inside = minutes[(minutes.key == key) & regular(minutes)]
        assert (inside.event_at.reshape(-1, 5)[:, -1] == whole.event_at).all()
        c = {name: values.reshape(-1, 5) for name, values in inside.columns.items()}
        expect = {
            "open": c["open"][:, 0],
            "high": c["high"].max(1),
            "low": c["low"].min(1),
            "close": c["close"][:, -1],
            "volume": c["volume"].sum(1),
            "trades": c["trades"].sum(1),
        }
        for name, values in expect.items():
            assert (values == whole.columns[name]).all(), (FIVE[key], name)


def test_a_minute_is_a_bar_and_knows_its_hours(minutes: Chunk) -> None:
    c, calendar = minutes.columns, nyse()
    at = calendar.position(minutes.event_at)
    assert (minutes.known_at == minutes.event_at).all()
    assert (c["span"] == MINUTE).all()
    assert ((minutes.event_at - calendar.midnight[at]) % MINUTE == 0).all()
    assert (minutes.event_at > calendar.midnight[at] + 4 * HOUR).all()
    assert (minutes.event_at <= calendar.close[at] + 4 * HOUR).all()
    assert (c["low"] <= np.minimum(c["open"], c["close"])).all()
    assert (c["high"] >= np.maximum(c["open"], c["close"])).all()
    assert ((c["low"] <= c["vwap"]) & (c["vwap"] <= c["high"])).all()
    assert (c["low"] > 0).all()
    assert (c["volume"] > 0).all()
    assert (c["trades"] >= 0).all()
    assert (c["trades"][c["volume"] > 2_000] > 0).all()
    outside = np.bincount(minutes.key[~regular(minutes)]) / (SESSIONS.stop - SESSIONS.start)
    assert outside.min() > 5  # sparse where little trades, and never quite silent
    assert outside[FIVE.index("KO")] < 330
    volume = np.bincount(minutes.key, c["volume"] * ~regular(minutes)) / np.bincount(minutes.key, c["volume"])
    assert (volume < 0.12).all()


def test_the_open_is_where_the_morning_ended(minutes: Chunk) -> None:
    calendar = nyse()
    at = calendar.position(minutes.event_at)
    last, first = (minutes[minutes.event_at == calendar.open[at] + step] for step in (0, MINUTE))
    assert len(last) == len(first) == len(FIVE) * (SESSIONS.stop - SESSIONS.start)
    assert (last.key == first.key).all()
    assert (last.columns["close"] == first.columns["open"]).all()


def test_the_night_is_in_the_price_before_the_open_and_a_report_within_the_evening() -> None:
    market, calendar = Market(4), nyse()
    moves: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for symbol in ("NFLX", "TSLA", "META", "NVDA"):
        reports = market.events((symbol,), days("2024-01-02", "2024-12-10"), (EarningsReport,))[EarningsReport]
        for evening in calendar.position(reports.event_at).tolist():
            bars = market.minutes((symbol,), slice(evening - 4, evening + 2))
            price = np.log(bars.columns["close"])
            for position in range(evening - 4, evening + 1):
                close, opened = calendar.close[position], calendar.open[position + 1]
                at_close, at_open = price[bars.event_at == close][0], price[bars.event_at == opened][0]
                by_night = price[(bars.event_at > close) & (bars.event_at <= close + 4 * HOUR)][-1]
                moves[position == evening].append((by_night - at_close, at_open - at_close))
    told, quiet = np.array(moves[True]), np.array(moves[False])
    assert len(told) >= 10
    assert np.abs(told[:, 1]).mean() > 2.0 * np.abs(quiet[:, 1]).mean()
    for nights, part in ((told, 0.85), (quiet, 0.3)):
        assert abs((nights[:, 0] * nights[:, 1]).sum() / (nights[:, 1] ** 2).sum() - part) < 0.2


def test_the_day_is_u_shaped_by_the_minute() -> None:
    bars = Market(2).minutes(TEN, days("2024-03-01", "2024-03-28"))
    bars, calendar = bars[regular(bars)], nyse()
    number = (bars.event_at - calendar.open[calendar.position(bars.event_at)]) // MINUTE - 1
    moved = np.log(bars.columns["close"] / bars.columns["open"])
    volume = np.bincount(number, bars.columns["volume"], 390)
    move = np.sqrt(np.bincount(number, moved**2, 390) / np.bincount(number))
    for profile, ratio in ((volume, 1.5), (move, 1.2)):
        middle = profile[150:240].mean()
        assert profile[:30].mean() / middle > ratio
        assert profile[-30:].mean() / middle > ratio


def test_range_and_company_change_no_minute(minutes: Chunk) -> None:
    for first, end, symbols in ((0, 1, ("KO",)), (3, 5, ("ZZTOP", "AAPL")), (8, 13, ("SPY",))):
        part = MARKET.minutes(symbols, slice(SESSIONS.start + first, SESSIONS.start + end))
        low, high = nyse().midnight[[SESSIONS.start + first, SESSIONS.start + end]]
        for i, symbol in enumerate(symbols):
            whole = minutes[(minutes.key == FIVE.index(symbol)) & (minutes.event_at > low) & (minutes.event_at < high)]
            own = part[part.key == i]
            assert whole.event_at.tobytes() == own.event_at.tobytes()
            assert whole.seq.tobytes() == own.seq.tobytes()
            assert all(values.tobytes() == own.columns[name].tobytes() for name, values in whole.columns.items())


def test_both_ends_of_the_market_have_minutes() -> None:
    exists = MARKET.sessions
    for position in (exists.start, exists.stop - 1):
        bars = MARKET.minutes(("KO",), slice(position, position + 1))
        assert regular(bars).sum() in (210, 390)
        assert (np.diff(bars.event_at) >= 60 * SECOND).all()
