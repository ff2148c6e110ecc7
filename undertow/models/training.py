"""Teach several models at once, each on one core so that the numbers do not depend on how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from undertow.core.chunk import F64
from undertow.core.protocols import Model


@cache
def one_core() -> Any:
    """A context in which OpenMP code of the calling thread keeps to one core: idle helpers would only spin beside the others.

    Call it after the library to be held has been imported.
    """
    from threadpoolctl import ThreadpoolController

    controller = ThreadpoolController().select(user_api="openmp")
    return lambda: controller.limit(limits=1)


def fit_all(models: Sequence[Model], X: F64, y: F64, weight: F64) -> list[Model]:
    """Fit each model on the same rows: X (n, p), y (n,), weight (n,); the order is kept."""
    from joblib import Parallel, delayed

    fitted = Parallel(n_jobs=-1, backend="threading")(delayed(m.fit)(X, y, weight) for m in models)
    return list(fitted)
