"""What a study of honesty consists of: how many markets of which kind, and what is run over them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from undertow.core.errors import BadInput
from undertow.models.framework import Schedule
from undertow.validation.honesty.leaks import LEAKS, Leak
from undertow.validation.honesty.market import Settings
from undertow.validation.honesty.pipeline import Pipeline

#: shared by all arms: one linear model and one of trees; a year between retrainings is slower than ships, which only makes it harder
MODELS = ("ridge_logistic", "xgboost")
#: seeds of an arm begin here, so that no market is used twice
NULL_SEEDS, PLANTED_SEEDS, LEAK_SEEDS = 10_000, 20_000, 30_000
#: leaks are so plain that a small market shows them
LEAKY_MARKET = Settings(seed=0, symbols=20, sessions=504)
LEAKY_SCHEDULE = Schedule(every=126, at_least=120, at_most=378)
LEAST_MARKETS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Markets by arm, and the least that planted ones have to recover."""

    name: str
    market: Settings  #: size of the null and planted markets; seed and effect are set for each
    pipeline: Pipeline
    null: int  #: markets without an effect
    planted: dict[float, int]  #: information coefficient -> markets
    recovery: dict[float, float]  #: information coefficient -> least mean share of the oracle's Sharpe
    each_leak: int  #: markets of each leak, and of their sound twin
    leaks: tuple[Leak, ...] = field(default=LEAKS)
    leaky_market: Settings = LEAKY_MARKET

    @property
    def leaky(self) -> Pipeline:
        """The pipeline on the leaks' small markets."""
        return replace(self.pipeline, schedule=LEAKY_SCHEDULE)

    def with_markets(self, markets: int) -> Plan:
        """The same study with so many null markets, and the other arms in proportion; raises ``BadInput`` for fewer than ten."""
        if markets < LEAST_MARKETS:
            raise BadInput(f"--markets {markets}: fewer than {LEAST_MARKETS} null markets say nothing; give {LEAST_MARKETS} or more")
        share = markets / self.null
        planted = {ic: max(round(n * share), 2) for ic, n in self.planted.items()}
        return replace(self, null=markets, planted=planted, each_leak=max(round(self.each_leak * share), LEAST_MARKETS))


FAST = Plan(
    name="fast",
    market=Settings(seed=0, symbols=50, sessions=1_008),
    pipeline=Pipeline(models=MODELS, schedule=Schedule(every=252, at_least=480, at_most=756)),
    null=50,
    planted={0.05: 10},
    recovery={0.05: 0.75},
    each_leak=10,
)
FULL = Plan(
    name="full",
    market=Settings(seed=0, symbols=50, sessions=1_512),
    pipeline=Pipeline(models=MODELS, schedule=Schedule(every=252, at_least=730, at_most=756)),
    null=200,
    planted={0.03: 30, 0.05: 30},
    recovery={0.03: 0.60, 0.05: 0.80},
    each_leak=50,
)
