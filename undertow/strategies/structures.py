"""Option structures whose largest loss is known when they are bought: what fits a view on an earnings report, at which strikes, how many.

A pure function from a view, the quoted contracts and a budget to an order of ``undertow.execution.contracts``, or the reason for none:

==================  ======================  ==========================================================
view                options, own history    structure
==================  ======================  ==========================================================
a direction         dear                    credit spread on the other side: paid for what is not expected
a direction         fair or cheap           debit spread on that side: the far strike pays part of it
none                dear                    iron condor: both sides sold, both sides limited
none                fair or cheap           none
==================  ======================  ==========================================================

Hypothesis: where options imply more than the symbol's own reports have moved, sellers are paid for the difference; where they do not, a
direction is cheaper through options than its jump risk is in shares. Fails when one report outweighs many credits, when the quotes of
the far strikes are wide, and when past reports do not tell of the next. The main job trades shares only: chains come once a day, without
bid and ask, and a sleeve has no margin for contracts, so that a backtest of structures would rest on prices that nobody quoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from undertow.core.errors import BadInput
from undertow.core.events import PRICE_SCALE
from undertow.execution.contracts.margin import bends, largest_loss, payoff
from undertow.execution.contracts.orders import Leg, Structure
from undertow.execution.contracts.quotes import ContractCosts, Quote, fill_price
from undertow.execution.contracts.terms import Contract, money


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is expected of a report; moves are mean sizes, 0.05 is 5 %."""

    direction: float  #: -1 to 1, what the positions of option traders bet on
    implied: float  #: the move that options imply
    own: float  #: the mean move of the symbol's own past reports
    report: int  #: the day of the report, days since 1970


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A contract that can be traded now, and its delta: from 0 to 1 for a call, from -1 to 0 for a put."""

    contract: Contract
    quote: Quote
    delta: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The rules; deltas are sizes."""

    least_direction: float = 0.25  #: a smaller one is none
    dear: float = 1.25  #: implied over own move from which options are dear
    bought: float = 0.50  #: delta of a debit spread's long leg
    sold: float = 0.25  #: of what is sold, in every structure
    limit: float = 0.10  #: of what limits a credit spread or a condor
    nearest: float = 0.10  #: a strike whose delta is further off than this is not taken
    least_gain: float = 0.10  #: largest gain over largest loss below which nothing is bought
    costs: ContractCosts = field(default_factory=ContractCosts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An order, and the most that it can lose and gain at expiry, costs included, of all its structures together; 1/10,000 USD."""

    name: str
    order: Structure
    largest_loss: int
    largest_gain: int


@dataclass(frozen=True, slots=True)
class Declined:
    """No structure, and why."""

    why: str


def plan(outlook: Outlook, offers: Sequence[Offer], budget: float, choice: Choice | None = None) -> Plan | Declined:
    """The structure that fits a view, as often as ``budget`` USD cover its largest loss; raises ``BadInput`` for a view that is none."""
    rules = choice or Choice()
    if not (-1.0 <= outlook.direction <= 1.0 and outlook.implied > 0.0 and outlook.own > 0.0):
        raise BadInput(f"A view needs a direction from -1 to 1 and moves above 0, not {outlook}.")
    name, wanted = _shape(outlook, rules)
    if not wanted:
        return Declined("no direction, and options are not dear")
    after = [one.contract.expiry for one in offers if one.contract.expiry > outlook.report]
    chain = [one for one in offers if after and one.contract.expiry == min(after)]
    legs = [(_nearest(chain, delta, rules), count) for delta, count in wanted]
    if any(one is None for one, _ in legs):
        return Declined("no quoted strike is near a wanted delta at the first expiry after the report")
    found = [(one, count) for one, count in legs if one is not None]
    if len({one.contract for one, _ in found}) < len(found):
        return Declined("the strikes are too far apart: two legs would be the same contract")
    return _sized(name, found, budget, rules)


def _shape(outlook: Outlook, rules: Choice) -> tuple[str, tuple[tuple[float, int], ...]]:
    """A name, and the signed delta (below 0 is a put) and count of each leg."""
    dear = outlook.implied >= rules.dear * outlook.own
    side = 0 if abs(outlook.direction) < rules.least_direction else 1 if outlook.direction > 0 else -1
    if side and not dear:
        return f"{'call' if side > 0 else 'put'} debit spread", ((side * rules.bought, 1), (side * rules.sold, -1))
    puts, calls = (((sign * rules.limit, 1), (sign * rules.sold, -1)) for sign in (-1, 1))
    if side:
        return f"{'put' if side > 0 else 'call'} credit spread", puts if side > 0 else calls
    return ("iron condor", (*puts, *calls)) if dear else ("", ())


def _nearest(chain: Sequence[Offer], delta: float, rules: Choice) -> Offer | None:
    """The contract with the nearest delta among those that somebody bids for; of two as near, the one with the lower strike."""
    own = [one for one in chain if one.contract.is_put == (delta < 0) and 0 < one.quote.bid <= one.quote.ask]
    best = min(own, key=lambda one: (abs(one.delta - delta), one.contract.strike), default=None)
    return best if best is not None and abs(best.delta - delta) <= rules.nearest else None


def _sized(name: str, legs: Sequence[tuple[Offer, int]], budget: float, rules: Choice) -> Plan | Declined:
    held = {one.contract: count for one, count in legs}
    paid = sum(count * money(fill_price(one.quote, count, rules.costs.half_spread_share) * one.contract.multiplier) for one, count in legs)
    paid += sum(money(abs(count) * rules.costs.commission * PRICE_SCALE) for _, count in legs)
    loss = largest_loss(held) + paid
    spots = bends(held)
    gain = max(payoff(held, spot) for spot in (*spots, 2 * spots[-1])) - paid
    if loss <= 0:
        return Declined("the quotes cannot be right: nothing could be lost")
    if gain < rules.least_gain * loss:
        return Declined(f"at best it gains {gain / loss:.2f} of what it risks")
    count = int(budget * PRICE_SCALE // loss)
    if count < 1:
        return Declined(f"one needs {loss / PRICE_SCALE:,.2f} USD, more than the budget")
    order = Structure(tuple(Leg(one.contract, each) for one, each in legs), count)
    return Plan(name=name, order=order, largest_loss=count * loss, largest_gain=count * gain)
