"""Columns as published, by kind and name."""

from __future__ import annotations

from collections.abc import Iterable

from undertow.core import events
from undertow.core.events import Event
from undertow.features.language.expressions import Classes, Clock, Column, Expr, Field, Mentions
from undertow.features.language.instants import to_the_second
from undertow.features.language.joins import Factor


def column(kind: type[Event], name: str) -> Column:
    """A column of numbers as published."""
    _has(kind, name)
    return Column(kind, Field(name))


def mentions(kind: type[Event], name: str, words: Iterable[str]) -> Column:
    """1.0 where one of the words, such as a condition's number, stands in a text column."""
    _has(kind, name)
    return Column(kind, Mentions(name, frozenset(words)))


def classes(kind: type[Event], name: str, groups: Iterable[Iterable[str]]) -> Column:
    """Sum of 2**j over the groups j of words of which one stands in a text column."""
    _has(kind, name)
    return Column(kind, Classes(name, tuple("|".join(group) for group in groups)))


def clock(kind: type[Event], what: str) -> Column:
    """When an event happened: ``days`` since 1970, ``minute`` of the New York day, ``session_share`` gone."""
    return Column(kind, Clock(what))


def factor(kind: type[Event]) -> Column:
    """Shares of the first day for one of an event's day: prices times it are continuous over splits."""
    return Column(kind, Factor())


def _has(kind: type[Event], name: str) -> None:
    if name not in events.columns_of(kind):
        raise ValueError(f"{kind.kind} has no column {name!r}; it has {', '.join(events.columns_of(kind))}")


def age_of(known: Column, max_age: str) -> Expr:
    """Days, to the second, since the newest known value of a column became known; NaN beyond ``max_age``."""
    return Expr(to_the_second, (known.age(max_age),))
