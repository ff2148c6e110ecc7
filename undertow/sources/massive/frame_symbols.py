"""Symbols in frames as positions in the universe, learned once a name: stocks, and contracts on them with their terms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from undertow.core.chunk import I64
from undertow.sources.massive.ticks import option_terms, underlying_of

_MOST = 300_000  # names kept: a whole market's stocks, or a few hundred underlyings' contracts
ELSEWHERE = -1


class Symbols(dict[str, int]):
    """Name -> its code: the position of a stock, ``len(universe) + n`` for the n-th contract met, ``ELSEWHERE`` for what is not ours.

    universe : the tickers
    """

    def __init__(self, universe: Sequence[str]) -> None:
        super().__init__()
        self.universe = tuple(universe)
        self.trim(most=-1)

    def __missing__(self, name: str) -> int:
        code = ELSEWHERE
        if name.startswith("O:") and (root := underlying_of(name)) in self.universe:
            code = len(self.universe) + len(self._terms)
            self._terms.append((self.universe.index(root), *option_terms(name)))
        self[name] = code
        return code

    def codes(self, names: Iterable[str], n: int) -> I64:
        """The codes of n names, int64 (n,)."""
        return np.fromiter(map(self.__getitem__, names), np.int64, n)

    def terms(self, codes: I64) -> I64:
        """Of codes of contracts: underlying's position, expiry (days since 1970), strike (1/10,000 USD), is_put; int64 (n, 4)."""
        return np.array([self._terms[at] for at in (codes - len(self.universe)).tolist()], np.int64).reshape(-1, 4)

    def trim(self, most: int = _MOST) -> None:
        """Forget all but the universe once more than ``most`` names are known; codes handed out before mean nothing after."""
        if len(self) > most:
            self.clear()
            self._terms: list[tuple[int, int, int, int]] = []
            self.update({name: at for at, name in enumerate(self.universe)})
