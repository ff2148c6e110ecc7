"""Off-exchange prints as far as their price says something of a side, and the probability that each was bought.

A print is signed by the middle of the quote that stood when it was executed, not when it was reported (Barber, Huang, Jorion, Odean and
Schwarz 2024: 5 % errors, against 28 % by sub-penny prices); at the middle it has no side.
"""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64, Array, Chunk
from undertow.core.events import MISSING

#: average price, cash, derivatively priced, official close and open, next day, price variation, prior reference, seller, sold out of
#: sequence, corrected close, contingent: the price was not made by this trade at this moment
DROPPED = frozenset({"2", "7", "10", "15", "16", "20", "21", "22", "29", "32", "33", "38", "52", "53"})
EXTENDED = frozenset({"12", "13"})  #: outside regular hours: another market
RIGHT = 0.95  #: probability that the middle of the quote tells the side


def directional(prints: Chunk, *, extended: bool = False) -> Chunk:
    """The ``OffExchangePrint`` rows none of whose conditions is in ``DROPPED``; of extended hours only where wanted."""
    dropped = DROPPED if extended else DROPPED | EXTENDED
    texts, place = np.unique(prints.columns["conditions"].astype(str), return_inverse=True)
    keep = np.asarray([not dropped & set(text.split(",")) for text in texts.tolist()], bool)
    return prints[keep[place]] if len(prints) else prints


def p_buy(prints: Chunk, quotes: Chunk) -> F64:
    """Probability that the buyer came in, (n,), by the middle at execution; 0.5 at the middle and where no quote stood.

    Only quotes that were known when the print was count, so nothing of it changes later. Both chunks are of one universe.
    """
    out = np.full(len(prints), 0.5)
    bid, ask = quotes.columns["bid"], quotes.columns["ask"]
    for key in np.unique(prints.key):
        own = np.flatnonzero(prints.key == key)
        theirs = np.flatnonzero(quotes.key == key)
        theirs = theirs[np.argsort(quotes.event_at[theirs], kind="stable")]
        at = np.searchsorted(quotes.event_at[theirs], prints.event_at[own], side="right") - 1
        stood = theirs[np.maximum(at, 0)] if len(theirs) else np.zeros(len(own), np.int64)
        known: Array = (at >= 0) & (len(theirs) > 0)
        if not known.any():
            continue
        known &= (quotes.known_at[stood] <= prints.known_at[own]) & (bid[stood] != MISSING) & (ask[stood] != MISSING)
        lean = np.sign(2 * prints.columns["price"][own] - bid[stood] - ask[stood])
        out[own] = np.where(known, 0.5 + (RIGHT - 0.5) * lean, 0.5)
    return out
