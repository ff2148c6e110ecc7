"""Each strategy's rules, one at a time, on views made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.strategies.views import NAN, made, one
from undertow.strategies.dark_pool import DarkPool
from undertow.strategies.earnings import Earnings
from undertow.strategies.flat import Flat
from undertow.strategies.market_structure import MarketStructure
from undertow.strategies.meta import Meta
from undertow.strategies.options_flow import OptionsFlow
from undertow.strategies.technical_flow import TechnicalFlow

# --- options flow -----------------------------------------------------------------------------------------------------

FLOW = OptionsFlow()
CALLS = {"put_share_of_volume_change": -0.10, "opening_balance": 0.25, "option_volume_score": 2.0}


def test_calls_bought_opened_and_unusual_are_a_whole_position() -> None:
    assert one(FLOW.targets(made(**CALLS))) == 1.0
    puts = {**CALLS, "put_share_of_volume_change": 0.10, "opening_balance": -0.25}
    assert one(FLOW.targets(made(**puts))) == -1.0


def test_an_alert_is_retired_the_morning_open_interest_contradicts_it() -> None:
    for calls in (-0.10, -0.001):
        assert one(FLOW.targets(made(**{**CALLS, "put_share_of_volume_change": calls, "opening_balance": -0.01}))) == 0.0
    assert one(FLOW.targets(made(put_share_of_volume_change=0.10, opening_balance=0.01))) == 0.0
    # an alert of the day before; the next morning confirms it, the one after that contradicts it
    mornings = made(put_share_of_volume_change=[-0.10, -0.10], opening_balance=[0.25, -0.25])
    assert FLOW.targets(mornings)[:, 0].tolist() == [0.5, 0.0]


def test_flow_that_nothing_has_confirmed_counts_half() -> None:
    assert one(FLOW.targets(made(**{**CALLS, "opening_balance": NAN}))) == 0.5
    assert one(FLOW.targets(made(net_premium_today=0.20))) == 0.5
    assert one(FLOW.targets(made(net_premium_today=0.20, alert_balance_today=0.0))) == 0.25
    assert one(FLOW.targets(made(alert_balance_today=-1.0))) == -0.5
    # today's flow is news: the retired alert of yesterday does not silence it
    assert one(FLOW.targets(made(**{**CALLS, "opening_balance": -0.25}, net_premium_today=0.20))) == 0.5


def test_usual_volume_halves_flow_and_so_do_a_skew_and_a_tide_against_it() -> None:
    assert one(FLOW.targets(made(**{**CALLS, "option_volume_score": -3.0}))) == 0.5
    assert one(FLOW.targets(made(**CALLS, skew_score=2.0))) == 0.5
    assert one(FLOW.targets(made(**CALLS, skew_score=-2.0))) == 1.0
    assert one(FLOW.targets(made(**CALLS, market_tide_signed=-1.0))) == 0.5
    assert one(FLOW.targets(made(**CALLS, market_tide_signed=1.0))) == 1.0


# --- dark pool --------------------------------------------------------------------------------------------------------

DARK = DarkPool()


def test_accumulation_counts_until_the_price_has_paid_for_it() -> None:
    scores = made(off_exchange_share_score=[2.0, 1.0, -2.0, NAN])
    assert DARK.targets(scores)[:, 0].tolist() == [1.0, 0.5, -1.0, 0.0]
    paid = made(off_exchange_share_score=2.0, shock_20_1d=[1.0, 2.0, 5.0, -5.0])
    assert DARK.targets(paid)[:, 0].tolist() == [0.5, 0.0, 0.0, 1.0]


def test_a_level_holds_the_price_on_its_side() -> None:
    view = made(heaviest_level_gap=[0.02, -0.02, 0.01, 0.02], heaviest_level_share=[0.2, 0.4, 0.2, NAN], volatility=0.02)
    assert DARK.targets(view)[:, 0].tolist() == [0.5, -0.5, 0.25, 0.0]


def test_blocks_count_for_the_impact_they_have_still_to_make() -> None:
    view = made(
        block_imbalance_today=[1.0, 1.0, 1.0, -1.0, 1.0, 1.0],
        block_flow_impact=[20.0, 20.0, 20.0, -20.0, 0.0, NAN],
        vwap_distance=[0.0, 0.001, 0.004, 0.001, 0.0, 0.0],
        block_value_share_today=0.30,
    )
    assert DARK.targets(view)[:, 0] == pytest.approx([0.5, 0.25, 0.0, -0.5, 0.0, 0.0])


# --- market structure -------------------------------------------------------------------------------------------------

GATE = MarketStructure()


@pytest.mark.parametrize(
    ("features", "scale"),
    [
        ({"market_turbulence": [0.0, 0.5, 1.0]}, [1.0, 0.75, 0.5]),
        ({"volatility_rank_252_1d": [0.5, 0.9, 1.0]}, [1.0, 0.75, 0.5]),
        ({"vix_term_far": [-0.1, 0.05, 0.3]}, [1.0, 0.75, 0.5]),
        ({"term_structure": [0.1, -0.05, -0.3]}, [1.0, 0.75, 0.5]),
        ({"gamma_exposure": [0.05, -0.025, -1.0]}, [1.0, 0.75, 0.5]),
        ({"market_turbulence": [1.0, NAN], "vix_term_far": [0.1, 0.1], "gamma_exposure": [-0.05, NAN]}, [0.125, 0.5]),
        ({"market_turbulence": [0.0], "volatility_rank_252_1d": [1.0]}, [1.0]),
    ],
)
def test_each_gate_takes_up_to_half(features: dict[str, list[float]], scale: list[float]) -> None:
    view = made(**features)
    assert GATE.scale(view)[:, 0] == pytest.approx(scale)
    assert not GATE.targets(view).any()


def test_breadth_says_something_of_ten_symbols_and_nothing_of_five() -> None:
    assert GATE.scale(made(symbols=10, breadth_50=[0.5, 0.15, 0.0]))[:, 3] == pytest.approx([1.0, 0.75, 0.5])
    assert (GATE.scale(made(symbols=5, breadth_50=[0.0])) == 1.0).all()


def test_a_halted_symbol_has_no_scale() -> None:
    scale = GATE.scale(made(halted=[0.0, 1.0, NAN]))[:, 0]
    assert scale.tolist()[::2] == [1.0, 1.0]
    assert np.isnan(scale[1])


def test_it_reports_what_holds_back() -> None:
    view = made(symbols=2, vix_term_far=[[0.0, 0.0], [0.05, -1.0]], halted=[[0.0, 0.0], [0.0, 1.0]])
    assert GATE.report(view) == (
        "S0 is traded at 0.75 of its size: a falling term structure of volatility (0.75)",
        "S1 is halted: what is held stays, and nothing is ordered",
    )
    assert GATE.report(made(vix_term_far=-0.1)) == ()


# --- earnings ---------------------------------------------------------------------------------------------------------

SETUP = Earnings()
SIDE = {"put_share_of_volume_change": -0.10, "opening_balance": 0.25}
ORDINARY = {
    "report_move_expected": 0.04 * 0.7978845608028654,
    "report_move_expected_over_mean": 1.0,
    "report_move_over_expected": 1.0,
    "volatility_crush": -0.3,
}
EVENING = 7.5 / 24.0  #: days from 09:00 to half past four in the afternoon


def test_positions_are_taken_in_the_two_weeks_before_a_report() -> None:
    view = made(**SIDE, days_to_report=[NAN, 15.3, 13.3, 1.3])
    assert SETUP.targets(view)[:, 0].tolist() == [0.0, 0.0, 1.0, 1.0]
    assert one(SETUP.targets(made(**SIDE, skew_score=4.0, days_to_report=5.3))) == pytest.approx(1 / 3)
    assert one(SETUP.targets(made(skew_score=-4.0, days_to_report=5.3))) == 0.0


def test_out_before_the_print_unless_its_risk_is_ordinary() -> None:
    assert one(SETUP.targets(made(**SIDE, days_to_report=EVENING))) == 0.0
    through = one(SETUP.targets(made(**SIDE, **ORDINARY, days_to_report=EVENING, volatility=0.03)))
    assert through == pytest.approx(0.03 / 0.05)  # with a jump of 4 % beside 3 % a day, at the risk of a day without
    strange = ("report_move_expected_over_mean", 1.3), ("report_move_over_expected", 1.3), ("volatility_crush", 0.1)
    for name, value in (*strange, *((name, NAN) for name in ORDINARY)):
        assert one(SETUP.targets(made(**SIDE, **{**ORDINARY, name: value}, days_to_report=EVENING))) == 0.0
    assert one(SETUP.targets(made(**SIDE, **ORDINARY, days_to_report=EVENING, volatility=NAN))) == 0.0


def test_a_report_before_the_next_open_is_left_the_session_before() -> None:
    # 2024-03-01 is a Friday: Monday at 08:00 comes before the next chance, Monday at 17:00 does not
    view = made(**SIDE, days_to_report=2.0 + 23.0 / 24.0)
    assert SETUP.last_chance(view).tolist() == [[True]]
    assert one(SETUP.targets(view)) == 0.0
    assert one(SETUP.targets(made(**SIDE, days_to_report=3.0 + 8.0 / 24.0))) == 1.0


# --- technical pattern and flow ---------------------------------------------------------------------------------------

TRIGGER = TechnicalFlow()
OVERSOLD = {"rsi_14_1d": 25.0, "bollinger_position_1d": -2.5, "return_1_1d": -0.03}


def test_an_entry_needs_a_trigger_and_flow_that_agrees() -> None:
    assert one(TRIGGER.targets(made(**OVERSOLD, **SIDE))) == 1.0
    assert one(TRIGGER.targets(made(**SIDE))) == 0.0
    assert one(TRIGGER.targets(made(**OVERSOLD))) == 0.0
    against = {"put_share_of_volume_change": 0.10, "opening_balance": -0.25}
    assert one(TRIGGER.targets(made(**OVERSOLD, **against))) == 0.0
    assert one(TRIGGER.targets(made(**OVERSOLD, net_premium_today=0.05))) == pytest.approx(0.5)
    bought = {"rsi_14_1d": 75.0, "stochastic_k_1d": 90.0, "return_1_1d": 0.03}
    assert one(TRIGGER.targets(made(**bought, **against))) == -1.0
    assert one(TRIGGER.targets(made(**{**bought, "stochastic_k_1d": 50.0}, **against))) == -0.5


def test_an_entry_ends_with_the_bar_that_made_it() -> None:
    # oversold for three sessions, but only the first bar pushed that way; a hammer counts on its own bar
    view = made(**{**OVERSOLD, "return_1_1d": [-0.03, 0.01, 0.0]}, **SIDE)
    assert TRIGGER.targets(view)[:, 0].tolist() == [1.0, 0.0, 0.0]
    assert TRIGGER.targets(made(candle_hammer_1d=[1.0, 0.0], **SIDE))[:, 0].tolist() == [0.5, 0.0]
    assert one(TRIGGER.targets(made(candle_hammer_1d=1.0, candle_engulfing_1d=1.0, candle_eveningstar_1d=-1.0, **SIDE))) == 0.5


# --- the framework's, and none ----------------------------------------------------------------------------------------


def test_meta_stakes_a_quarter_of_kelly_on_what_is_left_after_costs() -> None:
    view = made(p_up=[0.55, 0.45, 0.55, NAN, 0.55], direction=[1, -1, 0, 1, 1], volatility=[0.02, 0.02, 0.02, 0.02, NAN])
    stake = 0.25 * (0.05 / 0.4 * 0.02 - 5e-4) / 0.02**2
    assert Meta().targets(view)[:, 0] == pytest.approx([1.0 * min(stake, 1.0), -min(stake, 1.0), 0.0, 0.0, 0.0])
    small = made(p_up=0.51, direction=1)
    assert one(Meta().targets(small)) == pytest.approx(0.25 * (0.01 / 0.4 * 0.02 - 5e-4) / 0.02**2, abs=1e-12)


def test_flat_holds_nothing() -> None:
    assert not Flat().targets(made(p_up=0.9, direction=1)).any()
