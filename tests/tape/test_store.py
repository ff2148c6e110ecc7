"""The tape gives back what it was given: in total order, once, and never rewritten."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import deltalake
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.chunk import Chunk, chunk_of
from undertow.core.errors import BadInput, StoreError
from undertow.core.events import KINDS, MISSING, CorporateAction, DailyBar, Event, NewsItem, columns_of
from undertow.tape import store
from undertow.tape.source import TapeSource
from undertow.tape.store import Appended, Tape, frame_of

SYMBOLS = ("AAPL", "BRK.B", "ZZ")
START = 1_700_000_000 * 10**9
WHOLE = st.one_of(st.just(MISSING), st.integers(-(2**62), 2**62))
REAL = st.floats(allow_nan=True, allow_infinity=False)


@st.composite
def chunks(draw: st.DrawFn) -> Chunk:
    """A chunk of any kind; months, symbols and ties at random."""
    kind: type[Event] = draw(st.sampled_from(KINDS))
    n = draw(st.integers(0, 12))
    at = np.array(draw(st.lists(st.integers(0, 90), min_size=n, max_size=n)), np.int64) * 86_400 * 10**9 + START
    lag = np.array(draw(st.lists(st.sampled_from([0, 10**9, 40 * 86_400 * 10**9]), min_size=n, max_size=n)), np.int64)
    columns = {}
    for name, unit in columns_of(kind).items():
        values = draw(st.lists({int: WHOLE, float: REAL, str: st.text(max_size=6)}[unit.kept], min_size=n, max_size=n))
        columns[name] = np.array(values, {int: np.int64, float: np.float64, str: object}[unit.kept])
    key = np.array(draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)), np.int64)
    return chunk_of(kind, SYMBOLS, key=key, event_at=at, known_at=at + lag, columns=columns)


def as_rows(chunk: Chunk) -> list[tuple[object, ...]]:
    """Rows as plain values, a NaN as a word, so that they compare."""
    names = ["symbol", "event_at", "known_at", "seq", *chunk.columns]
    columns = [[chunk.symbols[k] for k in chunk.key], chunk.event_at, chunk.known_at, chunk.seq, *chunk.columns.values()]
    plain = [c if isinstance(c, list) else c.tolist() for c in columns]
    return [tuple("nan" if v != v else v for v in row) for row in zip(*plain, strict=True)] if names else []


def identity(chunk: Chunk, row: tuple[object, ...]) -> tuple[object, ...]:
    names = ["symbol", "event_at", "known_at", "seq", *chunk.columns]
    return tuple(row[names.index(n)] for n in ("symbol", "event_at", *chunk.kind.identity))


@settings(max_examples=30, deadline=None)
@given(chunks(), st.integers(0, 12))
def test_what_goes_in_comes_out_once_and_in_order(chunk: Chunk, cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tape = Tape(Path(folder))
        frame = frame_of(chunk, "test")
        counts = tape.append(chunk.kind, frame.head(cut)) + tape.append(chunk.kind, frame.slice(cut)) + tape.append(chunk.kind, frame)
        first: dict[tuple[object, ...], tuple[object, ...]] = {}
        for row in as_rows(chunk):
            first.setdefault(identity(chunk, row), row)
        out = tape.read(chunk.kind, SYMBOLS, 0, 2**62)
        assert sorted(as_rows(out), key=repr) == sorted(first.values(), key=repr)
        assert counts.rows == len(first)
        assert counts.rows + counts.duplicates + counts.conflicts == 2 * len(chunk)
        assert [(k, s) for k, s in zip(out.known_at, out.seq, strict=True)] == sorted(zip(out.known_at, out.seq, strict=True))
        middle = int(out.known_at[len(out) // 2]) if len(out) else 0
        halves = as_rows(tape.read(chunk.kind, SYMBOLS, 0, middle)) + as_rows(tape.read(chunk.kind, SYMBOLS, middle, 2**62))
        assert halves == as_rows(out)


def daily(close: float, known_after: int = 0, symbol: int = 0) -> Chunk:
    at = np.array([START])
    return chunk_of(DailyBar, SYMBOLS, key=np.array([symbol]), event_at=at, known_at=at + known_after, columns={"close": np.array([close])})


def test_the_past_is_not_rewritten(tmp_path: Path) -> None:
    tape = Tape(tmp_path)
    assert tape.append(DailyBar, frame_of(daily(1), "a")) == Appended(rows=1)
    assert tape.append(DailyBar, frame_of(daily(2), "b")) == Appended(conflicts=1)
    assert tape.append(DailyBar, frame_of(daily(1, known_after=7), "b")) == Appended(conflicts=1)
    assert tape.append(DailyBar, frame_of(daily(1), "b")) == Appended(duplicates=1)
    assert tape.versions() == {"daily_bar": 0}
    chunk = tape.read(DailyBar, SYMBOLS, 0, 2**62)
    assert (chunk.columns["close"].tolist(), chunk.sources) == ([1], ("a",))
    assert chunk.columns["volume"].tolist() == [MISSING]


def test_files_outside_the_log_do_not_count(tmp_path: Path) -> None:
    tape = Tape(tmp_path)
    tape.append(DailyBar, frame_of(daily(1), "a"))
    part = next((tmp_path / "tape" / "daily_bar").glob("month=*/*.parquet"))
    part.with_name("orphan.parquet").write_bytes(part.read_bytes())
    (tmp_path / "tape" / "bar" / "month=2026-01").mkdir(parents=True)
    (tmp_path / "tape" / "bar" / "month=2026-01" / "torn.parquet").write_bytes(b"PAR1")
    assert len(tape.read(DailyBar, SYMBOLS, 0, 2**62)) == 1
    assert tape.kinds() == (DailyBar,)


def test_a_broken_file_that_counts_is_an_error_not_an_absence(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "a home with ünusual & characters #?")
    tape.append(DailyBar, frame_of(daily(1), "a"))
    assert len(tape.read(DailyBar, SYMBOLS, 0, 2**62)) == 1
    next((tape.folder / "daily_bar").glob("month=*/*.parquet")).write_bytes(b"torn")
    with pytest.raises(StoreError, match="daily_bar"):
        tape.read(DailyBar, SYMBOLS, 0, 2**62)
    with pytest.raises(BadInput, match="%"):
        Tape(tmp_path / "a%20b")
    with pytest.raises(BadInput, match="twice"):
        tape.read(DailyBar, ["A", "A"], 0, 1)


def several(symbols: str, days: int) -> pl.DataFrame:
    """A day's close of each symbol on each of so many days, symbol by symbol as vendors sort them."""
    at = np.tile(START + np.arange(days) * 86_400 * 10**9, len(symbols))
    closes = pl.DataFrame({"symbol": np.repeat(list(symbols), days), "event_at": at, "known_at": at, "close": np.arange(len(at)) + 1})
    return closes.with_columns(seq=pl.int_range(pl.len()), grade=0, source=pl.lit("a"))


@pytest.mark.parametrize("days", [2, 40])
def test_other_readers_see_the_same_rows_of_old_and_new_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    tape, frame = Tape(tmp_path), several("DCBA", days)
    monkeypatch.setattr(store, "_FILE", 3)
    folder = str(tape.folder / "daily_bar")
    tape.append(DailyBar, frame.head(2))
    first = tape.frame(DailyBar).collect().with_columns(month=pl.lit("2023-11"))
    shutil.rmtree(folder)
    deltalake.write_deltalake(folder, first, partition_by=["month"])  # as older versions wrote
    assert tape.append(DailyBar, frame) == Appended(rows=len(frame) - 2, duplicates=2)
    assert tape.append(DailyBar, frame) == Appended(duplicates=len(frame))
    out = tape.read(DailyBar, list("ABCD"), 0, 2**62)
    expected = frame.sort("known_at", "seq")
    assert [out.symbols[k] for k in out.key] == expected["symbol"].to_list()
    assert out.columns["close"].tolist() == expected["close"].to_list()
    mine = tape.frame(DailyBar).sort("id").collect()
    table = deltalake.DeltaTable(folder)
    assert len(table.file_uris()) > 2
    assert pl.read_delta(folder).select(mine.columns).sort("id").equals(mine)
    theirs = deltalake.QueryBuilder().register("t", table).execute("SELECT symbol, source, id, close FROM t ORDER BY id")
    assert pl.DataFrame(theirs.read_all()).equals(mine.select("symbol", "source", "id", "close"))
    assert {d["partition"]["month"] for d in pl.DataFrame(table.get_add_actions()).to_dicts()} == (
        {"2023-11", "2023-12"} if days == 40 else {"2023-11"}
    )


@pytest.mark.parametrize(("symbols", "kept"), [("ABC", "AABBCC"), ("BAC", "ABCABC")])
def test_a_session_stays_by_symbol_on_disk_and_comes_out_in_total_order(tmp_path: Path, symbols: str, kept: str) -> None:
    tape, frame = Tape(tmp_path), several(symbols, 2)
    hour = pl.int_range(pl.len(), dtype=pl.Int64) % 2 * 3_600 * 10**9
    frame = frame.with_columns(event_at=START + hour, known_at=START + hour, seq=pl.col("symbol").cast(pl.Enum(list("ABC"))).to_physical())
    assert tape.append(DailyBar, frame) == Appended(rows=6)
    assert "".join(tape.frame(DailyBar).collect()["symbol"]) == kept
    out = tape.read(DailyBar, list("ABC"), 0, 2**62)
    assert [out.symbols[k] for k in out.key] == list("ABCABC")
    assert (np.diff(out.known_at) >= 0).all()


def test_what_a_killed_writer_left_is_written_over(tmp_path: Path) -> None:
    tape = Tape(tmp_path)
    torn = tape.folder / "daily_bar" / "month=2023-11" / "0000000000-0000.parquet"
    torn.parent.mkdir(parents=True)
    torn.write_bytes(b"PAR1")
    assert tape.kinds() == ()
    assert tape.append(DailyBar, several("AB", 2)) == Appended(rows=4)
    assert len(tape.read(DailyBar, ["A", "B"], 0, 2**62)) == 4
    assert [path.name for path in torn.parent.glob("*.parquet")] == [torn.name]


def test_an_identity_is_the_same_for_ever(tmp_path: Path) -> None:
    news = chunk_of(
        NewsItem, ("A",), key=np.zeros(1), event_at=np.ones(1), known_at=np.ones(1), columns={"headline": np.array(["x"], object)}
    )
    tape = Tape(tmp_path)
    tape.append(NewsItem, frame_of(news, "a"))
    assert tape.frame(NewsItem).select("id").collect()["id"].to_list() == [4646331310225648109]


def test_the_source_tells_all_splits_whatever_the_start(tmp_path: Path) -> None:
    tape = Tape(tmp_path)
    at = np.array([START, START + 100])
    split = chunk_of(CorporateAction, SYMBOLS, key=np.zeros(2), event_at=at, known_at=at, columns={"ratio": np.array([2.0, 3.0])})
    tape.append(CorporateAction, frame_of(split, "a"))
    tape.append(DailyBar, frame_of(daily(1), "a"))
    source = TapeSource(tape)
    assert source.kinds == (CorporateAction, DailyBar)
    assert [(c.kind, len(c)) for c in source.history(SYMBOLS, START + 50, START + 99)] == [(CorporateAction, 1)]
    assert [(c.kind, len(c)) for c in source.history(SYMBOLS, START - 1, START + 100)] == [(CorporateAction, 2), (DailyBar, 1)]
    assert isinstance(tape.frame(DailyBar), pl.LazyFrame)
