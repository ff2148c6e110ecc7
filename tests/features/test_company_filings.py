"""Insiders and Congress: habits, people and amounts, by hand, and the laws on five years of filings."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Chunk, chunk_of
from undertow.core.events import MISSING, CongressTrade, InsiderTrade
from undertow.core.time import DAY, HOUR
from undertow.features.engineering import FeatureEngineering
from undertow.features.operators.filings import Distinct, Routine
from undertow.validation import laws
from undertow.validation.laws import Subject
from undertow.validation.planted_tape import Material

SYMBOLS = ("A", "B")
NAN = float("nan")


def at(day: str) -> int:
    """Noon UTC of a day, ns."""
    return int(np.datetime64(day, "D").astype(np.int64)) * DAY + 12 * HOUR


def filings(rows: list[tuple], key: int = 0) -> Chunk:
    """Rows (insider, day of the trade, days to the filing, code, dollars, title)."""
    rows = [(*row, "Director")[:6] for row in rows]
    made = np.array([at(row[1]) for row in rows])
    columns = {
        "insider": np.array([row[0] for row in rows], object),
        "title": np.array([row[5] for row in rows], object),
        "code": np.array([row[3] for row in rows], object),
        "value": np.array([row[4] * 10_000 if row[4] is not None else MISSING for row in rows]),
    }
    known = made + np.array([row[2] for row in rows]) * DAY
    return chunk_of(InsiderTrade, SYMBOLS, key=np.full(len(rows), key), event_at=made, known_at=known, columns=columns)


def habits(chunk: Chunk) -> list[float]:
    op = Routine()
    return op.push(op.fresh(len(SYMBOLS)), chunk).tolist()


MARCH = [("Ann", "2019-03-04", 2, "S", 10), ("Ann", "2020-03-16", 2, "S", 10), ("Ann", "2021-03-08", 2, "S", 10)]


def test_three_marches_make_a_habit_of_a_whole_year() -> None:
    chunk = filings([*MARCH, ("Ann", "2022-03-07", 2, "S", 10), ("Ann", "2022-10-03", 2, "P", 10), ("Ann", "2023-10-02", 2, "P", 10)])
    # 2023: 2020, 2021 and 2022 have a March in common, whatever else there was
    np.testing.assert_array_equal(habits(chunk), [NAN, NAN, NAN, 1.0, 1.0, 1.0])


def test_other_months_are_no_habit_and_two_years_no_history() -> None:
    months = [("Bob", "2019-03-04", 2, "P", 10), ("Bob", "2020-05-04", 2, "P", 10), ("Bob", "2021-07-06", 2, "P", 10)]
    np.testing.assert_array_equal(habits(filings([*months, ("Bob", "2022-03-07", 2, "P", 10)])), [NAN, NAN, NAN, 0.0])
    np.testing.assert_array_equal(habits(filings([*MARCH[1:], ("Ann", "2022-03-07", 2, "S", 10)])), [NAN, NAN, NAN])
    # grants are no trades, and another company's insider of the same name is someone else
    grants = [(name, day, late, "A", value) for name, day, late, _, value in MARCH]
    assert np.isnan(habits(filings([*grants, ("Ann", "2022-03-07", 2, "S", 10)]))).all()


def test_only_what_was_filed_before_counts() -> None:
    late = [*MARCH[:2], ("Ann", "2021-03-08", 400, "S", 10)]  # filed in April 2022
    np.testing.assert_array_equal(habits(filings([*late, ("Ann", "2022-03-07", 2, "S", 10)])), [NAN, NAN, NAN, NAN])
    np.testing.assert_array_equal(habits(filings([*late, ("Ann", "2022-05-09", 2, "S", 10)])), [NAN, NAN, NAN, 1.0])


def asked(chunk: Chunk, day: str, *names: str) -> list[float]:
    features = FeatureEngineering(SYMBOLS, only=names)
    values = features.push([chunk], np.array([at(day)]))[0, 0]
    return [values[list(features.features).index(name)] for name in names]


def test_habits_and_plans_are_left_out_of_the_net() -> None:
    rows = [
        *MARCH,
        ("Ann", "2022-03-07", 2, "S", 5_000, "CEO"),  # her habit
        ("Bob", "2022-03-08", 2, "P", 300, "Chief Financial Officer"),
        ("Cy", "2022-03-08", 2, "S", 100, "Director, under a 10b5-1 plan"),
        ("Di", "2022-03-09", 2, "S", 50, "Director"),
        ("Di", "2022-03-09", 2, "A", 9_999, "Director"),
        ("Ed", "2022-03-09", 2, "P", None, "Director"),
    ]
    names = ("insider_net_30d", "insider_net_90d", "insider_chiefs_net_90d", "insider_directors_net_90d", "insider_opportunistic_net_90d")
    got = asked(filings(rows), "2022-03-20", *names)
    np.testing.assert_allclose(got, [log(251.0), log(251.0), log(301.0), -log(51.0), 0.0])
    np.testing.assert_allclose(asked(filings(rows), "2022-03-20", "insider_purchases_90d"), [log(301.0)])
    np.testing.assert_allclose(asked(filings(rows), "2022-03-20", "insider_habit_share_365d"), [5_100 / 5_450])
    assert asked(filings(rows), "2022-04-20", *names[:2]) == [0.0, pytest.approx(log(251.0))]


def test_people_are_counted_once_while_their_filing_is_in_the_window() -> None:
    rows = [
        ("Ann", "2022-03-01", 2, "P", 1),
        ("Ann", "2022-03-05", 2, "P", 1),
        ("Bob", "2022-03-05", 2, "P", 1),
        ("Cy", "2022-03-05", 2, "S", 1),
    ]
    chunk = filings(rows)
    buyers = ("insider_buyers_10d", "insider_buyers_30d", "insider_sellers_30d")
    assert asked(chunk, "2022-03-04", *buyers) == [1.0, 1.0, 0.0]
    assert asked(chunk, "2022-03-10", *buyers) == [2.0, 2.0, 1.0]
    assert asked(chunk, "2022-03-16", *buyers) == [2.0, 2.0, 1.0]  # Ann's second purchase still stands
    assert asked(chunk, "2022-03-17", *buyers) == [0.0, 2.0, 1.0]
    assert asked(chunk, "2022-03-17", "insider_days_since_purchase", "insider_days_late") == [10.0, 2.0]


def test_congress_at_the_middle_of_its_ranges() -> None:
    rows = [("Roe", 1, 1_001, 15_000, 40), ("Roe", -1, 15_001, 50_000, 20), ("Poe", 1, 50_000_000, None, 5), ("Moe", 0, 1_001, 15_000, 5)]
    made = np.array([at("2024-05-01")] * 4)
    columns = {
        "member": np.array([row[0] for row in rows], object),
        "side": np.array([row[1] for row in rows]),
        "least_amount": np.array([row[2] * 10_000 for row in rows]),
        "most_amount": np.array([MISSING if row[3] is None else row[3] * 10_000 for row in rows]),
    }
    known = made + np.array([row[4] for row in rows]) * DAY
    chunk = chunk_of(CongressTrade, SYMBOLS, key=np.zeros(4), event_at=made, known_at=known, columns=columns)
    assert asked(chunk, "2024-05-08", "congress_net_30d", "congress_members_90d") == pytest.approx([log(50_000_001.0), 1.0])
    names = ("congress_net_90d", "congress_net_30d", "congress_members_90d", "congress_buyers_90d", "congress_days_late")
    # 50,000,000 + 8,000.5 - 32,500.5 in ninety days; the first of them has left thirty
    got = asked(chunk, "2024-06-12", *names)
    assert got == pytest.approx([log(50_000_000 + 8_000.5 - 32_500.5 + 1), log(-8_000.5 + 32_500.5 + 1) * -1, 2.0, 2.0, 40.0], rel=1e-6)


# --- operators against plain loops, and the laws ----------------------------------------------------------------------

people = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.sampled_from("abc"), st.sampled_from([1.0, 0.0, NAN])), max_size=40)


@settings(max_examples=100, deadline=None)
@given(people, st.lists(st.integers(0, 60), min_size=2, max_size=10, unique=True).map(sorted), st.integers(1, 20))
def test_distinct_equals_a_plain_count(some: list[tuple], ticks: list[int], span: int) -> None:
    known = np.cumsum([gap for gap, *_ in some]).astype(np.int64)
    columns = {"insider": np.array([who for *_, who, _ in some], object)}
    key, value = np.array([k for _, k, *_ in some], np.int64), np.array([v for *_, v in some], float)
    chunk = chunk_of(InsiderTrade, SYMBOLS, key=key, event_at=known, known_at=known, columns=columns)
    op = Distinct("insider", span)
    state, parts, sent = op.fresh(2), [], 0
    for part in (ticks[: len(ticks) // 2], ticks[len(ticks) // 2 :]):
        due = int(np.searchsorted(known, part[-1], side="right"))
        parts.append(op.push(state, chunk[sent:due], value[sent:due], np.array(part)))
        sent = due
    plain = [
        [
            len({who for t, (_, mine, who, v) in zip(known, some, strict=True) if mine == k and v == 1.0 and tick - span < t <= tick})
            for k in (0, 1)
        ]
        for tick in ticks
    ]
    np.testing.assert_array_equal(np.concatenate(parts), plain)


def five_years(seed: int) -> Material:
    """Filings of two companies over five years, in which habits are common, and ticks in the last months."""
    rng, calendar = np.random.default_rng(seed), nyse()
    sessions = np.arange(len(calendar))[calendar.sessions(np.datetime64("2019-01-02"), np.datetime64("2023-12-29"))]
    made = np.sort(rng.choice(sessions, 900))
    event = calendar.open[made] + rng.integers(0, 20_000, 900) * 10**9
    month = (calendar.day[made].astype("datetime64[M]").astype(np.int64)) % 12
    who = np.array([f"of month {m}" if own else f"any {m % 3}" for m, own in zip(month, rng.random(900) < 0.5, strict=True)], object)
    columns = {
        "insider": who,
        "title": rng.choice(np.array(["CEO", "Director"], object), 900),
        "code": rng.choice(np.array(["P", "S", "A"], object), 900),
        "value": rng.integers(1, 10**6, 900) * 10_000,
    }
    known = event + rng.integers(1, 5, 900) * DAY
    chunk = chunk_of(InsiderTrade, SYMBOLS, key=rng.integers(0, 2, 900), event_at=event, known_at=known, columns=columns)
    ticks = calendar.close[sessions[-120::3]]
    return Material(symbols=SYMBOLS, chunks=(chunk,), ticks=ticks, calendar=calendar)


def test_the_laws_on_five_years_of_filings() -> None:
    seed = 1
    names = ("insider_net_90d", "insider_opportunistic_net_90d", "insider_habit_share_365d", "insider_buyers_30d", "insider_sellers_30d")
    one, rng = Subject(features=FeatureEngineering, material=five_years(seed), only=frozenset(names)), np.random.default_rng(seed)
    whole: F64 = one.run(one.chunks, one.material.ticks)
    share = whole[:, :, list(one.fresh().features).index("insider_habit_share_365d")]
    assert 0.2 < np.nanmean(share) < 0.95  # both kinds of insider are there
    found = laws.law_1_known_at(one, rng) + laws.law_1_ties(one) + laws.law_3_any_cut(one, [5, 9, 20], rng)
    found += laws.law_4_causality(one, 20, rng) + laws.law_5_warm_up(one, 10)
    assert not found
