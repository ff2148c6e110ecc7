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
        self.mark = self.mark if self.mark > 0 else price
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


@dataclass
class Bound:
    """The portfolio's limits again: shares of the account's equity, each row of targets looked at by hand."""

    name: float = 1.0
    sector: float = 1.0
    gross: float = 1.0
    ladder: tuple[tuple[float, float], ...] = ()
    sectors: list[str] = field(default_factory=list)  # a symbol each; "" for none
    peak: float = -math.inf
    rung: int = 0
    left: float = 1.0
    said: dict[int, float] = field(default_factory=dict)
    allowed: dict[int, float] = field(default_factory=dict)

    def on(self, targets: list[float], held: list[float], equity: float, band: float) -> tuple[list[float], list[float]]:
        """Weights in parts of equity / n (NaN: leave alone), and the band of each."""
        n = len(targets)
        if equity >= self.peak:
            self.peak, self.rung = equity, 0
        while self.rung < len(self.ladder) and equity <= self.peak * (1 - self.ladder[self.rung][0]) * (1 + 1e-12):
            self.rung += 1
        left = self.ladder[self.rung - 1][1] if self.rung else 1.0
        moved, self.left = left != self.left, left
        self.said.update({i: t for i, t in enumerate(targets) if not math.isnan(t)})
        if equity <= 0:
            self.allowed = dict.fromkeys(range(n), 0.0)
            return [0.0] * n, [0.0] * n
        part = equity / n
        groups = [[i for i in range(n) if self.sectors[i] == s] for s in sorted(set(self.sectors) - {""})] if self.sectors else []
        bounds = [(group, self.sector * n * left) for group in groups] + [(list(range(n)), self.gross * n * left)]
        weights, bands = [], []
        for i, target in enumerate(targets):
            size = abs(held[i])
            grown = any(i in group and sum(abs(held[k]) for k in group) > 1.1 * most * part for group, most in bounds)
            over = grown or size > 1.1 * self.name * n * left * part
            want = self.said.get(i, math.nan) if moved else target
            want *= left
            if math.isnan(want) and over:
                want = held[i] / part
            most = self.name * n * left
            weights.append(want if math.isnan(want) else math.copysign(min(abs(want), most), want))
            bands.append(0.0 if moved or over or left == 0 else band)
        for group, most in bounds:
            silent = [i for i in group if math.isnan(weights[i])]
            taken = 0.0
            for i in silent:
                was, size = abs(self.allowed.get(i, 0.0)), abs(held[i]) / part
                taken += was if size <= 1.1 * was else size
            room, asked = max(most - taken, 0.0), sum(abs(weights[i]) for i in group if i not in silent)
            if asked > room * (1 + 1e-12):
                for i in group:
                    weights[i] *= room / asked
        self.allowed.update({i: w for i, w in enumerate(weights) if not math.isnan(w)})
        return weights, bands


@dataclass
class Decided:
    tick: int
    money: float
    band: float
    shares: float = math.nan
    least: float = math.nan


def run_account(
    sleeves: list[Sleeve], tables: list[list[Row]], ticks: list[int], targets: list[list[float]], bound: Bound, band: float
) -> list[tuple[int, float, list[float], list[float]]]:
    """One account of several purses: all that happens, one thing after the other. Returns tick, equity, held USD, weights."""
    waiting: list[list[Decided]] = [[] for _ in sleeves]
    events = [(row.known, 0, k, i) for k, rows in enumerate(tables) for i, row in enumerate(rows)]
    events = sorted(events + [(tick, 1, 0, j) for j, tick in enumerate(ticks)])
    log = []

    def size(k: int) -> None:
        for one in waiting[k]:
            if math.isnan(one.shares) and sleeves[k].mark > 0:
                one.shares, one.least = sleeves[k].whole(one.money / sleeves[k].mark), one.band / sleeves[k].mark

    def meet(k: int, i: int) -> None:
        sleeve, row = sleeves[k], tables[k][i]
        sleeve.pay_lender(row.start)
        for ratio, dividend in row.actions:
            sleeve.act(ratio, dividend, row.open)
            for one in waiting[k]:
                one.shares, one.least = (one.shares if math.isnan(one.shares) else sleeve.whole(one.shares * ratio)), one.least * ratio
        if sleeve.mark == 0 and row.open > 0:
            sleeve.mark = row.open
        size(k)
        while sleeve.mark > 0 and waiting[k] and waiting[k][0].tick <= row.start:
            one = waiting[k].pop(0)
            sleeve.want = one.shares if abs(one.shares - sleeve.shares) > one.least else sleeve.shares
        sleeve.trade(i, row.open, row.volume)
        sleeve.close(row.open, row.close, row.volume)
        size(k)

    for _, what, k, i in events:
        if what == 0:
            meet(k, i)
            continue
        equity = sum(s.equity[-1] if s.equity else s.capital for s in sleeves)
        held = [s.shares * s.mark for s in sleeves]
        weights, bands = bound.on(targets[i], held, equity, band)
        log.append((ticks[i], equity, held, weights))
        part = equity / len(sleeves)
        for own, weight, least in zip(waiting, weights, bands, strict=True):
            if not math.isnan(weight):
                own.append(Decided(ticks[i], weight * part, least * part))
        for n in range(len(sleeves)):
            size(n)
    return log


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
