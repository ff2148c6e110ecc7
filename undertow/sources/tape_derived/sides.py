"""Who began an option print, as the probability that a customer bought.

A hard sign is right on some 60 % of option prints (Grauer, Schuster, Uhrig-Homburg), so a probability is attached and flow is summed as
``(2 p - 1) * size``. What moves it away from one half:

* a sweep takes what it meets: at the ask it bought, at the bid it sold;
* a price inside the quote was improved for an order that came in: above the middle it bought;
* an auction at the quote filled an order that came in, too: resting orders do not go there;
* an electronic print at the quote says little: a customer's resting order that was met there looks like one that came in on the other
  side, and the sizes of the quote, which tell the two apart, are not on the tape;
* without a quote the tick rule is all there is, and it is right on 50 to 53 %.

Legs of packages, late, out-of-sequence, opening and cancelled prints and compressions say nothing of a side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64, Array, Chunk
from undertow.core.events import MISSING

SWEEP = "219"
AUCTIONS = frozenset({"227", "228", "229", "230", "231"})
CANCELLED = frozenset({"201", "203", "205", "207"})
LATE = frozenset({"202", "204", "206", "208"})
PACKAGES = frozenset({str(code) for code in range(232, 246)} | {"247"})
COMPRESSION = "246"
UNSIGNED = CANCELLED | LATE | PACKAGES | {COMPRESSION}  #: conditions of prints whose side is not to be told
CONTRACT = ("expiry", "strike", "is_put")


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """Probability that the side read from a print is the right one. Chosen by what each is, not fitted; in the simulated
    market the share of buys lies within 0.12 of what is said, at every level of what is said."""

    sweep: float = 0.93
    improved: float = 0.90  #: inside the quote, off its middle
    auction: float = 0.90  #: an auction's print at the quote
    touch: float = 0.50  #: an electronic print at the quote
    tick: float = 0.52  #: by the last change of price, where no quote is known


class Sides:
    """p(buy) of option prints in the order in which they became known; the same in any cutting into chunks.

    The tick rule remembers a contract's last price of the day, and begins anew each day.
    """

    def __init__(self, confidence: Confidence | None = None) -> None:
        self.confidence = confidence or Confidence()
        self._last: Array = np.empty((0, 7), np.int64)  # day, key, expiry, strike, is_put, price, direction

    def push(self, prints: Chunk) -> F64:
        """Probability that the customer bought, (n,) in [0, 1], of each row; 0.5 where nothing can be told."""
        codes = flags(prints.columns["conditions"])
        direction = self._ticks(prints, codes["signed"])
        bid, ask, price = (prints.columns[name] for name in ("bid", "ask", "price"))
        quoted = (bid != MISSING) & (ask != MISSING) & (ask > bid) & (bid >= 0)
        lean = np.where(quoted, np.sign(2 * price - np.where(quoted, bid + ask, 2 * price)), direction)
        inside = quoted & (price > bid) & (price < ask)
        c = self.confidence
        surely = np.select(
            [~codes["signed"], ~quoted, codes["sweep"], inside, codes["auction"]],
            [0.5, c.tick, c.sweep, c.improved, c.auction],
            c.touch,
        )
        return np.asarray(0.5 + (surely - 0.5) * lean, np.float64)

    def _ticks(self, prints: Chunk, signed: Array) -> I64:
        """Sign of the last change of the contract's price, (n,); only prints that can be signed move it."""
        c = prints.columns
        day = nyse().position(prints.known_at)
        now = np.column_stack([day, prints.key, *(c[name] for name in CONTRACT), c["price"], np.zeros_like(day)])
        whole = np.concatenate([self._last, now])
        own = np.concatenate([np.ones(len(self._last), bool), signed])
        order = np.lexsort((np.arange(len(whole)), *whole[:, 4::-1].T))
        order = order[own[order]]
        rows = whole[order]
        out = np.zeros(len(whole), np.int64)
        if len(rows):
            fresh = np.ones(len(rows), bool)
            fresh[1:] = (rows[1:, :5] != rows[:-1, :5]).any(axis=1)
            step = np.zeros(len(rows), np.int64)
            step[1:] = np.sign(rows[1:, 5] - rows[:-1, 5])
            step[fresh] = rows[fresh, 6]  # what was remembered, or nothing
            marked = np.where(fresh | (step != 0), np.arange(len(rows)), 0)
            rows[:, 6] = step[np.maximum.accumulate(marked)]
            out[order] = rows[:, 6]
            last = rows[np.append(fresh[1:], True)]
            self._last = last[last[:, 0] == last[:, 0].max()]
        return out[len(whole) - len(now) :]


def flags(conditions: Array) -> dict[str, Array]:
    """bool (n,) each: ``signed`` (the side can be told), ``sweep``, ``auction``, ``cancelled``; each distinct text is read once."""
    texts, place = np.unique(conditions.astype(str), return_inverse=True)
    codes = [frozenset(text.split(",")) for text in texts.tolist()]
    found = {
        "signed": [not held & UNSIGNED for held in codes],
        "sweep": [SWEEP in held for held in codes],
        "auction": [bool(held & AUCTIONS) for held in codes],
        "cancelled": [bool(held & (CANCELLED | {COMPRESSION})) for held in codes],
    }
    return {name: np.asarray(values, bool)[place] for name, values in found.items()}
