"""Chain features on real chains: against polars group-bys, and the share's price that options imply against its close."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tests.oracles import real
from undertow.core.calendar import nyse
from undertow.core.chunk import F64
from undertow.core.time import HOUR, MINUTE
from undertow.features.engineering import FeatureEngineering
from undertow.features.language.expressions import Expr
from undertow.features.language.register import feature
from undertow.features.operators import chain_rows
from undertow.features.vocabulary import Chain

SYMBOLS = ("AAPL", "TSLA")
NAMES = ("implied_volatility", "volatility_spread", "gamma_balance", "call_wall", "put_wall", "gamma_within_a_week", "implied_price")


class Own(FeatureEngineering):
    """With the price that the options imply."""

    @feature(unit="1/10,000 USD")
    def implied_price(self) -> Expr:
        """The forward."""
        return Chain.whole(chain_rows.forward).last()


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    return real.chains(SYMBOLS)


@pytest.fixture(scope="module")
def evening(table: pl.DataFrame) -> tuple[list[str], dict[str, F64]]:
    """Days, and each feature (days, symbols) at 16:20."""
    dates = sorted(set(table["archive_date"].to_list()))
    position = np.searchsorted(nyse().day, np.array(dates, "datetime64[D]"))
    features = Own(SYMBOLS, only=NAMES)
    out = features.push(real.option_chunks(table, SYMBOLS), nyse().midnight[position] + 16 * HOUR + 20 * MINUTE)
    return dates, {name: out[:, :, j] for j, name in enumerate(features.features)}


def test_the_implied_price_is_the_close_but_for_the_cost_of_carry(evening: tuple) -> None:
    dates, got = evening
    bars = real.daily_bars(SYMBOLS)
    errors = []
    for i, day in enumerate(dates):
        closes = bars[bars.event_at == nyse().close[np.searchsorted(nyse().day, np.datetime64(day))]]
        for k, close in zip(closes.key, closes.columns["close"], strict=True):
            errors.append(abs(got["implied_price"][i, k] / close - 1.0))
    assert len(errors) > 40
    assert np.median(errors) < 0.004  # a month at 4 % is 0.3 %
    assert max(errors) < 0.01


def test_implied_volatility(table: pl.DataFrame, evening: tuple) -> None:
    dates, got = evening
    left = (pl.col("expiry").str.to_date() - pl.col("archive_date").str.to_date()).dt.total_days()
    near = (1 - (pl.col("delta").abs() - 0.5).abs() / 0.15).clip(0) * (1 - (left / 30).log().abs() / np.log(2)).clip(0)
    rows = table.filter((left > 0) & (pl.col("iv") > 0)).with_columns(w=near)
    sides = rows.group_by("archive_date", "symbol", "right").agg(iv=(pl.col("w") * pl.col("iv")).sum() / pl.col("w").sum() / 100)
    answers = sides.group_by("archive_date", "symbol").agg(pl.col("iv").mean())
    expected = {(day, symbol): iv for day, symbol, iv in answers.iter_rows()}
    for i, day in enumerate(dates):
        for k, symbol in enumerate(SYMBOLS):
            assert got["implied_volatility"][i, k] == pytest.approx(expected[day, symbol], rel=1e-9)


def test_the_spread_of_calls_and_puts(table: pl.DataFrame, evening: tuple) -> None:
    dates, got = evening
    left = (pl.col("expiry").str.to_date() - pl.col("archive_date").str.to_date()).dt.total_days()
    rows = table.filter((left >= 5) & (pl.col("iv") > 0))
    both = rows.filter(pl.col("right") == "Call").join(
        rows.filter(pl.col("right") == "Put"), on=["archive_date", "symbol", "expiry", "strike"], suffix="_put"
    )
    held, spread = pl.col("oi") + pl.col("oi_put"), (pl.col("iv") - pl.col("iv_put")) / 100
    answers = both.group_by("archive_date", "symbol").agg(spread=(held * spread).sum() / held.sum())
    expected = {(day, symbol): value for day, symbol, value in answers.iter_rows()}
    for i, day in enumerate(dates):
        for k, symbol in enumerate(SYMBOLS):
            assert got["volatility_spread"][i, k] == pytest.approx(expected[day, symbol], rel=1e-9, abs=1e-12)


def test_gamma_and_walls_are_sound(evening: tuple) -> None:
    _, got = evening
    assert (np.abs(got["gamma_balance"]) < 1.0).all()
    assert ((got["gamma_within_a_week"] > 0.0) & (got["gamma_within_a_week"] < 0.6)).all()
    for wall in ("call_wall", "put_wall"):
        assert (np.abs(got[wall]) < 0.2).all()
    assert np.mean(got["call_wall"]) > np.mean(got["put_wall"])
