"""Each classic leak is named by the audit and, without an audit, makes worthless pipelines look good."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.validation.honesty.worlds import MARKET, TINY
from undertow.core.calendar import nyse
from undertow.validation.audit import audit
from undertow.validation.audit_stamps import audit_stamps
from undertow.validation.honesty.leaks import CONTROL, LEAKS, SOUND_READS, Leak, sound_twin
from undertow.validation.honesty.pipeline import Outcome
from undertow.validation.honesty.study import Task, work
from undertow.validation.honesty.traps import Traps

#: leak -> the law that names it
NAMED_BY = {
    "canary": "stamps",
    "open interest": "stamps",
    "off-exchange volume": "stamps",
    "insider trades": "stamps",
    "option chain": "stamps",
    "next row": "law 1",
    "both sides": "law 4",
    "selection": "law 4: causality",
    "encoding": "law 4: causality",
}


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.name)
def test_the_audit_names_it(leak: Leak) -> None:
    assert NAMED_BY[leak.name] in {finding.law for finding in leak.caught(MARKET, nyse())}


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.name)
def test_without_an_audit_it_shows(leak: Leak) -> None:
    found = [work(TINY, Task(arm=leak.name, seed=seed, leak=leak)) for seed in (41, 42, 43)]
    assert sum(isinstance(one, Outcome) and one.psr >= 0.95 for one in found) >= 2, found


def test_the_sound_twin_is_named_by_nothing_and_finds_nothing() -> None:
    made, _ = sound_twin(replace(MARKET, seed=44), TINY.pipeline, nyse())
    assert audit_stamps(made.chunks, nyse()) == []
    assert audit(Traps, calendar=nyse(), only=SOUND_READS).clean
    found = [work(TINY, Task(arm=CONTROL, seed=seed)) for seed in (44, 45, 46, 47)]
    assert sum(isinstance(one, Outcome) and one.psr >= 0.95 for one in found) <= 1


def test_every_leak_says_what_it_is() -> None:
    assert len({leak.name for leak in LEAKS}) == len(LEAKS) == len(NAMED_BY)
    assert all(leak.what.endswith(".") for leak in LEAKS)
