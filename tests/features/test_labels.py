"""Labels against the plain rule, whole and in pieces; most pieces concern no tick that waits."""

from __future__ import annotations

import numpy as np
import pytest

from undertow.core.calendar import nyse
from undertow.core.chunk import Array, Chunk, chunk_of
from undertow.core.events import MISSING, Bar
from undertow.core.time import MINUTE
from undertow.features.labels import PATIENCE, Labels

SYMBOLS = ("AAA", "BBB")
SPAN = 5 * MINUTE


def market(seed: int) -> tuple[Chunk, Array]:
    """Bars of some sessions, half of them absent and BBB's for a whole week, some prices not known; and ticks, some before any bar."""
    calendar, rng = nyse(), np.random.default_rng(seed)
    spans = list(zip(calendar.open[6000:6014], calendar.close[6000:6014], strict=True))
    start = np.concatenate([np.arange(a, b, SPAN) for a, b in spans])
    starts, key = np.repeat(start, len(SYMBOLS)), np.tile(np.arange(len(SYMBOLS)), len(start))
    there = (rng.random(len(starts)) < 0.5) & ((key == 0) | (starts < spans[4][0]) | (starts > spans[9][1]))
    price = np.where(rng.random(len(starts)) < 0.05, MISSING, rng.integers(900_000, 1_100_000, len(starts)))
    columns = {"open": price[there], "span": np.full(int(there.sum()), SPAN)}
    ends = starts[there] + SPAN
    ticks = np.concatenate([np.arange(a - 60 * MINUTE, b + 1, 30 * MINUTE) for a, b in spans[:-1]])
    return chunk_of(Bar, SYMBOLS, key=key[there], event_at=ends, known_at=ends + 7, columns=columns), ticks


def plain(bars: Chunk, ticks: Array) -> set[tuple[int, ...]]:
    """(tick, symbol, known_at, horizon, return in units of 1e-12) of every label."""
    due_of, price, found = Labels(SYMBOLS, nyse()).due(ticks), bars.numbers("open"), set()
    for tick, due in zip(ticks.tolist(), due_of.tolist(), strict=True):
        for key in range(len(SYMBOLS)):
            mine = [(int(at) - SPAN, p, int(k)) for at, p, k in zip(bars.event_at, price, bars.known_at, strict=True) if not np.isnan(p)]
            mine = [row for row, k in zip(mine, bars.key[~np.isnan(price)], strict=True) if k == key]
            fill, end = (next((row for row in mine if row[0] >= at), None) for at in (tick, due))
            if fill and end and fill[0] - tick < PATIENCE and end[0] - due < PATIENCE:
                found.add((tick, key, end[2], due - tick, round((end[1] / fill[1] - 1.0) * 1e12)))
    return found


def told(labels: Chunk) -> list[tuple[int, ...]]:
    value = np.round(labels.columns["value"] * 1e12).astype(np.int64)
    rows = zip(labels.event_at, labels.key, labels.known_at, labels.columns["horizon"], value, strict=True)
    return [tuple(int(v) for v in row) for row in rows]


@pytest.mark.parametrize("seed", range(3))
def test_labels_follow_the_plain_rule_in_any_pieces(seed: int) -> None:
    bars, ticks = market(seed)
    whole = told(Labels(SYMBOLS, nyse()).push([bars], ticks))
    assert len(whole) == len(set(whole)) > 100
    assert set(whole) == plain(bars, ticks)
    ends = np.unique(bars.known_at)
    for cuts in (ends, np.sort(np.random.default_rng(seed).choice(ends, 20))):
        fold, found, before = Labels(SYMBOLS, nyse()), [], 0
        for until in (*cuts.tolist(), int(max(ends[-1], ticks[-1]))):
            now = ticks[(ticks > before) & (ticks <= until)]
            found += told(fold.push([bars.between(before, until)], now))
            before = until
        assert sorted(found) == sorted(whole)
        assert [row[2] for row in found] == sorted(row[2] for row in found)
