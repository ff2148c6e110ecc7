"""The broker's rules again, as plain loops over plain numbers: slow, and written to be read. Tests compare the compiled folds with it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from undertow.core.orders import Costs

YEAR_NS = 365 * 24 * 3600 * 10**9


@dataclass
class OneFill:
    bar: int
    shares: float
    price: float
    commission: float
    spread_cost: float
    impact_cost: float
    raw: float  # the open it was filled at


@dataclass
class Sleeve:
    """One account with one position."""

    capital: float
    costs: Costs
    bars_per_day: float = 1.0
    cash: float = 0.0
    shares: float = 0.0
    want: float = 0.0
    mark: float = 0.0
    rent: float = 0.0
    dividends: float = 0.0
    started: float | None = None
    returns: list[float] = field(default_factory=list)
    volumes: list[float] = field(default_factory=list)
    fills: list[OneFill] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cash = self.capital

    def whole(self, shares: float) -> float:
        return float(math.trunc(shares)) if self.costs.whole_shares else shares

    def worth(self) -> float:
        return self.cash + self.shares * self.mark

    def pay_lender(self, start: float) -> None:
        if self.started is not None and self.shares < 0:
            due = -self.shares * self.mark * self.costs.borrow_rate * (start - self.started) / YEAR_NS
            self.cash -= due
            self.rent += due
        self.started = start

    def act(self, ratio: float, dividend: float, price: float) -> None:
        self.cash += self.shares * dividend
        self.dividends += self.shares * dividend
        standing = self.want != self.shares
        self.mark /= ratio
        exact = self.shares * ratio
        self.shares = self.whole(exact)
        self.cash += (exact - self.shares) * (price if price > 0 else self.mark)
        self.want = self.whole(self.want * ratio) if standing else self.shares
        self.volumes = [v * ratio for v in self.volumes]

    def impact(self, size: float) -> float:
        """Fraction of price: Y * daily volatility * sqrt(size / daily volume), from exponentially weighted averages."""
        if self.costs.impact == 0 or not self.volumes:
            return 0.0
        decay = 0.94 ** (1 / self.bars_per_day)
        weights = [decay**age for age in range(len(self.volumes))][::-1]
        variance = sum(w * r * r for w, r in zip(weights, self.returns, strict=True)) / sum(weights)
        volume = sum(w * v for w, v in zip(weights, self.volumes, strict=True)) / sum(weights)
        if volume == 0:
            return 0.0
        daily_volatility, daily_volume = math.sqrt(variance * self.bars_per_day), volume * self.bars_per_day
        return min(self.costs.impact * daily_volatility * math.sqrt(size / daily_volume), 1 - self.costs.half_spread_bp / 1e4)

    def trade(self, bar: int, price: float, volume: float) -> None:
        if self.want == self.shares or not price > 0:
            return
        wanted = self.want - self.shares
        size = abs(wanted)
        if self.costs.participation < math.inf:
            cap = self.costs.participation * volume if volume > 0 else 0.0
            if size > cap:
                size = float(math.floor(cap)) if self.costs.whole_shares else cap
        if size == 0:
            return
        side = 1 if wanted > 0 else -1
        spread, impact = self.costs.half_spread_bp / 1e4, self.impact(size)
        paid = price * (1 + side * (spread + impact))
        commission = size * self.costs.commission_per_share + size * paid * self.costs.commission_bp / 1e4
        self.cash -= side * size * paid + commission
        self.shares = self.want if size == abs(wanted) else self.shares + side * size
        self.fills.append(OneFill(bar, side * size, paid, commission, size * price * spread, size * price * impact, price))

    def close(self, open_: float, close: float, volume: float) -> None:
        before = self.mark if self.mark > 0 else open_
        if before > 0 and close > 0 and volume >= 0:
            self.returns.append(close / before - 1)
            self.volumes.append(volume)
        if close > 0:
            self.mark = close
        self.equity.append(self.worth())
        self.held.append(self.shares)


@dataclass
class Row:
    """One bar; actions are (ratio, dividend) before its open."""

    start: int
    known: int
    open: float
    close: float
    volume: float
    actions: list[tuple[float, float]] = field(default_factory=list)


def run_shares(sleeve: Sleeve, rows: list[Row], targets: list[float], size: float) -> Sleeve:
    """Targets decided at the end of each bar, in units of ``size`` shares; NaN says nothing, repeating says nothing new."""
    last = 0.0
    for i, (row, target) in enumerate(zip(rows, targets, strict=True)):
        sleeve.pay_lender(row.start)
        for ratio, dividend in row.actions:
            sleeve.act(ratio, dividend, row.open)
        sleeve.trade(i, row.open, row.volume)
        sleeve.close(row.open, row.close, row.volume)
        if not math.isnan(target) and target != last:
            last = target
            sleeve.want = target * size
    return sleeve


def run_ticks(sleeve: Sleeve, rows: list[Row], ticks: list[int], weights: list[float], band: float) -> Sleeve:
    """Every bar looks back over all ticks and all bars: quadratic, and nothing is remembered but the account."""
    decided: dict[int, tuple[float, float]] = {}  # tick -> shares, least, once sized
    used: set[int] = set()

    def size(before: int) -> None:
        equity = sleeve.equity[-1] if sleeve.equity else sleeve.capital
        for tick, weight in zip(ticks, weights, strict=True):
            if not math.isnan(weight) and tick < before and tick not in decided and sleeve.mark > 0:
                decided[tick] = (sleeve.whole(weight * equity / sleeve.mark), band * equity / sleeve.mark)

    for i, row in enumerate(rows):
        size(row.known)
        sleeve.pay_lender(row.start)
        for ratio, dividend in row.actions:
            sleeve.act(ratio, dividend, row.open)
            decided = {t: (s if t in used else sleeve.whole(s * ratio), least * ratio) for t, (s, least) in decided.items()}
        if sleeve.mark == 0 and row.open > 0:
            sleeve.mark = row.open
            size(row.known)
        for tick, weight in zip(ticks, weights, strict=True):
            if math.isnan(weight) or tick > row.start or tick in used or tick not in decided:
                continue
            used.add(tick)
            want, least = decided[tick]
            sleeve.want = want if abs(want - sleeve.shares) > least else sleeve.shares
        sleeve.trade(i, row.open, row.volume)
        sleeve.close(row.open, row.close, row.volume)
    return sleeve


def run_panel(capital: float, costs: Costs, days: list[list[Row]], weights: list[list[float]]) -> tuple[list[float], list[Sleeve]]:
    """Many symbols on one account: each sleeve lends its cash to the common purse before and after it acts."""
    sleeves = [Sleeve(0.0, costs) for _ in days[0]]
    purse, curve = capital, []
    for rows, row_weights in zip(days, weights, strict=True):
        for s, row in zip(sleeves, rows, strict=True):
            s.pay_lender(row.start)
            for ratio, dividend in row.actions:
                s.act(ratio, dividend, row.open)
        for s, row in zip(sleeves, rows, strict=True):
            s.trade(len(curve), row.open, row.volume)
            s.close(row.open, row.close, row.volume)
        purse += sum(s.cash for s in sleeves)
        for s in sleeves:
            s.cash = 0.0
        curve.append(purse + sum(s.shares * s.mark for s in sleeves))
        for s, weight in zip(sleeves, row_weights, strict=True):
            if not math.isnan(weight) and s.mark > 0:
                s.want = s.whole(weight * curve[-1] / s.mark)
    return curve, sleeves
