"""Where in the session the price is: gaps, the opening range, overnight and intraday moves."""

from __future__ import annotations


class SessionFeatures:
    """Features of the session as a whole."""
