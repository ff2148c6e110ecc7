"""Implied volatility, gamma and what else a whole chain says (field guide §1.1, §3.3)."""

from __future__ import annotations


class OptionsChainFeatures:
    """Features of the chain at the close and of open interest in the morning."""
