"""Who made the money: by hand on three days, against the ledger of a plain broker, and adding up to the cent whatever comes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.factory import CAPITAL, make
from undertow.core.calendar import nyse
from undertow.core.time import MINUTE
from undertow.engine.result import Splits
from undertow.report.attribution import ALONE, attribution_panel, bar_starts, gains
from undertow.report.metrics import scorecard
from undertow.report.prices import split_factor

RESULT, LEDGERS = make(sessions=40)


def one_symbol(closes: list[float], parts: np.ndarray, **more: object):
    """A run on daily bars of one symbol that decides at nine and never trades: USD 10,000 of flat equity."""
    base, _ = make(symbols=("ONE",), sessions=len(closes), per_day=1)
    n = len(closes)
    nine = nyse().open[np.maximum(nyse().position(base.mark_at), 0)] - 30 * MINUTE
    column = np.array(closes)[:, None]
    flat = np.full((n, 1), 10_000.0)
    names = tuple(f"s{i}" for i in range(len(parts)))
    return replace(
        base, capital=10_000.0, ticks=nine, close=column, equity=flat, hold=flat * column / closes[0], shares=np.zeros((n, 1)),
        fills=base.fills[:0], targets=parts.sum(axis=0)[:, None], direction=np.zeros((n, 1), np.int8), p_up=np.full((n, 1), 0.5),
        strategies=names, parts=parts[:, :, None], **more,
    )  # fmt: skip


def test_by_hand() -> None:
    # Without fills each nine o'clock starts from the close before: +10 % on the second day, -10 % on the third, whose part is NaN: held on.
    found = gains(one_symbol([100.0, 110.0, 99.0], np.array([[0.5, 0.5, np.nan], [-0.2, 0.0, 0.1]])))
    assert found.phases == ("premarket",)
    # first day: no price is known before its close, which is the first that stands for anything
    assert found.gain[:, 0, 0].tolist() == [round((0.5 * 0.10 - 0.5 * 0.10) * 1e6), round((0.0 * 0.10 - 0.1 * 0.10) * 1e6)]
    assert found.net.tolist() == [0]
    assert found.rest.tolist() == [-found.gain.sum()]


def test_a_bar_begins_at_the_mark_before_or_at_the_open() -> None:
    starts = bar_starts(RESULT)
    assert starts[0] == nyse().open[nyse().position(RESULT.mark_at[0])]
    assert starts[1] == RESULT.mark_at[0]
    assert starts[6] == nyse().open[nyse().position(RESULT.mark_at[6])], "the first bar of a day does not begin the evening before"


def test_a_fill_splits_the_night_from_the_day() -> None:
    """Sold short at the open, gap included: the gap is the old target's, what came after is the new one's."""
    calm = one_symbol([100.0, 110.0], np.array([[1.0, -1.0]]))
    made, _ = make(symbols=("ONE",), sessions=2, per_day=1, edge=1.0)
    fill = made.fills[:1]
    assert len(fill) == 1
    opening = nyse().open[nyse().position(calm.mark_at)]
    at = np.array([opening[1]])
    columns = {"shares": np.array([-200]), "price": np.array([103.9]), "commission": np.zeros(1)}
    columns |= {"spread_cost": np.array([20.0]), "impact_cost": np.zeros(1)}
    traded = replace(fill, event_at=at, known_at=at, columns=dict(fill.columns) | columns)
    found = gains(replace(calm, fills=traded))
    # the mid is 103.90 + 20 / 200 = 104.00: 1.0 x 10,000 x nothing known before, then -1.0 x 10,000 x (110 / 104 - 1)
    assert found.gain[0, 0, 0] == round(-1e6 * (110 / 104 - 1))


def test_frictionless_gains_and_the_ledger_agree() -> None:
    found = gains(RESULT)
    assert found.strategies == ("meta", "dark_pool")
    assert found.phases == ("regular",)
    for column, book in enumerate(LEDGERS.values()):
        assert found.gain[:, :, column].sum() / 100 == pytest.approx(book.gross, abs=60), "whole shares and sizing leave little"
        rest = book.carry - book.spread - book.impact - book.commission
        assert found.rest[column] / 100 == pytest.approx(rest, abs=60)
    np.testing.assert_allclose(found.gain[0], -5 * found.gain[1], atol=4)


def test_it_adds_up_to_the_account() -> None:
    net = scorecard(RESULT).portfolio.costs.net
    panel = attribution_panel(gains(RESULT), CAPITAL)

    def amount(text: str) -> int:
        return round(float(text.replace("$", "").replace(",", "").replace("+", "")) * 100)

    *parts, total = [amount(row[1]) for row in panel["rows"]]
    assert sum(parts) == total == round(net * 100)
    for row in panel["symbols"]:
        *parts, total = map(amount, row[1:])
        assert sum(parts) == total


def test_phases_share_the_gain_of_their_decisions() -> None:
    quick, _ = make(sessions=12, per_day=20)
    nine = nyse().open[nyse().position(quick.mark_at[::20])] - 30 * MINUTE
    ticks = np.sort(np.concatenate([quick.ticks, nine]))
    at = np.maximum(np.searchsorted(quick.ticks, ticks, side="right") - 1, 0)
    parts = quick.parts[:, at].copy()
    parts[:, np.isin(ticks, nine)] = np.nan
    silent = gains(replace(quick, ticks=ticks, parts=parts, targets=parts.sum(axis=0)))
    assert silent.phases == ("premarket", "open", "regular")
    assert not silent.gain[:, 0].any(), "nine o'clock said nothing: what is held is the evening's"
    assert silent.gain[:, 1].any()
    parts = quick.parts[:, at]
    spoken = gains(replace(quick, ticks=ticks, parts=parts, targets=parts.sum(axis=0)))
    assert spoken.gain[:, 0].any()
    np.testing.assert_allclose(spoken.gain.sum(axis=1), silent.gain.sum(axis=1), atol=3)
    panel = attribution_panel(spoken, CAPITAL)
    assert panel["heads"] == ["Pre-market", "Opening half hour", "Rest of the day"]
    assert len({len(row) for row in panel["rows"]}) == 1


def test_a_run_that_tells_no_strategies_has_one() -> None:
    found = gains(replace(RESULT, strategies=(), parts=np.empty((0, 0, 0))))
    assert found.strategies == (ALONE,)
    np.testing.assert_allclose(found.gain[0], gains(RESULT).gain.sum(axis=0), atol=2)


@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(1, 12))
@settings(deadline=None, max_examples=25)
def test_whatever_comes_the_lines_sum_to_the_net(seed: int, width: int, sessions: int) -> None:
    result, _ = make(symbols=("A", "B", "C")[:width], sessions=sessions, per_day=2, seed=seed)
    rng = np.random.default_rng(seed)
    parts = np.where(rng.random((4, *result.targets.shape)) < 0.2, np.nan, rng.normal(size=(4, *result.targets.shape)))
    found = gains(replace(result, strategies=("a", "b", "c", "d"), parts=parts))
    assert found.gain.sum() + found.rest.sum() == found.net.sum() == round(scorecard(result).portfolio.costs.net * 100)


@pytest.mark.parametrize(("ratio", "basis"), [(4.0, 0.25), (1.5, 1 / 1.5), (0.1, 10.0)])
def test_a_split_is_no_loss(ratio: float, basis: float) -> None:
    whole = one_symbol([100.0, 101.0, 103.0, 102.0], np.full((1, 4), 0.5))
    told = Splits(mark=np.array([2]), key=np.array([0]), ratio=np.array([ratio]))
    split = replace(whole, close=whole.close / np.array([1, 1, ratio, ratio])[:, None], splits=told)
    np.testing.assert_allclose(split_factor(split)[:, 0], [basis, basis, 1, 1])
    np.testing.assert_allclose(split_factor(whole), 1.0)
    assert gains(split).gain.tolist() == gains(whole).gain.tolist()


def test_two_splits_of_one_symbol_multiply() -> None:
    told = Splits(mark=np.array([1, 3]), key=np.array([0, 0]), ratio=np.array([2.0, 4.0]))
    whole = replace(one_symbol([80.0, 40.0, 40.0, 10.0], np.full((1, 4), 0.5)), splits=told)
    np.testing.assert_allclose(split_factor(whole)[:, 0], [1 / 8, 1 / 4, 1 / 4, 1])


def test_a_crash_by_half_is_no_split_and_nothing_is_inferred() -> None:
    assert (split_factor(one_symbol([100.0, 50.0, 51.0], np.zeros((1, 3)))) == 1.0).all()
