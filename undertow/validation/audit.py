"""The leak audit: are all features free of what could not have been known, and is every event stamped as its kind allows?

In go the features and, where there are any, the chunks that they are to be fed; out comes what breaks a law and what was checked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from undertow.core.calendar import Calendar, nyse
from undertow.core.chunk import I64, Chunk, concat
from undertow.core.errors import BadInput
from undertow.core.events import Event
from undertow.features.engineering import FeatureEngineering
from undertow.validation.audit_stamps import Stamps, audit_stamps, stamps_of
from undertow.validation.laws import (
    Finding,
    Subject,
    is_known_at_all,
    law_1_known_at,
    law_1_ties,
    law_2_same_bytes,
    law_3_any_cut,
    law_4_causality,
    law_5_warm_up,
    says_what_it_is,
)
from undertow.validation.planted_tape import Material, planted_tape

MOST_ROWS = 150_000  #: of each kind of the user's own events; the latest are taken
MOST_TICKS = 60


@dataclass(frozen=True, slots=True)
class Check:
    """One question put to the features on one tape: its name, and what returns the findings."""

    name: str
    run: Callable[[Subject, np.random.Generator], list[Finding]]


@dataclass(frozen=True, slots=True)
class Checked:
    """A check that was made: on which tape, over how many features, or on how many rows."""

    name: str
    on: str
    count: int


@dataclass(frozen=True, slots=True)
class Audit:
    """What broke a law, and what was checked."""

    findings: tuple[Finding, ...]
    checked: tuple[Checked, ...]
    stamps: tuple[Stamps, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def to_json(self) -> str:
        """The audit as JSON: clean, findings, checked, stamps."""
        parts = {name: [asdict(one) for one in getattr(self, name)] for name in ("findings", "checked", "stamps")}
        return json.dumps({"clean": self.clean, **parts}, indent=2)


def _thrice(subject: Subject, rng: np.random.Generator, law: Callable[[Subject, int], list[Finding]], least: int) -> list[Finding]:
    places = rng.integers(least, len(subject.material.ticks) - 1, 3)
    return [finding for place in places for finding in law(subject, int(place))]


def _law_3(subject: Subject, rng: np.random.Generator) -> list[Finding]:
    ticks = len(subject.material.ticks)
    every_tick, a_few = list(range(ticks // 2, ticks)), [int(i) for i in rng.integers(1, ticks, 5)]
    return law_3_any_cut(subject, every_tick, rng) + law_3_any_cut(subject, a_few, rng)


#: what is asked of features; a check of something else is one more of these
CHECKS: tuple[Check, ...] = (
    Check("says what it is", lambda subject, _: says_what_it_is(subject)),
    Check("law 1: known_at", law_1_known_at),
    Check("law 1: ties", lambda subject, _: law_1_ties(subject)),
    Check("law 2: one order", lambda subject, _: law_2_same_bytes(subject)),
    Check("law 3: one fold", _law_3),
    Check("law 4: causality", lambda subject, rng: _thrice(subject, rng, lambda s, i: law_4_causality(s, i, rng), 0)),
    Check("law 5: warm-up", lambda subject, rng: _thrice(subject, rng, law_5_warm_up, 1)),
)
#: only the planted tape holds every kind, so that only there a feature that is never known says something about the feature
ON_THE_PLANTED_TAPE: tuple[Check, ...] = (Check("is known at all", lambda subject, _: is_known_at_all(subject)),)


def audit(
    features: type[FeatureEngineering],
    chunks: Sequence[Chunk] = (),
    calendar: Calendar | None = None,
    *,
    only: Sequence[str] | None = None,
    checks: Sequence[Check] = CHECKS,
    seed: int = 0,
) -> Audit:
    """Put every check to the features on the planted tape and, where they are given, on the user's own events and their stamps."""
    calendar = calendar or nyse()
    some = None if only is None else frozenset(only)
    kinds = features(("AAA",), only=some, calendar=calendar).kinds
    planted = Subject(features=features, material=planted_tape(kinds, calendar, seed=seed), only=some)
    tapes = [("planted tape", planted, (*ON_THE_PLANTED_TAPE, *checks))]
    own = [chunk for chunk in chunks if len(chunk)]
    if own:
        tapes.append(("own events", Subject(features=features, material=own_material(own, kinds, calendar), only=some), tuple(checks)))
    findings: dict[Finding, None] = {}
    checked = []
    for on, subject, asked in tapes:
        for check in asked:
            findings |= dict.fromkeys(_first_of_each(check.run(subject, np.random.default_rng(seed))))
            checked.append(Checked(check.name, on, len(subject.fresh().features)))
    findings |= dict.fromkeys(audit_stamps(own, calendar))
    checked += [Checked("stamps", chunk.kind.kind, len(chunk)) for chunk in own]
    return Audit(tuple(findings), tuple(checked), tuple(stamps_of(own)))


def own_material(chunks: Sequence[Chunk], kinds: set[type[Event]], calendar: Calendar) -> Material:
    """The latest of the user's own events, and ticks at which some of them became known."""
    symbols = {chunk.symbols for chunk in chunks}
    if len(symbols) > 1:
        raise BadInput("the chunks to audit are about different universes; give one universe")
    by_kind: dict[type[Event], list[Chunk]] = {}
    for chunk in chunks:
        if chunk.kind in kinds:
            by_kind.setdefault(chunk.kind, []).append(chunk)
    latest = tuple(concat(some)[-MOST_ROWS:] for some in by_kind.values())
    return Material(symbols=symbols.pop(), chunks=latest, ticks=_ticks(latest), calendar=calendar)


def _ticks(chunks: Sequence[Chunk]) -> I64:
    known = np.unique(np.concatenate([np.unique(chunk.known_at) for chunk in chunks]))
    if len(known) < 4:
        raise BadInput("there are fewer than four instants at which something became known: too little to audit features on")
    later = known[len(known) // 2 :]
    ticks: I64 = np.unique(later[np.linspace(0, len(later) - 1, MOST_TICKS).astype(np.int64)])
    return ticks


def _first_of_each(findings: Sequence[Finding]) -> list[Finding]:
    first: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        first.setdefault((finding.law, finding.name), finding)
    return list(first.values())
