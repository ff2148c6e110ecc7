"""``undertow audit``: every feature and model against the laws."""

from __future__ import annotations


def audit() -> None:
    """Check every feature and model against the laws; exit 1 when one is broken."""
