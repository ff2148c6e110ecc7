"""The option surface: parity, one forward, American values; and what a report does to it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.sandbox.panel import TEN, days, table
from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Array, Chunk
from undertow.core.events import ChainRow, DailyBar, EarningsReport, Event
from undertow.sandbox.market import Market

SESSIONS = days("2019-01-02", "2021-12-31")
CENT = 100
STRIKES = 7
Events = dict[type[Event], Chunk]


@pytest.fixture(scope="module")
def events() -> Events:
    return Market(1).events(TEN, SESSIONS, (ChainRow, DailyBar, EarningsReport))


def grid(events: Events) -> dict[str, Array]:
    """Chain columns (groups, 7 strikes, call and put), each group one symbol, session and expiry; with ``spot`` and ``years``."""
    chain = events[ChainRow]
    at = nyse().position(chain.event_at)
    order = np.lexsort((chain.columns["is_put"], chain.columns["strike"], chain.columns["expiry"], chain.key, at))
    spot = table(events[DailyBar], "close", SESSIONS.start, SESSIONS.stop - SESSIONS.start)[at - SESSIONS.start, chain.key]
    columns = dict(chain.columns) | {"spot": spot, "session": at, "key": chain.key}
    columns["years"] = (chain.columns["expiry"] - nyse().day[at].astype(np.int64)) / 365.0
    return {name: values[order].reshape(-1, STRIKES, 2) for name, values in columns.items()}


def american(spot: F64, strike: F64, put: Array, iv: F64, years: F64, steps: int = 200) -> F64:
    """Cox, Ross and Rubinstein's tree with exercise at every step, no interest and no dividend."""
    up = np.exp(iv * np.sqrt(years / steps))[:, None]
    chance = (1.0 - 1.0 / up) / (up - 1.0 / up)
    sign = np.where(put == 1, -1.0, 1.0)[:, None]
    value = np.maximum(0.0, sign * (spot[:, None] * up ** (2.0 * np.arange(steps + 1) - steps) - strike[:, None]))
    for step in range(steps - 1, -1, -1):
        held = chance * value[:, 1:] + (1.0 - chance) * value[:, :-1]
        now = sign * (spot[:, None] * up ** (2.0 * np.arange(step + 1) - step) - strike[:, None])
        value = np.maximum(held, now)
    return np.asarray(value[:, 0], np.float64)


def test_every_pair_lies_inside_the_american_bounds_and_gives_one_forward(events: Events) -> None:
    """S - K <= C - P <= S - K exp(-r T), which at the market's interest of 0 is an equality: exact but for the cent that prices come in."""
    q = grid(events)
    call, put = q["price"][:, :, 0], q["price"][:, :, 1]
    strike, spot = q["strike"][:, :, 0], q["spot"][:, :, 0]
    assert (q["strike"][:, :, 0] == q["strike"][:, :, 1]).all()
    assert (np.abs((call - put) - (spot - strike)) <= CENT).all()
    # nothing is exercised early at no interest and no dividend, so a pair's forward is C - P + K as it stands
    forward = call - put + strike
    apart = forward.max(1) - forward.min(1)
    assert (apart <= 2 * CENT).all()
    fine = spot[:, 0] >= 2_000 * CENT  # below 20 USD two cents are more than 1e-3 of the spot
    assert fine.mean() > 0.5
    assert (apart[fine] <= 1e-3 * spot[fine, 0]).all()


def test_no_strike_is_dearer_than_its_neighbours_allow(events: Events) -> None:
    q = grid(events)
    call, strike = q["price"][:, :, 0], q["strike"][:, :, 0]
    step, fall = np.diff(strike), -np.diff(call)
    assert (step > 0).all()
    assert ((fall >= 0) & (fall <= step + CENT)).all()
    slope = fall / step
    assert (np.diff(slope) <= 2 * CENT / step[:, 1:]).all()


def test_published_prices_are_american_values_at_the_published_volatility(events: Events) -> None:
    q = {name: values[:: len(events[ChainRow]) // 1_000].reshape(-1) for name, values in grid(events).items()}
    tree = american(q["spot"], q["strike"].astype(np.float64), q["is_put"], q["iv"], q["years"])
    off = np.abs(q["price"] - tree)
    assert len(off) > 900
    assert (off <= CENT + 5e-4 * q["spot"] * q["iv"] * np.sqrt(q["years"])).all()  # a tree of 200 steps is that coarse


def test_a_report_lifts_the_volatility_before_it_and_crushes_it_after(events: Events) -> None:
    q = grid(events)
    near = np.abs(np.log(q["strike"][:, :, 0] / q["spot"][:, :, 0])).argmin(1)
    at_money = q["iv"][np.arange(len(near)), near, 0].reshape(-1, 4)  # expiries ascending
    place = q["session"][:, 0, 0].reshape(-1, 4)[:, 0] - SESSIONS.start, q["key"][:, 0, 0].reshape(-1, 4)[:, 0]
    iv = np.full((SESSIONS.stop - SESSIONS.start, len(TEN), 4), np.nan)
    iv[place] = at_money
    reports = events[EarningsReport]
    told = np.zeros(iv.shape[:2], bool)
    told[nyse().position(reports.event_at) - SESSIONS.start, reports.key] = True
    change = np.diff(np.log(iv), axis=0)
    crush, quiet = change[told[:-1]], change[~told[:-1]]
    assert len(crush) > 60
    assert np.median(crush[:, 0]) < -0.5
    assert (crush[:, 0] < 0).mean() > 0.95
    assert (np.diff(np.median(crush, axis=0)) > 0).all()  # the farther the expiry, the less
    assert (np.abs(np.median(quiet, axis=0)) < 0.02).all()
    assert np.median(iv[told][:, 0]) > 1.8 * np.median(iv[~told][:, 0])
