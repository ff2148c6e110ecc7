"""What is asked of whom: pieces on a grid, nothing twice, nothing that a plan does not include."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from undertow.app.vendors.plan import ALWAYS, ROUTES, Known, Route, roads, units
from undertow.core.events import Bar, ChainRow, DailyBar, FlowAlert, NewsItem, OffExchangePrint, OpenInterest, Trade
from undertow.sources.wire.stamps import new_york_midnight
from undertow.tape.fetched import Span, missing

BARS = next(route for route in ROUTES if route.kinds == (Bar,))
ALERTS = next(route for route in ROUTES if route.kinds == (FlowAlert,))


def at(day: str) -> int:
    return new_york_midnight(np.datetime64(day))


def span(symbol: str, after: str, until: str, kind: str = "bar", vendor: str = "massive") -> Span:
    return Span(vendor=vendor, kind=kind, symbol=symbol, after=at(after), until=at(until), at=0, rows=1)


def test_windows_lie_on_the_calendar_and_a_longer_range_uses_them() -> None:
    wide = units(BARS, (Bar,), ("A",), (at("2026-02-10"), at("2026-08-20")), Known())
    assert [(u.after, u.until) for u in wide] == [
        (at("2026-01-01"), at("2026-03-01")),
        (at("2026-03-01"), at("2026-05-01")),
        (at("2026-05-01"), at("2026-07-01")),
        (at("2026-07-01"), at("2026-08-20")),
    ]
    held = [span("A", "2026-01-01", "2026-07-01")]
    later = units(BARS, (Bar,), ("A", "B"), (at("2026-05-10"), at("2026-08-25")), Known(held))
    assert [(u.symbols, u.after) for u in later] == [
        (("B",), at("2026-05-01")), (("A",), at("2026-07-01")), (("B",), at("2026-07-01")),
    ]  # fmt: skip


def test_a_span_that_was_told_in_part_is_asked_for_the_rest_alone() -> None:
    held = [span("A", "2026-03-01", "2026-04-10")]
    got = units(BARS, (Bar,), ("A",), (at("2026-03-05"), at("2026-04-20")), Known(held))
    assert [(u.after, u.until) for u in got] == [(at("2026-04-10"), at("2026-04-20"))]


def test_symbols_that_lack_the_same_are_asked_together_where_the_vendor_takes_lists() -> None:
    held = [span("B", "2026-03-01", "2026-04-01", "flow_alert", "unusual_whales")]
    got = units(ALERTS, (FlowAlert,), ("A", "B", "C"), (at("2026-03-05"), at("2026-04-20")), Known(held))
    assert [u.symbols for u in got] == [("A", "C"), ("A", "B", "C")]


def test_nothing_is_asked_from_before_the_plan_begins() -> None:
    known = Known((), {("massive", Bar): at("2026-04-03")})
    got = units(BARS, (Bar,), ("A",), (at("2026-01-01"), at("2026-06-20")), known)
    assert [u.after for u in got] == [at("2026-04-03"), at("2026-05-01")]


def test_units_are_named_by_what_they_ask() -> None:
    one = units(BARS, (Bar,), ("A", "B"), (at("2026-01-01"), at("2026-06-20")), Known())
    assert len({u.name for u in one}) == len(one)
    assert [u.name for u in one] == [u.name for u in units(BARS, (Bar,), ("A", "B"), (at("2026-01-01"), at("2026-06-20")), Known())]


def test_each_kind_takes_the_first_road_that_is_open() -> None:
    both = {
        "massive": frozenset({Bar, DailyBar, NewsItem, Trade, OffExchangePrint}),
        "unusual_whales": frozenset({NewsItem, OffExchangePrint}),
    }
    by = {kind: route.vendor for route, kinds in roads((Bar, NewsItem, OffExchangePrint, ChainRow), both).items() for kind in kinds}
    assert by == {Bar: "massive", NewsItem: "massive", OffExchangePrint: "unusual_whales"}
    alone = roads((OffExchangePrint, OpenInterest), {"massive": frozenset({Trade, OffExchangePrint})})
    assert [(route.vendor, kinds) for route, kinds in alone.items()] == [("massive", (OffExchangePrint,))]


def test_all_of_it_begins_before_anything() -> None:
    whole = Route("massive", (NewsItem,), -1)
    assert [u.after for u in units(whole, (NewsItem,), ("A",), (at("2026-01-01"), at("2026-02-01")), Known())] == [ALWAYS]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=6), st.integers(0, 60), st.integers(0, 60))
def test_what_is_missing_and_what_is_held_make_the_whole(held: list[tuple[int, int]], a: int, b: int) -> None:
    gaps = missing([pair for pair in held if pair[0] < pair[1]], a, b)
    told = {i for x, y in held for i in range(x + 1, y + 1)}
    assert {i for x, y in gaps for i in range(x + 1, y + 1)} == set(range(a + 1, b + 1)) - told
    assert all(x < y for x, y in gaps)
