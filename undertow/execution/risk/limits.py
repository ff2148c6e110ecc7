"""How far an account may go; the defaults are conservative ones for a paper account of 100,000 USD."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np

from undertow.core.errors import BadInput
from undertow.core.time import SECOND, Duration, Instant
from undertow.execution.orders.margin import RULES, Policies, Policy, Rule, policies
from undertow.execution.orders.margin import Account as AccountKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Every limit; shares of equity are of the lower of the day's first and the newest equity. Raises ``BadInput``."""

    loss_reduce: float = 0.01  #: loss of the day, a share of the equity it began with, from which orders only close
    loss_halt: float = 0.02  #: and at which trading halts
    peak_reduce: float = 0.015  #: fall from the day's peak, a share of the peak
    peak_halt: float = 0.03
    exits_per_minute: int = 60  #: orders of any kind in a minute before one that closes must wait
    clock_skew: Duration = SECOND // 2  #: either way
    channels: tuple[tuple[str, Duration], ...] = (("quotes", 15 * SECOND), ("orders", 60 * SECOND), ("account", 60 * SECOND))
    quote_age: Duration = 15 * SECOND
    spread: float = 0.005  #: of the middle price
    option_spread: float = 0.10
    collar: float = 0.02  #: of the middle price, by which a limit may lie beyond it
    option_collar: float = 0.15
    orders_per_minute: int = 20
    orders_per_day: int = 200
    order_shares: float = 1_000.0
    order_contracts: float = 10.0
    order_value: float = 2_500.0  #: USD
    position_value: float = 5_000.0  #: USD in one share or contract
    name: float = 0.05  #: of equity, shares and options of one name
    sector: float = 0.25
    gross: float = 1.0
    premium_name: float = 0.01  #: of equity, option premium of one name
    premium: float = 0.03
    reserve: float = 0.01  #: of an order's value, kept for costs and slippage where money is counted
    account: AccountKind = AccountKind.MARGIN
    broker: str = "*"  #: whose dates the margin rule follows
    rules: tuple[Rule, ...] = RULES

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, int | float) and not (math.isfinite(value) and value >= 0):
                raise BadInput(f"the limit {each.name} must be a number of at least 0, not {value}")
        if not (self.loss_reduce <= self.loss_halt < 1.0 and self.peak_reduce <= self.peak_halt < 1.0):
            raise BadInput("a limit that halts must be at least the one that reduces, and below 1")
        names = [name for name, _ in self.channels]
        if len(set(names)) < len(names) or any(not (math.isfinite(age) and age > 0) for _, age in self.channels):
            raise BadInput("channels need a name each, given once, and an age above 0 ns")
        _table(self.account, self.broker, self.rules)

    def policy(self, at: Instant) -> Policy:
        """The margin rule of the account's kind and broker on the day of ``at``."""
        table = _table(self.account, self.broker, self.rules)
        row = max(int(np.searchsorted(table.since, at, side="right")) - 1, 0)
        return Policy(*(float(term) for term in table.terms[row]))


@lru_cache(maxsize=64)
def _table(account: AccountKind, broker: str, rules: tuple[Rule, ...]) -> Policies:
    return policies(account, broker, rules)
