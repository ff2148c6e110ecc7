"""The shipped folds over made markets: they find what is there, nothing where nothing is, and what is turned round the wrong way round."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.validation.honesty.worlds import MARKET, TINY
from undertow.core.calendar import nyse
from undertow.validation.honesty.market import Made, make
from undertow.validation.honesty.pipeline import Outcome, judge
from undertow.validation.honesty.study import Task, run_study, work


def judged(made: Made) -> Outcome:
    return judge(made, TINY.pipeline, nyse())


def test_a_strong_effect_is_found_and_most_of_it_recovered() -> None:
    found = judged(make(replace(MARKET, seed=1, ic=0.2), nyse()))
    assert found.psr > 0.999
    assert found.spa < 0.01
    assert 0.7 < found.recovery < 1.1
    assert found.neutral < 0.9


def test_nothing_is_found_where_nothing_is() -> None:
    found = [judged(make(replace(MARKET, seed=seed), nyse())) for seed in range(6)]
    assert sum(one.psr >= 0.95 for one in found) <= 1
    assert sum(one.neutral < 1.0 for one in found) <= 1  # a certificate may be false in one market of twenty
    assert np.mean([one.narrow for one in found]) > 0.95
    assert all(np.isnan(one.recovery) for one in found)


def test_an_effect_that_turns_round_after_training_loses_what_it_would_have_won() -> None:
    made = make(replace(MARKET, seed=2, ic=0.2), nyse())
    late = np.arange(len(made.ticks)) >= len(made.ticks) - 120
    bars, clues = made.chunks
    turned = np.where(late[np.searchsorted(made.ticks, clues.known_at)], -1.0, 1.0)
    columns = {name: values * turned for name, values in clues.columns.items()}
    against = judged(replace(made, chunks=(bars, replace(clues, columns=columns))))
    assert against.sharpe < judged(made).sharpe - 3.0


def test_clues_of_another_day_are_worth_nothing() -> None:
    made = make(replace(MARKET, seed=3, ic=0.2), nyse())
    deal = np.random.default_rng(0).permutation(len(made.chunks[1]))
    columns = {name: values[deal] for name, values in made.chunks[1].columns.items()}
    shuffled = judged(replace(made, chunks=(made.chunks[0], replace(made.chunks[1], columns=columns))))
    assert abs(shuffled.recovery) < 0.35


def test_a_market_is_judged_alike_wherever_it_runs() -> None:
    plan = replace(TINY, null=2, planted={0.2: 1}, leaks=())
    here, there = (run_study(plan, jobs=jobs, tell=lambda *_: None) for jobs in (1, 2))
    assert repr(here.outcomes) == repr(there.outcomes)
    assert repr(work(plan, Task(arm="planted 0.2", seed=20_000, ic=0.2))) == repr(here.outcomes["planted 0.2"][0])
