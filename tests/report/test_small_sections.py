"""Capacity, other costs, signals not taken, coverage, ages, badges and warnings: each by hand."""

from dataclasses import replace

import numpy as np
import pytest

from tests.report.factory import make, premarket
from undertow.core.errors import BadInput
from undertow.core.orders import Fact, Ground
from undertow.core.time import SECOND
from undertow.report.ages import OLD, newest_age
from undertow.report.badges import badges_of
from undertow.report.capacity import capacity, capacity_words, costs_panel, known_capacity, turns
from undertow.report.caveats import caveats
from undertow.report.costs import Waterfall
from undertow.report.coverage import coverage_facts, source_rows
from undertow.report.metrics import scorecard
from undertow.report.price_charts import MOST_CHARTS, MOST_CLOSES, MOST_FILLS, price_charts
from undertow.report.silence import CALLED, UNTOLD, main_reason, reasons, silence_panel
from undertow.validation.significance import assess

RESULT, _ = make(sessions=40)
NOT_JUDGED = assess(np.full(3, 0.01))


def money(gross: float, spread: float = 0.0, impact: float = 0.0, commission: float = 0.0, carry: float = 0.0) -> Waterfall:
    net = gross - spread - impact - commission + carry
    return Waterfall(capital=1_000.0, gross=gross, half_spread=-spread, impact=-impact, commission=-commission, carry=carry, net=net)


def test_capacity_by_hand() -> None:
    # 50 gross less 10 spread leaves 40; impact 20. Four times the capital: 4 x 40 = 160 = 4^1.5 x 20.
    assert capacity(money(50, spread=7, commission=3, impact=20)).value == pytest.approx(4_000)
    assert capacity(money(40, spread=10, carry=10, impact=20)).value == pytest.approx(4_000)
    assert capacity(money(30, spread=10, impact=40)).value == pytest.approx(250), "a loss after impact: less capital would have paid"


@pytest.mark.parametrize(
    ("costs", "words"),
    [
        (money(50, spread=10, impact=20), "about $4,000"),
        (money(5, spread=10, impact=20), "n/a (it lost before impact)"),
        (money(-5, impact=20), "n/a (it lost before impact)"),
        (money(5), "n/a (no impact was paid)"),
        (money(0), "n/a (nothing was traded)"),
    ],
)
def test_capacity_in_words(costs: Waterfall, words: str) -> None:
    assert capacity_words(capacity(costs)) == words


def test_capacity_needs_a_gain_that_is_no_luck() -> None:
    # 10 sessions of +2 and 10 of -1 on 1,000: together 10; a day's sd is 1.539, so 20 days' error 6.88, and 10 + 4 of impact is 2.03 of it
    made = np.tile([2.0, -1.0], 10)
    daily = made / (1_000.0 + np.concatenate([[0.0], np.cumsum(made)[:-1]]))
    net = made.sum()
    assert known_capacity(money(net + 5, spread=1, impact=4), daily).value == pytest.approx(1_000 * (14 / 4) ** 2)
    shy = known_capacity(money(net + 4, spread=1, impact=3), daily)
    assert capacity_words(shy) == "n/a (too short to tell: the gain before impact is 1.9 standard errors from zero, 2 are needed)"
    assert "too short to tell: 19 sessions" in known_capacity(money(50, impact=1), daily[:19]).why
    assert known_capacity(money(-5, impact=1), daily).why == "it lost before impact", "the plainer reason comes first"


def test_capacity_is_not_stretched() -> None:
    found = capacity(money(50, impact=1))
    assert found.value == pytest.approx(1_000 * 50**2)
    assert capacity_words(found, 1_000.0) == "more than $100,000"
    assert capacity_words(capacity(money(10, impact=1)), 1_000.0) == "about $100,000"


def test_other_costs() -> None:
    panel = costs_panel(replace(RESULT, at_costs={2.0: -0.01, 0.0: 0.03, 1.0: 0.0125}), scorecard(RESULT).portfolio)
    assert panel["rows"] == [("0×", "+$3,000", "+3.00%"), ("1×", "+$1,250", "+1.25%"), ("2×", "-$1,000", "-1.00%")]
    p = scorecard(RESULT).portfolio
    assert panel["numbers"][1][2] == f"{p.costs.trading_costs / p.traded * 1e4:.1f} bp"
    assert turns({1.0: 0.01, 2.0: -0.01})
    assert turns({1.0: 0.01, 2.0: 0.0})
    for kept in ({}, {1.0: 0.01}, {1.0: -0.01, 2.0: -0.02}, {1.0: 0.02, 2.0: 0.01}):
        assert not turns(kept)


def test_every_decision_is_told_once() -> None:
    direction = np.array([[1, 0], [0, 0], [-1, 0], [0, 0]], np.int8)
    told = replace(RESULT, direction=direction, silence={"does not pay its costs": 3, "volatility is not known yet": 2})
    found = reasons(told)
    assert [(one.why, one.count) for one in found] == [
        (CALLED, 2), ("does not pay its costs", 3), ("volatility is not known yet", 2), (UNTOLD, 1),
    ]  # fmt: skip
    assert sum(one.share for one in found) == pytest.approx(1)
    assert main_reason(told).why == "does not pay its costs"
    rows = silence_panel(told)["rows"]
    assert [row["width"] for row in rows] == [66.7, 100.0, 66.7, 33.3]
    assert rows[0]["share"] == "25.0%"
    assert reasons(replace(told, direction=direction[:0])) == ()
    assert main_reason(replace(told, direction=np.ones((1, 1), np.int8), silence={})) is None


def test_sources_and_coverage() -> None:
    at = int(RESULT.ticks[-1]) - 60 * SECOND
    facts = tuple(Fact(kind="bar", source="simulated", grade="modelled", event_at=at, known_at=at - late * SECOND) for late in (900, 0))
    signals = tuple(
        replace(s, grounds=(Ground(family="price", push=0.1, facts=(fact,)),)) for s, fact in zip(RESULT.signals, facts, strict=False)
    )
    told = replace(RESULT, signals=signals, sources={"bar": "simulated (modelled)", "odd": "no grade"}, tables={"bar": 7})
    last = "2026-01-07 15:59 ET"
    assert source_rows(told) == [("bar", "simulated", "modelled", last, "7"), ("odd", "no grade", "–", "–", "–")]
    p_up, close = RESULT.p_up.copy(), RESULT.close.copy()
    p_up[: len(p_up) // 2] = np.nan
    close[: len(close) // 4, 2] = np.nan
    facts_of = dict(coverage_facts(replace(told, p_up=p_up, close=close)))
    assert facts_of["Decisions with a probability"] == "50.0% of 720, least AAPL: 50.0%"
    assert facts_of["Marks with a price"] == "91.7% of 720, least TSLA: 75.0%"
    assert "Marks with a price" not in dict(coverage_facts(premarket(told)))


def test_ages_in_sessions() -> None:
    assert newest_age(RESULT) == 9, "the last of every fifteenth session of forty"
    assert newest_age(replace(RESULT, stages=())) is None


def test_badges() -> None:
    assert [(one.name, one.state) for one in badges_of(None)] == [("Honesty", "not run"), ("Audit", "not run")]
    (one,) = badges_of({"Audit": ("failed", "see `undertow audit`, twice")})
    assert one.said == ("see ", "undertow audit", ", twice")
    with pytest.raises(BadInput, match="passed, failed, not run"):
        badges_of({"Audit": ("maybe", "")})


def test_what_must_be_known_first() -> None:
    real = replace(RESULT, simulated=False, at_costs={})
    long = assess(np.tile([0.02, -0.01], 400))
    assert caveats(real, long) == []
    assert "simulated" in caveats(RESULT, long)[0]
    assert caveats(real, NOT_JUDGED) == ["Nothing can be judged: too short to judge: 3 sessions, at least 20 needed."]
    (short,) = caveats(real, assess(np.tile([0.011, -0.01], 20)))
    assert short.startswith("Too short to prove anything: such a Sharpe ratio takes ")
    assert short.endswith(", and there are 40.")
    assert caveats(replace(real, at_costs={1.0: 0.01, 2.0: -0.01}), long) == ["At twice the assumed costs the gain is gone."]
    old = replace(real, stages=tuple(replace(s, trained_at=s.trained_at - 130 * 86_400 * SECOND) for s in real.stages))
    assert newest_age(old) > OLD
    assert f"more than {OLD}" in caveats(old, long)[0]
    assert caveats(replace(real, stages=()), long) == ["No model was trained in this run."]


def test_nothing_traded_says_why() -> None:
    idle = replace(RESULT, simulated=False, fills=RESULT.fills[:0], direction=RESULT.direction * 0, at_costs={})
    idle = replace(idle, silence={"pays, but is not certified": int(idle.direction.size)})
    assert caveats(idle, NOT_JUDGED) == ["Nothing was traded. The main reason: pays, but is not certified (100% of all decisions)."]


def test_price_charts_are_bounded_and_say_what_is_left_out() -> None:
    many, _ = make(symbols=tuple(f"S{i}" for i in range(MOST_CHARTS + 2)), sessions=8)
    charts, left = price_charts(many, scorecard(many))
    assert len(charts) == MOST_CHARTS
    assert left == "2 symbols traded less, or without a price, have no chart."
    busy, _ = make(symbols=("ONE",), sessions=130)
    (chart,), left = price_charts(busy, scorecard(busy))
    assert left == ""
    close, *marks = chart.figure["data"]
    assert len(close["x"]) <= MOST_CLOSES < len(busy.mark_at)
    assert sum(len(trace["x"]) for trace in marks) == MOST_FILLS < len(busy.fills)
    assert chart.note == f"The {MOST_FILLS} largest of {len(busy.fills):,} fills are marked."
    assert [trace["name"] for trace in chart.figure["data"]] == ["Close", "Buy", "Sell"]


def test_marks_stand_where_it_was_traded() -> None:
    small, ledgers = make(symbols=("ONE",), sessions=10)
    (chart,), _ = price_charts(small, scorecard(small))
    drawn = sorted((x, y) for trace in chart.figure["data"][1:] for x, y in zip(trace["x"], trace["y"], strict=True))
    paid = [(int(np.searchsorted(small.mark_at, at, side="right")), round(price, 4)) for at, _, price, *_ in ledgers["ONE"].fills]
    assert drawn == sorted(paid)
    assert chart.note == ""
