"""Checks of the order against its quote."""

from __future__ import annotations

from undertow.core.time import SECOND
from undertow.execution.risk.case import Case, Denial
from undertow.execution.risk.codes import Code
from undertow.execution.risk.inputs import Quote, Side


def quote_is_there(case: Case) -> Denial | None:
    """No quote."""
    if case.quote is None:
        return Denial(Code.NO_QUOTE, f"{case.intent.symbol} has no quote.")
    return None


def quote_is_fresh(case: Case) -> Denial | None:
    """Stale quote."""
    most = case.limits.quote_age
    age = case.world.now - case.quote.known_at if case.quote else 0
    if not age <= most:
        return Denial(Code.STALE_QUOTE, f"The quote of {case.intent.symbol} is {age / SECOND:g} s old, at most {most / SECOND:g} s.")
    return None


def quote_makes_sense(case: Case) -> Denial | None:
    """Bad quote."""
    quote = case.quote
    if quote is not None and not 0.0 < quote.bid <= quote.ask:
        return Denial(
            Code.BAD_QUOTE, f"{case.intent.symbol} is quoted {quote.bid:,.4f} bid, {quote.ask:,.4f} asked, which nobody can trade on."
        )
    return None


def spread_is_narrow(case: Case) -> Denial | None:
    """Spread."""
    most = case.limits.option_spread if case.is_option else case.limits.spread
    quote = case.quote
    if quote is None:
        return None
    spread = (quote.ask - quote.bid) / _middle(quote)
    if not spread <= most:
        return Denial(Code.SPREAD, f"The spread of {case.intent.symbol} is {spread:.2%} of its price, at most {most:.2%}.")
    return None


def limit_is_near(case: Case) -> Denial | None:
    """Price collar: buying far above the market or selling far below it; a market order takes what the spread check let by."""
    limit, side = case.intent.limit, case.intent.side
    most = case.limits.option_collar if case.is_option else case.limits.collar
    if case.quote is None or limit is None:
        return None
    middle = _middle(case.quote)
    beyond = (limit / middle - 1.0) * side
    if not beyond <= most:
        where = "above" if side is Side.BUY else "below"
        said = f"The limit {limit:,.4f} lies {beyond:.2%} {where} {case.intent.symbol}'s middle price {middle:,.4f}"
        return Denial(Code.PRICE_COLLAR, f"{said}, at most {most:.2%}.")
    return None


def exit_is_near(case: Case) -> Denial | None:
    """Price collar of an order that closes, where there is a quote to compare it with."""
    trusted = not any(check(case) for check in (quote_is_there, quote_is_fresh, quote_makes_sense))
    return limit_is_near(case) if trusted else None


def _middle(quote: Quote) -> float:
    return quote.bid / 2.0 + quote.ask / 2.0
