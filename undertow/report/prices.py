"""Prices on one basis: a split multiplies shares and divides the price, and must look neither like a gain nor like a fall."""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64
from undertow.engine.result import RunResult


def split_factor(result: RunResult) -> F64:
    """What to multiply each traded price (marks, symbols) with, so that all are on the last mark's basis."""
    factor, splits = np.ones(result.close.shape), result.splits
    for mark, column, ratio in zip(splits.mark.tolist(), splits.key.tolist(), splits.ratio.tolist(), strict=True):
        factor[:mark, column] /= ratio
    return factor
