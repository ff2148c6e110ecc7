"""Flat files: fetched whole, once, and again only when published again; and the same rows as the REST parsers give for the same day."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.servers.running import Clock
from tests.sources.wire.vendor import CANARY, FakeClock
from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk
from undertow.core.errors import BadInput
from undertow.core.events import Bar, ChainRow, DailyBar, Event, OffExchangePrint, OptionTrade, Quote, Trade
from undertow.core.time import DAY as WHOLE_DAY
from undertow.core.time import HOUR, MINUTE, Instant
from undertow.sandbox.market import Market
from undertow.sandbox.servers.build import build
from undertow.sandbox.servers.faults import Fault, Faults
from undertow.sandbox.servers.serve import Serving
from undertow.sandbox.servers.world import World
from undertow.sources.massive import ticks
from undertow.sources.massive.flatfiles import Access, FlatFiles, State, key_of
from undertow.sources.massive.flatfiles_csv import DATASETS, rows
from undertow.sources.massive.pages import collect
from undertow.sources.massive.rows import Scope
from undertow.sources.massive.source import MassiveSource, Settings
from undertow.sources.wire import errors
from undertow.sources.wire.bucket import Bucket
from undertow.sources.wire.client import Wire
from undertow.sources.wire.key import Key
from undertow.tape.store import Appended, Tape, frame_of

DAY = np.datetime64("2026-03-04")
SYMBOLS = ("AAPL", "SPY")
SECRET = "canary-of-the-second-secret"
BARS, DAYS, TRADES = "us_stocks_sip/minute_aggs_v1", "us_stocks_sip/day_aggs_v1", "us_stocks_sip/trades_v1"
SAMPLES = Path(__file__).parents[4] / "shared" / "data" / "vendor_samples" / "polygon"


def midnight() -> Instant:
    return int(nyse().midnight[nyse().session_on_or_before(DAY)])


NOW = midnight() + 36 * HOUR


class Vendor:
    """A served market of a seed."""

    def __init__(self, seed: int) -> None:
        self.clock, self.faults = Clock(NOW), Faults()
        self.world = World(Market(seed), self.clock, SYMBOLS)
        self.base = ""

    def files(self, folder: Path) -> FlatFiles:
        return FlatFiles(Access(CANARY, SECRET), folder, endpoint=self.base)

    def asked(self, key: str) -> int:
        return self.faults.asked[f"/flatfiles/{key}"]


@pytest.fixture(scope="module")
def served() -> Iterator[Vendor]:
    made = Vendor(3)
    with Serving(build(made.world, made.faults)) as made.base:
        yield made


@pytest.fixture
def vendor(served: Vendor) -> Vendor:
    served.faults.clear()
    return served


def test_a_file_comes_whole_and_once(vendor: Vendor, tmp_path: Path) -> None:
    files, key = vendor.files(tmp_path), key_of(TRADES, DAY)
    first = files.fetch(TRADES, DAY, NOW)
    assert (first.state, first.path, first.resumed) == (State.FETCHED, tmp_path / key, 0)
    assert gzip.decompress(first.path.read_bytes()).startswith(b"ticker,conditions,")
    assert vendor.asked(key) == 2
    assert files.fetch(TRADES, DAY, NOW).state is State.HELD
    assert vendor.asked(key) == 3
    (tmp_path / (key + ".etag")).unlink()  # stopped between the two
    assert files.fetch(TRADES, DAY, NOW).state is State.HELD
    first.path.write_bytes(b"x" * first.path.stat().st_size)
    (tmp_path / (key + ".etag")).write_text("0" * 32)  # of another publication, as long as this one
    assert files.fetch(TRADES, DAY, NOW).state is State.FETCHED
    assert sorted(p.name for p in first.path.parent.iterdir()) == [f"{DAY}.csv.gz", f"{DAY}.csv.gz.etag"]


def test_it_goes_on_where_it_was_stopped(vendor: Vendor, tmp_path: Path) -> None:
    whole = vendor.files(tmp_path / "a").fetch(TRADES, DAY, NOW)
    body = whole.path.read_bytes()
    files = vendor.files(tmp_path / "b")
    part = files.path(whole.key).with_name(f"{DAY}.csv.gz.{whole.etag}.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(body[:100_000])
    part.with_name(f"{DAY}.csv.gz.0000.part").write_bytes(b"of an older file")
    got = files.fetch(TRADES, DAY, NOW)
    assert (got.resumed, got.path.read_bytes() == body) == (100_000, True)
    assert not list(part.parent.glob("*.part"))


def test_a_part_that_is_damaged_is_found_and_brought_anew(vendor: Vendor, tmp_path: Path) -> None:
    files = vendor.files(tmp_path)
    whole = files.fetch(DAYS, DAY, NOW)
    body = whole.path.read_bytes()
    part = whole.path.with_name(f"{DAY}.csv.gz.{whole.etag}.part")
    whole.path.unlink()
    part.write_bytes(b"?" + body[1:50])
    with pytest.raises(errors.BadAnswer, match=r"checksum differ.*run again"):
        files.fetch(DAYS, DAY, NOW)
    assert files.fetch(DAYS, DAY, NOW).path.read_bytes() == body


def test_a_connection_that_breaks_is_taken_up_again(vendor: Vendor, tmp_path: Path) -> None:
    vendor.faults.plan(Fault(name="truncated", match="/flatfiles", after=1))
    got = vendor.files(tmp_path).fetch(BARS, DAY, NOW)
    assert got.state is State.FETCHED
    assert len(rows(got.path, (Bar,))[Bar]) > 1000


def test_a_file_published_again_is_fetched_again(vendor: Vendor, tmp_path: Path) -> None:
    old = vendor.files(tmp_path).fetch(DAYS, DAY, NOW)
    before = old.path.read_bytes()
    other = Vendor(4)
    with Serving(build(other.world, other.faults)) as other.base:
        new = other.files(tmp_path).fetch(DAYS, DAY, NOW)
    assert new.state is State.FETCHED
    assert new.etag != old.etag
    assert new.path.read_bytes() != before


@pytest.mark.parametrize(
    ("day", "now", "state"),
    [
        ("2026-03-08", NOW, State.CLOSED),
        ("2026-01-01", NOW, State.CLOSED),
        ("2026-03-05", midnight() + 2 * WHOLE_DAY + 11 * HOUR - 1, State.NOT_YET),
        ("2026-03-05", midnight() + 2 * WHOLE_DAY + 11 * HOUR, State.HOLE),
    ],
)
def test_a_day_without_a_file_says_why(vendor: Vendor, tmp_path: Path, day: str, now: Instant, state: State) -> None:
    got = vendor.files(tmp_path).fetch(DAYS, np.datetime64(day), now)
    assert (got.state, got.path) == (state, None)
    assert not list(tmp_path.rglob("*.gz"))


@pytest.mark.parametrize(("fault", "error"), [("403", errors.NotEntitled), ("504", errors.VendorDown), ("500-html", errors.VendorDown)])
def test_a_fault_is_an_error_and_no_key_is_in_it(
    vendor: Vendor, tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: str, error: type[Exception]
) -> None:
    caplog.set_level(logging.DEBUG)
    files = vendor.files(tmp_path)
    vendor.faults.plan(Fault(name=fault, match="/flatfiles", times=-1))
    with pytest.raises(error) as caught:
        files.fetch(DAYS, DAY, NOW)
    with pytest.raises(error):
        list(files.list(DAYS))
    seen = f"{caught.value!r} {caught.value.__cause__!r} {files!r} {caplog.text}"
    assert str(caught.value).endswith(".")
    assert not any(secret in seen for secret in (CANARY, CANARY.split("/")[0], SECRET))
    assert not list(tmp_path.rglob("*.gz"))


def test_keys_go_nowhere_unencrypted_and_the_month_is_listed(vendor: Vendor, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not encrypted"):
        FlatFiles(Access(CANARY, SECRET), tmp_path, endpoint="http://files.massive.com")
    found = list(vendor.files(tmp_path).list(DAYS, "2026-02"))
    assert [f.day for f in found] == list(nyse().day[nyse().sessions(np.datetime64("2026-02-01"), np.datetime64("2026-02-28"))])
    got = vendor.files(tmp_path).fetch(DAYS, found[0].day, NOW)
    assert (got.etag, got.path.stat().st_size) == (found[0].etag, found[0].size)


def wire(vendor: Vendor) -> Wire:
    return Wire(vendor.base, Key(CANARY), limiter=Bucket(100_000), clock=FakeClock(NOW), chance=np.random.default_rng(0))


@pytest.fixture(scope="module")
def by_rest(served: Vendor) -> dict[type[Event], list[Chunk]]:
    """The day of both symbols as the REST parsers see it."""
    settings = Settings(kinds=(Bar, DailyBar, Trade, OffExchangePrint, Quote), span=MINUTE)
    found: dict[type[Event], list[Chunk]] = {}
    with MassiveSource(wire(served), settings) as source:
        for chunk in source.history(SYMBOLS, midnight(), midnight() + WHOLE_DAY):
            found.setdefault(chunk.kind, []).append(chunk)
    return found


def test_rows_are_those_of_the_rest_parsers(vendor: Vendor, by_rest: dict[type[Event], list[Chunk]], tmp_path: Path) -> None:
    files = vendor.files(tmp_path)
    for kind in (Bar, DailyBar, Trade, OffExchangePrint, Quote):
        theirs = pl.concat([frame_of(chunk, "massive") for chunk in by_rest[kind]])
        ours = rows(files.fetch(DATASETS[kind], DAY, NOW).path, (kind,))[kind]
        names = [name for name in theirs.columns if name != "vwap"]
        if kind in (Bar, DailyBar):  # these have no numbers of their own
            names.remove("seq")
        order = ["symbol", "known_at", *(["seq"] if "seq" in names else [])]
        assert len(ours) == len(theirs) > 1
        assert ours.select(names).sort(order).equals(theirs.select(names).sort(order)), kind.kind
        tape = Tape(tmp_path / kind.kind)
        if kind not in (Bar, DailyBar):
            assert tape.append(kind, theirs) == Appended(rows=len(theirs))
            assert tape.append(kind, ours) == Appended(duplicates=len(ours))


def test_option_prints_are_those_of_the_rest_parser_and_days_add_them_up(vendor: Vendor, tmp_path: Path) -> None:
    files = vendor.files(tmp_path)
    prints = rows(files.fetch(DATASETS[OptionTrade], DAY, NOW).path, (OptionTrade,), ("SPY",))[OptionTrade]
    days = rows(files.fetch(DATASETS[ChainRow], DAY, NOW).path, (ChainRow,), ("SPY",))[ChainRow]
    assert set(prints["symbol"]) == set(days["symbol"]) == {"SPY"}
    terms = ["expiry", "strike", "is_put"]
    busy = days.sort("volume").row(-1, named=True)
    day = np.datetime64(busy["expiry"], "D").astype(str).replace("-", "")[2:]
    contract = f"O:SPY{day}{'P' if busy['is_put'] else 'C'}{busy['strike'] // 10:08d}"

    async def read() -> Chunk:
        async with wire(vendor) as client:
            got = await collect(client, f"/v3/trades/{contract}", {"timestamp": str(DAY), "limit": 50_000, "order": "asc"})
            return ticks.option_trades(got.rows, Scope(symbols=("SPY",), symbol="SPY"), contract)

    theirs = frame_of(asyncio.run(read()), "massive")
    ours = prints.filter(*(pl.col(name) == busy[name] for name in terms))
    assert len(ours) > 100
    assert ours.select(theirs.columns).sort("seq").equals(theirs.sort("seq"))
    total = prints.group_by(terms).agg(pl.col("size").sum(), pl.col("price").last()).sort(terms)
    days = days.sort(terms)
    assert total["size"].equals(days["volume"].rename("size"))
    assert total["price"].equals(days["price"])
    assert days["iv"].is_nan().all()
    assert set(days["known_at"]) == {midnight() + 20 * HOUR}


def packed(*lines: str) -> bytes:
    return gzip.compress("\n".join(lines).encode() + b"\n")


def test_columns_are_found_by_name_and_sizes_may_be_decimals() -> None:
    at = midnight() + 10 * HOUR
    body = packed("new,high,low,close,open,transactions,window_start,volume,Ticker", f"x,10.5,9.75,10,10.0001,3,{at},100.5,A")
    row = rows(body, (Bar,))[Bar].row(0, named=True)
    assert (row["open"], row["high"], row["low"], row["close"], row["volume"]) == (100_001, 105_000, 97_500, 100_000, 100)
    assert (row["event_at"], row["known_at"]) == (at + MINUTE, at + MINUTE + 10**9)
    late = rows(body, (Bar,), delay=MINUTE)[Bar]
    assert late["known_at"][0] == row["known_at"] + MINUTE


def test_what_cannot_be_is_left_out_and_said(caplog: pytest.LogCaptureFixture) -> None:
    at, sunday = midnight() + 10 * HOUR, midnight() + 4 * WHOLE_DAY
    head = "ticker,volume,open,close,high,low,window_start,transactions"
    body = packed(head, f"A,1,10,10,10,10,{at},1", f"B,1,10,10,9,10,{at},1", f"C,1,10,10,10,10,{sunday},1")
    assert rows(body, (Bar,))[Bar]["symbol"].to_list() == ["A"]
    assert "prices contradict" in caplog.text
    assert "exchange was closed" in caplog.text
    prints = packed(
        "ticker,conditions,correction,exchange,price,sip_timestamp,size,trf_id",
        f"A,,0,4,10,{at},1,0",
        f"A,,1,11,10,{at},1,0",
        f'A,"12,37",0,4,10,{at},2,202',
    )
    both = rows(prints, (Trade, OffExchangePrint))
    assert both[Trade]["size"].to_list() == [1]
    assert both[OffExchangePrint].select("venue", "conditions", "size").rows() == [("FINN", "12,37", 2)]


@pytest.mark.parametrize("number", ["NaN", "inf", "-inf", "1e300", "1e15"])
def test_a_number_that_cannot_be_kept_costs_its_row_and_no_other(caplog: pytest.LogCaptureFixture, number: str) -> None:
    at, wide = midnight() + 10 * HOUR, number.replace("1e15", "1e16")
    head = "ticker,volume,open,close,high,low,window_start,transactions"
    bad = (f"B,1,10,10,{number},10,{at},1", f"C,{wide},10,10,10,10,{at},1", f"D,1,10,10,10,10,{at},{wide}", f"E,1,10,{number},10,10,{at},1")
    assert rows(packed(head, f"A,1,10,10,10,10,{at},", *bad), (Bar,))[Bar].select("symbol", "open", "trades").rows() == [
        ("A", 100_000, None)
    ]
    assert "left out 4 rows of the flat file: their prices contradict" in caplog.text
    prints = (f"A,,11,10,{at},1,0", f"B,,11,{number},{at},1,0", f"C,,11,10,{at},{wide},0")
    found = rows(packed("ticker,conditions,exchange,price,sip_timestamp,size,trf_id", *prints), (Trade,))[Trade]
    assert found.select("symbol", "price", "size").rows() == [("A", 100_000, 1)]
    assert "left out 2 rows of the flat file: their numbers cannot be" in caplog.text


def test_an_aggregates_place_is_its_tickers_whoever_is_asked_for() -> None:
    at = midnight() + 10 * HOUR
    lines = (f"{t},1,10,10,10,10,{at + i * MINUTE},1" for t in "ABC" for i in range(2))
    body = packed("ticker,volume,open,close,high,low,window_start,transactions", *lines)
    assert rows(body, (Bar,))[Bar]["seq"].to_list() == [0, 0, 1, 1, 2, 2]
    assert rows(body, (Bar,), ("A", "C"))[Bar]["seq"].to_list() == [0, 0, 2, 2]


def test_a_print_is_known_by_the_latest_of_its_clocks_and_happened_by_the_venues() -> None:
    at = midnight() + 10 * HOUR
    head = "ticker,conditions,correction,exchange,participant_timestamp,price,sequence_number,sip_timestamp,size,trf_id,trf_timestamp"
    lines = (f"A,,0,4,{at},10,7,{at + 5},1,201,{at + 9}", f"A,,0,4,{at + 3},10,8,{at},1,201,0", f"A,,0,4,0,10,9,{at},1,201,0")
    found = rows(packed(head, *lines), (OffExchangePrint,))[OffExchangePrint]
    assert found.select("event_at", "known_at", "seq").rows() == [(at, at + 9, 7), (at + 3, at + 3, 8), (at, at, 9)]


@pytest.mark.parametrize(
    ("body", "kinds", "said"),
    [
        (packed("ticker,open", "A,1"), (Bar,), "has no column 'close'"),
        (b"no gzip", (Bar,), "no whole gzip"),
        (packed("ticker,volume,open,close,high,low,window_start,transactions", "A,x,1,1,1,1,1,1"), (Bar,), "cannot be read"),
    ],
    ids=["a column is missing", "no gzip", "a word for a number"],  # a packed file's bytes tell when it was packed
)
def test_a_broken_file_is_an_error(body: bytes, kinds: tuple[type[Event], ...], said: str) -> None:
    with pytest.raises(errors.BadAnswer, match=said):
        rows(body, kinds)


def test_a_file_that_was_cut_is_an_error(vendor: Vendor, tmp_path: Path) -> None:
    whole = vendor.files(tmp_path).fetch(BARS, DAY, NOW).path.read_bytes()
    with pytest.raises(errors.BadAnswer):
        rows(whole[: len(whole) // 2], (Bar,))
    with pytest.raises(BadInput, match="No flat file holds"):
        rows(whole, (Bar, Trade))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the vendor's samples (../shared) are not on this machine")
@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("us_stocks_sip_minute_aggs_v1", (Bar,)),
        ("us_stocks_sip_trades_v1", (Trade, OffExchangePrint)),
        ("us_options_opra_day_aggs_v1", (ChainRow,)),
    ],
)
def test_the_vendors_samples_parse(name: str, kinds: tuple[type[Event], ...]) -> None:
    text = json.loads((SAMPLES / f"flatfile_{name}_csv.json").read_text())["csv"]
    found = rows(gzip.compress(text.encode()), kinds)
    assert sum(map(len, found.values())) == text.count("\n") - 1
    if Trade in found:
        first = found[Trade].row(0, named=True)
        assert (first["event_at"], first["known_at"]) == (1712306654208705342, 1712306654208740096)
        assert (first["price"], first["size"], first["exchange"], first["conditions"]) == (1_429_900, 5, "ARCX", "12,37")
