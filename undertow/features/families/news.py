"""News, by tone, newness and number, and option flow around it."""

from __future__ import annotations

from undertow.features.language.expressions import Column, Expr
from undertow.features.language.register import feature
from undertow.features.vocabulary import Alerts, News
from undertow.features.vocabulary.bars import DAILY
from undertow.features.vocabulary.columns import age_of

FINE = 1e-6  #: steps in which tones are summed exactly
DOLLAR = 10_000.0


def _toned(half_life: str, half_of_it: str, weight: Column) -> Expr:
    # squared weights halve in half the time; the 1 lets a lone old story fade, as it would not over its own weight
    total = (News.tone * weight).decayed(half_life)
    return total / ((weight * weight).decayed(half_of_it) + 1.0).sqrt()


def _premium(quiet: bool) -> Expr:
    # net premium of alerts in a day: bought less sold calls, less the same of puts
    told_before = Alerts.premium.gather(News.stories, "1d") > 0.0
    bought = Alerts.ask_premium - Alerts.bid_premium
    net = bought.where(Alerts.is_call) - bought.where(Alerts.is_put)
    total = net.where(told_before.equals(0.0) if quiet else told_before).sum("1d", DOLLAR)
    return total.sign() * (total.abs() / DOLLAR + 1.0).log()


class NewsFeatures:
    """What stories say, whether it is new, and how many there are. Headlines of a price that moved count for nothing."""

    @feature(unit="tone", family="news")
    def news_tone_6h(self) -> Expr:
        """Tone of the news, an item weighing its novelty and half of that after six hours, over the root of the squared weights and 1."""
        return _toned("6h", "3h", News.weight)

    @feature(unit="tone", family="news")
    def news_tone_1d(self) -> Expr:
        """Tone of the news, an item weighing its novelty and half of that after a day, over the root of the squared weights and 1."""
        return _toned("1d", "12h", News.weight)

    @feature(unit="tone", family="news")
    def news_tone_5d(self) -> Expr:
        """Tone of the news, an item weighing its novelty and half of that after five days, over the root of the squared weights and 1."""
        return _toned("120h", "60h", News.weight)

    @feature(unit="tone", family="news")
    def news_stale_tone_1d(self) -> Expr:
        """Tone of what was told before, an item weighing 1 less its novelty: its return reverses within a week (Tetlock 2011)."""
        return _toned("1d", "12h", (News.weight * 0.0 + 1.0) - News.novelty)

    @feature(unit="tone", family="news")
    def news_tone_change(self) -> Expr:
        """Tone of six hours less tone of five days: news that turns."""
        return _toned("6h", "3h", News.weight) - _toned("120h", "60h", News.weight)

    @feature(unit="tone", family="news")
    def news_dispersion_5d(self) -> Expr:
        """Standard deviation of the tones of five days of stories: how far they disagree; NaN without two of them."""
        count = News.one.sum("5d")
        mean = News.tone.sum("5d", FINE) / count
        squares = (News.tone * News.tone).sum("5d", FINE) / count
        return (squares - mean * mean).at_least(0.0).sqrt().only(count > 1.0)

    @feature(unit="0 to 1", family="news")
    def news_novelty_1d(self) -> Expr:
        """Mean novelty of a day's stories: 1 less the largest cosine with the words of the ten before; NaN without a story."""
        return News.novelty.sum("1d", FINE) / (News.novelty * 0.0 + 1.0).sum("1d")

    @feature(unit="stories", family="news")
    def news_stories_1d(self) -> Expr:
        """Logarithm of one more than the stories of a day."""
        return (News.stories.sum("1d") + 1.0).log()

    @feature(unit="standard deviations", family="news")
    def news_stories_score(self) -> Expr:
        """Logarithm of a day's stories against those up to each of the last twenty closes; NaN where these do not differ."""
        daily = (DAILY.close.gather(News.stories, "1d") + 1.0).log()
        return ((News.stories.sum("1d") + 1.0).log() - daily.mean(20).last()) / daily.deviation(20).last()

    @feature(unit="hours", family="news")
    def news_hours_since(self) -> Expr:
        """Hours since the last story; NaN after thirty days."""
        return age_of(News.stories, "30d") * 24.0

    @feature(unit="0 to 1", family="news")
    def news_of_the_price_1d(self) -> Expr:
        """Share of a day's items whose headline only tells that the price moved; NaN without an item."""
        return News.of_the_price.sum("1d") / (News.of_the_price * 0.0 + 1.0).sum("1d")

    @feature(unit="signed log USD", family="news")
    def flow_before_news_1d(self) -> Expr:
        """Net premium of a day's option alerts that came with no story in the day before them: flow that may know something."""
        return _premium(quiet=True)

    @feature(unit="signed log USD", family="news")
    def flow_after_news_1d(self) -> Expr:
        """Net premium of a day's option alerts that followed a story within a day: flow that reacts."""
        return _premium(quiet=False)
