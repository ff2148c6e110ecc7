"""Derived alerts: the market's own ones are among them, they are never early, and no cutting of history changes them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tests.sources.tape_derived.prints import OPEN, SESSIONS, SYMBOLS, alerts, made, prints
from undertow.core.chunk import Chunk, concat, empty_chunk
from undertow.core.errors import BadInput
from undertow.core.events import MISSING, DailyBar, FlowAlert, Grade, OptionTrade
from undertow.core.protocols import Source
from undertow.core.time import SECOND
from undertow.sandbox.market import Market
from undertow.sources.simulated import SimulatedSource
from undertow.sources.tape_derived.flow import DerivedFlow, Settings
from undertow.sources.tape_derived.sides import CONTRACT
from undertow.sources.tape_derived.source import TapeDerivedSource

LATER = 2**62
MILLISECOND = 10**6


def whole(rows: Chunk, settings: Settings | None = None) -> Chunk:
    return DerivedFlow(SYMBOLS, settings).push(rows, LATER)


def values(chunk: Chunk) -> list[tuple[Any, ...]]:
    columns = [chunk.key, chunk.event_at, chunk.known_at, chunk.seq, *chunk.columns.values()]
    return list(zip(*(column.tolist() for column in columns), strict=True))


def names(chunk: Chunk) -> set[tuple[int, ...]]:
    return set(zip(chunk.key.tolist(), chunk.event_at.tolist(), *(chunk.columns[n].tolist() for n in CONTRACT), strict=True))


def test_the_markets_own_alerts_are_found() -> None:
    ours, theirs = whole(prints(SESSIONS)), alerts(SESSIONS)
    assert len(theirs) > 300
    both = names(ours) & names(theirs)
    assert len(both) / len(names(theirs)) > 0.95
    assert len(both) / len(names(ours)) > 0.95
    where = {name: i for i, name in enumerate(zip(theirs.key, theirs.event_at, *(theirs.columns[n] for n in CONTRACT), strict=True))}
    pairs = np.array(
        [(i, where[n]) for i, n in enumerate(zip(ours.key, ours.event_at, *(ours.columns[c] for c in CONTRACT), strict=True)) if n in where]
    )
    a, b = ours[pairs[:, 0]].columns, theirs[pairs[:, 1]].columns
    assert np.array_equal(a["premium"], b["premium"])
    assert np.array_equal(a["size"], b["size"])
    assert [r.removeprefix("derived:") for r in a["rule"]] == b["rule"].tolist()
    assert (a["is_sweep"] == b["is_sweep"]).mean() > 0.9
    lean, truth = a["ask_premium"] - a["bid_premium"], b["ask_premium"] - b["bid_premium"]
    assert np.corrcoef(np.sign(lean), np.sign(truth))[0, 1] > 0.8


def test_an_alert_says_where_it_comes_from_and_is_never_early() -> None:
    rows = whole(prints(SESSIONS))
    assert rows.sources == ("tape_derived",)
    assert set(rows.grade) == {int(Grade.MODELLED)}
    assert (rows.known_at - rows.event_at >= max(FlowAlert.least_lag, 5 * SECOND)).all()
    assert (np.diff(rows.known_at) >= 0).all()
    c = rows.columns
    assert np.array_equal(c["ask_premium"] + c["bid_premium"], c["premium"])
    assert (np.minimum(c["ask_premium"], c["bid_premium"]) >= 0).all()
    assert (c["open_interest"] == MISSING).all()
    with pytest.raises(BadInput, match="lag"):
        Settings(lag=SECOND // 2)


def test_any_cutting_gives_the_same_alerts() -> None:
    rows = prints(SESSIONS)
    expected = values(whole(rows))
    rng = np.random.default_rng(1)
    for pushes in (3, 200):
        flow, found, before = DerivedFlow(SYMBOLS), [], 0
        for until in [*np.sort(rng.integers(OPEN, int(rows.known_at[-1]), pushes)).tolist(), LATER]:
            some = flow.push(rows.between(before, until), until)
            assert ((some.known_at > before) & (some.known_at <= until)).all()
            found.append(some)
            before = until
        assert values(concat(found)) == expected


def test_nothing_that_comes_later_changes_an_alert() -> None:
    rows = prints(SESSIONS)
    now = int(rows.known_at[len(rows) // 2])
    early = DerivedFlow(SYMBOLS).push(rows.between(0, now), now)
    assert len(early) > 100
    assert values(early) == values(whole(rows).between(0, now))


def test_the_rule_counts_prints_size_premium_and_pauses() -> None:
    rich = Settings(least_premium=0)
    runs = [(100, "209"), (105, "209"), (105, "209")]
    assert whole(made(runs, SECOND // 2), rich).columns["rule"].tolist() == ["derived:RepeatedHitsAscendingFill"]
    assert whole(made(runs[::-1], SECOND // 2), rich).columns["rule"].tolist() == ["derived:RepeatedHitsDescendingFill"]
    assert whole(made([runs[1], runs[0], runs[1]], SECOND // 2), rich).columns["rule"].tolist() == ["derived:RepeatedHits"]
    assert len(whole(made(runs, SECOND // 2 + 1), rich)) == 0
    assert len(whole(made(runs[:2], MILLISECOND), rich)) == 0
    assert len(whole(made(runs, MILLISECOND))) == 0
    assert len(whole(made(runs, MILLISECOND, size=3), rich)) == 0
    assert len(whole(made([*runs[:2], (105, "232")], MILLISECOND), rich)) == 0
    one = whole(made([(110, "219")] * 3, MILLISECOND), rich)
    premium = 3 * 110 * 10 * 100
    assert (one.columns["premium"][0], one.columns["ask_premium"][0]) == (premium, round(0.93 * premium))


def test_a_sweep_is_marked_or_a_burst() -> None:
    rich = Settings(least_premium=0)

    def swept(codes: list[str], step: int) -> int:
        return int(whole(made([(100, code) for code in codes], step), rich).columns["is_sweep"][0])

    assert swept(["209"] * 3, 20 * MILLISECOND) == 1
    assert swept(["209"] * 3, 21 * MILLISECOND) == 0
    assert swept(["219", "219", "209", "209"], 100 * MILLISECOND) == 1
    assert swept(["219", "209", "209"], 100 * MILLISECOND) == 0


def test_as_a_source_it_gives_the_same_for_any_range() -> None:
    inner = SimulatedSource(Market(11), (OptionTrade,))
    source: Source = TapeDerivedSource(inner)
    assert (source.name, source.simulated, source.kinds) == ("tape_derived", True, (FlowAlert,))
    expected = whole(prints(SESSIONS))
    first, last = int(expected.known_at[0]) - 1, int(expected.known_at[-1])
    middle = int(expected.known_at[len(expected) // 2])
    for cuts in ([first, last], [first, middle, last], [middle, last]):
        got = [chunk for a, b in pairwise(cuts) for chunk in source.history(SYMBOLS, a, b)]
        assert values(concat([empty_chunk(FlowAlert, SYMBOLS), *got])) == values(expected.between(cuts[0], last))
    with pytest.raises(BadInput, match="no option prints"):
        TapeDerivedSource(SimulatedSource(Market(11), (DailyBar,)))
