"""What the broker trades: any symbol of one to five capital letters, or a list of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from undertow.sandbox.broker.words import Asset

_SYMBOL = re.compile(r"[A-Z]{1,5}")


class Listing:
    """Assets by symbol.

    named : always in the list, as plain assets
    known : assets that are different, by symbol
    only  : nothing else exists
    """

    def __init__(self, named: Sequence[str] = (), known: Mapping[str, Asset] | None = None, *, only: bool = False) -> None:
        self.only = only
        self._known = {symbol: Asset(symbol=symbol) for symbol in named} | dict(known or {})

    def __call__(self, symbol: str) -> Asset | None:
        """The asset, or None where there is none."""
        found = self._known.get(symbol)
        if found is None and not self.only and _SYMBOL.fullmatch(symbol):
            return Asset(symbol=symbol)
        return found

    def all(self) -> list[Asset]:
        """Those that are listed, by symbol."""
        return [self._known[symbol] for symbol in sorted(self._known)]
