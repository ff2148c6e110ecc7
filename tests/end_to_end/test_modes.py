"""Premarket and trading: their answers' format, and law 3 from end to end: a session traded says what its backtest says, bit for bit."""

from __future__ import annotations

import re

import polars as pl
import pytest

from tests.end_to_end.harness import Done

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ANSWER = r"^{}: Direction: (BUY|SELL|NEUTRAL), Confidence: 0\.\d\d(  \(.+\))?  \[SIMULATED\]$"
CALLED = {1: "BUY", -1: "SELL", 0: "NEUTRAL"}


@pytest.mark.parametrize("mode", ["premarket", "trading"])
def test_the_answer_is_in_the_promised_format(modes: dict[str, Done], mode: str) -> None:
    done = modes[mode]
    assert done.code == 0, done.err
    title, *lines = done.out.splitlines()
    assert title == "Results Summary:"
    last = done.table("signals").group_by("symbol").last()
    assert (found := re.match(ANSWER.format("AAPL"), lines[0])), lines[0]
    signal = last.row(by_predicate=pl.col("symbol") == "AAPL", named=True)
    assert found[1] == CALLED[signal["direction"]]
    right = {1: signal["p_up"], -1: 1.0 - signal["p_up"], 0: max(signal["p_up"], 1.0 - signal["p_up"])}[signal["direction"]]
    assert f"Confidence: {right:.2f}" in lines[0]
    assert all("SIMULATED" in line for line in lines if not line.startswith(("  Note: ", "Report: ")))
    assert done.report.is_file()


def test_trading_decides_what_the_backtest_of_the_session_decided(modes: dict[str, Done]) -> None:
    live, history = modes["trading"], modes["backtest"]
    assert (live.code, history.code) == (0, 0), live.err + history.err
    assert len(live.table("signals")) == 79
    assert live.table("signals").equals(history.table("signals"))
    assert live.table("fills").equals(history.table("fills"))
    assert live.table("equity").equals(history.table("equity"))
    assert live.manifest()["stages"] == history.manifest()["stages"]
    assert live.manifest()["results"] == history.manifest()["results"]


def test_premarket_says_what_trading_says_at_nine(modes: dict[str, Done]) -> None:
    """Their history begins at the same session, so that their models are the same."""
    foreseen, traded = modes["premarket"].table("signals"), modes["trading"].table("signals")
    assert len(foreseen) == 1
    same = foreseen.join(traded, on=["at", "symbol"], suffix="_traded")
    assert len(same) == 1
    assert same["p_up"].equals(same["p_up_traded"], null_equal=True)
    assert same["direction"].equals(same["direction_traded"])


def test_a_session_in_a_longer_backtest_is_decided_alike(modes: dict[str, Done]) -> None:
    alone, within = modes["backtest"].table("signals"), modes["longer"].table("signals")
    same = alone.join(within, on=["at", "symbol"], suffix="_within")
    assert len(same) == len(alone)
    assert same["p_up"].equals(same["p_up_within"])
