"""Checks of how large things become: the order, its position, name, sector, everything, and option premium."""

from __future__ import annotations

from undertow.execution.risk.case import Case, Denial
from undertow.execution.risk.codes import Code
from undertow.execution.risk.exposure import sector_of, worst_of, worst_of_sector
from undertow.execution.risk.inputs import Item

CENT = 1e-6  #: USD by which a limit may be passed: rounding, not risk


def order_is_small(case: Case) -> Denial | None:
    """Order shares."""
    what, most = ("contracts", case.limits.order_contracts) if case.is_option else ("shares", case.limits.order_shares)
    if not case.intent.shares <= most:
        return Denial(Code.ORDER_SHARES, f"{case.intent.shares:,g} {what} of {case.intent.symbol} are asked for, at most {most:,g}.")
    return None


def order_is_cheap(case: Case) -> Denial | None:
    """Order value."""
    most = case.limits.order_value
    if not 0.0 < case.value <= most + CENT:
        return Denial(Code.ORDER_VALUE, f"The order is worth {case.value:,.2f} USD at {case.price:,.4f}, at most {most:,.2f}.")
    return None


def no_option_is_short(case: Case) -> Denial | None:
    """Short option."""
    if case.is_option and case.lines[case.intent.symbol].low < 0.0:
        least = case.lines[case.intent.symbol].low
        return Denial(Code.SHORT_OPTION, f"Up to {-least:g} contracts of {case.intent.symbol} would be sold short; none may be.")
    return None


def position_is_small(case: Case) -> Denial | None:
    """Position."""
    worth, most = case.lines[case.intent.symbol].worst, case.limits.position_value
    if not worth <= most + CENT:
        return Denial(Code.POSITION, f"{case.intent.symbol} would be worth up to {worth:,.2f} USD, at most {most:,.2f}.")
    return None


def name_is_small(case: Case) -> Denial | None:
    """Name."""
    name = case.intent.name
    return _share(case, Code.NAME, f"All of {name}", worst_of(case.lines, name=name), case.limits.name)


def sector_is_small(case: Case) -> Denial | None:
    """Sector."""
    sector = sector_of(case.world, case.intent.name)
    return _share(case, Code.SECTOR, f"The sector {sector!r}", worst_of_sector(case.lines, case.world, sector), case.limits.sector)


def everything_is_small(case: Case) -> Denial | None:
    """Gross."""
    return _share(case, Code.GROSS, "Everything", worst_of(case.lines), case.limits.gross)


def premium_of_name_is_small(case: Case) -> Denial | None:
    """Premium of one name."""
    name = case.intent.name
    worth = worst_of(case.lines, name=name, item=Item.OPTION)
    return _share(case, Code.PREMIUM_NAME, f"The option premium of {name}", worth, case.limits.premium_name) if case.is_option else None


def premium_is_small(case: Case) -> Denial | None:
    """Premium."""
    worth = worst_of(case.lines, item=Item.OPTION)
    return _share(case, Code.PREMIUM, "All option premium", worth, case.limits.premium) if case.is_option else None


def _share(case: Case, code: Code, what: str, worth: float, share: float) -> Denial | None:
    most = share * case.equity
    if worth <= most + CENT:
        return None
    said = f"{what} would be worth up to {worth:,.2f} USD, at most {most:,.2f} ({share:.0%} of {case.equity:,.2f})"
    return Denial(code, f"{said}.")
