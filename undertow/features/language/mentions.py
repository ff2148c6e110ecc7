"""Words in texts, each distinct text looked at once."""

from __future__ import annotations

import re

import numpy as np

from undertow.core.chunk import F64, Array

MOST = 100_000  #: texts that are kept; free text could be endless


class Words(dict[str, float]):
    """Text -> sum of 2**j over the groups j of words of which one stands in it."""

    def __init__(self, groups: tuple[frozenset[str], ...]) -> None:
        super().__init__()
        self._groups = groups

    def __missing__(self, text: str) -> float:
        words = set(re.split(r"[^0-9A-Za-z]+", text))
        found = float(sum(2**j for j, group in enumerate(self._groups) if group & words))
        if len(self) < MOST:
            self[text] = found
        return found

    def of(self, texts: Array) -> F64:
        """texts (n,) -> (n,)."""
        return np.fromiter(map(self.__getitem__, texts.tolist()), np.float64, len(texts))
