"""The laws of the design, checked on any FeatureEngineering: each check returns what breaks it, feature by feature.

Nothing here knows a feature by name: what a user adds is checked like what ships. A check that finds nothing returns an empty list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import F64, I64, Array, Chunk
from undertow.core.events import MISSING, Event
from undertow.core.time import SECOND, Instant, iso
from undertow.features.engineering import FeatureEngineering
from undertow.features.language.memory import Memory
from undertow.validation.planted_tape import Material

FADED = 2.0**-40
END = 2**62


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that breaks a law."""

    law: str
    name: str  #: of the feature, or of the kind of event
    seen: str  #: what was seen, in a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The features that a law is checked on, and what they are fed."""

    features: type[FeatureEngineering]
    material: Material
    only: frozenset[str] | None = None

    def fresh(self, only: Iterable[str] | None = None) -> FeatureEngineering:
        """The features, having seen nothing."""
        material = self.material
        return self.features(material.symbols, only=self.only if only is None else only, calendar=material.calendar)

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """Everything that is told, of the symbols asked about and of those around them."""
        return (*self.material.chunks, *self.material.context)

    def run(self, chunks: Iterable[Chunk], ticks: I64) -> F64:
        """The matrix of a fresh start (ticks, symbols, features)."""
        return self.push(self.fresh(), chunks, ticks)

    def push(self, features: FeatureEngineering, chunks: Iterable[Chunk], ticks: I64) -> F64:
        """The matrix of some features, which are told of the symbols that they name, and of no others."""
        return features.push([c if c.symbols == self.material.symbols else about(c, features.context) for c in chunks], ticks)


def about(chunk: Chunk, symbols: tuple[str, ...]) -> Chunk:
    """The rows of a chunk that are about some of its symbols."""
    place = np.array([symbols.index(s) if s in symbols else -1 for s in chunk.symbols])
    rows = chunk[place[chunk.key] >= 0]
    return replace(rows, symbols=symbols, key=place[rows.key])


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two matrices (ticks, symbols, features) that a law says are equal, and where they differ."""

    subject: Subject
    ticks: I64
    names: Sequence[str]
    slack: F64 | None = field(default=None)  #: by feature; None asks for the same bits

    def findings(self, law: str, what: str, got: F64, expected: F64) -> list[Finding]:
        """One finding for each feature that differs, with its first difference."""
        unlike = ~((got == expected) | (np.isnan(got) & np.isnan(expected)))
        if self.slack is not None:
            unlike &= ~(np.abs(got - expected) <= self.slack)
        out = []
        for j in (int(each) for each in np.flatnonzero(unlike.any(axis=(0, 1)))):
            i, k = (int(first) for first in np.argwhere(unlike[:, :, j])[0])
            was, is_now = float(expected[i, k, j]), float(got[i, k, j])
            where = f"at {iso(int(self.ticks[i]))} {self.subject.material.symbols[k]}"
            share = f"{int(unlike[:, :, j].sum())} of {unlike[:, :, j].size} values"
            out.append(Finding(law, self.names[j], f"{what}: {was!r} became {is_now!r} {where} ({share})"))
        return out


def compared(subject: Subject, ticks: I64) -> Comparison:
    """A comparison, bit for bit, of all features of a subject at some ticks."""
    return Comparison(subject=subject, ticks=ticks, names=list(subject.fresh().features))


# --- what may be done to a tape ---------------------------------------------------------------------------------------


def reordered(chunk: Chunk, known_at: I64) -> Chunk:
    """The same events known at other instants, in order."""
    return replace(chunk, known_at=known_at)[np.argsort(known_at, kind="stable")]


def without_future(chunk: Chunk, now: Instant, _: np.random.Generator) -> Chunk:
    """Everything known after ``now`` deleted."""
    return chunk.between(-END, now)


def scrambled(chunk: Chunk, now: Instant, rng: np.random.Generator) -> Chunk:
    """What is known after ``now`` dealt anew among the instants at which something is."""
    first = int(np.searchsorted(chunk.known_at, now, side="right"))
    deal = np.concatenate([np.arange(first), first + rng.permutation(len(chunk) - first)])
    moved = {name: values[deal] for name, values in chunk.columns.items()}
    return replace(chunk, key=chunk.key[deal], columns=moved)


def rewritten(chunk: Chunk, now: Instant, rng: np.random.Generator) -> Chunk:
    """Other numbers in everything known after ``now``."""
    future = chunk.known_at > now

    def other(values: Array) -> Array:
        if values.dtype == object:
            return values
        return np.where(future & (values != MISSING), values * 3 + rng.integers(1, 9, len(values)), values).astype(values.dtype)

    return replace(chunk, columns={name: other(values) for name, values in chunk.columns.items()})


# --- the laws ---------------------------------------------------------------------------------------------------------


def says_what_it_is(subject: Subject) -> list[Finding]:
    """Every feature has a sentence and a unit."""
    law, out = "says what it is", []
    for name, one in subject.fresh().features.items():
        if not one.about.doc:
            out.append(Finding(law, name, "has no docstring: nobody can know what it measures"))
        if not one.about.unit:
            out.append(Finding(law, name, "has no unit"))
    return out


def is_known_at_all(subject: Subject) -> list[Finding]:
    """Every feature is known somewhere on the tape, or the other laws say nothing about it."""
    names, whole = list(subject.fresh().features), subject.run(subject.chunks, subject.material.ticks)
    unknown = np.flatnonzero(np.isnan(whole).all(axis=(0, 1)))
    return [Finding("is known at all", names[j], "is NaN at every tick: no law can be checked on it") for j in unknown]


def law_1_known_at(subject: Subject, rng: np.random.Generator) -> list[Finding]:
    """Two clocks: an event counts from the tick at which it is known, whatever its own clock says."""
    chunks, ticks = subject.chunks, subject.material.ticks
    now = int(ticks[int(rng.integers(len(ticks) // 2, len(ticks)))])
    upto = ticks[ticks <= now]
    late, gone = [], []
    for chunk in chunks:
        held = (chunk.known_at > now - 40 * 3600 * SECOND) & (chunk.known_at <= now) & (rng.random(len(chunk)) < 0.3)
        late.append(reordered(chunk, np.where(held, now + 1, chunk.known_at)))
        gone.append(chunk[~held])
    same = compared(subject, upto)
    # ticks after now keep the delayed rows in the very same push, where an event's own clock would let them in early
    got, expected = subject.run(late, ticks)[: len(upto)], subject.run(gone, upto)
    out = same.findings("law 1", "an event known 1 ns after the tick counts", got, expected)
    whole = subject.run(chunks, ticks)
    moved = [replace(chunk, event_at=chunk.event_at - SECOND) for chunk in chunks]
    return out + compared(subject, ticks).findings("law 1", "all events' own clocks moved by a second", subject.run(moved, ticks), whole)


def law_1_ties(subject: Subject) -> list[Finding]:
    """Windows are half open, (start, end]: what is known exactly at a tick counts at it, as if it had been known 1 ns before."""
    chunks, ticks = subject.chunks, subject.material.ticks
    sooner = [replace(chunk, known_at=chunk.known_at - np.isin(chunk.known_at, ticks)) for chunk in chunks]
    whole = subject.run(chunks, ticks)
    # to a decay a nanosecond makes a difference, though a small one
    same = replace(compared(subject, ticks), slack=np.where(_fading(subject), 1e-9 * largest(whole), 0.0))
    return same.findings("law 1", "what is known exactly at a tick, against 1 ns before", whole, subject.run(sooner, ticks))


def law_2_same_bytes(subject: Subject) -> list[Finding]:
    """One order: two runs give the same bytes."""
    one, two = (subject.run(subject.chunks, subject.material.ticks) for _ in range(2))
    return compared(subject, subject.material.ticks).findings("law 2", "a second run", two, one)


def law_3_any_cut(subject: Subject, cuts: Sequence[int], rng: np.random.Generator) -> list[Finding]:
    """One fold: ticks cut anywhere (``cuts``: positions), events arriving in pieces between ticks or ahead of them, same bits."""
    chunks, ticks = subject.chunks, subject.material.ticks
    streaming, parts, sent = subject.fresh(), [], [0] * len(chunks)
    for some in np.split(ticks, sorted(set(cuts))):
        if not len(some):
            continue
        for _ in range(int(rng.integers(0, 3))):  # events between ticks, cut even among those of one instant
            due = [int(np.searchsorted(chunk.known_at, some[-1], side="right")) for chunk in chunks]
            stop = [int(rng.integers(a, max(a, b) + 1)) for a, b in zip(sent, due, strict=True)]
            subject.push(streaming, [chunk[a:b] for chunk, a, b in zip(chunks, sent, stop, strict=True)], ticks[:0])
            sent = stop
        ahead = int(some[-1]) + int(rng.integers(0, 2)) * 3600 * SECOND  # sometimes an hour that has to wait
        stop = [max(a, int(np.searchsorted(chunk.known_at, ahead, side="right"))) for chunk, a in zip(chunks, sent, strict=True)]
        parts.append(subject.push(streaming, [chunk[a:b] for chunk, a, b in zip(chunks, sent, stop, strict=True)], some))
        sent = stop
    whole = subject.run(chunks, ticks)
    return compared(subject, ticks).findings("law 3", "pushed in pieces", np.concatenate(parts), whole)


def law_4_causality(subject: Subject, position: int, rng: np.random.Generator) -> list[Finding]:
    """Causality: whatever becomes of all that is known after ``ticks[position]``, nothing changes at or before it."""
    chunks, ticks = subject.chunks, subject.material.ticks
    now, upto = int(ticks[position]), ticks[: position + 1]
    whole = subject.run(chunks, ticks)[: position + 1]
    same, out = compared(subject, upto), dict[str, Finding]()
    changes: dict[str, Callable[[Chunk, Instant, np.random.Generator], Chunk]] = {
        "the future deleted": without_future,
        "the future scrambled": scrambled,
        "the future rewritten": rewritten,
    }
    for what, change in changes.items():
        got = subject.run([change(chunk, now, rng) for chunk in chunks], ticks)[: position + 1]
        for one in same.findings("law 4", what, got, whole):
            out.setdefault(one.name, one)
    return list(out.values())


def law_5_warm_up(subject: Subject, position: int) -> list[Finding]:
    """Warm-up: a run started as much earlier as a feature's memory says gives the same bits from ``ticks[position]`` on."""
    chunks, ticks = subject.chunks, subject.material.ticks
    late, names = ticks[position:], list(subject.fresh().features)
    whole, fading, out = subject.run(chunks, ticks), _fading(subject), []
    scale = largest(whole)  # of all of the run: what has not faded yet is of the size of what was before
    # features with the same memories start together
    groups: dict[tuple[tuple[str, Memory], ...], list[int]] = {}
    for j, one in enumerate(subject.fresh().features.values()):
        memories = {kind.kind: memory for kind, memory in one.memories().items()}
        groups.setdefault(tuple(sorted(memories.items(), key=lambda item: item[0])), []).append(j)
    for shared, rows in groups.items():
        needed = dict(shared)
        kept = [since(c, int(late[0]), needed[c.kind.kind], subject.material.calendar) for c in chunks if c.kind.kind in needed]
        got = subject.push(subject.fresh([names[j] for j in rows]), kept, late)
        expected = whole[position:, :, rows]
        slack = np.where(fading[rows], FADED * scale[rows], 0.0)
        same = Comparison(subject=subject, ticks=late, names=[names[j] for j in rows], slack=slack)
        out += same.findings("law 5", "started as late as its memory allows", got, expected)
    return out


def since(chunk: Chunk, at: Instant, memory: Memory, calendar: Calendar) -> Chunk:
    """The rows that a number at ``at`` may rest on: back over the span, then events of each symbol, then sessions, then the span again."""
    keep = np.zeros(len(chunk), bool)
    for k in range(len(chunk.symbols)):
        mine = np.flatnonzero(chunk.key == k)
        start = at - memory.span
        if memory.events or memory.sessions:
            first = int(np.searchsorted(chunk.known_at[mine], start, side="right"))
            if memory.events:
                start = int(chunk.known_at[mine[first - memory.events]]) - 1 if first > memory.events else -END
            if memory.sessions and start > -END:
                start = int(calendar.midnight[max(int(calendar.position(start)) - memory.sessions + 1, 0)]) - 1
            start -= memory.span
        keep[mine[chunk.known_at[mine] > start]] = True
    return chunk[keep]


def largest(values: F64) -> F64:
    """The scale of each feature of a matrix (ticks, symbols, features): its largest size, at least 1."""
    scale: F64 = np.nanmax(np.abs(values), axis=(0, 1), initial=1.0)
    return scale


def _fading(subject: Subject) -> Array:
    return np.array([one.fades() for one in subject.fresh().features.values()], bool)


def kinds_of(features: type[FeatureEngineering], symbols: Sequence[str], calendar: Calendar) -> set[type[Event]]:
    """The kinds of event that some features read."""
    return features(symbols, calendar=calendar).kinds
