"""The made markets' own kind of event, a morning's publication of twenty numbers, and the features that read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import make_dataclass
from typing import Any

from undertow.core.events import Event, Ratio
from undertow.features.engineering import FeatureEngineering
from undertow.features.language.expressions import Expr
from undertow.features.language.register import feature
from undertow.features.vocabulary import column

COUNT = 20  #: numbers a publication holds; which of them foretell anything is the market's secret

#: Twenty numbers about one symbol and session, published on the next session's morning: ``c00`` to ``c19``
Clue: type[Event] = make_dataclass(
    "Clue",
    [(f"c{j:02d}", Ratio) for j in range(COUNT)],
    bases=(Event,),
    namespace={
        "kind": "clue",
        "__module__": __name__,
        "next_session": True,
        "__doc__": "Twenty numbers about a session, published the next morning.",
    },
    frozen=True,
    slots=True,
    kw_only=True,
)


def _clue(j: int) -> Callable[[Any], Expr]:
    def clue(_: Any) -> Expr:
        return column(Clue, f"c{j:02d}").last()

    clue.__doc__ = f"Number {j} of the newest publication."
    return clue


class Clues(FeatureEngineering):
    """The shipped features and one for each number of a publication."""


NAMES = tuple(f"clue_{j:02d}" for j in range(COUNT))
for _j, _name in enumerate(NAMES):
    setattr(Clues, _name, feature(unit="standard deviations", family="clue")(_clue(_j)))

#: what strategies are sized by; one of the shipped features
VOLATILITY = "realised_volatility_20_1d"
WANTED = (*NAMES, VOLATILITY)
