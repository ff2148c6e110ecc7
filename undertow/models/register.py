"""The mark that makes a method a base model, with what the model reads and when it speaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, overload

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Mark:
    """What a base model was marked with."""

    reads: tuple[str, ...] = ()  #: families or names of the features it is given; empty for all
    phases: tuple[str, ...] = ()  #: phases of the day in which it is taught and asked; empty for all


@overload
def model(method: F) -> F: ...
@overload
def model(*, reads: tuple[str, ...] = ..., phases: tuple[str, ...] = ...) -> Callable[[F], F]: ...
def model(method: F | None = None, *, reads: tuple[str, ...] = (), phases: tuple[str, ...] = ()) -> F | Callable[[F], F]:
    """Mark a method that returns one unfitted base model; plain, or with the features it reads and the phases it speaks in."""

    def marked(one: F) -> F:
        one.is_model = Mark(tuple(reads), tuple(phases))  # type: ignore[attr-defined]
        return one

    return marked if method is None else marked(method)


def is_model(method: Any) -> bool:
    """Whether a method was marked as a base model."""
    return isinstance(getattr(method, "is_model", None), Mark)


def mark_of(method: Any) -> Mark:
    """The mark of a method that ``is_model``."""
    found: Mark = method.is_model
    return found
