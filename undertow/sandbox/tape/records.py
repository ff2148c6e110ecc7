"""Records moved whole: numpy copies a record field by field, a plain run of bytes at once and some fifteen times as fast."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from undertow.core.chunk import Array


def joined(kept: np.dtype[Any], arrays: Iterable[Array]) -> Array:
    """Contiguous records of one type (n,), one after the other; none give an empty array."""
    raw = f"V{kept.itemsize}"
    return np.concatenate([np.empty(0, raw), *[a.view(raw) for a in arrays]]).view(kept)


def taken(records: Array, order: Array) -> Array:
    """The contiguous records at these places (n,); an order of truths chooses."""
    where = np.flatnonzero(order) if order.dtype == bool else order
    return records.view(f"V{records.dtype.itemsize}").take(where).view(records.dtype)
