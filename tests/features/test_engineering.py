"""FeatureEngineering from the outside: adding a feature, asking for some, feeding it, and what it refuses."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk, chunk_of
from undertow.core.errors import BadInput, LawBroken
from undertow.core.events import MISSING, Bar, ChainRow, CorporateAction, DailyBar, NewsItem, OffExchangeVolume, OpenInterest
from undertow.core.time import DAY, MINUTE, SECOND
from undertow.features.engineering import FeatureEngineering
from undertow.features.language.expressions import MICROSECOND, Column, Expr
from undertow.features.language.memory import FOREVER, Memory
from undertow.features.language.register import feature
from undertow.features.vocabulary import Bars, News, column

SYMBOLS = ("A", "B")


class Own(FeatureEngineering):
    """What a user writes."""

    @feature(unit="ratio", bars=("intraday", "daily"))
    def own_gap(self, bars: Bars) -> Expr:
        """Open above the close before."""
        return (bars.open / bars.close.lag() - 1.0).last()

    @feature(unit="stories")
    def stories_1h(self) -> Expr:
        """Stories of the last hour."""
        return News.stories.sum("1h")


def bars(n: int = 30, kind: type = DailyBar) -> Chunk:
    close = nyse().close[nyse().sessions(np.datetime64("2024-01-02"), np.datetime64("2024-12-31"))][:n]
    at, key = np.repeat(close, 2), np.tile([0, 1], n)
    price = 1_000_000 + 1000 * np.arange(2 * n)
    columns = {"open": price - 50, "high": price + 100, "low": price - 100, "close": price, "volume": price // 100}
    return chunk_of(kind, SYMBOLS, key=key, event_at=at, known_at=at + MINUTE, columns=columns)


def test_a_method_is_a_feature() -> None:
    fe = Own(SYMBOLS, only=["own_gap_1d", "stories_1h"])
    assert list(fe.features) == ["own_gap_1d", "stories_1h"]
    assert fe.kinds == {DailyBar, NewsItem, CorporateAction}
    assert fe.features["own_gap_1d"].about.unit == "ratio"
    daily = bars()
    got = fe.push([daily], np.unique(daily.known_at))
    opened, close = (daily.columns[n].reshape(-1, 2) for n in ("open", "close"))
    np.testing.assert_allclose(got[1:, :, 0], opened[1:] / close[:-1] - 1.0, rtol=1e-15)
    assert np.isnan(got[0, :, 0]).all()
    assert (got[:, :, 1] == 0.0).all()


def test_what_ships_is_not_changed_by_a_subclass() -> None:
    assert "own_gap_1d" not in FeatureEngineering(SYMBOLS).features
    assert set(FeatureEngineering(SYMBOLS).features) < set(Own(SYMBOLS).features)


def test_without_intraday_bars() -> None:
    fe = FeatureEngineering(SYMBOLS, without={Bar})
    assert Bar not in fe.kinds
    assert "return_1_1d" in fe.features
    assert "return_1" not in fe.features


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(BadInput, match="no feature named sma_11"):
        FeatureEngineering(SYMBOLS, only=["sma_11", "sma_10"])


def test_another_universe_is_refused() -> None:
    other = chunk_of(DailyBar, ("X",), key=np.zeros(1), event_at=np.ones(1), known_at=np.ones(1), columns={})
    with pytest.raises(BadInput, match="a chunk of daily_bar is about X; the features are about A, B"):
        FeatureEngineering(SYMBOLS, only=["sma_10_1d"]).push([other], np.array([2]))


def test_the_future_is_out_of_reach() -> None:
    with pytest.raises(ValueError, match="features look back only"):
        column(Bar, "close").lag(-1)


def test_a_column_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="daily_bar has no column 'clsoe'; it has open, high"):
        column(DailyBar, "clsoe")


def test_a_function_of_columns_gives_a_number_an_event() -> None:
    class Total(FeatureEngineering):
        @feature(unit="price")
        def total(self) -> Expr:
            """All closes."""
            return Column(DailyBar, np.sum, (column(DailyBar, "close"),)).last()

    with pytest.raises(BadInput, match=r"sum gave an array of shape \(\) for 60 events"):
        Total(SYMBOLS, only=["total"]).push([bars()], np.array([2**62]))


def test_events_wait_for_their_tick() -> None:
    daily, fe = bars(), FeatureEngineering(SYMBOLS, only=["return_1_1d"])
    ticks = np.unique(daily.known_at)
    assert fe.push([daily], ticks[:0]).shape == (0, 2, 1)
    assert np.isnan(fe.push([], ticks[:1])).all()
    assert np.isfinite(fe.push([], ticks[1:2])).all()
    assert np.isfinite(fe.push([], ticks[2:])).all()


def test_an_event_that_comes_after_its_tick_stops_the_run() -> None:
    daily, fe = bars(), FeatureEngineering(SYMBOLS, only=["return_1_1d"])
    ticks = np.unique(daily.known_at)
    fe.push([daily[:4]], ticks[1:2])
    with pytest.raises(LawBroken, match="a daily_bar known at 2024-01-02T21:01:00Z came after the tick of 2024-01-03T21:01:00Z"):
        fe.push([daily], ticks[2:3])


def test_other_kinds_pass_by_and_leave_nothing_behind() -> None:
    fe = FeatureEngineering(SYMBOLS, only=["news_tone_1d"])
    fe.push([bars()], np.array([2**62]))
    assert not fe._waiting


def test_pieces_of_one_kind_in_one_push() -> None:
    daily = bars()
    ticks = np.unique(daily.known_at)
    whole = FeatureEngineering(SYMBOLS, only=["sma_10_1d"]).push([daily], ticks)
    by_symbol = [daily[daily.key == k] for k in (0, 1)]
    np.testing.assert_array_equal(FeatureEngineering(SYMBOLS, only=["sma_10_1d"]).push(by_symbol, ticks), whole)
    pieces = [daily[i : i + 7] for i in range(0, len(daily), 7)]
    np.testing.assert_array_equal(FeatureEngineering(SYMBOLS, only=["sma_10_1d"]).push(pieces, ticks), whole)


def test_two_sources_that_tie_are_read_in_the_order_given() -> None:
    def said(at: list[int], tone: list[float]) -> Chunk:
        columns = {"tone": np.array(tone)}
        return chunk_of(NewsItem, SYMBOLS, key=np.zeros(len(at)), event_at=np.array(at), known_at=np.array(at), columns=columns)

    class Newest(FeatureEngineering):
        @feature(unit="tone")
        def newest(self) -> Expr:
            """Tone of the newest story."""
            return News.tone.last()

    one, two, ticks = said([1, 2, 3, 5], [1.0, 2.0, 3.0, 5.0]), said([4, 5], [40.0, 50.0]), np.array([3, 4, 5])
    whole = Newest(SYMBOLS, only=["newest"]).push([one, two], ticks)
    streaming = Newest(SYMBOLS, only=["newest"])
    parts = [streaming.push([c.between(now - 3 if now == 3 else now - 1, now) for c in (one, two)], ticks[ticks == now]) for now in ticks]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert whole[:, 0, 0].tolist() == [3.0, 40.0, 50.0]


def test_a_missing_number_is_not_known() -> None:
    daily = bars()
    daily.columns["volume"][-1] = MISSING
    out = FeatureEngineering(SYMBOLS, only=["volume_score_1d"]).push([daily], daily.known_at[-1:])
    assert np.isfinite(out[0, 0, 0])
    assert np.isnan(out[0, 1, 0])


def test_a_value_ages() -> None:
    daily = bars()
    fe = FeatureEngineering(SYMBOLS, only=["return_1_1d"])
    last = int(daily.known_at[-1])
    got = fe.push([daily], np.array([last, last + 5 * DAY - 1, last + 5 * DAY]))
    assert np.isfinite(got[:2]).all()
    assert np.isnan(got[2]).all()


def test_the_table() -> None:
    daily = bars()
    ticks = np.unique(daily.known_at)[-3:]
    table = FeatureEngineering(SYMBOLS, only=["return_1_1d", "sma_10_1d"]).table([daily], ticks)
    assert table.columns == ["at", "symbol", "return_1_1d", "sma_10_1d"]
    assert table["symbol"].to_list() == ["A", "B"] * 3
    assert table["at"].dtype == pl.Datetime("ns", "UTC")
    assert table["at"].dt.epoch("ns").to_list() == np.repeat(ticks, 2).tolist()
    matrix = FeatureEngineering(SYMBOLS, only=["return_1_1d", "sma_10_1d"]).push([daily], ticks)
    np.testing.assert_array_equal(table.select("return_1_1d", "sma_10_1d").to_numpy(), matrix.reshape(6, 2))
    frame = FeatureEngineering(SYMBOLS, only=["return_1_1d", "sma_10_1d"]).data_frame([daily], ticks)
    assert list(frame.columns) == table.columns
    assert str(frame["at"].dtype) == "datetime64[ns, UTC]"
    np.testing.assert_array_equal(frame[["return_1_1d", "sma_10_1d"]].to_numpy(), matrix.reshape(6, 2))


# --- memory -----------------------------------------------------------------------------------------------------------


def test_memories_add_up_along_a_sentence_and_cover_side_by_side() -> None:
    fe = FeatureEngineering(SYMBOLS)
    sma = fe.features["sma_50_1d"].memories()
    assert sma == {DailyBar: Memory(events=49, span=5 * DAY), CorporateAction: Memory(span=FOREVER + 5 * DAY, events=49)}
    assert fe.features["stochastic_d"].memories()[Bar].events == 13 + 2 + 2
    assert fe.features["volume_by_slot"].memories()[Bar].sessions == 21
    share = fe.features["off_exchange_share_score"].memories()
    assert share[OffExchangeVolume].events == share[DailyBar].events == 19
    assert share[DailyBar].span == 10 * DAY - MICROSECOND  # five days as of, five days as the last
    opening = fe.features["opening_share"].memories()
    assert opening[OpenInterest].span == opening[ChainRow].span == 11 * DAY - MICROSECOND
    whole = fe.memories()
    assert set(whole) == fe.kinds
    for one in fe.features.values():
        for kind, memory in one.memories().items():
            assert memory.either(whole[kind]) == whole[kind]


def test_only_decays_fade() -> None:
    features = FeatureEngineering(SYMBOLS, without={Bar}).features
    averages = {"atr_14_1d", "ema_12_1d", "ema_26_1d", "macd_1d", "macd_histogram_1d", "rsi_14_1d", "news_tone_1d", "news_tone_5d"}
    assert all(features[name].fades() for name in averages)
    for name in ("sma_10_1d", "bollinger_position_1d", "return_20_1d", "put_share_of_volume", "off_exchange_share_score"):
        assert not features[name].fades(), name


def test_equal_sentences_are_computed_once() -> None:
    one, two = (len(FeatureEngineering(SYMBOLS, only=names)._plan) for names in (["macd_1d"], ["macd_1d", "ema_12_1d"]))
    assert two - one <= 5  # the average is there already: what is new is the ratio, its sample and their literals


def test_a_second_within_a_bar_of_news() -> None:
    at = np.array([10, 20, 20, 3700]) * SECOND
    columns = {"tone": np.ones(4), "stories": np.array([1, 2, 3, 4])}
    news = chunk_of(NewsItem, SYMBOLS, key=np.array([0, 0, 1, 0]), event_at=at, known_at=at, columns=columns)
    got = Own(SYMBOLS, only=["stories_1h"]).push([news], np.array([9, 10, 20, 3610, 3620, 3700]) * SECOND)
    assert got[:, :, 0].tolist() == [[0, 0], [1, 0], [3, 3], [2, 3], [0, 0], [4, 0]]
