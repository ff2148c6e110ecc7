"""How unlikely the last minutes are, given the same minutes of earlier sessions (field guide §9)."""

from __future__ import annotations


class AnomalyFeatures:
    """Joint scores of volume, price and options, with their false discoveries controlled."""
