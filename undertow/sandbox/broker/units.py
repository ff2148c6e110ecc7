"""Whole numbers for money: prices in 1/10,000 dollar, shares in 1/1,000,000,000, and their product for amounts; and their text."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

PRICE = 10_000  #: price units in a dollar
SHARE = 1_000_000_000  #: share units in a share
DOLLAR = PRICE * SHARE  #: amount units in a dollar: a price times shares is exact


def whole(given: object, scale: int) -> int | None:
    """What was written as text or number, in units of which ``scale`` make one; None where it is no number or does not come out even."""
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    try:
        found = Decimal(str(given)) * scale
    except InvalidOperation:
        return None
    return int(found) if found.is_finite() and found == found.to_integral_value() else None


def text(units: int, scale: int, places: int = 9) -> str:
    """Units as a decimal number without trailing zeros, rounded to so many places.

    >>> text(1_015_000, PRICE), text(-10 * SHARE, SHARE)
    ('101.5', '-10')
    """
    found = (Decimal(units) / scale).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    said = f"{found:f}".rstrip("0").rstrip(".")
    return "0" if said in ("-0", "") else said


def dollars(amount: int) -> str:
    """An amount in dollars, to 1/10,000."""
    return text(amount, DOLLAR, 4)


def shares_text(shares: int) -> str:
    """A number of shares."""
    return text(shares, SHARE)


def price_text(price: int) -> str:
    """A price in dollars."""
    return text(price, PRICE, 4)


def average_text(amount: int, shares: int) -> str:
    """An average price in dollars, to 1/1,000,000; shares are not 0."""
    return text(abs(amount) * 1_000_000 * SHARE // (abs(shares) * DOLLAR), 1_000_000, 6)
