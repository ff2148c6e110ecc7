"""Many tests at once: which findings can be kept so that only a known share of them is expected to be false."""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64, Array


def q_values(p: F64, dependent: bool = False) -> F64:
    """q-values (n,) of p-values (n,); among all findings at q or below, a share of q is expected to be false. NaN stays NaN.

    Benjamini and Hochberg 1995 holds for independent tests and for those that rise and fall together; ``dependent`` holds for any
    dependence (Benjamini and Yekutieli 2001) and is stricter by 1 + 1/2 + … + 1/n.
    """
    values = np.asarray(p, np.float64)
    out = np.full(values.shape, np.nan)
    known = np.flatnonzero(np.isfinite(values))
    n = len(known)
    if n == 0:
        return out
    order = known[np.argsort(values[known], kind="stable")]
    rank = np.arange(1, n + 1)
    raw = values[order] * n / rank * (float((1 / rank).sum()) if dependent else 1.0)
    out[order] = np.minimum(np.minimum.accumulate(raw[::-1])[::-1], 1.0)
    return out


def discoveries(p: F64, q: float = 0.05, dependent: bool = False) -> Array:
    """Which of p-values (n,) are findings at a false-discovery rate of ``q``: bool (n,), False for NaN (see ``q_values``)."""
    return np.asarray(q_values(p, dependent) <= q, np.bool_)
