"""A sentence in words: how a feature is computed, what it rests on and since when that is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

from undertow.core.events import Event
from undertow.core.time import DAY, HOUR, MINUTE, SECOND, Duration
from undertow.features.language.expressions import Column, Expr
from undertow.features.language.memory import FOREVER, Memory

_BETWEEN = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "above": ">", "at_least": ">="}
_PLAIN = {("step", 1), ("quantum", 1.0)}
_UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"), (1, "ns"))


def formula(node: Column | Expr | float) -> str:
    """The sentence as nested calls.

    >>> from undertow.features.vocabulary import News
    >>> formula(News.tone.lag(2).last())
    'last(lag(news_item.tone, 2), 5d)'
    """
    if not isinstance(node, Column | Expr):
        return f"{node:g}"
    parts = [formula(one) for one in node.inputs]
    name, own = _operator(node)
    if name in _BETWEEN and len(parts) == 2:
        return f"({parts[0]} {_BETWEEN[name]} {parts[1]})"
    if not parts and not own:
        return name
    return f"{name}({', '.join(parts + own)})"


def _operator(node: Column | Expr) -> tuple[str, list[str]]:
    op = node.op
    if type(op).__name__ == "Field" and isinstance(node, Column):
        return f"{node.kind.kind}.{getattr(op, 'name', '')}", []
    if not is_dataclass(op):
        return getattr(op, "__name__", type(op).__name__), []
    values = [(one.name, getattr(op, one.name)) for one in fields(op)]
    own = [_parameter(name, value) for name, value in values if value not in ("", False, ()) and (name, value) not in _PLAIN]
    called = _snake(type(op).__name__)
    return (f"{node.kind.kind}.{called}" if isinstance(node, Column) and not node.inputs else called), own


def _parameter(name: str, value: object) -> str:
    if name in ("span", "max_age", "half_life") and isinstance(value, int):
        return span(value)
    if isinstance(value, frozenset):
        return "|".join(sorted(map(str, value)))
    if isinstance(value, tuple):
        return "+".join(map(str, value))
    if isinstance(value, bool):
        return name
    return f"{value:g}" if isinstance(value, int | float) else str(getattr(value, "__name__", value))


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def span(ns: Duration) -> str:
    """A duration in its largest whole unit, rounded up to the second where it is longer than one.

    >>> span(90 * MINUTE)
    '90m'
    """
    if ns > SECOND:
        ns = -(-ns // SECOND) * SECOND
    size, unit = next((size, unit) for size, unit in _UNITS if ns % size == 0)
    return f"{ns // size}{unit}"


def remembered(memories: Mapping[type[Event], Memory]) -> dict[str, str]:
    """Kind -> how much of it a number rests on, in words; a number and a span add up."""
    return {kind.kind: _memory(memory) for kind, memory in sorted(memories.items(), key=lambda item: item[0].kind)}


def _memory(memory: Memory) -> str:
    if memory.span >= FOREVER:
        return "all"
    parts = [_many(memory.events, "event"), _many(memory.sessions, "session")]
    return " + ".join(part for part in (*parts, span(memory.span) if memory.span else "") if part) or "the newest"


def _many(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}" if n else ""


def known_when(kind: type[Event]) -> str:
    """The rule of a kind's ``known_at``."""
    if kind.next_session:
        return "on the next session's day"
    if kind.least_lag:
        return f"at least {span(kind.least_lag)} after it happened"
    return "when it happened, or when its publisher said so"
