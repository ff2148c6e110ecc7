"""Structures for an earnings report: worked numbers, and no loss beyond the one that was told, wherever the share ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.calendar import nyse
from undertow.core.errors import BadInput
from undertow.core.events import PRICE_SCALE
from undertow.execution.contracts.book import Book
from undertow.execution.contracts.orders import Desk, Filled, Market, submit
from undertow.execution.contracts.quotes import Quote
from undertow.execution.contracts.terms import Contract, day
from undertow.strategies.structures import Choice, Declined, Offer, Outlook, Plan, plan

REPORT = day("2026-10-29")
SOON, LATER = day("2026-10-30"), day("2026-11-20")
#: strike: (call's delta, bid, ask; put's bid, ask), USD, share at 100
CHAIN = {
    90: (0.90, 10.40, 10.60, 0.40, 0.50),
    95: (0.75, 6.20, 6.40, 1.20, 1.30),
    100: (0.50, 2.90, 3.10, 2.90, 3.10),
    105: (0.25, 1.20, 1.30, 6.20, 6.40),
    110: (0.10, 0.40, 0.50, 10.40, 10.60),
}


def offers(expiry: int = SOON) -> list[Offer]:
    out = []
    for strike, (delta, *prices) in CHAIN.items():
        for is_put, (bid, ask) in ((False, prices[:2]), (True, prices[2:])):
            contract = Contract(symbol="KO", expiry=expiry, strike=strike * PRICE_SCALE, is_put=is_put)
            quote = Quote(known_at=0, bid=round(bid * PRICE_SCALE), ask=round(ask * PRICE_SCALE))
            out.append(Offer(contract=contract, quote=quote, delta=delta - 1.0 if is_put else delta))
    return out


def view(direction: float, implied: float = 0.05, own: float = 0.05) -> Outlook:
    return Outlook(direction=direction, implied=implied, own=own, report=REPORT)


def told(found: Plan | Declined) -> tuple[str, int, float, float, list[tuple[str, int]]]:
    assert isinstance(found, Plan), found
    legs = [(leg.item.name[-9:-3].lstrip("0"), leg.count) for leg in found.order.legs if isinstance(leg.item, Contract)]
    return found.name, found.order.count, found.largest_loss / PRICE_SCALE, found.largest_gain / PRICE_SCALE, legs


def test_a_direction_at_fair_prices_buys_a_spread() -> None:
    # the 100 call at 3.06 and the 105 sold at 1.22 (0.6 of the half-spread): 184 paid, 1.30 commission; 500 at best
    name, count, loss, gain, legs = told(plan(view(0.6), offers(), 1_000.0))
    assert (name, count) == ("call debit spread", 5)
    assert (loss, gain) == pytest.approx((5 * 185.30, 5 * (500 - 185.30)))
    assert legs == [("C00100", 1), ("C00105", -1)]


def test_a_direction_at_dear_prices_sells_the_other_side() -> None:
    # the 95 put sold at 1.22, the 90 bought at 0.48: 74 received less 1.30; 500 between the strikes
    name, count, loss, gain, _ = told(plan(view(0.6, implied=0.08), offers(), 1_000.0))
    assert (name, count) == ("put credit spread", 2)
    assert (loss, gain) == pytest.approx((2 * (500 - 72.70), 2 * 72.70))


def test_no_direction_at_dear_prices_is_a_condor() -> None:
    # both sides of the one before: 148 received less 2.60, and only one side can lose
    name, count, loss, gain, legs = told(plan(view(0.0, implied=0.08), offers(), 1_000.0))
    assert (name, count) == ("iron condor", 2)
    assert (loss, gain) == pytest.approx((2 * (500 - 145.40), 2 * 145.40))
    assert legs == [("P00090", 1), ("P00095", -1), ("C00110", 1), ("C00105", -1)]


def test_down_is_the_mirror() -> None:
    assert told(plan(view(-0.6), offers(), 1_000.0))[0] == "put debit spread"
    assert told(plan(view(-0.6, implied=0.08), offers(), 1_000.0))[0] == "call credit spread"


@pytest.mark.parametrize(
    ("outlook", "chain", "budget", "why"),
    [
        (view(0.1), offers(), 1_000.0, "no direction, and options are not dear"),
        (view(0.6), offers(), 185.0, "one needs 185.30 USD, more than the budget"),
        (view(0.6), offers(REPORT), 1_000.0, "no quoted strike is near"),
        (view(0.6), [one for one in offers() if one.delta != 0.25], 1_000.0, "no quoted strike is near"),
        (view(0.6), [], 1_000.0, "no quoted strike is near"),
    ],
)
def test_why_there_is_none(outlook: Outlook, chain: list[Offer], budget: float, why: str) -> None:
    found = plan(outlook, chain, budget)
    assert isinstance(found, Declined)
    assert found.why.startswith(why)


def test_a_poor_bargain_and_quotes_that_cannot_be_right_are_declined() -> None:
    strict = plan(view(0.0, implied=0.08), offers(), 1_000.0, Choice(least_gain=0.5))
    assert strict == Declined("at best it gains 0.41 of what it risks")
    free = [Offer(contract=o.contract, quote=Quote(known_at=0, bid=100, ask=100), delta=o.delta) for o in offers()]
    free = [o if o.delta != 0.25 else Offer(contract=o.contract, quote=Quote(known_at=0, bid=90_000, ask=90_000), delta=0.25) for o in free]
    assert plan(view(0.6), free, 1_000.0) == Declined("the quotes cannot be right: nothing could be lost")


def test_the_first_expiry_after_the_report_is_taken() -> None:
    found = plan(view(0.6), [*offers(LATER), *offers(SOON), *offers(REPORT)], 1_000.0)
    assert isinstance(found, Plan)
    assert {leg.item.expiry for leg in found.order.legs if isinstance(leg.item, Contract)} == {SOON}


@pytest.mark.parametrize("wrong", [view(1.5), view(0.5, implied=0.0), view(0.5, own=float("nan"))])
def test_a_view_that_is_none_is_refused(wrong: Outlook) -> None:
    with pytest.raises(BadInput, match="A view needs"):
        plan(wrong, offers(), 1_000.0)


@given(
    direction=st.floats(-1, 1),
    implied=st.floats(0.01, 0.2),
    ratio=st.sampled_from([1.0, 1.5]),
    end=st.integers(0, 3_000_000),
    budget=st.floats(0, 9_000),
)
@settings(deadline=None, max_examples=150)
def test_no_end_costs_more_than_was_told(direction: float, implied: float, ratio: float, end: int, budget: float) -> None:
    """The order is filled by the fold of contracts, also of ones that were split, and the share ends anywhere."""
    chain = [replace(one, contract=one.contract.after_split(ratio)) for one in offers()]
    found = plan(view(direction, implied), chain, budget)
    if isinstance(found, Declined):
        return
    assert found.largest_loss <= budget * PRICE_SCALE
    quotes = {one.contract: one.quote for one in chain} | {"KO": Quote(known_at=0, bid=999_900, ask=1_000_100)}
    before = Book(cash=100_000 * PRICE_SCALE)
    done = submit(before, found.order, Market(now=0, quotes=quotes, calendar=nyse()), Desk())
    assert isinstance(done, Filled), done
    made = done.book.cash + sum(n * c.intrinsic(end) for c, n in done.book.contracts().items()) - before.cash
    assert -found.largest_loss <= made <= found.largest_gain
