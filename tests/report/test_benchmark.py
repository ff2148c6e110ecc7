"""A benchmark is told where it was asked for: in the summary, on the page, in the chart; and nowhere where it was not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.report.factory import CAPITAL, make
from undertow.report.benchmark import benchmark_of
from undertow.report.charts import equity_figure
from undertow.report.comparison import Kept, lines
from undertow.report.html import render
from undertow.report.metrics import drawdown, scorecard, underwater
from undertow.report.page import page
from undertow.report.summary import summary_lines

WITHOUT, _ = make(sessions=40)
HELD = CAPITAL * np.linspace(1.01, 1.05, len(WITHOUT.mark_at)) - np.where(np.arange(len(WITHOUT.mark_at)) == 100, 3_000, 0)
WITH = replace(WITHOUT, benchmark="SPY", benchmark_equity=HELD)


def test_it_is_measured_as_any_account() -> None:
    found = benchmark_of(WITH)
    assert found is not None
    assert found.name == "SPY"
    assert found.curve.total_return.value == pytest.approx(0.05)
    assert found.curve.drawdown == drawdown(HELD, CAPITAL, WITH.mark_at)
    assert found.curve.drawdown.depth < -0.02


def test_the_summary_tells_it_beside_buy_and_hold() -> None:
    before, now = summary_lines(WITHOUT), summary_lines(WITH)
    changed = {line.split(":")[0].strip(): line for line, old in zip(now, before, strict=True) if line != old}
    assert set(changed) == {"Portfolio", "Sharpe ratio", "Deepest fall"}
    assert ", SPY: 5.00%" in changed["Portfolio"]
    assert "; SPY " in changed["Sharpe ratio"]
    assert f"; SPY {found_depth()}" in changed["Deepest fall"]


def found_depth() -> str:
    found = benchmark_of(WITH)
    assert found is not None
    return f"{found.curve.drawdown.depth * 100:.2f}%"


def test_the_chart_has_its_growth_and_its_falls() -> None:
    figure = equity_figure(scorecard(WITH).portfolio, CAPITAL, WITH.mark_at, benchmark_of(WITH))
    growth, falls = (one for one in figure["data"] if one["name"] == "SPY")
    assert (growth["yaxis"], falls["yaxis"]) == ("y", "y2")
    assert growth["y"][-1] == pytest.approx(0.05)
    assert min(falls["y"]) == pytest.approx(float(underwater(HELD, CAPITAL).min()), abs=1e-6), "its deepest fall is among the points"
    assert len(figure["data"]) == 6
    assert len(equity_figure(scorecard(WITHOUT).portfolio, CAPITAL, WITHOUT.mark_at)["data"]) == 4


def test_the_page_tells_it() -> None:
    sections, _ = page(WITH, 1)
    (own,) = (number for number in sections["numbers"] if number.key == "excess")
    assert own.below.endswith(" · SPY +5.00%")
    assert ", and SPY gained 5.00%." in sections["lead"][0]
    text = render(WITH)
    assert "Growth of the account against buy and hold and SPY" in text
    assert "and SPY" not in render(WITHOUT)


def test_a_hostile_name_stays_text() -> None:
    text = render(replace(WITH, benchmark="<script>alert(1)</script>"))
    assert "<script>alert" not in text


def test_without_bars_there_is_none() -> None:
    assert benchmark_of(WITHOUT) is None
    none = np.empty(0, np.int64)
    assert benchmark_of(replace(WITH, mark_at=none, benchmark_equity=np.empty(0))) is None


def kept(name: str | None) -> Kept:
    manifest = {"job": {"capital": CAPITAL, "benchmark": name}, "simulated": False}
    whole = scorecard(WITH).portfolio.equity
    return Kept(name="run", manifest=manifest, mark_at=WITH.mark_at, equity=whole, fills=3, benchmark=HELD if name else None)


def test_two_runs_are_compared_with_their_benchmarks() -> None:
    (line,) = (line for line in lines(kept("SPY"), kept(None)) if line.startswith("benchmark"))
    assert line.split() == ["benchmark", "SPY", "5.00%", "–"]
    assert not any(line.startswith("benchmark") for line in lines(kept(None), kept(None)))
