"""The mark that makes a method a feature, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from undertow.features.language.expressions import Expr

F = TypeVar("F", bound=Callable[..., Expr])


@dataclass(frozen=True, slots=True)
class Described:
    """What a feature is measured in, where its definition comes from, and on which bars it is computed."""

    unit: str
    family: str
    on_bars: tuple[str, ...]
    doc: str


def feature(*, unit: str, family: str = "own", bars: tuple[str, ...] = ()) -> Callable[[F], F]:
    """Mark a method of FeatureEngineering as a feature; with ``bars`` it takes the bars and becomes one feature for each set."""

    def mark(method: F) -> F:
        method.described = Described(unit, family, bars, (method.__doc__ or "").strip())  # type: ignore[attr-defined]
        return method

    return mark


def described(method: Any) -> Described | None:
    """What a method says of itself, or None for one that is no feature."""
    found = getattr(method, "described", None)
    return found if isinstance(found, Described) else None
