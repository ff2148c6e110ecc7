"""The oracle of the prints: the true side and trader of each, which no follower is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import I64, Array
from undertow.core.errors import BadInput
from undertow.core.events import Event, OffExchangePrint, OptionTrade, Trade
from undertow.sandbox.options.flow import option_trades
from undertow.sandbox.options.prints import OPTION, TRADERS
from undertow.sandbox.part import Part, Rows
from undertow.sandbox.tape.dark import DARK
from undertow.sandbox.tape.lit import LIT
from undertow.sandbox.tape.records import joined
from undertow.sandbox.tape.ticks import off_exchange_prints, trades


@dataclass(frozen=True, slots=True)
class Hands:
    """Who was behind the prints of one symbol; never in a chunk. ``seq`` says which print.

    seq    : int64 (n,)  as in the chunk of that kind
    side   : int64 (n,)  +1 the aggressor, or for options the customer, bought; -1 sold; 0 neither did
    trader : object (n,)  informed, retail, hedging or other
    """

    seq: I64
    side: I64
    trader: Array


def hands_of(part: Part, kind: type[Event], seq: Callable[[str, Rows], I64]) -> Hands:
    """The hands behind the prints of one kind; raises BadInput for a kind that is no print."""
    if kind is Trade:
        records, rows = joined(LIT, [tape.lit for tape in part.tapes]), trades(part)
        trader = np.where(records["informed"] == 1, TRADERS[0], "other").astype(object)
    elif kind is OffExchangePrint:
        records, rows = joined(DARK, [tape.dark for tape in part.tapes]), off_exchange_prints(part)
        trader = np.full(len(records), "other", object)
    elif kind is OptionTrade:
        records, rows = joined(OPTION, part.option_prints), option_trades(part)
        trader = TRADERS[records["trader"]]
    else:
        raise BadInput(f"{kind.__name__} is no print: ask for Trade, OffExchangePrint or OptionTrade")
    return Hands(seq(part.symbol, rows), np.ascontiguousarray(records["side"]), trader)
