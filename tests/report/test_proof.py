"""What a record proves: deflated by the whole search, an edge is found where it was planted and seldom where it was not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.report.factory import make
from undertow.report.html import render
from undertow.report.metrics import scorecard
from undertow.report.proof import prove
from undertow.report.summary import summary_lines
from undertow.validation.ledger import Searched
from undertow.validation.significance import assess, psr

RESULT, _ = make(sessions=60)
CARD = scorecard(RESULT)
DAILY = CARD.portfolio.curve.daily


def among(others: int, effective: float, seed: int = 0) -> Searched:
    """A search of which the run is one."""
    returns = np.column_stack([DAILY, np.random.default_rng(seed).normal(0.0, 0.01, (len(DAILY), others))])
    return Searched(settings=others + 1, effective=effective, fits=33, returns=returns)


def test_the_deflated_sharpe_counts_the_effective_trials() -> None:
    alone, many = prove(CARD), prove(CARD, among(20, 12.5))
    assert alone.record == assess(DAILY, 1.0)
    assert many.record == assess(DAILY, 12.5)
    assert many.record.dsr < alone.record.dsr == alone.record.psr
    assert prove(CARD, 12.5).record == many.record


def test_tests_that_cannot_be_made_say_why() -> None:
    alone = prove(CARD)
    assert alone.overfitting is None
    assert "no search to judge" in alone.why["overfitting"]
    assert alone.superior is not None
    short = prove(scorecard(make(sessions=10)[0]))
    assert short.superior is None
    assert short.over_holding is None
    assert "at least 30 periods" in short.why["superior"]
    assert all(np.isnan(one.q) and not one.stands_out for one in short.standings)
    still = prove(CARD, replace(among(3, 1.0), returns=np.column_stack([DAILY, np.zeros((len(DAILY), 3))])))
    assert still.overfitting is None, "settings that never moved are no trials"


def test_a_whole_search_is_judged() -> None:
    found = prove(CARD, among(7, 7.5))
    assert found.overfitting is not None
    assert 0.0 <= found.overfitting.low < found.overfitting.high <= 1.0
    assert found.superior is not None
    assert found.superior.p > 0.05 or found.superior.best == 0


def test_symbols_are_judged_together() -> None:
    found = prove(CARD)
    from undertow.validation.significance import moments

    p = [1 - psr(moments(one.curve.daily)) for one in CARD.symbols]
    assert [one.p for one in found.standings] == pytest.approx(p)
    assert all(one.q >= one.p for one in found.standings)


def test_a_planted_edge_stands_out_and_noise_seldom_does() -> None:
    strong = scorecard(make(sessions=120, edge=0.6, seed=2)[0])
    found = prove(strong)
    assert found.superior is not None
    assert found.superior.p < 0.05
    assert all(one.stands_out for one in found.standings)
    symbols = sum(one.stands_out for seed in range(10) for one in prove(scorecard(make(edge=0.0, seed=seed)[0])).standings)
    assert symbols <= 3


def test_page_and_terminal_show_the_search() -> None:
    tried = among(7, 3.4)
    text = "\n".join(summary_lines(RESULT, tried))
    assert "8 settings tried, 3.4 of them independent" in text
    assert "Significance: probabilistic Sharpe" in text
    assert "stand out at a false-discovery rate of 5%" in text
    assert "overfitting 0." in text
    page = render(RESULT, tried)
    for words in (
        "Better than staying out", "Better than buying and holding", "Probability of overfitting", "models were fitted 33 times",
        "8, 3.4 of them independent", "Stands out", "q-value",
    ):  # fmt: skip
        assert words in page, words
    assert "there was no search to judge" in render(RESULT)
    assert "Significance" not in "\n".join(summary_lines(make(sessions=5)[0]))
