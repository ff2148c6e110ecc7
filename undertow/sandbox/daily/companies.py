"""What a symbol is like in the simulated market: known names plausibly, any other name by a hash of it."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from undertow.sandbox.daily.walk import QUARTER
from undertow.sandbox.draws import stream


class Company(NamedTuple):
    """The constants of one symbol; a NamedTuple of numbers, because compiled code reads it."""

    level: float  #: USD at the market's first open
    beta: float  #: to the market factor
    idio: float  #: own volatility, annual
    turnover: float  #: USD traded a session, typically
    options: float  #: option contracts for each 100 shares traded
    jump: float  #: standard deviation of the return on earnings; 0 for a fund, which has none
    earnings: int  #: position of its report in each quarter of 63 sessions
    stories: float  #: news a session, typically


# level, beta, own volatility, turnover in millions, options a round lot, jump
_KNOWN: dict[str, tuple[float, float, float, float, float, float]] = {
    "AAPL": (230.0, 1.1, 0.19, 11_000.0, 1.5, 0.035),
    "MSFT": (420.0, 1.0, 0.17, 8_500.0, 1.1, 0.035),
    "GOOGL": (175.0, 1.05, 0.20, 5_000.0, 1.0, 0.045),
    "AMZN": (200.0, 1.15, 0.22, 8_000.0, 1.1, 0.050),
    "TSLA": (320.0, 1.4, 0.38, 25_000.0, 2.2, 0.070),
    "NVDA": (140.0, 1.4, 0.32, 30_000.0, 1.6, 0.060),
    "META": (600.0, 1.15, 0.25, 9_000.0, 1.2, 0.065),
    "AMD": (150.0, 1.35, 0.33, 6_500.0, 1.4, 0.060),
    "NFLX": (700.0, 1.1, 0.28, 3_000.0, 1.0, 0.075),
    "JPM": (230.0, 1.0, 0.16, 2_200.0, 0.5, 0.030),
    "KO": (65.0, 0.6, 0.14, 900.0, 0.4, 0.020),
    "XOM": (115.0, 0.8, 0.20, 1_700.0, 0.5, 0.025),
    "SPY": (560.0, 1.0, 0.01, 35_000.0, 3.0, 0.0),
    "QQQ": (480.0, 1.15, 0.06, 20_000.0, 3.0, 0.0),
    "IWM": (220.0, 1.1, 0.08, 6_000.0, 2.0, 0.0),
}


@cache
def company(symbol: str) -> Company:
    """The constants of a symbol; they do not depend on the market's seed."""
    u = stream("company", symbol).random(8).tolist()
    level, beta, idio, millions, options, jump = _KNOWN.get(
        symbol,
        (20.0 * 15.0 ** u[0], 0.6 + 0.9 * u[1], 0.18 + 0.17 * u[2], 60.0 * 40.0 ** u[3], 0.2 + 0.6 * u[4], 0.03 + 0.04 * u[5]),
    )
    return Company(level, beta, idio, millions * 1e6, options, jump, int(QUARTER * u[6]), 2.0 + min(12.0, millions / 1_000.0))
