"""Each classic leak, planted, is caught by the law that forbids it: a law that nothing can break is worth nothing."""

from __future__ import annotations

import numpy as np
import pytest

from tests.laws.mutants import Mutants
from undertow.core.calendar import nyse
from undertow.validation import laws
from undertow.validation.laws import Finding, Subject
from undertow.validation.planted_tape import planted_tape

SEEDS = range(4)


def found(law: str, name: str) -> list[Finding]:
    """What one law has to say about one feature, over a few tapes."""
    kinds = Mutants(("AAA",), only=[name], calendar=nyse()).kinds
    subjects = [Subject(features=Mutants, material=planted_tape(kinds, nyse(), seed=seed), only=frozenset([name])) for seed in SEEDS]
    return [finding for seed, one in enumerate(subjects) for finding in asked(law, one, np.random.default_rng(seed))]


def asked(law: str, one: Subject, rng: np.random.Generator) -> list[Finding]:
    places = [int(place) for place in rng.integers(1, len(one.material.ticks) - 2, 6)]
    if law == "law 1, clocks":
        return laws.law_1_known_at(one, rng)
    if law == "law 1, ties":
        return laws.law_1_ties(one)
    if law == "law 2":
        return laws.law_2_same_bytes(one)
    if law == "law 3":
        return laws.law_3_any_cut(one, places, rng)
    if law == "law 4":
        return [f for place in places for f in laws.law_4_causality(one, place, rng)]
    return [f for place in places for f in laws.law_5_warm_up(one, place)]


LAWS = ("law 1, clocks", "law 1, ties", "law 2", "law 3", "law 4", "law 5")


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("peeks_ahead", "law 4"),
        ("scales_by_the_chunk", "law 3"),
        ("scales_by_the_chunk", "law 4"),
        ("forgets_between_pushes", "law 3"),
        ("forgets_its_mean", "law 3"),
        ("closed_on_both_ends", "law 1, ties"),
        ("closed_on_both_ends", "law 5"),
        ("drops_ties", "law 1, ties"),
        ("counts_by_its_own_clock", "law 1, clocks"),
        ("weighs_by_its_own_clock", "law 1, clocks"),
        ("remembers_more_than_it_says", "law 5"),
        ("reads_the_next_bar", "law 3"),
        ("reads_the_next_bar", "law 4"),
        ("scales_columns_by_the_chunk", "law 4"),
    ],
)
def test_a_planted_fault_is_caught_by_its_law(name: str, law: str) -> None:
    findings = found(law, name)
    assert findings
    assert {finding.name for finding in findings} == {name}
    assert law.startswith(findings[0].law)
    assert "became" in findings[0].seen


@pytest.mark.parametrize("law", LAWS)
def test_the_sound_twin_passes(law: str) -> None:
    assert not found(law, "sound")


def test_chance_is_caught_by_law_2() -> None:
    class Chancy(Mutants):
        calls = 0

        def push(self, chunks, ticks):  # type: ignore[no-untyped-def]
            Chancy.calls += 1
            return super().push(chunks, ticks) + Chancy.calls * 1e-9

    material = planted_tape(Mutants(("AAA",), only=["sound"], calendar=nyse()).kinds, nyse())
    (finding,) = laws.law_2_same_bytes(Subject(features=Chancy, material=material, only=frozenset(["sound"])))
    assert (finding.law, finding.name) == ("law 2", "sound")


def test_a_feature_that_is_never_known_is_said_to_be_unchecked() -> None:
    empty = planted_tape([], nyse())
    one = Subject(features=Mutants, material=empty, only=frozenset(["forgets_its_mean"]))
    assert [f.name for f in laws.is_known_at_all(one)] == ["forgets_its_mean"]
