"""Every file is hostile: each fault gives exit code 2, one sentence that names the place, and an untouched tape."""

from __future__ import annotations

import gzip
import io
import os
import zipfile

import polars as pl
import pytest

from tests.tape.workbench import DAILY, GOOD, Bench, rows

LINE_FAULTS = {
    "malformed": ("AAPL,2026-06-02,10,11,9,ten,100", "line 3", "close is ten"),
    "too few fields": ("AAPL,2026-06-02,10,11,9,10", "line 3", "6 fields where 7"),
    "too many fields": ("AAPL,2026-06-02,10,11,9,10,100,7", "line 3", "8 fields where 7"),
    "negative price": ("AAPL,2026-06-02,10,11,-9,10,100", "line 3", "low is -9"),
    "zero price": ("AAPL,2026-06-02,0,11,9,10,100", "line 3", "open is 0"),
    "NaN price": ("AAPL,2026-06-02,10,NaN,9,10,100", "line 3", "high is NaN"),
    "infinite price": ("AAPL,2026-06-02,10,inf,9,10,100", "line 3", "infinite"),
    "price too large": ("AAPL,2026-06-02,10,1e300,9,10,100", "line 3", "too large"),
    "price below the unit": ("AAPL,2026-06-02,10,11,0.00001,10,100", "line 3", "0.0001 dollar"),
    "missing price": ("AAPL,2026-06-02,10,,9,10,100", "line 3", "high is not given"),
    "negative volume": ("AAPL,2026-06-02,10,11,9,10,-1", "line 3", "volume is -1"),
    "no date": ("AAPL,2026-02-30,10,11,9,10,100", "line 3", "2026-02-30"),
    "future date": ("AAPL,2027-06-02,10,11,9,10,100", "line 3", "future"),
    "far future": ("AAPL,2126-06-02,10,11,9,10,100", "line 3", "calendar"),
    "before the calendar": ("AAPL,1985-06-03,10,11,9,10,100", "line 3", "1990"),
    "year one": ("AAPL,0001-06-02,10,11,9,10,100", "line 3", "0001-06-02"),
    "no symbol": (",2026-06-02,10,11,9,10,100", "line 3", "symbol is None"),
    "strange symbol": ("../x,2026-06-02,10,11,9,10,100", "line 3", "ticker"),
    "open quote": ('"AAPL,2026-06-02,10,11,9,10,100', "line 3", "nothing was written"),
}


@pytest.mark.parametrize(("line", "where", "what"), LINE_FAULTS.values(), ids=LINE_FAULTS.keys())
def test_a_faulty_line_is_named(bench: Bench, line: str, where: str, what: str) -> None:
    sentence = bench.refuses(DAILY, bench.file("bars.csv", rows(GOOD, line)))
    assert "bars.csv" in sentence
    assert where in sentence
    assert what in sentence


def test_line_numbers_count_blank_lines_comments_and_quoted_line_breaks(bench: Bench) -> None:
    mapping = '[read]\ncomment = "#"\n' + DAILY
    blank = bench.file("a.csv", rows("# made by hand", "", GOOD, "AAPL,2026-06-02,10,11,9,x,1"))
    assert "line 5" in bench.refuses(mapping, blank)
    quoted = bench.file("b.csv", rows('"AAPL",2026-06-01,10,11,9,"\n10",100', "AAPL,2026-06-02,10,11,9,x,1"))
    assert "line 4" in bench.refuses(mapping, quoted)


def test_parquet_rows_are_named(bench: Bench) -> None:
    frame = pl.DataFrame({"symbol": ["AAPL"] * 2, "date": ["2026-06-01", "2026-06-02"], "open": [10.0, 10], "high": [11.0, 11]})
    frame = frame.with_columns(low=pl.Series([9.0, float("nan")]), close=pl.lit(10.0), volume=pl.lit(5))
    path = bench.folder / "bars.parquet"
    frame.write_parquet(path)
    assert "bars.parquet, row 2: low is nan" in bench.refuses(DAILY, path)


def test_a_column_of_another_type_is_a_sentence(bench: Bench) -> None:
    frame = pl.read_csv(rows(GOOD).encode())
    for strange in (pl.Series("high", [[1.0]]), pl.Series("high", [b"\xff"]), pl.Series("high", [{"a": 1}])):
        path = bench.folder / "strange.parquet"
        frame.with_columns(strange).write_parquet(path)
        assert "strange.parquet" in bench.refuses(DAILY, path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_truncated_files(bench: Bench, share: float) -> None:
    text = rows(*[GOOD.replace("2026-06-01", f"2026-06-{d:02}") for d in range(1, 31)]).encode()
    parquet, zipped = io.BytesIO(), io.BytesIO()
    pl.read_csv(text).write_parquet(parquet)
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bars.csv", text)
    for name, whole in (("a.parquet", parquet.getvalue()), ("a.csv.gz", gzip.compress(text)), ("a.zip", zipped.getvalue())):
        assert name in bench.refuses(DAILY, bench.file(name, whole[: int(len(whole) * share)]))


@pytest.mark.parametrize("seed", range(12))
def test_a_parquet_file_with_a_flipped_byte_never_crashes(bench: Bench, seed: int) -> None:
    body = io.BytesIO()
    pl.read_csv(rows(GOOD).encode()).write_parquet(body)
    damaged = bytearray(body.getvalue())
    at = (seed * 7919 + 13) % len(damaged)
    damaged[at] ^= 0xFF
    result = bench.run(DAILY, bench.file("a.parquet", bytes(damaged)))
    assert result.exit_code in (0, 2), result.output


def test_other_files(bench: Bench) -> None:
    assert "UTF-8" in bench.refuses(DAILY, bench.file("a.csv", rows(GOOD).encode() + b"\xff\xfe"))
    assert "empty" in bench.refuses(DAILY, bench.file("b.csv", ""))
    assert "twice" in bench.refuses(DAILY, bench.file("c.csv", "symbol,symbol\nA,B\n"))
    assert "no known form" in bench.refuses(DAILY, bench.file("d.xls", "x"))
    assert "No file at" in bench.refuses(DAILY, bench.folder / "absent.csv")
    assert "No file at" in bench.refuses(DAILY, bench.folder / "*.nothing")


def test_an_unknown_column_is_named_with_those_that_exist(bench: Bench) -> None:
    path = bench.file("bars.csv", rows(GOOD))
    sentence = bench.refuses(DAILY.replace('close = "close"', 'close = "last"'), path)
    assert "'last'" in sentence
    assert "symbol, date, open" in sentence
    sentence = bench.refuses(DAILY.replace('close = "close"', 'closing = "close"'), path)
    assert "'closing'" in sentence
    assert "open, high, low, close, volume, vwap, trades" in sentence


def test_a_second_bad_file_stops_the_first_from_being_written(bench: Bench) -> None:
    good, bad = bench.file("a.csv", rows(GOOD)), bench.file("b.csv", rows("AAPL,2026-06-02,10,11,9,x,1"))
    assert "b.csv" in bench.refuses(DAILY, good, bad)


def test_a_home_that_cannot_be_written(bench: Bench) -> None:
    path = bench.file("bars.csv", rows(GOOD))
    assert "tape" in bench.refuses(DAILY, path, home=bench.file("not_a_folder", "") / "home")
    assert "tape" in bench.refuses(DAILY, path, home=bench.folder.__class__("/proc/undertow"))


def test_a_full_disk(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left on device" in bench.refuses(DAILY, bench.file("bars.csv", rows(GOOD)))
