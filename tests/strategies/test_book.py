"""The book: shares of risk, the scale of the market's state, parts that add up, and what it says of strategies without data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.strategies.views import NAN, drawn, made
from undertow.core.errors import BadInput
from undertow.strategies.book import Book
from undertow.strategies.catalogue import strategies, strategy_names
from undertow.strategies.market_structure import MarketStructure
from undertow.strategies.meta import Meta

ALL = strategy_names()[:-1]
CALLS = {"put_share_of_volume_change": -0.10, "opening_balance": 0.25, "option_volume_score": 2.0}


def book(*names: str) -> Book:
    return Book(strategies(names))


@pytest.mark.parametrize("names", [ALL, ("meta",), ("meta", "market_structure"), ("options_flow", "dark_pool"), strategy_names()])
def test_parts_sum_to_the_targets_to_the_last_bit(names: tuple[str, ...]) -> None:
    for seed in range(20):
        view = drawn(seed, book(*names).reads)
        parts, targets = book(*names).parts(view), book(*names).targets(view)
        assert parts.shape == (len(names), *view.p_up.shape)
        np.testing.assert_array_equal(parts.sum(axis=0), targets)
        assert np.all(np.isnan(parts) == np.isnan(targets))
        assert np.nanmax(np.abs(targets)) <= 1.0


def test_one_strategy_is_that_strategy_bit_for_bit() -> None:
    view = drawn(0, ())
    assert book("meta").targets(view).tobytes() == Meta().targets(view).tobytes()
    assert book("meta").parts(view)[0].tobytes() == Meta().targets(view).tobytes()
    # those without data leave the risk to the others
    beside = book("meta", "options_flow", "earnings")
    np.testing.assert_array_equal(beside.targets(view), Meta().targets(view))
    assert not beside.parts(view)[1:].any()


def test_each_has_the_same_risk() -> None:
    view = made(**CALLS, off_exchange_share_score=2.0, volatility=[[0.01, 0.04, 0.001, NAN]], symbols=4)
    parts = book("options_flow", "dark_pool").parts(view)
    # 2 % of risk in two shares: at 1 % a day the conviction twice, at 4 % half of it, never more than twice, nothing where it is not known
    assert parts[:, 0, :] == pytest.approx(np.array([[0.5, 0.25, 0.5, 0.0]] * 2))
    assert book("options_flow", "dark_pool").targets(view)[0] == pytest.approx([1.0, 0.5, 1.0, 0.0])
    unclipped = replace(book("options_flow", "dark_pool"), most=3.0).parts(view)
    assert unclipped[:, 0, :] == pytest.approx(np.array([[1.0, 0.25, 1.0, 0.0]] * 2))


def test_opposed_strategies_cancel_and_stay_in_the_parts() -> None:
    view = made(**CALLS, off_exchange_share_score=-2.0, volatility=0.02)
    assert book("options_flow", "dark_pool").parts(view)[:, 0, 0].tolist() == [0.5, -0.5]
    assert book("options_flow", "dark_pool").targets(view)[0, 0] == 0.0


def test_market_structure_scales_and_takes_no_share() -> None:
    view = made(**CALLS, market_turbulence=[1.0], volatility=0.02)
    assert book("options_flow", "market_structure").parts(view)[:, 0, 0].tolist() == [0.5, 0.0]
    both = made(**CALLS, off_exchange_share_score=2.0, market_turbulence=[1.0], volatility=0.02)
    assert book("market_structure", "options_flow", "dark_pool").parts(both)[:, 0, 0].tolist() == [0.0, 0.25, 0.25]


def test_a_halted_symbol_is_held() -> None:
    view = made(**{**CALLS, "opening_balance": [0.25, 0.25]}, halted=[[0.0, 0.0], [0.0, 1.0]], symbols=2)
    targets = book("options_flow", "market_structure").targets(view)
    assert np.isnan(targets).tolist() == [[False, False], [False, True]]


class Quiet(Meta):
    """Says nothing below a half."""

    def targets(self, view):  # type: ignore[no-untyped-def]
        return np.where(view.p_up < 0.5, NAN, 1.0)


def test_one_that_says_nothing_leaves_the_word_to_others() -> None:
    view = made(p_up=[0.6, 0.4], volatility=0.02)
    assert np.isnan(Book((Quiet(),)).targets(view))[:, 0].tolist() == [False, True]
    assert np.isnan(Book((Quiet(), Quiet())).targets(view))[:, 0].tolist() == [False, True]
    assert Book((Quiet(), *strategies(("flat",)))).targets(view)[:, 0].tolist() == [0.5, 0.0]


def test_sentences_for_those_without_data() -> None:
    asked = book("meta", "options_flow", "earnings", "market_structure")
    assert asked.idle(()) == (
        "options_flow did nothing: there is no data of option flow (put_share_of_volume_change, net_premium_today, ...)",
        "earnings did nothing: there is no data of earnings dates (days_to_report)",
        "earnings did nothing: there is no data of option positions (put_share_of_volume_change, opening_balance)",
        "market_structure did nothing: there is no data of the market's state (market_turbulence, volatility_rank_252_1d, ...)",
    )
    assert asked.idle(asked.reads) == ()
    assert book("earnings").idle(("opening_balance",)) == ("earnings did nothing: there is no data of earnings dates (days_to_report)",)
    alone = Book((MarketStructure(),))
    assert alone.idle(alone.reads) == ("market_structure did nothing: it scales other strategies, and none is named beside it",)
    assert not alone.targets(made(market_turbulence=0.5)).any()


def test_it_reads_what_any_of_them_reads_once() -> None:
    both = book("options_flow", "earnings")
    assert set(both.reads) == {name for one in both.strategies for name in one.reads}
    assert len(set(both.reads)) == len(both.reads)
    assert both.name == "options_flow+earnings"
    assert book("meta").reads == ()


def test_the_catalogue_says_what_there_is() -> None:
    assert strategy_names() == ("meta", "options_flow", "dark_pool", "market_structure", "earnings", "technical_flow", "flat")
    assert [one.name for one in strategies(strategy_names())] == list(strategy_names())
    with pytest.raises(BadInput, match="no strategy named combined; there are meta, options_flow, dark_pool"):
        strategies(("meta", "combined"))
    with pytest.raises(BadInput, match="there are meta, "):
        strategies(())
    with pytest.raises(BadInput, match="twice"):
        strategies(("meta", "meta"))
