"""The market as a whole: breadth, volatility, correlation, regime."""

from __future__ import annotations


class MarketFeatures:
    """Features of the market, the same for every symbol or relative to it."""
