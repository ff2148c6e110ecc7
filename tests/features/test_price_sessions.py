"""Features of the session on a few bars whose numbers can be worked by hand, extended hours among them."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk, chunk_of
from undertow.core.events import Bar
from undertow.core.time import MINUTE, SECOND
from undertow.features.engineering import FeatureEngineering
from undertow.features.operators.session_folds import SessionBefore, SessionExtreme

FIRST = nyse().session_on_or_before(np.datetime64("2024-03-05"))
#: session, minute of the day at which the bar ends, open, high, low, close
BARS = [
    (0, 575, 100, 104, 98, 101),
    (0, 960, 101, 102, 99, 100),
    (0, 965, 100, 150, 50, 140),  # after the close: no part of the session
    (1, 570, 140, 160, 40, 120),  # before the open
    (1, 575, 110, 112, 108, 111),
    (1, 600, 111, 114, 107, 109),
    (1, 605, 109, 118, 105, 116),
]


def chunk() -> Chunk:
    at = np.array([nyse().midnight[FIRST + s] + minute * MINUTE for s, minute, *_ in BARS])
    prices = {name: np.array([row[2 + i] for row in BARS]) * 10_000 for i, name in enumerate(("open", "high", "low", "close"))}
    columns = prices | {"volume": np.full(len(at), 100), "span": np.full(len(at), 5 * MINUTE)}
    return chunk_of(Bar, ("A",), key=np.zeros(len(at), np.int64), event_at=at, known_at=at + SECOND, columns=columns)


def at(session: int, minute: int) -> np.ndarray:
    return np.array([nyse().midnight[FIRST + session] + minute * MINUTE + 2 * SECOND])


EXPECTED = [
    ("gap", (1, 575), log(1.1)),
    ("previous_close_distance", (1, 605), log(116 / 100)),
    ("previous_high_distance", (1, 605), log(116 / 104)),
    ("previous_low_distance", (1, 605), log(116 / 98)),
    ("return_since_open", (1, 605), log(116 / 110)),
    ("session_position", (1, 605), (116 - 105) / (118 - 105)),
    ("gap_filled", (1, 575), (110 - 108) / 10),
    ("gap_filled", (1, 605), 0.5),
    ("opening_range_width", (1, 575), np.nan),
    ("opening_range_width", (1, 605), log(114 / 107)),
    ("opening_range_position", (1, 605), (116 - 107) / (114 - 107)),
    ("opening_range_break", (1, 600), 0.0),
    ("opening_range_break", (1, 605), 1.0),
    ("first_half_hour_return", (1, 575), np.nan),
    ("first_half_hour_return", (1, 605), log(109 / 100)),
    ("gap", (0, 960), np.nan),
    ("gap", (2, 540), np.nan),  # before the third session has a bar of its own
    ("session_gone", (1, 765), (195 + 2 / 60) / 390),
    ("weekday", (1, 600), 2.0),
]


@pytest.mark.parametrize(("name", "when", "expected"), EXPECTED)
def test_by_hand(name: str, when: tuple[int, int], expected: float) -> None:
    got = FeatureEngineering(["A"], only=[name]).push([chunk()], at(*when))[0, 0, 0]
    np.testing.assert_allclose(got, expected, rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(-9, 9).map(float) | st.just(float("nan")), st.sampled_from([0, 0, 1, 2])), max_size=40
    )
)
def test_folds_of_the_session_plainly(some: list[tuple[int, float, int]]) -> None:
    key, x = np.array([k for k, *_ in some], np.int64), np.array([v for _, v, _ in some])
    session = np.cumsum([s for *_, s in some], dtype=np.int64) + 5
    highest, lowest, before = [], [], []
    for i in range(len(key)):
        mine = [j for j in range(i + 1) if key[j] == key[i] and not np.isnan(x[j])]
        today, yesterday = ([x[j] for j in mine if session[j] == session[i] - ago] for ago in (0, 1))
        highest.append(max(today, default=np.nan))
        lowest.append(min(today, default=np.nan))
        before.append(yesterday[-1] if yesterday else np.nan)
    for op, expected in ((SessionExtreme("highest"), highest), (SessionExtreme("lowest"), lowest), (SessionBefore(), before)):
        state, cut = op.fresh(2), len(key) // 2
        got = [op.push(state, key[s], x[s], session[s]) for s in (slice(0, cut), slice(cut, None))]
        np.testing.assert_array_equal(np.concatenate(got), expected)


def test_an_extreme_is_one_of_two() -> None:
    with pytest.raises(ValueError, match="lowest"):
        SessionExtreme("middle")  # type: ignore[arg-type]
