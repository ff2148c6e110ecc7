"""WebSocket frames: everything said comes out, known on receipt; what is broken is an error."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.sources.massive.bodies import ms, ns
from undertow.core.events import MISSING, Bar, Grade, OffExchangePrint, OptionTrade, Quote, Trade
from undertow.core.time import MINUTE, SECOND
from undertow.sources.massive.frames import Band, Reader, Status, frame
from undertow.sources.wire.errors import BadAnswer
from undertow.sources.wire.number import units, whole
from undertow.sources.wire.socket_numbers import counts, instants, prices, sizes
from undertow.sources.wire.stamps import instant

AT = "2026-05-28T14:30:00.250Z"
RECEIVED = ns("2026-05-28T14:30:00.300Z")
SYMBOLS = ("AAPL", "MSFT")


def test_a_mixed_frame() -> None:
    events = [
        {"ev": "status", "status": "auth_success", "message": "authenticated"},
        {"ev": "T", "sym": "AAPL", "x": 12, "p": 161.87, "s": 0, "ds": "300.0", "c": [14, 41], "t": ms(AT), "q": 2, "z": 3},
        {"ev": "T", "sym": "AAPL", "x": 4, "p": 161.8701, "s": 5, "t": ms(AT), "q": 3, "trfi": 201, "trft": ms(AT)},
        {"ev": "T", "sym": "AAPL", "x": 4, "p": 161.8701, "s": 5, "t": ms(AT), "q": 1, "trfi": 0},
        {"ev": "T", "sym": "O:AAPL260619C00037000", "x": 65, "p": 1.54, "s": 1, "c": [233], "t": ms(AT), "q": 4},
        {"ev": "Q", "sym": "MSFT", "bp": 114.125, "bs": 100, "ap": 0, "as": 0, "t": ms(AT), "q": 5},
        {"ev": "AM", "sym": "MSFT", "v": 4110, "dv": "4110.5", "vw": 1.5, "o": 1, "c": 2, "h": 2, "l": 1, "s": ms(AT) - 60000, "e": ms(AT)},
        {"ev": "A", "sym": "MSFT", "v": 41, "vw": 1.5, "o": 1, "c": 2, "h": 2, "l": 1, "s": ms(AT) - 1000, "e": ms(AT)},
        {"ev": "LULD", "T": "MSFT", "h": 218.96, "l": 198.11, "i": [21], "z": 3, "t": 1601316752683746, "q": 1},
        {"ev": "T", "sym": "ZZZ", "x": 12, "p": 1, "s": 1, "t": ms(AT)},
        {"ev": "Q", "sym": "O:AAPL260619C00037000", "bp": 1, "t": ms(AT)},
        {"ev": "NEW", "anything": 1},
    ]
    out = frame(json.dumps(events), SYMBOLS, RECEIVED)
    by = {chunk.kind: chunk for chunk in out.chunks}
    assert set(by) == {Trade, OffExchangePrint, OptionTrade, Quote, Bar}
    assert out.statuses == (Status(status="auth_success", message="authenticated"),)
    assert out.bands == (Band(symbol="MSFT", high=2189600, low=1981100, indicators="21", at=1601316752683746000),)
    assert out.ignored == {"T": 1, "Q": 1, "NEW": 1}
    assert by[Trade].columns["size"].tolist() == [5, 300]  # in order of seq
    assert by[OffExchangePrint].columns["venue"].tolist() == ["FINY"]
    assert by[OptionTrade].columns["strike"].tolist() == [370000]
    assert by[Bar].columns["span"].tolist() == [MINUTE, SECOND]
    assert by[Bar].event_at.tolist() == [ns(AT)] * 2
    for chunk in out.chunks:
        assert set(chunk.known_at.tolist()) == {RECEIVED}
        assert set(chunk.grade.tolist()) == {Grade.RECORDED}
        assert chunk.symbols == SYMBOLS


def test_a_clock_that_runs_ahead_of_ours_is_believed() -> None:
    event = {"ev": "Q", "sym": "AAPL", "bp": 1, "bs": 1, "ap": 2, "as": 1, "t": ms(AT), "q": 1}
    assert frame(json.dumps([event]), SYMBOLS, ns(AT) - SECOND).chunks[0].known_at.tolist() == [ns(AT)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[{",
        "5",
        "[5]",
        '[{"ev":"T","sym":"AAPL"}]',
        '[{"ev":"Q"}]',
        '[{"ev":"AM","sym":"AAPL","o":1}]',
        b"\xff",
        '[{"ev":"T","sym":"AAPL","x":1,"p":"x","s":1,"t":1}]',
    ],
)
def test_a_broken_frame_is_an_error(text) -> None:
    with pytest.raises(BadAnswer):
        frame(text, SYMBOLS, RECEIVED)


PRICE = st.one_of(
    st.none(),
    st.integers(0, 10**9),
    st.floats(0, 1e7, allow_nan=False),
    st.integers(0, 10**11).map(lambda n: n / 10**4),
    st.integers(0, 10**11).map(lambda n: n / 10**5),  # half of them ties between two units
    st.integers(0, 10**9).map(lambda n: f"{n / 10**4:.4f}"),
)
SIZE = st.one_of(st.none(), st.integers(0, 2**61), st.floats(0, 1e9), st.integers(0, 10**9).map(lambda n: f"{n}.5"), st.just(""))
TIME = st.one_of(st.integers(10**8, 9 * 10**9), st.integers(10**11, 9 * 10**12), st.integers(10**17, 2**62 - 1))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(PRICE, max_size=6))
@example([129.8473, 1e-4, None])
@example([0.00005, 0.00015, 1.00005, 1.00015, 4.35, 1.005])
@example([1e300])
def test_columns_of_prices_are_units_to_the_last(values: list[Any]) -> None:
    try:
        expected = [units(value) for value in values]
    except BadAnswer:
        with pytest.raises(BadAnswer):
            prices(values)
        return
    assert prices(values).tolist() == expected


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(SIZE, max_size=6), st.lists(TIME, max_size=6))
@example(["0.5", "1.5", "2.5", "300.0"], [])
@example([2**53 + 1, 5], [2**61])
def test_columns_of_sizes_and_times_are_those_of_single_values(values: list[Any], times: list[Any]) -> None:
    assert sizes(values).tolist() == [whole(value) for value in values]
    assert instants(times).tolist() == [instant(time) for time in times]
    assert counts([*times, None]).tolist() == [*times, 0]
    assert counts(times).tolist() == times


@pytest.mark.parametrize("wrong", [True, "x", [1], {}, float("inf"), 10**30, "nan", 1e300])
def test_columns_refuse_what_single_values_refuse(wrong: Any) -> None:
    for column, one in ((prices, units), (sizes, whole)):
        with pytest.raises(BadAnswer):
            one(wrong)
        with pytest.raises(BadAnswer):
            column([1.0, wrong])


def test_a_time_too_late_is_refused() -> None:
    with pytest.raises(BadAnswer, match="2262"):
        instants([9_900_000_000])


def random_events(seed: int, n: int) -> list[dict[str, Any]]:
    rng, events = np.random.default_rng(seed), []
    for i in range(n):
        symbol, at = ["AAPL", "MSFT", "ZZZ"][int(rng.integers(3))], ms(AT) + int(rng.integers(1000))
        price, extra = float(rng.integers(1, 10**7)) / 10**4, {f"new{i % 3}": [i]}
        if i % 3 == 0:
            off = {"x": 4, "trfi": 202} if rng.random() < 0.5 else {"x": 12}
            events.append({"ev": "T", "sym": symbol, "p": price, "s": i, "c": [i % 50], "t": at, "q": 2**53 + i} | off | extra)
        elif i % 3 == 1:
            events.append({"ev": "Q", "sym": symbol, "bp": price, "bs": i, "ap": None, "as": 3, "t": at, "q": i} | extra)
        else:
            bar = {"o": price, "h": price + 1, "l": price, "c": price, "v": i, "vw": price}
            events.append({"ev": "AM", "sym": symbol, "s": at - 60_000, "e": at} | bar | extra)
    return events


def test_many_frames_are_what_single_ones_are_and_what_stands_in_them() -> None:
    events, rng, frames, begin = random_events(1, 600), np.random.default_rng(2), [], 0
    while begin < len(events):
        end = begin + int(rng.integers(1, 51))
        frames.append((RECEIVED + 2 * SECOND + begin, json.dumps(events[begin:end]).encode()))
        begin = end
    out = Reader(SYMBOLS).read(frames)
    assert (out.events, out.broken) == (600, ())
    assert out.ignored == {ev: sum(e["ev"] == ev and e["sym"] == "ZZZ" for e in events) for ev in ("T", "Q", "AM")}
    singles = [chunk for at, raw in frames for chunk in frame(raw, SYMBOLS, at).chunks]
    for chunk in out.chunks:
        own = [single for single in singles if single.kind is chunk.kind]
        assert chunk.key.tolist() == np.concatenate([single.key for single in own]).tolist()
        for name, column in chunk.columns.items():
            assert column.tolist() == np.concatenate([single.columns[name] for single in own]).tolist()
        order = list(zip(chunk.known_at.tolist(), chunk.seq.tolist(), strict=True))
        assert order == sorted(order)
    by = {chunk.kind: chunk for chunk in out.chunks}
    lit = [e for e in events if e["ev"] == "T" and e["sym"] != "ZZZ" and e["x"] == 12]
    assert by[Trade].seq.tolist() == [e["q"] for e in lit]  # beyond what a float holds
    assert by[Trade].columns["price"].tolist() == [units(e["p"]) for e in lit]
    assert by[Trade].columns["conditions"].tolist() == [str(e["c"][0]) for e in lit]
    assert set(by[Quote].columns["ask"].tolist()) == set(by[Quote].columns["ask_size"].tolist()) == {MISSING}


def test_a_broken_frame_among_others_is_told_and_the_others_are_taken() -> None:
    good = json.dumps([{"ev": "Q", "sym": "AAPL", "bp": 1, "bs": 1, "ap": 2, "as": 1, "t": ms(AT), "q": 1}]).encode()
    value = good.replace(b'"bp": 1', b'"bp": "x"')
    new = good.replace(b"[", b'[{"ev": "NEW", "z": 1},')
    out = Reader(SYMBOLS).read([(1, good), (2, good[:-5]), (3, value), (4, good), (5, new)])
    assert [at for at, _ in out.broken] == [2, 3]
    assert "no list of events" in out.broken[0][1]
    assert len(out.chunks[0]) == 3
    assert out.ignored == {"NEW": 1}


def test_what_a_reader_learned_of_names_is_forgotten_and_learned_again() -> None:
    reader = Reader(SYMBOLS)
    option = {"ev": "T", "sym": "O:MSFT260619P00037500", "x": 65, "p": 1.54, "s": 1, "c": [], "t": ms(AT), "q": 4}
    adjusted = option | {"sym": "O:MSFT1260619P00037500"}
    for _ in range(2):
        out = reader.read([(RECEIVED, json.dumps([option, adjusted, option | {"sym": "O:AAPL260619C00037500"}]).encode())])
        assert out.chunks[0].key.tolist() == [1, 0]
        assert out.chunks[0].columns["strike"].tolist() == [375_000] * 2
        assert out.chunks[0].columns["is_put"].tolist() == [1, 0]
        assert out.ignored == {"T": 1}
        reader.symbols.trim(most=0)
