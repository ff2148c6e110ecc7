"""The strategies by name: what ``--strategy`` may say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from undertow.core.errors import BadInput
from undertow.strategies.book import Member
from undertow.strategies.dark_pool import DarkPool
from undertow.strategies.earnings import Earnings
from undertow.strategies.flat import Flat
from undertow.strategies.market_structure import MarketStructure
from undertow.strategies.meta import Meta
from undertow.strategies.options_flow import OptionsFlow
from undertow.strategies.technical_flow import TechnicalFlow

CATALOGUE: dict[str, Callable[[], Member]] = {
    "meta": Meta,
    "options_flow": OptionsFlow,
    "dark_pool": DarkPool,
    "market_structure": MarketStructure,
    "earnings": Earnings,
    "technical_flow": TechnicalFlow,
    "flat": Flat,
}


def strategy_names() -> tuple[str, ...]:
    """Every name there is, the default first."""
    return tuple(CATALOGUE)


def strategies(names: Sequence[str]) -> tuple[Member, ...]:
    """The strategies of these names with their usual parameters, in that order; raises ``BadInput`` for unknown, repeated and no names."""
    valid = ", ".join(CATALOGUE)
    if not names:
        raise BadInput(f"no strategy is named; there are {valid}")
    if unknown := [name for name in names if name not in CATALOGUE]:
        raise BadInput(f"there is no strategy named {', '.join(unknown)}; there are {valid}")
    if len(set(names)) < len(names):
        raise BadInput(f"a strategy is named twice in {', '.join(names)}; each gets its share of the risk once")
    return tuple(CATALOGUE[name]() for name in names)
