"""Operators over headlines: how new a story is beside the ones before it."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from math import sqrt
from typing import Any, ClassVar

import numpy as np

from undertow.core.chunk import F64, Chunk
from undertow.features.language.memory import Memory

State = dict[str, Any]
FEWEST = 3  #: a headline of fewer words says too little to be compared
_SMALL = "a an and as at by for from in into is it its of on or the to with after amid over"
_COMMON = frozenset(_SMALL.split())
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class Novelty:
    """One less the largest cosine between a headline's words and those of each of the symbol's last ``n`` stories (Tetlock 2011).

    A summary of several stories, and a headline of fewer than three words, is compared with nothing: 1.
    """

    of_rows: ClassVar[bool] = True
    n: int = 10

    @property
    def memory(self) -> Memory:
        """``n`` stories before this one."""
        return Memory(events=self.n)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {"told": [deque(maxlen=self.n) for _ in range(keys)]}

    def push(self, state: State, chunk: Chunk) -> F64:
        """Rows of news (n,) -> (n,)."""
        out = np.ones(len(chunk))
        columns = chunk.key.tolist(), chunk.columns["headline"].tolist(), chunk.columns["stories"].tolist()
        for i, (key, headline, stories) in enumerate(zip(*columns, strict=True)):
            told: deque[frozenset[str]] = state["told"][key]
            said = words_of(headline) if stories == 1 else frozenset()
            if said:
                out[i] = 1.0 - max((likeness(said, other) for other in told), default=0.0)
            told.append(said)
        return out


def words_of(headline: str) -> frozenset[str]:
    """The words that carry a headline's meaning, in small letters; none where there are fewer than three."""
    found = frozenset(_WORD.findall(headline.lower())) - _COMMON
    return found if len(found) >= FEWEST else frozenset()


def likeness(a: frozenset[str], b: frozenset[str]) -> float:
    """Cosine between two sets of words, in [0, 1]; 0 where either is empty."""
    return len(a & b) / sqrt(len(a) * len(b)) if a and b else 0.0
