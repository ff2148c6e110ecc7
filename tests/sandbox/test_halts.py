"""A planted halt: one symbol falls silent for whole bars, the sums still hold, and no other symbol or day is touched."""

from __future__ import annotations

import numpy as np
import pytest

from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk
from undertow.core.errors import BadInput
from undertow.core.events import Bar, ChainRow, DailyBar, OffExchangePrint, OffExchangeVolume, OptionTrade, Quote, Trade
from undertow.core.time import HOUR, MINUTE
from undertow.sandbox.halts import Halt
from undertow.sandbox.market import Market

SESSION = nyse().session_on_or_before(np.datetime64("2024-11-26"))
SESSIONS = slice(SESSION, SESSION + 2)
ELEVEN = int(nyse().midnight[SESSION]) + 11 * HOUR
HALT = Halt(symbol="KO", begin=ELEVEN, end=ELEVEN + 15 * MINUTE)
KINDS = (Bar, DailyBar, Trade, Quote, OffExchangePrint, OffExchangeVolume, OptionTrade, ChainRow)


def within(chunk: Chunk, key: int) -> int:
    return int(((chunk.key == key) & (chunk.known_at > HALT.begin) & (chunk.known_at <= HALT.end)).sum())


def test_the_halted_symbol_is_silent_and_the_others_are_not() -> None:
    plain, halted = (m.events(("KO", "QRST"), SESSIONS, KINDS) for m in (Market(1), Market(1, halts=(HALT,))))
    minutes = [m.minutes(("KO", "QRST"), SESSIONS) for m in (Market(1), Market(1, halts=(HALT,)))]
    for a, b in (*((plain[k], halted[k]) for k in (Bar, Trade, Quote, OffExchangePrint, OptionTrade)), minutes):
        assert within(a, 0) > 0
        assert within(b, 0) == 0
        other, same = (c[(c.key == 1) | (c.event_at > nyse().midnight[SESSION + 1])] for c in (a, b))
        assert other.known_at.tobytes() == same.known_at.tobytes()
        assert all(list(values) == list(same.columns[name]) for name, values in other.columns.items())


def test_the_sums_still_hold() -> None:
    events = Market(1, halts=(HALT,)).events(("KO",), slice(SESSION, SESSION + 1), KINDS)
    minutes, bars, daily = Market(1, halts=(HALT,)).minutes(("KO",), slice(SESSION, SESSION + 1)), events[Bar], events[DailyBar].columns
    assert len(bars) == 75
    assert daily["volume"][0] == bars.columns["volume"].sum()
    assert daily["close"][0] == bars.columns["close"][-1]
    opened, close = nyse().open[SESSION], nyse().close[SESSION]
    inside = minutes[(minutes.event_at > opened) & (minutes.event_at <= close)].columns
    assert len(inside["open"]) == 375
    assert (inside["close"].reshape(-1, 5)[:, -1] == bars.columns["close"]).all()
    assert (inside["high"].reshape(-1, 5).max(1) == bars.columns["high"]).all()
    assert (inside["trades"].reshape(-1, 5).sum(1) == bars.columns["trades"]).all()
    dark = events[OffExchangePrint]
    regular = (dark.known_at > opened) & (dark.known_at <= close)
    assert dark.columns["size"][regular].sum() == events[OffExchangeVolume].columns["volume"][0]
    assert events[OptionTrade].columns["size"].sum() == events[ChainRow].columns["volume"].sum()


def test_halts_are_checked() -> None:
    opened, close = int(nyse().open[SESSION]), int(nyse().close[SESSION])
    spans = ((opened, ELEVEN), (ELEVEN, close), (ELEVEN, ELEVEN + MINUTE), (ELEVEN, ELEVEN), (ELEVEN, ELEVEN + 24 * HOUR))
    for begin, end in spans:
        with pytest.raises(BadInput, match="halt of KO from 2024-11-26"):
            Market(halts=(Halt(symbol="KO", begin=begin, end=end),))
