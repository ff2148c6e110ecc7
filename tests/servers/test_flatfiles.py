"""The bucket: what is in it by now, who may read it, and bytes that stay the same."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from io import BytesIO

import httpx
import numpy as np
import polars as pl
import pytest

from tests.servers.running import Clock
from undertow.core.calendar import nyse
from undertow.core.events import MISSING, DailyBar, OffExchangePrint, OptionTrade, Quote, Trade
from undertow.core.time import HOUR, MINUTE, SECOND, Instant
from undertow.sandbox.market import Market
from undertow.sandbox.servers.build import build
from undertow.sandbox.servers.faults import Fault, Faults
from undertow.sandbox.servers.flatfiles_csv import DATASETS
from undertow.sandbox.servers.serve import Serving
from undertow.sandbox.servers.world import World

DAY = "2026-03-04"
COLUMNS = {
    "us_stocks_sip/minute_aggs_v1": "ticker,volume,open,close,high,low,window_start,transactions",
    "us_stocks_sip/day_aggs_v1": "ticker,volume,open,close,high,low,window_start,transactions",
    "us_options_opra/day_aggs_v1": "ticker,volume,open,close,high,low,window_start,transactions",
    "us_stocks_sip/trades_v1": "ticker,conditions,correction,exchange,id,participant_timestamp,price,sequence_number,sip_timestamp,"
    "size,tape,trf_id,trf_timestamp",
    "us_stocks_sip/quotes_v1": "Ticker,ask_exchange,ask_price,ask_size,bid_exchange,bid_price,bid_size,conditions,indicators,"
    "participant_timestamp,sequence_number,sip_timestamp,tape,trf_timestamp",
    "us_options_opra/trades_v1": "ticker,conditions,correction,exchange,participant_timestamp,price,sequence_number,sip_timestamp,size",
}


def at(day: str, hours: float) -> Instant:
    calendar = nyse()
    return int(calendar.midnight[calendar.session_on_or_before(np.datetime64(day))]) + int(hours * HOUR)


def signed(key: str = "any") -> dict[str, str]:
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={key}/20260305/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"}


def name(dataset: str, day: str = DAY) -> str:
    return f"/flatfiles/{dataset}/{day[:4]}/{day[5:7]}/{day}.csv.gz"


class Bucket:
    """A served bucket of two symbols."""

    def __init__(self) -> None:
        self.clock, self.faults = Clock(at(DAY, 24 + 12)), Faults()
        self.world = World(Market(3), self.clock, ("AAPL", "SPY"))
        self.base = ""

    def get(self, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        return httpx.request(method, self.base + path, headers=signed() | headers, timeout=60)

    def frame(self, dataset: str) -> pl.DataFrame:
        return pl.read_csv(BytesIO(gzip.decompress(self.get(name(dataset)).content)), schema_overrides={"conditions": pl.String})


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    made = Bucket()
    with Serving(build(made.world, made.faults)) as made.base:
        yield made


@pytest.mark.parametrize("dataset", sorted(DATASETS))
def test_each_file_has_the_documented_columns_in_order(bucket: Bucket, dataset: str) -> None:
    body = gzip.decompress(bucket.get(name(dataset)).content).decode()
    header, first = body.split("\n")[:2]
    assert header == COLUMNS[dataset]
    assert re.match(r"AAPL,|O:AAPL26\d{4}[CP]\d{8},", first)


def test_trades_are_the_markets_prints(bucket: Bucket) -> None:
    rows = bucket.frame("us_stocks_sip/trades_v1").filter(ticker="SPY")
    session = bucket.world.sessions(np.datetime64(DAY), np.datetime64(DAY))
    lit, dark = (bucket.world.rows(kind, "SPY", session) for kind in (Trade, OffExchangePrint))
    assert (rows["exchange"] == 4).equals(rows["trf_id"] > 0)
    assert set(rows.filter(pl.col("trf_id") > 0)["trf_id"]) <= {201, 202, 203}
    assert (rows.filter(trf_id=0)["trf_timestamp"] == 0).all()
    for chunk, own in ((lit, rows.filter(trf_id=0)), (dark, rows.filter(pl.col("trf_id") > 0))):
        assert own["sip_timestamp"].to_list() == chunk.known_at.tolist()
        assert own["participant_timestamp"].to_list() == chunk.event_at.tolist()
        assert np.rint(own["price"].to_numpy() * 10_000).astype(int).tolist() == chunk.columns["price"].tolist()
        assert own["size"].to_list() == chunk.columns["size"].tolist()
        assert own["conditions"].fill_null("").to_list() == chunk.columns["conditions"].tolist()
    assert rows["sequence_number"].to_list() == list(range(1, len(rows) + 1))


def test_quotes_bars_and_days_are_the_markets(bucket: Bucket) -> None:
    session = bucket.world.sessions(np.datetime64(DAY), np.datetime64(DAY))
    quotes, truth = bucket.frame("us_stocks_sip/quotes_v1").filter(Ticker="AAPL"), bucket.world.rows(Quote, "AAPL", session)
    bid = truth.columns["bid"]
    assert np.rint(quotes["bid_price"].to_numpy() * 10_000).astype(int).tolist() == np.where(bid == MISSING, 0, bid).tolist()
    minutes, bars = bucket.frame("us_stocks_sip/minute_aggs_v1").filter(ticker="AAPL"), bucket.world.minutes("AAPL", session)
    assert minutes["window_start"].to_list() == (bars.event_at - MINUTE).tolist()
    assert np.rint(minutes["close"].to_numpy() * 10_000).astype(int).tolist() == bars.columns["close"].tolist()
    day, bar = bucket.frame("us_stocks_sip/day_aggs_v1").row(0, named=True), bucket.world.rows(DailyBar, "AAPL", session)
    assert day["window_start"] == at(DAY, 0)
    assert (round(day["low"] * 10_000), day["volume"]) == (bar.columns["low"][0], bar.columns["volume"][0])


def test_a_contracts_day_adds_up_its_prints(bucket: Bucket) -> None:
    session = bucket.world.sessions(np.datetime64(DAY), np.datetime64(DAY))
    prints, days = bucket.frame("us_options_opra/trades_v1"), bucket.frame("us_options_opra/day_aggs_v1")
    total = sum(int(bucket.world.rows(OptionTrade, s, session).columns["size"].sum()) for s in ("AAPL", "SPY"))
    assert total == prints["size"].sum() == days["volume"].sum()
    one = days.row(3, named=True)
    own = prints.filter(ticker=one["ticker"])["price"]
    assert (one["open"], one["close"], one["high"], one["low"]) == (own[0], own[-1], own.max(), own.min())
    assert one["transactions"] == len(own)


def test_only_signed_requests_are_let_in(bucket: Bucket) -> None:
    for path in (name("us_stocks_sip/day_aggs_v1"), "/flatfiles?list-type=2"):
        for headers in ({}, {"Authorization": "Bearer key"}, signed("")):
            reply = httpx.get(bucket.base + path, headers=headers)
            assert reply.status_code == 403
            assert "<Code>AccessDenied</Code>" in reply.text


def test_what_is_not_there_yet_or_never_is_a_404(bucket: Bucket) -> None:
    published = bucket.clock.at
    path = name("us_stocks_sip/day_aggs_v1")
    try:
        bucket.clock.at = at(DAY, 24 + 11) - 1
        assert bucket.get(path).status_code == 404
        bucket.clock.at += 1
        assert bucket.get(path).status_code == 200
    finally:
        bucket.clock.at = published
    for missing in (
        name("us_stocks_sip/day_aggs_v1", "2026-03-01"),
        name("us_stocks_sip/day_aggs_v1", "2026-03-05"),
        name("us_stocks_sip/day_aggs_v1", "2026-02-31"),
        name("us_crypto/day_aggs_v1"),
        "/flatfiles/us_stocks_sip/day_aggs_v1/2026/02/2026-03-04.csv.gz",
    ):
        reply = bucket.get(missing)
        assert (reply.status_code, "<Code>NoSuchKey</Code>" in reply.text) == (404, True), missing
        assert bucket.get(missing, "HEAD").status_code == 404


def test_ranges_heads_and_conditions_agree_with_the_whole(bucket: Bucket) -> None:
    path = name("us_options_opra/trades_v1")
    whole = bucket.get(path)
    head = bucket.get(path, "HEAD")
    assert int(head.headers["content-length"]) == len(whole.content)
    assert head.headers["etag"] == whole.headers["etag"]
    assert parsedate_to_datetime(head.headers["last-modified"]).timestamp() * SECOND == at(DAY, 24 + 11)
    for text, part in (("bytes=100-", slice(100, None)), ("bytes=5-9", slice(5, 10)), ("bytes=-7", slice(-7, None))):
        reply = bucket.get(path, Range=text)
        assert (reply.status_code, reply.content) == (206, whole.content[part])
    assert bucket.get(path, Range="bytes=5-9").headers["content-range"] == f"bytes 5-9/{len(whole.content)}"
    assert bucket.get(path, Range=f"bytes={len(whole.content)}-").status_code == 416
    assert bucket.get(path, **{"If-Match": '"0"'}).status_code == 412
    assert bucket.get(path, **{"If-None-Match": whole.headers["etag"]}).status_code == 304


def test_bytes_are_the_same_in_another_world_of_the_same_seed(bucket: Bucket) -> None:
    path = name("us_stocks_sip/minute_aggs_v1")
    twin = Bucket()
    twin.clock.at += 40 * 24 * HOUR
    with Serving(build(twin.world, twin.faults)) as twin.base:
        assert twin.get(path).content == bucket.get(path).content


def listed(bucket: Bucket, prefix: str, **params: str) -> list[str]:
    found, more = [], {}
    for _ in range(20):
        reply = httpx.get(
            bucket.base + "/flatfiles", params={"list-type": "2", "prefix": prefix, **params, **more}, headers=signed(), timeout=60
        )
        found += re.findall("<Key>(.*?)</Key>", reply.text)
        token = re.search("<NextContinuationToken>(.*?)</", reply.text)
        assert ("<IsTruncated>true" in reply.text) == bool(token)
        if not token:
            return found
        more = {"continuation-token": token[1]}
    raise AssertionError("no end")


def test_a_listing_has_every_session_once(bucket: Bucket) -> None:
    sessions = [str(d) for d in nyse().day[nyse().sessions(np.datetime64("2026-02-01"), np.datetime64(DAY))]]
    wanted = [name("us_stocks_sip/day_aggs_v1", day).removeprefix("/flatfiles/") for day in sessions]
    assert listed(bucket, "us_stocks_sip/day_aggs_v1/2026/0", **{"max-keys": "5"})[-len(wanted) :] == wanted
    assert listed(bucket, "us_stocks_sip/day_aggs_v1/2026/03/") == wanted[-3:]
    assert listed(bucket, wanted[-1]) == wanted[-1:]
    assert listed(bucket, "us_stocks_sip/nothing/") == []


def test_a_cut_answer_is_shorter_than_it_says(bucket: Bucket) -> None:
    bucket.faults.plan(Fault(name="truncated", match="/flatfiles"))
    with pytest.raises(httpx.RemoteProtocolError):
        bucket.get(name("us_stocks_sip/day_aggs_v1"))
    assert bucket.get(name("us_stocks_sip/day_aggs_v1")).status_code == 200
