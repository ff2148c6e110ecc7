"""Hostile input, over every feature there is: a number or NaN, never an exception, never infinity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from undertow.core.calendar import nyse
from undertow.core.chunk import Array, Chunk
from undertow.core.events import BY_NAME, MISSING, CorporateAction, Event, columns_of
from undertow.core.time import DAY
from undertow.features.engineering import FeatureEngineering
from undertow.validation import laws
from undertow.validation.planted_tape import Material, planted_tape


@pytest.fixture(scope="module")
def material() -> Material:
    return planted_tape(laws.kinds_of(FeatureEngineering, ("AAA",), nyse()), nyse(), ticks=40)


def numbers(change: Callable[[str, Array, type[Event]], Array]) -> Callable[[Chunk], Chunk]:
    def apply(chunk: Chunk) -> Chunk:
        if chunk.kind is CorporateAction:
            return chunk  # a split by nothing is refused before it gets on the tape
        units = columns_of(chunk.kind)
        return replace(chunk, columns={n: c if units[n].kept is str else change(n, c, chunk.kind) for n, c in chunk.columns.items()})

    return apply


def whole(values: Array) -> bool:
    return bool(values.dtype == np.int64)


def only_some(chunk: Chunk, keep: Array) -> Chunk:
    return chunk[np.flatnonzero(keep)]


VARIANTS: dict[str, Callable[[Chunk], Chunk]] = {
    "all numbers are zero": numbers(lambda name, c, kind: np.zeros_like(c) if name != "span" else c),
    "nothing was published but that it happened": numbers(lambda name, c, kind: np.full_like(c, MISSING if whole(c) else np.nan)),
    "every second number is missing": numbers(lambda name, c, kind: np.where(np.arange(len(c)) % 2, c, MISSING if whole(c) else np.nan)),
    "numbers below zero": numbers(lambda name, c, kind: -c if name != "span" else c),
    "numbers beyond all measure": numbers(lambda name, c, kind: np.full_like(c, 10**14 if whole(c) else 1e300)),
    "prices never move": numbers(lambda name, c, kind: np.full_like(c, c[0]) if len(c) else c),
    "one symbol is never told of": lambda chunk: only_some(chunk, chunk.key != 1),
    "a symbol falls silent for the last week": lambda chunk: only_some(
        chunk, (chunk.key != 0) | (chunk.known_at < chunk.known_at[-1] - 7 * DAY)
    ),
    "one row a kind": lambda chunk: chunk[-1:],
    "every contract expired yesterday": numbers(lambda name, c, kind: c - 400 if name == "expiry" else c),
    "every contract expires today": lambda chunk: replace(
        chunk, columns={n: chunk.event_at // DAY if n == "expiry" else c for n, c in chunk.columns.items()}
    ),
    "prints of yesterday come late": lambda chunk: replace(chunk, event_at=chunk.event_at - (np.arange(len(chunk)) % 5 == 0) * DAY),
}


@pytest.mark.parametrize("what", VARIANTS)
def test_a_number_or_not_known(material: Material, what: str) -> None:
    with np.errstate(over="ignore"):
        got = push(material, [VARIANTS[what](chunk) for chunk in material.chunks])
    assert not np.isinf(got).any(), named(np.isinf(got))


@pytest.mark.parametrize("kind", sorted(BY_NAME))
def test_a_kind_that_is_not_told_of_makes_no_number_up(material: Material, kind: str) -> None:
    if BY_NAME[kind] not in {chunk.kind for chunk in material.chunks}:
        pytest.skip("no feature reads it")
    got = push(material, [chunk for chunk in material.chunks if chunk.kind.kind != kind])
    features = FeatureEngineering(material.symbols).features
    for j, (name, one) in enumerate(features.items()):
        if set(one.memories()) - {CorporateAction} == {BY_NAME[kind]}:
            # a ratio or level of nothing is not known; a sum or count of nothing is nothing
            assert (np.isnan(got[:, :, j]) | (got[:, :, j] == 0.0)).all(), name


def push(material: Material, chunks: list[Chunk]) -> Array:
    return FeatureEngineering(material.symbols).push([chunk for chunk in chunks if len(chunk)], material.ticks)


def named(where: Array) -> list[str]:
    names = list(FeatureEngineering(("AAA",)).features)
    return [names[j] for j in np.flatnonzero(where.any(axis=(0, 1)))]
