"""TA-Lib's candlestick patterns, on intraday and on daily bars."""

from __future__ import annotations

from collections.abc import Callable

from undertow.features.language.expressions import Expr
from undertow.features.language.register import feature
from undertow.features.vocabulary import Bars

BOTH = ("intraday", "daily")


class CandlestickFeatures:
    """One feature a pattern and set of bars."""


CANDLESTICKS = (
    "2CROWS",
    "3BLACKCROWS",
    "3INSIDE",
    "3LINESTRIKE",
    "3OUTSIDE",
    "3STARSINSOUTH",
    "3WHITESOLDIERS",
    "ABANDONEDBABY",
    "ADVANCEBLOCK",
    "BELTHOLD",
    "BREAKAWAY",
    "CLOSINGMARUBOZU",
    "CONCEALBABYSWALL",
    "COUNTERATTACK",
    "DARKCLOUDCOVER",
    "DOJI",
    "DOJISTAR",
    "DRAGONFLYDOJI",
    "ENGULFING",
    "EVENINGDOJISTAR",
    "EVENINGSTAR",
    "GAPSIDESIDEWHITE",
    "GRAVESTONEDOJI",
    "HAMMER",
    "HANGINGMAN",
    "HARAMI",
    "HARAMICROSS",
    "HIGHWAVE",
    "HIKKAKE",
    "HIKKAKEMOD",
    "HOMINGPIGEON",
    "IDENTICAL3CROWS",
    "INNECK",
    "INVERTEDHAMMER",
    "KICKING",
    "KICKINGBYLENGTH",
    "LADDERBOTTOM",
    "LONGLEGGEDDOJI",
    "LONGLINE",
    "MARUBOZU",
    "MATCHINGLOW",
    "MATHOLD",
    "MORNINGDOJISTAR",
    "MORNINGSTAR",
    "ONNECK",
    "PIERCING",
    "RICKSHAWMAN",
    "RISEFALL3METHODS",
    "SEPARATINGLINES",
    "SHOOTINGSTAR",
    "SHORTLINE",
    "SPINNINGTOP",
    "STALLEDPATTERN",
    "STICKSANDWICH",
    "TAKURI",
    "TASUKIGAP",
    "THRUSTING",
    "TRISTAR",
    "UNIQUE3RIVER",
    "UPSIDEGAP2CROWS",
    "XSIDEGAP3METHODS",
)


def _candlestick(pattern: str) -> Callable[[CandlestickFeatures, Bars], Expr]:
    def method(_: CandlestickFeatures, bars: Bars) -> Expr:
        return bars.candlestick(f"CDL{pattern}").last()

    method.__doc__ = f"TA-Lib's pattern CDL{pattern} on the last bar: +1 bullish, -1 bearish, 0 none, ±0.8 where two bodies share an end."
    return feature(unit="-1 to 1", family="candlestick", bars=BOTH)(method)


for _pattern in CANDLESTICKS:
    setattr(CandlestickFeatures, f"candle_{_pattern.lower()}", _candlestick(_pattern))
