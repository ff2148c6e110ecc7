"""The volatility indices of the simulated market: what its own volatility makes of the nine days, month and quarter to come."""

from __future__ import annotations

import numpy as np

from undertow.core.time import MINUTE
from undertow.sandbox.daily.layer import factor, span
from undertow.sandbox.daily.walk import FACTOR_VOLATILITY, YEAR
from undertow.sandbox.part import Part, Rows

#: index -> share of today's distance from the usual variance that is expected to last, on average until it ends
LASTS = {"VIX9D": 0.85, "VIX": 0.65, "VIX3M": 0.45}
PREMIUM = 1.1  #: implied over expected volatility
PUBLISHED = 20 * MINUTE  #: after the close


def levels(part: Part) -> Rows:
    """Closes of an index in points, known twenty minutes after the close; none for symbols that are no index of this market.

    They rest on the volatility that was known before the session, and so on nothing that happens later.
    """
    there = part.symbol in LASTS
    at = part.positions if there else part.positions[:0]
    sigma = factor(part.settings.seed)["sigma"][at - span().start]
    usual = FACTOR_VOLATILITY**2
    expected = usual + LASTS.get(part.symbol, 0.0) * (YEAR * sigma**2 - usual)
    close = part.calendar.close[at]
    columns = {"level": np.round(100.0 * PREMIUM * np.sqrt(expected), 2)}
    return Rows(position=at, row=np.zeros(len(at), np.int64), event_at=close, known_at=close + PUBLISHED, columns=columns)
