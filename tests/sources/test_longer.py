"""Five minutes out of minutes: a plain loop's numbers, whatever the cut, and nothing that came too late."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk, Origin, chunk_of, concat
from undertow.core.events import MISSING, Bar, Grade
from undertow.core.time import MINUTE, SECOND
from undertow.sources.longer import Longer

SYMBOLS = ("AAA", "BBB")
OPEN = int(nyse().open[nyse().session_on_or_before(np.datetime64("2026-05-28"))])
SPAN = 5 * MINUTE


def minutes(seed: int, count: int = 40) -> Chunk:
    """Minutes of two symbols, some of them missing, each known a little after its end."""
    chance = np.random.default_rng(seed)
    end = np.repeat(OPEN + MINUTE * np.arange(1, count + 1), 2)
    keep = chance.random(len(end)) < 0.85
    n = int(keep.sum())
    low, high = chance.integers(9_000, 10_000, n), chance.integers(11_000, 12_000, n)
    inside = {name: chance.integers(10_000, 11_000, n) for name in ("open", "close", "vwap")}
    inside["vwap"][chance.random(n) < 0.05] = MISSING
    columns = {**inside, "low": low, "high": high, "volume": chance.integers(0, 900, n), "trades": chance.integers(1, 9, n)}
    return chunk_of(
        Bar,
        SYMBOLS,
        key=np.tile([0, 1], count)[keep],
        event_at=end[keep],
        known_at=end[keep] + chance.integers(1, 3 * SECOND, n),
        columns={**columns, "span": np.full(n, MINUTE)},
        origin=Origin(Grade.RECORDED, ("stream",)),
    )


def plainly(told: Chunk) -> dict[tuple[int, int], dict[str, int]]:
    out: dict[tuple[int, int], dict[str, int]] = {}
    rows = sorted(range(len(told)), key=lambda i: int(told.event_at[i]))
    for i in rows:
        own = {name: int(column[i]) for name, column in told.columns.items()}
        place = int(told.key[i]), -(-int(told.event_at[i]) // SPAN) * SPAN
        bar = out.setdefault(place, own | {"volume": 0, "known": 0, "value": 0, "blind": 0})
        bar["high"], bar["low"], bar["close"] = max(bar["high"], own["high"]), min(bar["low"], own["low"]), own["close"]
        bar["volume"] += own["volume"]
        bar["known"] = max(bar["known"], int(told.known_at[i]))
        bar["value"] += own["vwap"] * own["volume"] if own["vwap"] != MISSING else 0
        bar["blind"] |= int(own["vwap"] == MISSING)
    return out


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 39), max_size=12, unique=True))
def test_a_plain_loop_says_the_same_whatever_the_cut(seed: int, cuts: list[int]) -> None:
    told = minutes(seed)
    longer, parts, before = Longer(SYMBOLS, SPAN), [], -(2**62)
    instants = sorted({OPEN + MINUTE * cut + 4 * SECOND for cut in cuts} | {int(told.known_at[-1]) + SPAN})
    for now in instants:
        longer.push(told.between(before, now))
        parts.append(longer.due(now))
        before = now
    got, expected = concat([part for part in parts if len(part)]), plainly(told)
    assert longer.late == 0
    assert len(got) == len(expected)
    for i in range(len(got)):
        bar = expected[int(got.key[i]), int(got.event_at[i])]
        for name in ("open", "high", "low", "close", "volume"):
            assert got.columns[name][i] == bar[name], name
        assert got.known_at[i] == max(bar["known"], got.event_at[i])
        mean = MISSING if bar["blind"] or not bar["volume"] else round(bar["value"] / bar["volume"])
        assert abs(int(got.columns["vwap"][i]) - mean) <= 1
    assert set(got.columns["span"].tolist()) == {SPAN}


@pytest.mark.parametrize("asked", [True, False])
def test_a_part_of_a_bar_is_no_bar(asked: bool) -> None:
    """Listening began in a bar's third minute: it is told where the minutes before were asked for, the one before it never."""
    told = minutes(1, 15)
    told = told[told.key == 0]
    begun = OPEN + 7 * MINUTE + 20 * SECOND
    longer, whole = Longer(SYMBOLS, SPAN, begun=begun), Longer(SYMBOLS, SPAN)
    longer.push(told if asked else told[told.event_at > begun])
    whole.push(told)
    until = OPEN + 16 * MINUTE
    got, every = longer.due(until), whole.due(until)
    expected = every[every.event_at > OPEN + (1 if asked else 2) * SPAN]
    assert len(expected) == (2 if asked else 1)
    assert got.event_at.tolist() == expected.event_at.tolist()
    assert all(got.columns[name].tolist() == expected.columns[name].tolist() for name in got.columns)


def test_a_minute_that_comes_too_late_is_counted_and_left_out() -> None:
    told = minutes(1, 10)
    longer = Longer(SYMBOLS, SPAN)
    first = told[told.event_at <= OPEN + 3 * MINUTE]
    longer.push(first)
    assert len(longer.due(OPEN + SPAN + SECOND)) == 2
    late = told[(told.event_at > OPEN + 3 * MINUTE) & (told.event_at <= OPEN + SPAN)]
    longer.push(late)
    assert longer.late == len(late) > 0
    assert not len(longer.due(OPEN + SPAN + 2 * SECOND))


@pytest.mark.parametrize("span", [SPAN, 10 * MINUTE])
def test_bars_of_another_length_are_not_looked_at(span: int) -> None:
    longer = Longer(SYMBOLS, span)
    told = minutes(2, 10)
    other = Chunk(**{**{name: getattr(told, name) for name in told.__slots__}, "columns": {**told.columns, "span": np.full(len(told), 7)}})
    longer.push(other)
    assert not len(longer.due(OPEN + 3600 * SECOND))
