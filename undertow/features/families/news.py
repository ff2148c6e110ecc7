"""News, by tone and number (field guide §4)."""

from __future__ import annotations

from undertow.features.language.expressions import Expr
from undertow.features.language.register import feature
from undertow.features.vocabulary import News


class NewsFeatures:
    """What stories say, and how many there are."""

    @feature(unit="tone", family="news")
    def news_tone_1d(self) -> Expr:
        """Tone of the news, an item weighing half after a day."""
        return News.tone.decayed("1d")

    @feature(unit="tone", family="news")
    def news_tone_5d(self) -> Expr:
        """Tone of the news, an item weighing half after five days."""
        return News.tone.decayed("5d")
