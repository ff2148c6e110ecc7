"""Flow alerts, derived from the option prints alone, as a vendor would.

The rule: single-leg prints of one contract, each at most half a second after the one before, at least three of them, of 25,000 dollars
or more together. It is called RepeatedHits; RepeatedHitsAscendingFill where no fill is below the one before and the last is above the
first, and RepeatedHitsDescendingFill in the mirror. A premium belongs to the ask or the bid by the side of the quote's middle that its
price lies on. The alert is known 5 to 16 seconds after its last print; its open interest is that of the session before.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from undertow.core.chunk import I64, Array
from undertow.core.compiled import njit
from undertow.core.time import SECOND
from undertow.sandbox.codes import INTERMARKET, LEG, LEG_AUCTION
from undertow.sandbox.daily.layer import days, span
from undertow.sandbox.draws import session_stream
from undertow.sandbox.part import Part
from undertow.sandbox.tape.records import joined, taken

GAP = SECOND // 2
LEAST_PRINTS, LEAST_PREMIUM = 3, 25_000 * 10_000  #: premium in 1/10,000 USD
SOONEST, LATEST = 5.0, 16.0  #: seconds after the last print
RULES = np.array(["RepeatedHits", "RepeatedHitsAscendingFill", "RepeatedHitsDescendingFill"], object)
ALERT = np.dtype([(n, "i8") for n in ("last", "known", "contract", "premium", "size", "ask_premium", "bid_premium", "is_sweep", "rule")])
MULTIPLIER = 100  #: shares of a contract


def flow_alerts(part: Part) -> list[Array]:
    """``ALERT`` records of each session of a part, in order of publication; ``last`` is when the last print was published."""
    found = []
    for i, prints in enumerate(part.option_prints):
        single = np.flatnonzero((prints["conditions"] != LEG) & (prints["conditions"] != LEG_AUCTION))
        ordered = taken(prints, single[np.argsort(prints["contract"][single], kind="stable")])
        out = np.zeros(len(ordered) // LEAST_PRINTS, ALERT)
        alerts = out[: _alerts(ordered, out)]
        day = int(days()[part.first + i - span().start])
        wait = session_stream((part.settings.seed, part.symbol, "alerts"), day).uniform(SOONEST, LATEST, len(alerts))
        alerts["known"] = alerts["last"] + (wait * SECOND).astype(np.int64)
        found.append(alerts[np.argsort(alerts["known"], kind="stable")])
    return found


@njit(cache=True)
def _alerts(prints: Any, out: Any) -> int:
    # prints ordered by contract, then by time
    n, found, first = len(prints), 0, 0
    for i in range(1, n + 1):
        if i < n and prints[i].contract == prints[i - 1].contract and prints[i].known - prints[i - 1].known <= GAP:
            continue
        if i - first >= LEAST_PRINTS:
            alert = out[found]
            alert.premium, alert.size, alert.ask_premium, alert.bid_premium, alert.is_sweep = 0, 0, 0, 0, 0
            rising, falling = True, True
            for j in range(first, i):
                now = prints[j]
                premium, side = now.price * now.size * MULTIPLIER, 2 * now.price - now.bid - now.ask
                alert.premium += premium
                alert.size += now.size
                alert.ask_premium += premium if side > 0 else 0
                alert.bid_premium += premium if side < 0 else 0
                alert.is_sweep |= 1 if now.conditions == INTERMARKET else 0
                if j > first:
                    rising, falling = rising and now.price >= prints[j - 1].price, falling and now.price <= prints[j - 1].price
            gain = prints[i - 1].price - prints[first].price
            alert.rule = 1 if rising and gain > 0 else (2 if falling and gain < 0 else 0)
            alert.last, alert.contract = prints[i - 1].known, prints[first].contract
            found += 1 if alert.premium >= LEAST_PREMIUM else 0
        first = i
    return found


def contracts_of(part: Part, found: list[Array]) -> tuple[Array, I64, I64]:
    """``CONTRACT`` records, the session's position and the number in the session, for each record of ``found``."""
    lengths = [len(records) for records in found]
    row = np.concatenate([np.empty(0, np.int64), *[np.arange(n) for n in lengths]])
    chain = joined(part.chain.dtype, [taken(part.chain[i], records["contract"]) for i, records in enumerate(found)])
    return chain, np.repeat(part.positions, lengths), row
