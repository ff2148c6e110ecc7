"""Sizes of prints: heavy-tailed, some of them odd lots, that sum exactly to the volume they are to make."""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64, I64, Array
from undertow.core.compiled import njit

LOT = 100


@njit(cache=True)
def allot(total: int, weight: F64, odd: F64, lot: int, out: I64) -> None:
    """Fill ``out`` (n,), every one at least 1, summing to ``total`` >= n.

    weight : float64 (n,)  shares of the whole that is left after the odd lots
    odd    : float64 (n,)  in (0, 1) asks for an odd lot of that part of a lot; 0 for none; not heard where the volume is too small
    """
    n, left, rounds, heavy, mass = len(out), total, 0, 0, 0.0
    small = total < 3 * lot * n
    for i in range(n):
        out[i] = 0
        if odd[i] > 0.0 and not small:
            out[i] = 1 + int(odd[i] * (lot - 1))
            left -= out[i]
    for i in range(n):
        if out[i] == 0:
            rounds += 1
            mass += weight[i]
            if out[heavy] != 0 or weight[i] > weight[heavy]:
                heavy = i
    base = lot if left >= lot * rounds else left // rounds
    extra, step = left - base * rounds, lot if base == lot else 1
    for i in range(n):
        if out[i] == 0:
            more = int(extra * weight[i] / mass / step) * step
            out[i] = base + more
            left -= out[i]
    out[heavy] += left


def shared_out(total: int, by: Array) -> I64:
    """Whole numbers (n,) in proportion to whole numbers ``by`` (n,), none above its own, that sum exactly to ``total`` <= sum(by)."""
    through = np.cumsum(by)
    whole = max(1, int(through[-1]))
    # Python's whole numbers, because volume times volume may pass 2^63
    exact = np.array([t * total // whole for t in through.tolist()], np.int64)
    return np.diff(exact, prepend=0)
