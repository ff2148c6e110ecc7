"""What happens to contracts without an order: expiry, exercise, assignment, early assignment before dividends, dividends and splits.

Every step conserves value: shares delivered at a strike are worth the intrinsic value that ceases. Steps return entries; post them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.errors import BadData, BadInput
from undertow.core.time import Instant
from undertow.execution.contracts.book import Book, Entry, Why
from undertow.execution.contracts.quotes import ContractCosts, Quote, refusal_of
from undertow.execution.contracts.terms import Contract, money

Spots = Mapping[str, int]  #: symbol -> price of the share, 1/10,000 USD


def expired(book: Book, spots: Spots, calendar: Calendar, now: Instant) -> tuple[Entry, ...]:
    """Settle every contract whose last session has closed by ``now`` with the share's closing price.

    In the money by a cent a share it is exercised: a long one by us, a short one against us, whatever cash or shares that needs.
    Otherwise it ends worthless. Raises BadData where the closing price of a share is not known.

    >>> from undertow.core.calendar import nyse
    >>> from undertow.execution.contracts.terms import contract_of
    >>> call, put = contract_of("KO251128C00070000"), contract_of("KO251128P00070000")
    >>> book, noon = Book(cash=0, held={call: 2, put: -1}), int(np.datetime64("2025-11-28T18:00", "ns").astype(np.int64))
    >>> after = book.posted(*expired(book, {"KO": 725_000}, nyse(), noon))  # 13:00 in New York: the half day's close
    >>> after.cash / 10_000, dict(after.held), after.equity({"KO": 725_000}) / 10_000  # two calls were worth 2.50 a share
    (-14000.0, {'KO': 200}, 500.0)
    """
    entries: list[Entry] = []
    for contract, count in book.contracts().items():
        at = contract.expires_at(calendar)
        if at > now:
            continue
        if contract.symbol not in spots:
            raise BadData(f"{contract.name} has expired and the closing price of {contract.symbol} is not known: it is not guessed.")
        spot = spots[contract.symbol]
        if contract.in_the_money(spot):
            entries += _delivered(contract, count, spot, at)
        else:
            entries.append(Entry(at=at, why=Why.EXPIRY, item=contract, count=-count, cash=0))
    return tuple(entries)


def exercised(book: Book, contract: Contract, count: int, spot: int, at: Instant) -> tuple[Entry, ...]:
    """Exercise so many long contracts now; ``spot`` pays for fractions of shares only. Raises BadInput where fewer are held.

    >>> put = Contract(symbol="KO", expiry=0, strike=600_000, is_put=True)
    >>> after = Book(cash=0, held={put: 1, "KO": 100}).posted(*exercised(Book(cash=0, held={put: 1}), put, 1, 550_000, 0))
    >>> after.cash / 10_000, dict(after.held)
    (6000.0, {})
    """
    held = book.held.get(contract, 0)
    if not 1 <= count <= held:
        raise BadInput(f"{count} of {contract.name} cannot be exercised where {held} are held.")
    return _delivered(contract, count, spot, at)


def eve(ex_day: int, calendar: Calendar) -> Instant:
    """The last close at which a call may be exercised for a dividend: of the session before the ex-dividend day (days since 1970)."""
    return int(calendar.close[calendar.session_on_or_before(np.datetime64(ex_day - 1, "D"))])


def assigned_for_dividend(
    book: Book, symbol: str, dividend: int, spot: int, quotes: Mapping[Contract, Quote], at: Instant, costs: ContractCosts | None = None
) -> tuple[Entry, ...]:
    """Early assignment of short calls at the close before the ex-dividend day, see ``eve``; ``dividend`` in 1/10,000 USD a share.

    The owner of an American call gives up its time value and gains the dividend, so a call in the money is exercised when the dividend
    exceeds the middle of its quote less its intrinsic value. Modelled: every owner does it, and all contracts held short are assigned.
    A quote that may not be used (``refusal_of``, by ``costs``) tells no time value: it counts as 0, the worse case for the writer. Puts
    exercised early for interest are not modelled, nor calls of ours: exercise those with ``exercised``.

    >>> call = Contract(symbol="KO", expiry=0, strike=400_000, is_put=False)
    >>> book, quotes = Book(cash=0, held={call: -1}), {call: Quote(known_at=0, bid=47_584, ask=47_604)}  # 4.7594, of which 2 intrinsic
    >>> [len(assigned_for_dividend(book, "KO", dividend, 420_000, quotes, 0)) for dividend in (27_594, 27_595)]
    [0, 2]
    """
    entries: list[Entry] = []
    for contract, count in book.contracts(symbol).items():
        intrinsic = contract.intrinsic(spot)
        if contract.is_put or count > 0 or intrinsic == 0:
            continue
        quote, time_value = quotes.get(contract), 0.0
        if quote is not None and refusal_of(quote, at, costs or ContractCosts()) is None:
            time_value = max(quote.mid * contract.multiplier - intrinsic, 0.0)
        if dividend * contract.multiplier > time_value:
            entries += _delivered(contract, count, spot, at)
    return tuple(entries)


def dividend_paid(book: Book, symbol: str, dividend: int, at: Instant) -> tuple[Entry, ...]:
    """A dividend in 1/10,000 USD a share, received on long shares and owed on short ones; contracts stay as they are.

    >>> dividend_paid(Book(cash=0, held={"KO": -100}), "KO", 5_100, 0)[0].cash / 10_000
    -51.0
    """
    shares = book.shares(symbol)
    return (Entry(at=at, why=Why.DIVIDEND, item=symbol, count=0, cash=shares * dividend),) if shares else ()


def split(book: Book, symbol: str, ratio: float, spot: int, at: Instant) -> tuple[Entry, ...]:
    """Each share becomes ``ratio`` and each contract delivers as many more; a fraction of a share is paid at the new price ``spot``.

    >>> call = Contract(symbol="KO", expiry=0, strike=600_000, is_put=False)
    >>> book = Book(cash=0, held={"KO": 101, call: -1})
    >>> after = book.posted(*split(book, "KO", 0.1, 6_000_000, 0))  # ten become one, at 600
    >>> after.cash / 10_000, after.shares("KO"), [(each.multiplier, n) for each, n in after.contracts().items()]
    (60.0, 10, [(10.0, -1)])
    """
    entries = []
    if shares := book.shares(symbol):
        exact = shares * ratio
        whole = _towards_zero(exact)
        entries.append(Entry(at=at, why=Why.SPLIT, item=symbol, count=whole - shares, cash=money((exact - whole) * spot)))
    for contract, count in book.contracts(symbol).items():
        entries.append(Entry(at=at, why=Why.SPLIT, item=contract, count=-count, cash=0))
        entries.append(Entry(at=at, why=Why.SPLIT, item=contract.after_split(ratio), count=count, cash=0))
    return tuple(entries)


def _delivered(contract: Contract, count: int, spot: int, at: Instant) -> tuple[Entry, ...]:
    """The contract goes and shares change hands at its strike: to the owner of a call, from the owner of a put; fractions in cash."""
    side = -count if contract.is_put else count
    whole = _towards_zero(side * contract.multiplier)
    in_cash = side * money(spot * contract.multiplier) - whole * spot
    why = Why.EXERCISE if count > 0 else Why.ASSIGNMENT
    return (
        Entry(at=at, why=why, item=contract, count=-count, cash=0),
        Entry(at=at, why=why, item=contract.symbol, count=whole, cash=in_cash - side * contract.cost),
    )


def _towards_zero(shares: float) -> int:
    # A product such as 100 * (1 / 3) * 3 misses its whole number by a bit.
    nearest = round(shares)
    return nearest if abs(nearest - shares) < 1e-9 * max(abs(shares), 1.0) else int(shares)
