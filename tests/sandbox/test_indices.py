"""The simulated volatility indices: from the market's own volatility, after the close, and without a look ahead."""

from __future__ import annotations

import numpy as np

from tests.sandbox.panel import correlation, days
from undertow.core.calendar import nyse
from undertow.core.events import DailyBar, IndexLevel
from undertow.core.time import MINUTE
from undertow.sandbox.daily.layer import factor, span
from undertow.sandbox.market import Market

SESSIONS = days("2015-01-02", "2024-12-31")
NAMES = ("VIX9D", "VIX", "VIX3M", "KO")


def test_levels_follow_the_markets_volatility_and_the_near_ones_most() -> None:
    rows = Market(3).events(NAMES, SESSIONS, (IndexLevel,))[IndexLevel]
    assert (rows.known_at - rows.event_at == 20 * MINUTE).all()
    assert (rows.event_at == nyse().close[nyse().position(rows.event_at)]).all()
    near, month, far = (rows.columns["level"][rows.key == k] for k in range(3))
    assert len(near) == len(month) == len(far) == SESSIONS.stop - SESSIONS.start
    assert not (rows.key == 3).any()  # a company is no index
    sigma = factor(3)["sigma"][SESSIONS.start - span().start : SESSIONS.stop - span().start]
    assert correlation(near, sigma) > 0.97
    assert near.std() > month.std() > far.std()
    assert 14 < np.median(month) < 22
    stress = sigma > np.quantile(sigma, 0.95)
    assert (near[stress] > month[stress]).all()
    assert (month[stress] > far[stress]).all()


def test_a_level_says_nothing_of_the_next_return_in_a_null_market() -> None:
    found = []
    for seed in range(4):
        chunks = Market(seed, 0.0).events(("VIX", "SPY"), SESSIONS, (IndexLevel, DailyBar))
        level = chunks[IndexLevel].columns["level"]
        bars = chunks[DailyBar]
        opened, close = (np.log(bars.columns[name][bars.key == 1]) for name in ("open", "close"))
        found.append(correlation(level[:-1], (close - opened)[1:]))
        assert correlation(level[:-1], np.abs(close - opened)[1:]) > 0.2  # but something of its size
    assert abs(np.mean(found)) < 3.0 / np.sqrt(4 * len(level))
