"""Bars made of prints on the way: of a second of a stock, of a second or a minute of an option contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from undertow.core.chunk import I64, Array
from undertow.core.time import Duration, Instant
from undertow.sandbox.codes import updates


def bars(
    sip: I64, columns: Mapping[str, Array], between: tuple[Instant, Instant], length: Duration, regular: tuple[Instant, Instant]
) -> Iterable[tuple[Instant, dict[str, Any]]]:
    """A bar for each span ``(start, start + length]`` that ends in ``between`` and has a print that makes a price.

    sip, columns : all prints of the session so far, in order; price float64 (n,), size int64 (n,), conditions (n,) lists of ids
    """
    first, last = (int(np.searchsorted(sip, at, side="right")) for at in between)
    if first >= last:
        return
    price, size = columns["price"], columns["size"]
    slot = (sip[first:last] - 1) // length
    cuts = np.flatnonzero(np.diff(slot, prepend=slot[0] - 1)) + first
    for a, b in zip(cuts.tolist(), [*cuts[1:].tolist(), last], strict=True):
        start = int(slot[a - first]) * length
        makes = [_makes(columns["conditions"][i], regular[0] <= start < regular[1]) for i in range(a, b)]
        extreme, ends = [a + i for i, (x, _) in enumerate(makes) if x], [a + i for i, (_, y) in enumerate(makes) if y]
        if not extreme or not ends:
            continue
        v, av = int(size[a:b].sum()), int(size[:b].sum())
        at = np.asarray(extreme)
        event = {"v": v, "dv": f"{v}.0", "av": av, "dav": f"{av}.0", "op": float(_opening(sip, price, regular[0], b))}
        event |= {"vw": _average(price[at], size[at]), "o": float(price[ends[0]]), "c": float(price[ends[-1]])}
        event |= {"h": float(price[at].max()), "l": float(price[at].min()), "a": _average(price[:b], size[:b]), "z": v // (b - a)}
        yield start + length, event | {"s": start // 10**6, "e": (start + length) // 10**6}


def _makes(conditions: list[int], regular: bool) -> tuple[bool, bool]:
    return updates(",".join(map(str, conditions)), regular=regular)


def _opening(sip: I64, price: Array, opens: Instant, through: int) -> float:
    # the first price of regular hours once there is one, else the day's first
    first = int(np.searchsorted(sip, opens, side="right"))
    return float(price[first if first < through else 0])


def _average(price: Array, size: Array) -> float:
    return round(float((price * size).sum() / max(1, int(size.sum()))), 4)
