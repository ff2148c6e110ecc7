"""Off-exchange features on a real stock's ticks: shares, blocks and sides as a plain count has them, and one fold (law 3)."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tests.oracles import real_ticks
from undertow.core.calendar import nyse
from undertow.core.events import Bar, CorporateAction, OffExchangePrint, Quote, Trade
from undertow.core.time import SECOND
from undertow.features.engineering import FeatureEngineering
from undertow.validation import laws
from undertow.validation.audit import own_material
from undertow.validation.audit_stamps import audit_stamps
from undertow.validation.laws import Subject

KINDS = {Quote, Trade, OffExchangePrint, Bar, CorporateAction}
#: cash, next day, seller, derivatively priced, sold, out of sequence, average, price variation, prior reference
UNPRICED = 0x2 | 0x4 | 0x8 | 0x200 | 0x800 | 0x4000 | 0x100000 | 0x400000 | 0x2000000
OFFICIAL = 0x1000000 | 0x4000000
NAMES = ("dark_share_today", "block_count_today", "block_value_count_today", "dark_sided_share_today", "unpriced_share_today")


def at_the_close(day: str, names: tuple[str, ...] = NAMES) -> dict[str, float]:
    """Features at the end of a session of which all ticks are known."""
    fe = FeatureEngineering(real_ticks.SYMBOLS, only=names)
    ticks = np.array([real_ticks.hours(day)[1] + SECOND])
    return dict(zip(fe.features, fe.push(real_ticks.chunks(day), ticks)[0, 0].tolist(), strict=True))


@pytest.mark.parametrize("day", real_ticks.DAYS)
def test_off_exchange_share_blocks_and_sides(day: str) -> None:
    table, got = real_ticks.prints(day), at_the_close(day)
    # an official open or close is no trade
    table = table.filter([not int(condition, 16) & OFFICIAL for condition in table["condition"].to_list()])
    dark = table.filter(pl.col("exchange") == real_ticks.FACILITY)
    assert got["dark_share_today"] == pytest.approx(dark["size"].sum() / table["size"].sum(), rel=1e-12)
    assert 0.22 <= got["dark_share_today"] <= 0.40
    assert got["block_count_today"] == dark.filter(pl.col("size") >= 10_000).height
    priced = dark.filter([not int(condition, 16) & UNPRICED for condition in dark["condition"].to_list()])
    assert got["block_value_count_today"] == priced.filter(pl.col("price") * pl.col("size") >= 2_000_000_000).height > 0
    # 0.84 to 0.92 were found; a middle that is none would leave nothing unsigned
    assert 0.8 < got["dark_sided_share_today"] < 0.95
    assert 0.0 < got["unpriced_share_today"] < 0.05


def test_sides_equal_those_of_a_plain_join() -> None:
    day = real_ticks.DAYS[0]
    quotes, _, dark, _ = real_ticks.chunks(day)
    # the last quote of a millisecond before the print's
    place = np.searchsorted(quotes.event_at, dark.event_at, side="left") - 1
    middle = (quotes.columns["bid"][np.maximum(place, 0)] + quotes.columns["ask"][np.maximum(place, 0)]) / 2
    side = np.where(place < 0, np.nan, np.sign(dark.columns["price"] - middle))
    excluded = {"2", "7", "10", "20", "21", "22", "29", "32"}
    priced = np.array([not excluded & set(text.split(",")) for text in dark.columns["conditions"]])
    dollars = np.where(priced, np.rint(dark.columns["price"] * dark.columns["size"] * 1e-4 * side), np.nan)
    expected = np.nansum(dollars) / np.nansum(np.abs(dollars))
    assert at_the_close(day, ("dark_imbalance_today",))["dark_imbalance_today"] == pytest.approx(expected, rel=1e-12)


def test_one_fold_on_a_session() -> None:
    fe = FeatureEngineering(real_ticks.SYMBOLS)
    prints = {Quote, Trade, OffExchangePrint}
    some = frozenset(n for n, one in fe.features.items() if set(one.memories()) <= KINDS and set(one.memories()) & prints)
    assert len(some) > 30
    chunks = real_ticks.chunks(real_ticks.DAYS[0])
    assert not audit_stamps(chunks, nyse())
    subject = Subject(features=FeatureEngineering, material=own_material(chunks, KINDS, nyse()), only=some)
    known = ~np.isnan(subject.run(subject.material.chunks, subject.material.ticks)).all(axis=(0, 1))
    assert known.sum() > 30
    for seed in range(2):
        rng = np.random.default_rng(seed)
        assert not laws.law_3_any_cut(subject, [int(cut) for cut in rng.integers(1, len(subject.material.ticks), 20)], rng)
    assert not laws.law_4_causality(subject, 30, np.random.default_rng(0))
