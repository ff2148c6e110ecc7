"""WebSocket frames: everything said comes out, known on receipt; what is broken is an error."""

from __future__ import annotations

import json

import pytest

from tests.sources.massive.bodies import ms, ns
from undertow.core.events import Bar, Grade, OffExchangePrint, OptionTrade, Quote, Trade
from undertow.core.time import MINUTE, SECOND
from undertow.sources.massive.frames import Band, Status, frame
from undertow.sources.wire.errors import BadAnswer

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
    assert by[Trade].columns["size"].tolist() == [300, 5]
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
