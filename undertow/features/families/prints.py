"""Off-exchange prints, signed and unsigned, and what they do to the price (field guide §2)."""

from __future__ import annotations


class PrintFeatures:
    """Features of single prints away from the exchanges."""
