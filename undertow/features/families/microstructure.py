"""Filters, slopes, spreads and relative value (field guide §8)."""

from __future__ import annotations


class MicrostructureFeatures:
    """Features that are made anew with every quote or bar."""
