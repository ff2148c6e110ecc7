"""The tone of a headline where its vendor gives none: text in, a number in [-1, 1] out. No download, no model, no clock."""

from undertow.sources.tone.scorer import tone

__all__ = ["tone"]
