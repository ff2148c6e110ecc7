"""p(buy) of option prints against the market's own hands: calibrated, better than the tick rule, and blind to what comes later."""

from __future__ import annotations

import numpy as np
import pytest

from tests.sources.tape_derived.prints import SESSIONS, hands, made, prints
from undertow.core.chunk import F64, Chunk
from undertow.core.events import MISSING
from undertow.sources.tape_derived.sides import UNSIGNED, Sides

BAND = 0.12  #: how far the share of buys may lie from what was said, in any bin of what was said


@pytest.fixture(scope="module")
def told() -> tuple[Chunk, F64, F64]:
    """Prints, what is said of them, and 1.0 where the customer bought."""
    rows = prints(SESSIONS)
    return rows, Sides().push(rows), hands(rows)


def unquoted(rows: Chunk) -> Chunk:
    none = np.full(len(rows), MISSING)
    return Chunk(
        *(getattr(rows, n) for n in ("kind", "symbols", "key", "event_at", "known_at", "seq", "grade")),
        {**rows.columns, "bid": none, "ask": none},
    )


def test_what_is_said_comes_true(told: tuple[Chunk, F64, F64]) -> None:
    _, p, bought = told
    bins = np.round(p, 1)
    for said in np.unique(bins):
        own = bins == said
        if own.sum() >= 300:
            assert abs(bought[own].mean() - p[own].mean()) < BAND, (said, own.sum(), bought[own].mean())
    assert {0.1, 0.5, 0.9} <= set(np.unique(bins).tolist())


def test_it_says_more_than_the_tick_rule(told: tuple[Chunk, F64, F64]) -> None:
    rows, p, bought = told
    tick = Sides().push(unquoted(rows))

    def loss(q: F64) -> float:
        return float(-np.mean(np.where(bought == 1, np.log(q), np.log(1 - q))))

    def right(q: F64) -> float:
        return float(np.mean(np.where(q == 0.5, 0.5, (q > 0.5) == (bought == 1))))

    assert loss(p) < loss(tick) - 0.15
    assert right(p) > right(tick) + 0.1
    assert 0.45 < right(tick) < 0.6
    assert loss(tick) < 0.70  # no worse than saying nothing


def test_legs_and_late_prints_have_no_side() -> None:
    rows = made([(100, code) for code in sorted(UNSIGNED)] + [(110, "219"), (110, "209,232")])
    p = Sides().push(rows)
    assert p.tolist() == [0.5] * len(UNSIGNED) + [0.93, 0.5]


def test_the_place_in_the_quote_decides() -> None:
    # the quote is 90 at 110
    rows = made([(110, "219"), (90, "219"), (108, "209"), (92, "209"), (100, "209"), (110, "227"), (95, "231"), (112, "219"), (110, "209")])
    assert Sides().push(rows) == pytest.approx([0.93, 0.07, 0.9, 0.1, 0.5, 0.9, 0.1, 0.93, 0.5])


def test_without_a_quote_the_last_change_of_price_leans_a_little() -> None:
    rows = unquoted(made([(100, "209"), (101, "209"), (101, "209"), (50, "232"), (101, "209"), (99, "209")]))
    assert Sides().push(rows) == pytest.approx([0.5, 0.52, 0.52, 0.5, 0.52, 0.48])


@pytest.mark.parametrize("quoted", [True, False])
def test_any_cutting_says_the_same_and_nothing_looks_ahead(quoted: bool) -> None:
    rows = prints(SESSIONS)
    rows = rows if quoted else unquoted(rows)
    whole = Sides().push(rows)
    rng = np.random.default_rng(0)
    cuts = np.sort(rng.integers(0, len(rows), 12))
    state = Sides()
    parts = [state.push(rows[int(a) : int(b)]) for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    assert np.array_equal(np.concatenate(parts), whole)
    some = len(rows) // 3
    assert np.array_equal(Sides().push(rows[:some]), whole[:some])
