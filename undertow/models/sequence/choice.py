"""Which features a network is given: few, since weak signals drown in many inputs, and chosen on the rows that train it alone."""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64, I64

#: features that are so much alike count as one
ALIKE = 0.9


def choose_columns(X: F64, y: F64, most: int) -> I64:
    """Ascending columns of X (n, p), at most ``most``: those that move most with y (n,) in {0, 1}, none too much like one before."""
    known = np.isfinite(X)
    count = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known, X, 0.0).sum(axis=0) / count
    standard = np.where(known, X - centre, 0.0)
    spread = np.sqrt((standard**2).sum(axis=0) / count)
    usable = np.flatnonzero(spread > 1e-12 * np.maximum(np.abs(centre), 1.0))
    standard = np.clip(standard[:, usable] / spread[usable], -5.0, 5.0)
    worth = np.abs(np.einsum("ij,i->j", standard, y - y.mean()))
    chosen: list[int] = []
    length = np.maximum(np.sqrt((standard**2).sum(axis=0)), 1e-12)
    for column in np.argsort(-worth, kind="stable"):
        alike = np.abs(standard[:, column] @ standard[:, chosen]) if chosen else np.zeros(1)
        if not chosen or bool((alike <= ALIKE * length[column] * length[chosen]).all()):
            chosen.append(int(column))
        if len(chosen) == most:
            break
    return np.sort(usable[np.array(chosen, np.int64)]).astype(np.int64)
