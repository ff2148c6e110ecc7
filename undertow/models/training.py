"""Teach several models at once, each on one core so that the numbers do not depend on how many there are."""

from __future__ import annotations

from collections.abc import Sequence

from undertow.core.chunk import F64
from undertow.core.protocols import Model


def fit_all(models: Sequence[Model], X: F64, y: F64, weight: F64) -> list[Model]:
    """Fit each model on the same rows: X (n, p), y (n,), weight (n,); the order is kept."""
    from joblib import Parallel, delayed
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        fitted = Parallel(n_jobs=-1, backend="threading")(delayed(m.fit)(X, y, weight) for m in models)
    return list(fitted)
