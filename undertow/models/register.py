"""The mark that makes a method a base model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from undertow.core.protocols import Model

F = TypeVar("F", bound=Callable[..., Model])


def model(method: F) -> F:
    """Mark a method that returns one unfitted base model."""
    method.is_model = True  # type: ignore[attr-defined]
    return method


def is_model(method: Any) -> bool:
    """Whether a method was marked as a base model."""
    return bool(getattr(method, "is_model", False))
