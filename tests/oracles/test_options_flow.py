"""Options-flow features against polars group-bys over real chains."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tests.oracles import real
from undertow.core.calendar import nyse
from undertow.core.chunk import F64
from undertow.core.time import HOUR, MINUTE
from undertow.features.engineering import FeatureEngineering

SYMBOLS = ("AAPL", "AMZN", "GOOG", "TSLA")
CONTRACT = ["symbol", "expiry", "strike", "right"]
NAMES = ("put_share_of_volume", "put_share_of_premium", "put_share_of_interest", "volume_over_interest", "opening_share", "opening_balance")
Answers = dict[tuple[str, str], dict[str, float]]  # (day, symbol) -> feature -> value


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    return real.chains(SYMBOLS)


@pytest.fixture(scope="module")
def matrices(table: pl.DataFrame) -> tuple[list[str], dict[str, F64], dict[str, F64]]:
    """Days, and each feature (days, symbols) in the morning at 09:00 and in the evening at 16:20."""
    dates = sorted(set(table["archive_date"].to_list()))
    midnight = nyse().midnight[np.searchsorted(nyse().day, np.array(dates, "datetime64[D]"))]
    ticks = np.sort(np.concatenate([midnight + 9 * HOUR, midnight + 16 * HOUR + 20 * MINUTE]))
    features = FeatureEngineering(SYMBOLS, only=NAMES)
    out = features.push(real.option_chunks(table, SYMBOLS), ticks)
    by_name = {name: out[:, :, j] for j, name in enumerate(features.features)}
    return dates, {n: v[::2] for n, v in by_name.items()}, {n: v[1::2] for n, v in by_name.items()}


def by_group(table: pl.DataFrame, **values: pl.Expr) -> Answers:
    rows = table.group_by("archive_date", "symbol").agg(**values).to_dicts()
    return {(r.pop("archive_date"), r.pop("symbol")): r for r in rows}


def equal(got: F64, dates: list[str], answers: Answers, name: str) -> int:
    """How many days and symbols agree; a day without an answer has to be unknown."""
    count = 0
    for i, day in enumerate(dates):
        for k, symbol in enumerate(SYMBOLS):
            if (day, symbol) in answers:
                np.testing.assert_allclose(got[i, k], answers[day, symbol][name], rtol=1e-12, err_msg=f"{name} {day} {symbol}")
                count += 1
            else:
                assert np.isnan(got[i, k]), (name, day, symbol)
    return count


def test_the_days(table: pl.DataFrame) -> None:
    assert len(set(table["archive_date"].to_list())) == 25  # both holidays are gone


def test_shares_of_the_session(table: pl.DataFrame, matrices: tuple) -> None:
    dates, _, evening = matrices
    put = pl.col("right") == "Put"
    premium = pl.col("volume") * (pl.col("price") * 10_000).round() * 100
    answers = by_group(
        table,
        put_share_of_volume=pl.col("volume").filter(put).sum() / pl.col("volume").sum(),
        put_share_of_premium=premium.filter(put).sum() / premium.sum(),
        volume_over_interest=pl.col("volume").sum() / pl.col("oi").sum(),
    )
    for name in ("put_share_of_volume", "put_share_of_premium", "volume_over_interest"):
        assert equal(evening[name], dates, answers, name) == 25 * len(SYMBOLS)


def test_share_of_this_mornings_interest(table: pl.DataFrame, matrices: tuple) -> None:
    dates, morning, evening = matrices
    answers = by_group(table, put_share_of_interest=pl.col("oi").filter(pl.col("right") == "Put").sum() / pl.col("oi").sum())
    assert equal(morning["put_share_of_interest"], dates, answers, "put_share_of_interest") == 25 * len(SYMBOLS)
    np.testing.assert_array_equal(morning["put_share_of_interest"], evening["put_share_of_interest"])


def opening(table: pl.DataFrame) -> pl.DataFrame:
    """Contracts of each morning with the volume of the session before and the interest of the morning before."""
    dates = sorted(set(table["archive_date"].to_list()))
    following = pl.DataFrame({"archive_date": dates[1:], "yesterday": dates[:-1]})
    before = table.select(*CONTRACT, pl.col("archive_date").alias("yesterday"), v="volume", before="oi")
    return (
        table.join(following, on="archive_date")
        .join(before, on=[*CONTRACT, "yesterday"])
        .with_columns(change=pl.col("oi") - pl.col("before"))
    )


def test_opening_share(table: pl.DataFrame, matrices: tuple) -> None:
    dates, morning, _ = matrices
    v, change, call = pl.col("v"), pl.col("change"), pl.col("right") == "Call"
    answers = by_group(opening(table), opening_share=(v + change).sum() / (2 * v.sum()))
    assert equal(morning["opening_share"], dates, answers, "opening_share") == 24 * len(SYMBOLS)
    signed = change.filter(call).sum() - change.filter(~call).sum()
    signed = change.filter(call).sum() - change.filter(~call).sum()
    answers = by_group(opening(table), opening_balance=signed / v.sum())
    assert equal(morning["opening_balance"], dates, answers, "opening_balance") == 24 * len(SYMBOLS)


def test_nothing_of_today_is_known_this_morning(table: pl.DataFrame, matrices: tuple) -> None:
    dates, morning, evening = matrices
    np.testing.assert_array_equal(morning["put_share_of_volume"][1:], evening["put_share_of_volume"][:-1])
    assert (morning["put_share_of_volume"][1:] != evening["put_share_of_volume"][1:]).mean() > 0.9
    assert len(dates) == 25
