"""What a contract promises: who, until when, how many shares for how much; its standard name, and what a split does to it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import Chunk
from undertow.core.errors import BadInput
from undertow.core.events import PRICE_SCALE
from undertow.core.time import Instant

SHARES = 100  #: that one contract delivers, before any split
TICK = PRICE_SCALE // 100  #: a cent: what exercise by exception asks of a contract to be in the money
_NAME = re.compile(r"(?:O:)?([A-Z][A-Z0-9.]{0,5}) *(\d{6})([CP])(\d{8})")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Contract:
    """An American option on a share; fields are named and measured as in ``ChainRow``.

    >>> call = Contract(symbol="AAPL", expiry=day("2026-11-27"), strike=150 * PRICE_SCALE, is_put=False)
    >>> call.name, call.cost / PRICE_SCALE
    ('AAPL261127C00150000', 15000.0)
    """

    symbol: str  #: of the underlying
    expiry: int  #: days since 1970
    strike: int  #: 1/10,000 USD, as listed; after a split what is paid is ``cost``
    is_put: bool
    multiplier: float = SHARES  #: shares that one contract delivers; prices are per one of them

    @property
    def cost(self) -> int:
        """What exercise pays for all shares of one contract, 1/10,000 USD; no split changes it."""
        return self.strike * SHARES

    @property
    def name(self) -> str:
        """The symbol that the Options Clearing Corporation gives it, without padding."""
        date = str(np.datetime64(self.expiry, "D")).replace("-", "")[2:]
        return f"{self.symbol}{date}{'P' if self.is_put else 'C'}{self.strike // 10:08d}"

    def intrinsic(self, spot: int) -> int:
        """What one contract is worth at once at a share price in 1/10,000 USD: 1/10,000 USD, not below 0.

        >>> put = Contract(symbol="KO", expiry=0, strike=60 * PRICE_SCALE, is_put=True)
        >>> put.intrinsic(58 * PRICE_SCALE) / PRICE_SCALE, put.intrinsic(61 * PRICE_SCALE)
        (200.0, 0)
        """
        shares = money(spot * self.multiplier)
        return max(self.cost - shares if self.is_put else shares - self.cost, 0)

    def in_the_money(self, spot: int) -> bool:
        """Whether it is exercised by exception at expiry: by a cent a share or more.

        >>> call = Contract(symbol="KO", expiry=0, strike=60 * PRICE_SCALE, is_put=False)
        >>> call.in_the_money(600_100), call.in_the_money(600_099)
        (True, False)
        """
        return self.intrinsic(spot) >= money(TICK * self.multiplier)

    def after_split(self, ratio: float) -> Contract:
        """The contract when each share has become ``ratio``: it delivers as many more of them for the same money.

        The exchanges do the same for most ratios, and for whole ones multiply contracts instead, which is worth the same.

        >>> call = Contract(symbol="KO", expiry=0, strike=60 * PRICE_SCALE, is_put=False)
        >>> call.after_split(4.0).multiplier, call.after_split(4.0).intrinsic(20 * PRICE_SCALE) == call.intrinsic(80 * PRICE_SCALE)
        (400.0, True)
        """
        if not ratio > 0.0:
            raise BadInput(f"A split's ratio is new shares for an old one, above 0, not {ratio}.")
        return replace(self, multiplier=self.multiplier * ratio)

    def expires_at(self, calendar: Calendar) -> Instant:
        """The close of its last session, ns UTC: of the expiry's, or of the one before where the exchange is closed that day.

        >>> from undertow.core.calendar import nyse
        >>> from undertow.core.time import iso
        >>> friday = Contract(symbol="KO", expiry=day("2025-11-28"), strike=600_000, is_put=False)
        >>> iso(friday.expires_at(nyse()))  # the half day after Thanksgiving: 13:00 in New York
        '2025-11-28T18:00:00Z'
        """
        return int(calendar.close[calendar.session_on_or_before(np.datetime64(self.expiry, "D"))])


def day(text: str) -> int:
    """Days since 1970 of a date as YYYY-MM-DD."""
    return int(np.datetime64(text, "D").astype(np.int64))


def money(value: float) -> int:
    """The nearest whole 1/10,000 USD."""
    return round(value)


def contract_of(name: str) -> Contract:
    """The contract of a standard symbol, with or without ``O:`` and padding; raises BadInput for anything else.

    >>> contract_of("O:AAPL261127P00150000") == contract_of("AAPL  261127P00150000")
    True
    """
    match = _NAME.fullmatch(name.strip())
    if match is None:
        raise BadInput(f"{name!r} is no option symbol: write for example AAPL261127C00150000.")
    symbol, date, kind, strike = match.groups()
    try:
        expiry = day(f"20{date[:2]}-{date[2:4]}-{date[4:]}")
    except ValueError:
        raise BadInput(f"{name!r} names no date of the calendar: {date}.") from None
    return Contract(symbol=symbol, expiry=expiry, strike=int(strike) * 10, is_put=kind == "P")


def contracts_of(chain: Chunk) -> tuple[Contract, ...]:
    """The contract of each row of a chunk with expiry, strike and is_put, such as ``ChainRow`` or ``OptionTrade``."""
    columns = zip(chain.key, *(chain.columns[name] for name in ("expiry", "strike", "is_put")), strict=True)
    return tuple(
        Contract(symbol=chain.symbols[key], expiry=int(expiry), strike=int(strike), is_put=bool(is_put))
        for key, expiry, strike, is_put in columns
    )
