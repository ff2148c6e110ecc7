"""What short positions need: the strategy-based rules of Regulation T and the Cboe, by underlying.

Long options are paid in full and lend nothing. A short option that nothing covers needs its own price and 20 % of the shares' value less
what it is out of the money, at least 10 % (of the shares' value for a call, of the strike for a put). What other options limit needs
its largest loss. Shares cover calls written on them, short shares puts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from undertow.execution.contracts.book import Book, Prices, worth
from undertow.execution.contracts.terms import Contract, money

Counts = Mapping[Contract, int]
NEVER_LIMITED = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginRules:
    """Fractions of value that must be own money; the defaults are for opening a position, ``MAINTENANCE`` for keeping it."""

    long_shares: float = 0.50
    short_shares: float = 0.50
    uncovered: float = 0.20  #: of the shares' value, less what the option is out of the money
    at_least: float = 0.10  #: of the shares' value (call) or of the strike (put)


MAINTENANCE = MarginRules(long_shares=0.25, short_shares=0.30)


@dataclass(frozen=True, slots=True)
class Naked:
    """Contracts that nothing covers: how many, what one needs, and the part of it that is the option's own price; 1/10,000 USD."""

    count: int
    needs: int
    price: int


def excess(book: Book, prices: Prices, rules: MarginRules) -> int:
    """Own money beyond what the positions need, 1/10,000 USD; below 0 the account could not carry them. Raises BadData without a price."""
    return book.cash + sum(_carried(book, symbol, prices, rules) for symbol in book.symbols())


def uncovered(contract: Contract, price: float, spot: float, rules: MarginRules) -> int:
    """What one short contract needs that nothing covers, 1/10,000 USD; ``price`` and ``spot`` in 1/10,000 USD a share.

    >>> call = Contract(symbol="KO", expiry=0, strike=400_000, is_put=False)  # 40, the share at 42, the call at 4.7594
    >>> put = Contract(symbol="KO", expiry=0, strike=400_000, is_put=True)  # its price 0.8086, and 2 out of the money
    >>> uncovered(call, 47_594, 420_000, MarginRules()) / 10_000, uncovered(put, 8_086, 420_000, MarginRules()) / 10_000
    (1315.94, 720.86)
    """
    shares = spot * contract.multiplier
    out_of_the_money = max(shares - contract.cost if contract.is_put else contract.cost - shares, 0.0)
    least = rules.at_least * (contract.cost if contract.is_put else shares)
    return money(price * contract.multiplier) + money(max(rules.uncovered * shares - out_of_the_money, least))


def largest_loss(options: Counts) -> int:
    """The most that options can cost at the last short one's expiry, in 1/10,000 USD; ``NEVER_LIMITED`` where calls are written uncovered.

    Long options that expire before a short one do not count.

    >>> low, high = (Contract(symbol="KO", expiry=0, strike=strike * 10_000, is_put=False) for strike in (50, 55))
    >>> largest_loss({low: -1, high: 1}) / 10_000, largest_loss({low: 1, high: -1}), largest_loss({low: -1}) == NEVER_LIMITED
    (500.0, 0, True)
    """
    last = max((contract.expiry for contract, count in options.items() if count < 0), default=0)
    lasting = {contract: count for contract, count in options.items() if count < 0 or contract.expiry >= last}
    if sum(count * contract.multiplier for contract, count in lasting.items() if not contract.is_put) < 0.0:
        return NEVER_LIMITED
    return max(0, *(-payoff(lasting, spot) for spot in bends(lasting)))


def payoff(options: Counts, spot: int) -> int:
    """What options are worth at once at a share price in 1/10,000 USD: 1/10,000 USD, below 0 where they cost."""
    return sum(count * contract.intrinsic(spot) for contract, count in options.items())


def bends(options: Iterable[Contract]) -> list[int]:
    """Share prices, 1/10,000 USD, between which a payoff is a straight line: 0 and those at strikes, which a split may put between two.

    >>> split = Contract(symbol="KO", expiry=0, strike=1_100_000, is_put=False).after_split(1.5)
    >>> bends([split])
    [0, 733333, 733334]
    """
    strikes = {contract.cost / contract.multiplier for contract in options}
    return sorted({0} | {math.floor(strike) for strike in strikes} | {math.ceil(strike) for strike in strikes})


def _carried(book: Book, symbol: str, prices: Prices, rules: MarginRules) -> int:
    """What an underlying's shares lend, less what its options need."""
    shares, options = book.shares(symbol), book.contracts(symbol)
    lent = 0
    if shares:
        value = worth(symbol, shares, prices)
        options, called = _covered(shares, options, prices[symbol])
        lent = money((value - called) * (1.0 - rules.long_shares if shares > 0 else 1.0 + rules.short_shares))
    if not any(count < 0 for count in options.values()):
        return lent
    return lent - min(largest_loss(options), _strategies(options, symbol, prices, rules))


def _covered(shares: int, options: Counts, spot: float) -> tuple[dict[Contract, int], int]:
    """Options without the short ones that shares cover, and what being called away takes off the shares' value."""
    left, free, called = dict(options), float(abs(shares)), 0
    mine = [contract for contract, count in options.items() if count < 0 and contract.is_put == (shares < 0)]
    for contract in sorted(mine, key=lambda each: each.cost / each.multiplier, reverse=shares < 0):
        covered = min(int(free // contract.multiplier), -left[contract])
        free -= covered * contract.multiplier
        left[contract] += covered
        called += covered * contract.intrinsic(money(spot))
    return {contract: count for contract, count in left.items() if count}, called


def _strategies(options: Counts, symbol: str, prices: Prices, rules: MarginRules) -> int:
    """Spreads at their largest loss, the rest uncovered; of a call and a put that are both, the larger and the price of the other."""
    left, total = dict(options), 0
    naked: dict[bool, list[Naked]] = {False: [], True: []}
    needs = {
        contract: uncovered(contract, worth(contract, 1, prices) / contract.multiplier, worth(symbol, 1, prices), rules)
        for contract, count in options.items()
        if count < 0
    }
    for short in sorted(needs, key=lambda each: (-needs[each], each)):
        fitting = [each for each in left if left[each] > 0 and _protects(each, short)]
        for long in sorted(fitting, key=lambda each: (largest_loss({short: -1, each: 1}), each)):
            paired, loss = min(left[long], -left[short]), largest_loss({short: -1, long: 1})
            if loss < needs[short]:
                left[long] -= paired
                left[short] += paired
                total += paired * loss
        if left[short]:
            naked[short.is_put].append(Naked(-left[short], needs[short], worth(short, 1, prices)))
    return total + _straddled(naked[False], naked[True])


def _protects(long: Contract, short: Contract) -> bool:
    return long.is_put == short.is_put and long.expiry >= short.expiry and long.multiplier == short.multiplier


def _straddled(calls: list[Naked], puts: list[Naked]) -> int:
    """Both sides cannot lose at once: pairs need the larger of the two and the price of the other."""
    total, calls, puts = 0, list(calls), list(puts)
    while calls and puts:
        call, put = calls.pop(0), puts.pop(0)
        pairs = min(call.count, put.count)
        total += pairs * (max(call.needs + put.price, put.needs + call.price))
        for side, one in ((calls, call), (puts, put)):
            if one.count > pairs:
                side.insert(0, Naked(one.count - pairs, one.needs, one.price))
    return total + sum(one.count * one.needs for one in (*calls, *puts))
