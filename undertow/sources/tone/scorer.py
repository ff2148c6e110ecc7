"""The scorer: words and phrases with weights, turned by negations, scaled by intensifiers, and directions read beside what moves."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import takewhile

from undertow.sources.tone import words
from undertow.sources.tone.words import PHRASES

NEGATED_WITHIN = 3  #: words after a negation that it turns
SCALED_WITHIN = 2  #: words after an intensifier that it scales
MOVES_WITHIN = 4  #: words between a direction and what moves
_TOKEN = re.compile(r"[a-z&][a-z&'\-]*|\d[\d.,]*%?|[;:,.!?]")
_ENDINGS = (("", ""), ("s", ""), ("es", ""), ("ed", ""), ("d", ""), ("ing", ""), ("ing", "e"), ("ies", "y"), ("ied", "y"), ("er", ""))
_LONGEST = max(len(phrase.split()) for phrase in PHRASES)
_STOPS = frozenset(";:.!?")


def tone(text: str) -> float:
    """What a headline says of a company's business, in [-1, 1]: 0 for nothing, and for what only tells that its share's price moved.

    The sum of the weights found over the sum of their sizes and one.

    >>> tone("Acme beats estimates and raises guidance") > 0.5
    True
    >>> tone("Acme shares jump 7%")
    0.0
    """
    found = _weights(_TOKEN.findall(text.lower().replace("\u2019", "'")))
    return sum(found) / (sum(map(abs, found)) + 1.0)


def _weights(tokens: list[str]) -> list[float]:
    found, i = [], 0
    while i < len(tokens):
        weight, length = _phrase(tokens, i)
        if length == 0:
            weight, length = _word(tokens, i), 1
        if weight:
            found.append(weight * _scale(tokens, i) * _sign(tokens, i))
        i += length
    return found


def _phrase(tokens: list[str], i: int) -> tuple[float, int]:
    # the longest phrase that begins here, and how many words it takes
    for length in range(min(_LONGEST, len(tokens) - i), 0, -1):
        for first in _forms(tokens[i]):
            weight = PHRASES.get(" ".join((first, *tokens[i + 1 : i + length])))
            if weight is not None:
                return weight, length
    return 0.0, 0


def _word(tokens: list[str], i: int) -> float:
    token = tokens[i]
    direction = _is(token, words.UP) - _is(token, words.DOWN)
    if direction:
        return direction * _wanted(tokens, i)
    if _is(token, words.VERY_GOOD) or _is(token, words.VERY_BAD):
        return 2.0 if _is(token, words.VERY_GOOD) else -2.0
    if token in words.NOT:
        return 0.0
    if (_is(token, words.WANTED) or _is(token, words.UNWANTED)) and _moves_nearby(tokens, i):
        return 0.0  # said by the direction
    return float(_is(token, words.GOOD) - _is(token, words.BAD))


def _wanted(tokens: list[str], i: int) -> float:
    # whether what moves is wanted more (1) or less (-1) of; 0 where it is a price, or nothing that is known
    for away in range(1, MOVES_WITHIN + 1):
        for j in (i - away, i + away):
            if 0 <= j < len(tokens):
                if _is(tokens[j], words.PRICE):
                    return 0.0
                wanted = _is(tokens[j], words.WANTED) - _is(tokens[j], words.UNWANTED)
                if wanted:
                    return float(wanted)
    return 0.0


def _moves_nearby(tokens: list[str], i: int) -> bool:
    near = tokens[max(0, i - MOVES_WITHIN) : i + MOVES_WITHIN + 1]
    return any(_is(token, words.UP) or _is(token, words.DOWN) for token in near)


def _before(tokens: list[str], i: int, n: int) -> list[str]:
    # up to n words before, of the same clause
    return list(takewhile(lambda token: token not in _STOPS, tokens[max(0, i - n) : i][::-1]))


def _sign(tokens: list[str], i: int) -> float:
    return -1.0 if any(token in words.NOT for token in _before(tokens, i, NEGATED_WITHIN)) else 1.0


def _scale(tokens: list[str], i: int) -> float:
    near = _before(tokens, i, SCALED_WITHIN)
    return 1.5 if any(t in words.MORE for t in near) else 0.5 if any(t in words.LESS for t in near) else 1.0


def _is(token: str, some: frozenset[str]) -> int:
    return int(any(form in some for form in _forms(token)))


@lru_cache(maxsize=50_000)
def _forms(token: str) -> tuple[str, ...]:
    # the plain forms that a word may come from, itself first
    plain = [token[: len(token) - len(end)] + instead for end, instead in _ENDINGS if token.endswith(end)]
    doubled = [form[:-1] for form in plain if len(form) > 3 and form[-1] == form[-2] and form != token]
    return tuple(dict.fromkeys(form for form in (*plain, *doubled) if len(form) > 1 or form == token))
