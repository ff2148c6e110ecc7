"""The mapping language: what is wrong is named by its key; times are exact and never without a zone."""

from __future__ import annotations

import polars as pl
import pytest

from tests.tape.workbench import DAILY, GOOD, Bench, rows
from undertow.core.calendar import nyse
from undertow.core.events import Bar, DailyBar, NewsItem, OffExchangeVolume, OpenInterest
from undertow.core.time import iso

NEWS = '[[event]]\nkind = "news_item"\nsymbol = "\'AAPL\'"\ncolumns = { tone = "tone" }\n'

WRONG = {
    "not TOML": ("[[event", "not TOML"),
    "no event": ("source = 'x'", "event"),
    "unknown key": (DAILY + "colour = 'red'\n", "event.1.colour"),
    "unknown kind": (DAILY.replace("daily_bar", "bars"), "'bars' is no kind"),
    "own kind": (DAILY.replace("daily_bar", "fill"), "'fill' is no kind"),
    "duration": (DAILY.replace('same = "event_at"', 'same = "event_at", plus = "5 minutes"'), "'5 minutes' is not a duration"),
    "two forms": (DAILY.replace('same = "event_at"', 'same = "event_at", date = "date"'), "exactly one of"),
    "time of day": (DAILY.replace('at = "close"', 'at = "25:00"'), "no time of day"),
    "zone": (DAILY.replace('at = "close"', 'clock = "date", zone = "Mars/Base"'), "no time zone"),
    "clock without zone": (DAILY.replace('at = "close"', 'clock = "date"'), "needs its zone"),
    "epoch without unit": (DAILY.replace('date = "date", at = "close"', 'epoch = "date"'), "needs its unit"),
    "needed column": (DAILY.replace(', volume = "volume"', ""), "needs 'volume'"),
    "SQL": (DAILY.replace('"high"', '"high +"'), "no SQL expression"),
    "sum": (DAILY.replace('"high"', '"MAX(high)"'), "MAX"),
    "lead": (DAILY.replace('"high"', '"LEAD(high) OVER (ORDER BY date)"'), "not allowed"),
    "types": (DAILY.replace('"high"', '"high - symbol"'), "cannot be worked out"),
    "condition": (DAILY.replace('kind = "daily_bar"', 'kind = "daily_bar"\nwhere = "volume"'), "no condition"),
    "regular expression": ("[read]\nname = '('\n" + DAILY, "read.name"),
    "file name": ("[read]\nname = '(?P<d>\\d{8})'\n" + DAILY, "does not match"),
    "no header": ("[read]\nheader = false\n" + DAILY, "columns = [...]"),
    "too early": (DAILY.replace('same = "event_at"', 'date = "date", at = "open"'), "cannot be known before"),
}


@pytest.mark.parametrize(("mapping", "what"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_mapping_is_named(bench: Bench, mapping: str, what: str) -> None:
    assert what in bench.refuses(mapping, bench.file("bars.csv", rows(GOOD)))


def test_the_kind_s_own_clock_rules_hold(bench: Bench) -> None:
    interest = """
[[event]]
kind = "open_interest"
event_at = { date = "date", at = "close" }
known_at = { date = "date", at = "18:00" }
columns = { expiry = "'2026-06-19'", strike = "open", is_put = "0", open_interest = "volume" }
"""
    assert OpenInterest.kind in bench.refuses(interest, bench.file("bars.csv", rows(GOOD)))
    volume = '[[event]]\nkind = "off_exchange_volume"\nevent_at = { date = "date", at = "close" }\nknown_at = { same = "event_at" }\n'
    assert OffExchangeVolume.kind in bench.refuses(volume + 'columns = { volume = "volume" }', bench.file("bars.csv", rows(GOOD)))


def test_a_time_without_a_zone_is_refused_in_text_and_in_parquet(bench: Bench) -> None:
    mapping = NEWS + 'event_at = { instant = "stamp" }\nknown_at = { same = "event_at" }\n'
    text = bench.file("a.csv", "stamp,tone\n2026-06-01T10:00:00Z,0.1\n2026-06-01T10:00:00,0.1\n")
    sentence = bench.refuses(mapping, text)
    assert "'stamp'" in sentence
    assert "zone =" in sentence
    path = bench.folder / "a.parquet"
    pl.DataFrame({"stamp": [1_780_000_000], "tone": [0.1]}).with_columns(pl.from_epoch("stamp")).write_parquet(path)
    assert "zone =" in bench.refuses(mapping, path)
    assert bench.run(mapping.replace('"stamp"', '"stamp", zone = "UTC"'), path).exit_code == 0


@pytest.mark.parametrize(
    ("rule", "value", "at"),
    [
        ('instant = "t"', "2026-06-01T10:00:00Z", "2026-06-01T10:00:00Z"),
        ('instant = "t"', "2026-06-01 10:00:00.123456789+02:00", "2026-06-01T08:00:00.123456789Z"),
        ('instant = "t"', "2026-06-01 10:00-0430", "2026-06-01T14:30:00Z"),
        ('instant = "t", plus = "5m"', "2026-06-01 10:00:00+00", "2026-06-01T10:05:00Z"),
        ('instant = "t", zone = "America/New_York"', "2026-01-05 10:00:00", "2026-01-05T15:00:00Z"),
        ('instant = "t", zone = "America/New_York"', "2025-11-02 01:30:00", "2025-11-02T06:30:00Z"),  # the hour comes twice: the later
        ('epoch = "t", unit = "ns"', "1780000000123456789", "2026-05-28T20:26:40.123456789Z"),
        ('epoch = "t", unit = "s"', "1780000000.5", "2026-05-28T20:26:40.500000000Z"),
        ('date = "t", at = "close"', "2026-06-01", "2026-06-01T20:00:00Z"),
        ('date = "t", at = "close"', "20251128", "2025-11-28T18:00:00Z"),  # a half day
        ('date = "t", at = "midnight", session = "next"', "2026-05-22", "2026-05-26T04:00:00Z"),  # over Memorial Day
        ('date = "t", at = "midnight", session = "next"', "2026-05-24", "2026-05-26T04:00:00Z"),
        ('date = "t", at = "close", session = "previous"', "2026-05-26", "2026-05-22T20:00:00Z"),
        ('date = "t", at = "16:15"', "2026-05-24", "2026-05-24T20:15:00Z"),
        ('date = "t", clock = "\'09:31\'", zone = "Europe/London"', "2026-06-01", "2026-06-01T08:31:00Z"),
        ('date = "t", clock = "34200000", unit = "ms", zone = "America/New_York"', "2026-06-01", "2026-06-01T13:30:00Z"),
    ],
)
def test_times(bench: Bench, rule: str, value: str, at: str) -> None:
    mapping = NEWS + f'event_at = {{ {rule} }}\nknown_at = {{ same = "event_at", plus = "1s" }}\n'
    result = bench.run(mapping, bench.file("a.csv", f"t,tone\n{value},0.1\n"))
    assert result.exit_code == 0, result.output
    chunk = bench.tape.read(NewsItem, ["AAPL"], 0, 2**62)
    assert iso(int(chunk.event_at[0])) == at
    assert chunk.known_at[0] - chunk.event_at[0] == 10**9


@pytest.mark.parametrize("value", ["2026-06-01 25:00:00Z", "yesterday", "", "2026-13-01T00:00:00Z", "2026-06-01T10:00:00+99:99x"])
def test_times_that_cannot_be_read(bench: Bench, value: str) -> None:
    mapping = NEWS + 'event_at = { instant = "t" }\nknown_at = { same = "event_at" }\n'
    assert "line 2" in bench.refuses(mapping, bench.file("a.csv", f"t,tone\n{value},0.1\n"))


def test_a_time_that_the_spring_change_skips(bench: Bench) -> None:
    mapping = NEWS + 'event_at = { instant = "t", zone = "America/New_York" }\nknown_at = { same = "event_at" }\n'
    assert "clocks went forward" in bench.refuses(mapping, bench.file("a.csv", "t,tone\n2026-03-08 02:30:00,0.1\n"))


def test_prices_are_rounded_half_to_even_and_quoted_files_read(bench: Bench) -> None:
    text = rows('"AAPL","2026-06-01","10.00005","11.00015","9","10","1234.5"')
    assert bench.run(DAILY, bench.file("bars.csv", text)).exit_code == 0
    chunk = bench.tape.read(DailyBar, ["AAPL"], 0, 2**62)
    assert [int(chunk.columns[n][0]) for n in ("open", "high", "low", "volume")] == [100_000, 110_002, 90_000, 1234]


def test_bars_outside_regular_hours_are_taken_and_holidays_refused(bench: Bench) -> None:
    mapping = """
[[event]]
kind = "bar"
event_at = { instant = "t", zone = "America/New_York", plus = "1m" }
known_at = { same = "event_at" }
columns = { span = "'1m'", open = "p", high = "p", low = "p", close = "p", volume = "10" }
"""
    stamps = ["2026-06-01 04:00", "2026-06-01 19:59", "2025-11-28 16:00", "2026-06-19 10:00", "2026-06-20 10:00"]
    result = bench.run(mapping, bench.file("a.csv", "symbol,t,p\n" + "".join(f"SPY,{t},5.25\n" for t in stamps)))
    assert result.exit_code == 0, result.output
    assert len(bench.tape.read(Bar, ["SPY"], 0, 2**62)) == 3
    assert "2026-06-19: Juneteenth National Independence Day, exchange closed: 1 rows refused" in result.output
    assert "2026-06-20: weekend, exchange closed: 1 rows refused" in result.output
    assert nyse().why_closed(nyse().day[0]) == ""
