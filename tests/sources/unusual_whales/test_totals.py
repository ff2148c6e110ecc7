"""A symbol's day in one row: the shares that features take of it are those of the vendor's own numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.sources.unusual_whales import samples
from tests.sources.unusual_whales.vendor import NOW, ok, source
from undertow.core.calendar import nyse
from undertow.core.events import ChainRow, DailyBar, OpenInterest
from undertow.core.time import DAY, HOUR
from undertow.sources.unusual_whales import parse
from undertow.sources.wire.errors import BadAnswer


@samples.needed
def test_a_day_of_options_in_two_rows() -> None:
    rows = [{**row, "ticker": "AAPL"} for row in samples.sample("openapi_stock_ticker_options_volume")["data"]]
    volume, interest = parse.chain_totals(rows, ("MSFT", "AAPL")).chunk, parse.interest_totals(rows, ("MSFT", "AAPL")).chunk
    assert set(volume.key.tolist()) == {1}
    told = {(int(p)): (int(v), int(price)) for p, v, price in zip(*(volume.columns[n] for n in ("is_put", "volume", "price")), strict=True)}
    assert {p: v for p, (v, _) in told.items()} == {0: rows[0]["call_volume"], 1: rows[0]["put_volume"]}
    for is_put, side in ((0, "call"), (1, "put")):
        v, price = told[is_put]
        assert v * price / 100 == pytest.approx(float(rows[0][f"{side}_premium"]), rel=1e-3)  # in 1/10,000 USD for one share of 100
    calendar = nyse()
    at = calendar.session_on_or_before(np.datetime64(rows[0]["date"]))
    assert set(volume.event_at.tolist()) == {int(calendar.close[at])}
    assert set(volume.known_at.tolist()) == {int(calendar.midnight[at]) + 20 * HOUR}
    # a row's open interest is the morning's, of the close before
    assert set(interest.event_at.tolist()) == {int(calendar.close[at - 1])}
    assert set(interest.known_at.tolist()) == {calendar.at_time(at, 6 * HOUR + 45 * 60 * 10**9)}
    assert interest.columns["open_interest"].tolist() == [rows[0][f"{side}_open_interest"] for side in _sides(interest.columns["is_put"])]


def _sides(is_put: Any) -> list[str]:
    return ["put" if p else "call" for p in is_put]


def test_what_lacks_a_number_is_broken_not_zero() -> None:
    row = {"ticker": "AAPL", "date": "2026-05-27", "call_volume": 3, "put_volume": 2, "put_premium": "10", "call_open_interest": 5}
    for reader in (parse.chain_totals, parse.interest_totals, parse.daily_bars):
        with pytest.raises(BadAnswer, match="cannot be read"):
            reader([row], ("AAPL",))


def test_day_bars_of_regular_hours_alone() -> None:
    bar = {"ticker": "AAPL", "date": "2026-05-27", "open": "10", "high": "11.5", "low": "9.25", "close": "11", "volume": 1234}
    rows = [bar | {"market_time": "r"}, bar | {"market_time": "po", "open": "99"}, bar | {"date": "2026-05-25"}]  # Memorial Day
    got = parse.daily_bars(rows, ("AAPL",))
    assert got.chunk.columns["open"].tolist() == [100_000]
    assert sum(got.left_out.values()) == 2


def test_totals_and_bars_come_through_the_source() -> None:
    volume = {"date": "2026-05-27", "call_volume": 3, "put_volume": 2, "call_premium": "600", "put_premium": "10.5"}
    volume |= {"call_open_interest": 50, "put_open_interest": 40}
    bar = {"date": "2026-05-27", "open": "10", "high": "11.5", "low": "9.25", "close": "11", "volume": 1234, "market_time": "r"}

    def vendor(request: Any) -> Any:
        return ok({"data": [volume if "options-volume" in request.url.path else bar]})

    with source(vendor, kinds=(DailyBar, ChainRow, OpenInterest)) as uw:
        chunks = list(uw.history(("AAPL",), NOW - 5 * DAY, NOW))
    assert {chunk.kind: len(chunk) for chunk in chunks} == {DailyBar: 1, ChainRow: 2, OpenInterest: 2}
    assert uw.completeness.complete
