"""Differencing by a fraction: a level made stationary while it keeps as much of its memory as it can (López de Prado 2018, chapter 5)."""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64
from undertow.core.errors import BadInput


def fractional_weights(order: float, size: int) -> F64:
    """Weights (size,) of the present value and those before it: w_0 = 1, w_k = -w_{k-1} (order - k + 1) / k.

    >>> fractional_weights(0.5, 4).tolist()
    [1.0, -0.5, -0.125, -0.0625]
    """
    k = np.arange(1, max(size, 1))
    return np.append(1.0, np.cumprod((k - 1 - order) / k))[:size]


def window(order: float, least: float = 1e-4, most: int = 10_000) -> F64:
    """``fractional_weights`` down to the first below ``least`` in size; at most ``most`` of them."""
    weights = fractional_weights(order, most)
    small = np.flatnonzero(np.abs(weights) < least)
    return weights[: small[0]] if len(small) else weights


def difference(values: F64, order: float, least: float = 1e-4) -> F64:
    """Values (n,) in order of time, differenced by ``order`` over a window of fixed length: (n,), NaN until the window is full.

    Order 1 is the plain difference, 0 leaves values as they are. A NaN makes every value NaN whose window holds it.
    """
    if order < 0.0:
        raise BadInput(f"The order of differencing must not be below 0, not {order}.")
    weights, x = window(order, least), np.asarray(values, np.float64)
    out = np.full(len(x), np.nan)
    if len(x) >= len(weights):
        out[len(weights) - 1 :] = np.convolve(x, weights, "valid")
    return out
