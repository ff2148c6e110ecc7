"""News by hand: tone that fades, novelty, counts, and flow before and after a story; and the order of real days of news."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import real
from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk, chunk_of
from undertow.core.events import DailyBar, FlowAlert, NewsItem
from undertow.core.time import DAY, HOUR, MINUTE
from undertow.features.engineering import FeatureEngineering
from undertow.features.operators.stories import Novelty, likeness, words_of

SYMBOLS = ("A", "B")
NOON = int(nyse().open[nyse().sessions(np.datetime64("2024-05-01"), np.datetime64("2024-05-02"))][0]) + 2 * HOUR
LONG = "Regulator opens inquiry into lending practices"


def news(*told: tuple[float, float, str]) -> Chunk:
    """Rows (hours after noon, tone, headline) of the first symbol."""
    at = np.array([NOON + int(hours * HOUR) for hours, _, _ in told])
    columns = {
        "tone": np.array([tone for _, tone, _ in told], float),
        "stories": np.ones(len(told), np.int64),
        "headline": np.array([headline for *_, headline in told], object),
    }
    return chunk_of(NewsItem, SYMBOLS, key=np.zeros(len(told)), event_at=at, known_at=at, columns=columns)


def asked(chunks: list[Chunk], hours: list[float], *names: str) -> dict[str, list[float]]:
    features = FeatureEngineering(SYMBOLS, only=names)
    out = features.push(chunks, np.array([NOON + int(h * HOUR) for h in hours]))
    return {name: out[:, 0, j].tolist() for j, name in enumerate(features.features)}


def test_a_lone_story_fades_and_many_alike_do_not_pile_up() -> None:
    got = asked([news((0, 0.8, "a"))], [0, 6, 12, 24, 1000], "news_tone_6h")["news_tone_6h"]
    expected = [0.8 * 2.0**-n / sqrt(1 + 4.0**-n) for n in (0, 1, 2, 4)]
    np.testing.assert_allclose(got[:4], expected, rtol=1e-12)
    assert abs(got[4]) < 1e-30
    # n stories at once: n s / sqrt(n + 1), the root of n rather than n
    many = asked([news(*[(0, 0.5, "a")] * 8)], [0], "news_tone_6h", "news_tone_5d")
    np.testing.assert_allclose([many["news_tone_6h"][0], many["news_tone_5d"][0]], [0.5 * 8 / 3] * 2)
    assert asked([], [0], "news_tone_6h") == {"news_tone_6h": [0.0]}


def test_a_story_told_again_weighs_nothing() -> None:
    told = news((0, -0.6, LONG), (1, -0.6, LONG.upper()), (2, -0.6, "Company opens new factory"))
    got = asked([told], [0, 1, 2], "news_novelty_1d", "news_tone_1d", "news_stale_tone_1d")
    alike = 1 / sqrt(5 * 4)  # "opens": one word of five (regulator opens inquiry lending practices) and of four
    np.testing.assert_allclose(got["news_novelty_1d"], [1.0, 0.5, (1 + 0 + 1 - alike) / 3], atol=1e-6)
    np.testing.assert_allclose(got["news_tone_1d"][0], -0.6 / sqrt(2))
    faded = 2.0 ** (-1 / 24)
    np.testing.assert_allclose(got["news_tone_1d"][1], -0.6 * faded / sqrt(1 + faded**2), rtol=1e-9)
    np.testing.assert_allclose(got["news_stale_tone_1d"][:2], [0.0, -0.6 / sqrt(2)], atol=1e-12)


def test_a_headline_of_the_price_counts_for_nothing() -> None:
    told = news((0, 1.0, "Acme shares jump 7% in early trading"), (1, 0.5, "Globex to share plans for growth"))
    got = asked([told], [0, 1], "news_tone_6h", "news_of_the_price_1d")
    np.testing.assert_allclose(got["news_tone_6h"], [0.0, 0.5 / sqrt(2)], atol=1e-12)
    assert got["news_of_the_price_1d"] == [1.0, 0.5]


def test_numbers_of_stories() -> None:
    told = news((0, 0.2, "a"), (1, 0.6, "b"), (2, np.nan, "c"))
    got = asked([told], [-1, 0, 3, 24.5], "news_stories_1d", "news_hours_since", "news_dispersion_5d")
    np.testing.assert_allclose(got["news_stories_1d"], [0, log(2), log(4), log(3)])
    np.testing.assert_allclose(got["news_hours_since"], [np.nan, 0.0, 1.0, 22.5], atol=1e-9)
    np.testing.assert_allclose(got["news_dispersion_5d"], [np.nan, np.nan, 0.2, 0.2], atol=1e-6)


def test_a_busy_day_against_the_closes_before() -> None:
    positions = nyse().sessions(np.datetime64("2024-03-01"), np.datetime64("2024-04-30"))
    close = nyse().close[positions]
    columns = dict.fromkeys(("open", "high", "low", "close"), np.full(len(close), 10**6)) | {"volume": np.full(len(close), 1)}
    bars = chunk_of(DailyBar, SYMBOLS, key=np.zeros(len(close)), event_at=close, known_at=close + MINUTE, columns=columns)
    number = np.arange(len(close)) % 4
    at = np.repeat(close - HOUR, number)
    daily = chunk_of(NewsItem, SYMBOLS, key=np.zeros(len(at)), event_at=at, known_at=at, columns={"stories": np.ones(len(at), np.int64)})
    features = FeatureEngineering(SYMBOLS, only=["news_stories_score"])
    got = features.push([bars, daily], np.array([close[-1] + MINUTE]))[0, 0, 0]
    past = np.log(number[-20:] + 1.0)
    assert got == pytest.approx((past[-1] - past.mean()) / past.std())


def alerts(*told: tuple[float, int, int, int]) -> Chunk:
    """Rows (hours after noon, put, dollars at the ask, dollars at the bid)."""
    at = np.array([NOON + int(hours * HOUR) for hours, *_ in told])
    put, ask, bid = (np.array([row[i] for row in told]) for i in (1, 2, 3))
    columns = {"is_put": put, "ask_premium": ask * 10_000, "bid_premium": bid * 10_000, "premium": (ask + bid) * 10_000}
    return chunk_of(FlowAlert, SYMBOLS, key=np.zeros(len(told)), event_at=at, known_at=at, columns=columns)


def test_flow_before_and_after_a_story() -> None:
    flow = alerts((1, 0, 500, 100), (2, 1, 900, 200), (6, 0, 50, 10))
    got = asked([flow, news((5, 0.1, "a"))], [4, 7, 26.5], "flow_before_news_1d", "flow_after_news_1d")
    np.testing.assert_allclose(got["flow_before_news_1d"], [-log(301), -log(301), 0.0])  # 400 of calls less 700 of puts
    np.testing.assert_allclose(got["flow_after_news_1d"], [0.0, log(41), log(41)])
    late = asked([flow, news((-23.5, 0.1, "a"))], [7], "flow_before_news_1d", "flow_after_news_1d")
    # the story of the day before is a day old when the first alert comes
    np.testing.assert_allclose(late["flow_before_news_1d"], [-log(261)])
    later = asked([flow, news((-22.5, 0.1, "a"))], [7], "flow_before_news_1d", "flow_after_news_1d")
    np.testing.assert_allclose([later["flow_before_news_1d"], later["flow_after_news_1d"]], [[-log(661)], [log(401)]])


# --- novelty ----------------------------------------------------------------------------------------------------------

titles = st.lists(
    st.tuples(st.integers(0, 1), st.lists(st.sampled_from(["ab", "cd", "ef", "gh", "ij"]), max_size=5), st.integers(1, 2)), max_size=40
)


@settings(max_examples=60, deadline=None)
@given(titles, st.integers(1, 4))
def test_novelty_equals_a_plain_loop(some: list[tuple[int, list[str], int]], n: int) -> None:
    key, at = np.array([k for k, *_ in some], np.int64), np.arange(len(some))
    columns = {"headline": np.array([" ".join(w) for _, w, _ in some], object), "stories": np.array([s for *_, s in some], np.int64)}
    chunk = chunk_of(NewsItem, SYMBOLS, key=key, event_at=at, known_at=at, columns=columns)
    op = Novelty(n)
    state, cut = op.fresh(2), len(some) // 2
    got = np.concatenate([op.push(state, chunk[:cut]), op.push(state, chunk[cut:])])
    kept = [set(w) if len(set(w)) >= 3 and stories == 1 else set() for _, w, stories in some]
    expected = []
    for i, (k, *_) in enumerate(some):
        before = [kept[j] for j in range(i) if some[j][0] == k][-n:]
        expected.append(1.0 - max([len(kept[i] & o) / sqrt(len(kept[i]) * len(o)) for o in before if o and kept[i]], default=0.0))
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_words() -> None:
    assert words_of("The CEO of Acme: 3 plants, 12% cut") == {"ceo", "acme", "plants", "cut"}
    assert words_of("AAPL: 12 stories") == frozenset()
    assert likeness(frozenset("ab"), frozenset()) == 0.0


# --- real days of news ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("symbol", ["AAPL", "TSLA"])
def test_real_days_keep_their_order(symbol: str) -> None:
    """The set has a score a day and no texts: what can be checked is what becomes of the scores' order."""
    table = pl.read_csv(real.path(f"news_daily_2009_2020/{symbol}.csv")).unique("date").sort("date").tail(1500)
    score = table["score"].to_numpy()
    at = real.days(table["date"]).astype(np.int64) * DAY + 21 * HOUR
    columns = {"tone": score, "stories": np.full(len(at), 2)}
    told = chunk_of(NewsItem, SYMBOLS, key=np.zeros(len(at)), event_at=at, known_at=at, columns=columns)
    names = ("news_tone_6h", "news_tone_5d")
    out = FeatureEngineering(SYMBOLS, only=names).push([told], at)[:, 0]
    half = {"news_tone_6h": 0.25, "news_tone_5d": 5.0}
    for j, name in enumerate(sorted(names)):
        weight = 2.0 ** (-(at[-1] - at) / DAY / half[name])
        assert out[-1, j] == pytest.approx((weight * score).sum() / sqrt((weight**2).sum() + 1.0), rel=1e-9)
    slow, fast = (pl.Series(out[:, j]) for j in (0, 1))
    today, week = pl.Series(score), pl.Series(score).rolling_mean(7, min_samples=7)

    def agreement(a: pl.Series, b: pl.Series) -> float:
        both = pl.DataFrame({"a": a, "b": b}).slice(30)
        return float(both.select(pl.corr("a", "b", method="spearman")).item())

    assert agreement(fast, today) > 0.95
    assert agreement(slow, week) > 0.75
    assert agreement(slow, today) < agreement(fast, today)
