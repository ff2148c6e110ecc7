"""What a study has to show: each gate closes on one market too many and not before; the page and the JSON say it all."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.validation.honesty.worlds import outcome, plan_of
from undertow.core.errors import BadInput, StoreError
from undertow.report.honesty import render_honesty, write_honesty
from undertow.validation.honesty.gates import Gate, gates
from undertow.validation.honesty.plan import FAST, FULL
from undertow.validation.honesty.study import Study, tasks
from undertow.validation.honesty.told import summary, to_json, told_lines, verdict


def study(null: int = 50, significant: int = 2, planted: int = 20, **of_planted: float) -> Study:
    outcomes = {
        "null": tuple(outcome(ic=0.0, psr=0.96 if i < significant else 0.3, slope=math.nan) for i in range(null)),
        "planted 0.03": tuple(outcome(**{"psr": 0.99, "ic": 0.03, **of_planted}) for _ in range(planted)),
    }
    return Study(plan=plan_of(null, {0.03: planted}, {0.03: 0.6}), outcomes=outcomes, caught={})


def failed(some: Study) -> list[str]:
    return [gate.name for gate in gates(some) if not gate.passed]


def test_a_good_study_passes() -> None:
    assert failed(study()) == []
    assert len(gates(study())) == 6


@pytest.mark.parametrize(("null", "most"), [(50, 5), (200, 15)])
def test_one_significant_null_market_too_many_closes_the_gate(null: int, most: int) -> None:
    assert failed(study(null, most)) == []
    assert failed(study(null, most + 1)) == ["null markets called significant"]


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"sharpe": 2.9}, "share of the oracle's Sharpe recovered at 0.03"),
        ({"psr": 0.94}, "planted markets found at 0.03"),
        ({"slope": 0.89}, "calibration slope at 0.03"),
        ({"slope": 1.11}, "calibration slope at 0.03"),
        ({"slope": math.nan}, "calibration slope at 0.03"),
    ],
)
def test_what_planted_markets_have_to_show(values: dict[str, float], name: str) -> None:
    assert failed(study(**values)) == [name]


def test_a_slope_is_judged_on_twenty_markets_or_not_at_all() -> None:
    assert [g.name for g in gates(study(planted=19)) if "slope" in g.name] == []


def test_plans_are_what_was_promised() -> None:
    assert (FAST.null, FAST.planted, FAST.recovery) == (50, {0.05: 10}, {0.05: 0.75})
    assert (FULL.null, FULL.planted, FULL.recovery) == (200, {0.03: 30, 0.05: 30}, {0.03: 0.60, 0.05: 0.80})
    fewer = FULL.with_markets(20)
    assert (fewer.null, fewer.planted, fewer.each_leak) == (20, {0.03: 3, 0.05: 3}, 10)
    assert len({(task.arm, task.seed) for task in tasks(FULL)}) == len(tasks(FULL)) == 200 + 60 + 50 + 9 * 51
    with pytest.raises(BadInput, match="fewer than 10"):
        FULL.with_markets(9)


def test_it_is_told_in_words_and_as_json() -> None:
    some = study(significant=6)
    lines = told_lines(some, gates(some))
    assert lines[-1] == verdict(gates(some)) == "1 of 6 gates fail."
    assert any(line.startswith("FAILED null markets called significant: 6 of 50 (asked: at most 5)") for line in lines)
    said = json.loads(json.dumps(to_json(some, gates(some)), allow_nan=False))
    assert said["passed"] is False
    assert said["arms"]["null"]["significant"] == 6
    assert said["arms"]["null"]["slope"] is None
    assert len(said["markets"]["null"]) == 50
    assert summary(some.outcomes["planted 0.03"])["recovery"] == pytest.approx(0.8)


def test_the_page_stands_alone(tmp_path: Path) -> None:
    some = study()
    evil = Gate(name="<script>alert(1)</script>", asked="nothing", seen="nothing", passed=False)
    text = render_honesty(some, (*gates(some), evil))
    assert "<script" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert text.count("<circle") == 20
    assert "1 of 7 gates fail." in text
    path = write_honesty(some, gates(some), tmp_path / "deep" / "page.html")
    assert "All 6 gates hold." in path.read_text("utf-8")
    with pytest.raises(StoreError, match="could not be written"):
        write_honesty(some, gates(some), path / "page.html")
