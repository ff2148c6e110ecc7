"""Contracts as instruments: what they are worth, what they become, what is refused, and that no step makes or loses money."""

from __future__ import annotations

import doctest
import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.golden import golden
from undertow.core.calendar import nyse
from undertow.core.chunk import chunk_of
from undertow.core.errors import BadData, BadInput
from undertow.core.events import MISSING, ChainRow
from undertow.core.time import HOUR, SECOND
from undertow.execution.contracts import lifecycle
from undertow.execution.contracts.book import Book, Why, mids
from undertow.execution.contracts.margin import MAINTENANCE, NEVER_LIMITED, MarginRules, excess, largest_loss, uncovered
from undertow.execution.contracts.orders import Desk, Filled, Leg, Market, Refused, Structure, submit
from undertow.execution.contracts.quotes import ContractCosts, Quote, Refusal, fill_price
from undertow.execution.contracts.terms import Contract, contract_of, contracts_of, day

USD = 10_000
FRIDAY = day("2025-12-19")
NOW = int(nyse().open[nyse().session_on_or_before(np.datetime64("2025-12-01"))]) + HOUR


def call(strike, expiry=FRIDAY, **more):
    return Contract(symbol="KO", expiry=expiry, strike=round(strike * USD), is_put=False, **more)


def put(strike, expiry=FRIDAY, **more):
    return Contract(symbol="KO", expiry=expiry, strike=round(strike * USD), is_put=True, **more)


def quote(bid, ask, at=NOW):
    return Quote(known_at=at, bid=round(bid * USD), ask=round(ask * USD))


def market(quotes, now=NOW, spot=70.0):
    return Market(now=now, quotes={"KO": quote(spot - 0.01, spot + 0.01, now)} | quotes, calendar=nyse())


@pytest.mark.parametrize("name", ["terms", "quotes", "book", "margin", "orders", "lifecycle"])
def test_the_examples_in_the_docstrings(name):
    done = doctest.testmod(importlib.import_module(f"undertow.execution.contracts.{name}"))
    assert (done.failed, done.attempted > 0) == (0, True)


# --- terms -----------------------------------------------------------------------------------------------------------


def test_names_are_the_tapes():
    for name in ("AAPL261127C00150000", "F251219P00009500", "BRK.B260116C00475500"):
        assert contract_of(name).name == name
    for bad in ("AAPL", "AAPL261327C00150000", "AAPL261127X00150000"):
        with pytest.raises(BadInput):
            contract_of(bad)
    columns = {"expiry": np.array([FRIDAY]), "strike": np.array([700_000]), "is_put": np.array([1])}
    rows = chunk_of(ChainRow, ("KO",), key=np.zeros(1), event_at=np.zeros(1), known_at=np.zeros(1), columns=columns)
    assert contracts_of(rows) == (put(70),)


def test_expiry_is_a_close_also_on_half_days_and_holidays():
    calendar = nyse()

    def close(text):
        return int(calendar.close[calendar.session_on_or_before(np.datetime64(text))])

    assert call(70, day("2025-11-28")).expires_at(calendar) == int(np.datetime64("2025-11-28T18:00", "ns").astype(np.int64))
    assert call(70, day("2025-12-19")).expires_at(calendar) == close("2025-12-19")
    assert call(70, day("2025-04-18")).expires_at(calendar) == close("2025-04-17"), "Good Friday: the Thursday before"


@pytest.mark.parametrize("ratio", [2.0, 3.0, 1.5, 0.1, 1 / 3])
def test_a_split_moves_no_value(ratio):
    for one in (call(60), put(60)):
        for spot in (30 * USD, 90 * USD):
            assert one.after_split(ratio).intrinsic(round(spot / ratio)) == pytest.approx(one.intrinsic(spot), abs=200 / ratio + 1)


# --- fills and refusals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "paid"), [(0.0, 2.10), (0.6, 2.16), (1.0, 2.20)])
def test_a_fill_pays_its_share_of_the_half_spread(share, paid):
    desk = Desk(costs=ContractCosts(half_spread_share=share, commission=0.65))
    done = submit(Book(cash=10_000 * USD), Structure((Leg(call(70), 2),)), market({call(70): quote(2.0, 2.2)}), desk)
    assert isinstance(done, Filled)
    assert done.book.cash == 10_000 * USD - round(paid * USD) * 200 - 13_000
    assert done.book.held == {call(70): 2}


def test_the_default_is_between_mid_and_touch():
    assert ContractCosts().half_spread_share == 0.6
    with pytest.raises(BadInput, match="between 0 and 1"):
        ContractCosts(half_spread_share=1.1)


REFUSED = [
    (Refusal.NO_QUOTE, {}, 1),
    (Refusal.NO_QUOTE, {call(70): Quote(known_at=NOW, bid=MISSING, ask=20_000)}, 1),
    (Refusal.NO_QUOTE, {call(70): Quote(known_at=NOW, bid=0, ask=0)}, 1),
    (Refusal.STALE, {call(70): quote(2.0, 2.2, NOW - 61 * SECOND)}, 1),
    (Refusal.STALE, {call(70): quote(2.0, 2.2, NOW + 1)}, 1),
    (Refusal.CROSSED, {call(70): quote(2.3, 2.2)}, 1),
    (Refusal.NO_BID, {call(70): quote(0.0, 0.05)}, -1),
    (Refusal.MARGIN, {call(70): quote(2.0, 2.2)}, -1),
    (Refusal.MARGIN, {call(70): quote(200.0, 210.0)}, 1),
]


@pytest.mark.parametrize(("code", "quotes", "count"), REFUSED, ids=lambda value: str(value)[:12])
def test_what_may_not_be_filled_is_refused_with_a_code(code, quotes, count):
    assert submit(Book(cash=100 * USD), Structure((Leg(call(70), count),)), market(quotes), Desk()) == Refused(code, call(70))


def test_an_expired_contract_is_refused_from_the_half_days_close_on():
    half = call(70, day("2025-11-28"))
    close = half.expires_at(nyse())
    for now, kind in ((close - 1, Filled), (close, Refused)):
        done = submit(Book(cash=10_000 * USD), Structure((Leg(half, 1),)), market({half: quote(2.0, 2.2, now)}, now), Desk())
        assert isinstance(done, kind)
    assert done.code is Refusal.EXPIRED


def test_all_legs_or_none():
    legs = (Leg(call(70), 1), Leg(call(75), -1), Leg("KO", 100))
    quotes = {call(70): quote(2.0, 2.2), call(75): quote(0.6, 0.5)}
    book = Book(cash=20_000 * USD, held={put(60): 1})
    assert submit(book, Structure(legs), market(quotes), Desk()) == Refused(Refusal.CROSSED, call(75))
    done = submit(book, Structure(legs, 2), market(quotes | {call(75): quote(0.5, 0.6), put(60): quote(0.1, 0.2)}), Desk())
    assert done.book.held == {put(60): 1, call(70): 2, call(75): -2, "KO": 200}


def test_margin_is_not_guessed_from_a_stale_mark_but_buying_back_is_always_allowed():
    book = Book(cash=100 * USD, held={call(70): -1, put(60): -1})
    quotes = {call(70): quote(2.0, 2.2), put(60): quote(0.1, 0.2, NOW - HOUR)}
    assert submit(book, Structure((Leg(call(75), -1),)), market(quotes | {call(75): quote(1.0, 1.1)}), Desk()).code is Refusal.STALE
    done = submit(book, Structure((Leg(call(70), 1),)), market(quotes), Desk())
    assert done.book.held == {put(60): -1}
    long = Book(cash=0, held={call(70): 1, put(60): 1})
    assert submit(long, Structure((Leg(call(70), -1),)), market(quotes), Desk()).book.held == {put(60): 1}


def test_a_structure_says_what_is_wrong_with_it():
    for legs, count in (((), 1), ((Leg("KO", 0),), 1), ((Leg("KO", 1), Leg("KO", 2)), 1), ((Leg("KO", 1),), 0)):
        with pytest.raises(BadInput, match="structure"):
            Structure(legs, count)


# --- margin ----------------------------------------------------------------------------------------------------------


def needs(held, prices, spot=70.0):
    """What a book needs beside its cash, in USD: shares lend nothing here."""
    book = Book(cash=0, held=held)
    return -excess(book, {item: round(price * USD) for item, price in prices.items()} | {"KO": round(spot * USD)}, MarginRules()) / USD


def test_uncovered_options_need_twenty_percent_at_textbook_prices():
    hull = golden("bsm_hull")
    spot, strike = hull["S"] * USD, hull["K"]
    assert uncovered(call(strike), hull["call"] * USD, spot, MarginRules()) / USD == pytest.approx(475.94 + 840)
    assert uncovered(put(strike), hull["put"] * USD, spot, MarginRules()) / USD == pytest.approx(80.86 + 840 - 200)
    assert uncovered(put(20), 100, spot, MarginRules()) / USD == pytest.approx(1 + 200), "at least 10 % of the strike"
    assert uncovered(call(80), 100, spot, MarginRules()) / USD == pytest.approx(1 + 420), "at least 10 % of the shares"


def test_defined_risk_needs_its_largest_loss():
    spread = {call(70): -1, call(75): 1}
    assert needs(spread, {call(70): 2.0, call(75): 0.5}) == 500
    assert needs({call(70): 1, call(75): -1}, {call(70): 2.0, call(75): 0.5}) == 0, "paid in full"
    assert needs({put(70): -2, put(60): 2}, {put(70): 2.0, put(60): 0.5}) == 2000
    condor = {put(60): 1, put(65): -1, call(75): -1, call(85): 1}
    assert needs(condor, dict.fromkeys(condor, 1.0)) == 1000, "only one side can lose: the wider one"
    butterfly = {call(65): 1, call(70): -2, call(75): 1}
    assert needs(butterfly, dict.fromkeys(butterfly, 1.0)) == 0
    later = {call(70): -1, call(70, FRIDAY + 28): 1}
    assert needs(later, dict.fromkeys(later, 1.0)) == 0, "a calendar spread"
    sooner = {call(70): -1, call(70, FRIDAY - 7): 1}
    assert needs(sooner, dict.fromkeys(sooner, 1.0)) == 100 + 1400, "the long one ends first: uncovered"


def test_a_put_spread_may_cost_less_uncovered():
    """The strategy's sum and the largest loss are both enough: the account needs the smaller."""
    far = {put(70): -1, put(10): 1}
    assert needs(far, {put(70): 2.0, put(10): 0.01}) == 200 + 1400


def test_a_straddle_needs_its_larger_side_and_the_other_price():
    straddle = {call(70): -1, put(70): -1}
    assert needs(straddle, {call(70): 3.0, put(70): 2.0}) == 300 + 1400 + 200
    assert needs({call(70): -2, put(70): -1}, {call(70): 3.0, put(70): 2.0}) == (300 + 1400 + 200) + (300 + 1400)


def test_shares_cover_what_is_written_on_them():
    assert needs({"KO": 100, call(75): -1}, {call(75): 1.0}) == -3500, "lends half the shares' value"
    assert needs({"KO": 100, call(60): -1}, {call(60): 11.0}) == -3000, "of the strike, where that is less"
    assert needs({"KO": 150, call(75): -2}, {call(75): 1.0}) == -5250 + 100 + 1400 - 500, "one of two; the other is out of the money"
    assert needs({"KO": -100, put(65): -1}, {put(65): 1.0}) == 10_500
    book, prices = Book(cash=0, held={"KO": -100}), {"KO": 70 * USD}
    assert -excess(book, prices, MAINTENANCE) / USD == 9100


def test_calls_written_without_limit_have_no_largest_loss():
    assert largest_loss({call(70): -2, call(75): 1}) == NEVER_LIMITED
    assert largest_loss({put(70): -1}) == 7000 * USD


@given(
    options=st.dictionaries(
        st.builds(lambda strike, is_put: (put if is_put else call)(strike), st.sampled_from([50, 60, 65, 70, 90]), st.booleans()),
        st.sampled_from([-3, -2, -1, 1, 2]),
        max_size=6,
    ),
    prices=st.lists(st.integers(0, 20), min_size=6, max_size=6),
)
@settings(max_examples=150, deadline=None)
def test_needs_lie_between_nothing_and_everything_uncovered(options, prices):
    marks = {item: float(price) for item, price in zip(options, prices, strict=False)}
    alone = sum(-n * uncovered(item, marks[item] * USD, 70 * USD, MarginRules()) for item, n in options.items() if n < 0) / USD
    assert 0 <= needs(options, marks) <= alone
    worst = max(-sum(n * item.intrinsic(spot * USD) for item, n in options.items()) for spot in range(200))
    loss = largest_loss(options)
    assert loss == NEVER_LIMITED or loss == max(worst, 0)
    assert (loss == NEVER_LIMITED) == (sum(n for item, n in options.items() if not item.is_put) < 0)


# --- expiry, exercise, assignment ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("spot", "exercised"), [(70.0, False), (70.0099, False), (70.01, True), (75.0, True)])
def test_a_cent_in_the_money_is_exercised(spot, exercised):
    book = Book(cash=0, held={call(70): 1})
    entries = lifecycle.expired(book, {"KO": round(spot * USD)}, nyse(), call(70).expires_at(nyse()))
    assert {entry.why for entry in entries} == {Why.EXERCISE if exercised else Why.EXPIRY}
    assert book.posted(*entries).held == ({"KO": 100} if exercised else {})


def test_nothing_expires_early_and_no_closing_price_is_made_up():
    book, at = Book(cash=0, held={call(70): 1}), call(70).expires_at(nyse())
    assert lifecycle.expired(book, {}, nyse(), at - 1) == ()
    with pytest.raises(BadData, match="not guessed"):
        lifecycle.expired(book, {}, nyse(), at)
    with pytest.raises(BadData, match="not guessed"):
        book.equity({})
    with pytest.raises(BadInput, match="cannot be exercised"):
        lifecycle.exercised(book, call(70), 2, 70 * USD, at)


def test_calls_are_assigned_before_a_dividend_that_exceeds_their_time_value():
    hull, calendar = golden("bsm_hull"), nyse()
    at = lifecycle.eve(day("2025-12-01"), calendar)
    assert at == int(np.datetime64("2025-11-28T18:00", "ns").astype(np.int64)), "the session before a Monday: Friday, a half day"
    held, spot = {call(40): -3, call(45): -1, call(30): 1, put(40): -1}, hull["S"] * USD
    fresh = {call(40): quote(hull["call"] - 0.01, hull["call"] + 0.01, at), call(45): quote(0.1, 0.2, at)}
    book, time_value = Book(cash=0, held=held), hull["call"] - 2.0
    assert lifecycle.assigned_for_dividend(book, "KO", round((time_value - 0.01) * USD), spot, fresh, at) == ()
    entries = lifecycle.assigned_for_dividend(book, "KO", round((time_value + 0.01) * USD), spot, fresh, at)
    after = book.posted(*entries)
    assert (after.shares("KO"), after.cash / USD, call(40) in after.held) == (-300, 12_000.0, False)
    assert lifecycle.dividend_paid(after, "KO", 27_700, at)[0].cash / USD == pytest.approx(-831.0)
    stale = {call(40): quote(hull["call"], hull["call"] + 0.1, at - HOUR)}
    assert lifecycle.assigned_for_dividend(book, "KO", 1, spot, stale, at), "what is not known counts as no time value"
    assert lifecycle.dividend_paid(Book(cash=0), "KO", 1, at) == ()


# --- no step makes or loses money ------------------------------------------------------------------------------------

STRIKES = st.sampled_from([55.0, 60.0, 62.5, 70.0, 80.0])
CONTRACTS = st.builds(
    lambda strike, is_put, weeks, ratio: Contract(
        symbol="KO", expiry=FRIDAY + 7 * weeks, strike=round(strike * USD), is_put=is_put, multiplier=100.0 * ratio
    ),
    STRIKES,
    st.booleans(),
    st.integers(0, 2),
    st.sampled_from([1.0, 1.0, 1.0, 4.0, 1.5, 0.1, 1 / 3]),
)
BOOKS = st.builds(
    lambda contracts, shares: Book(cash=10**9, held=contracts | ({"KO": shares} if shares else {})),
    st.dictionaries(CONTRACTS, st.sampled_from([-3, -1, 1, 2]), max_size=5),
    st.integers(-300, 300),
)


@given(book=BOOKS, spot=st.integers(1, 1_400_000), weeks=st.integers(0, 2))
@settings(max_examples=200, deadline=None)
def test_expiry_conserves_value_to_the_last_unit(book, spot, weeks):
    """Contracts in the money turn into shares worth as much; the others lose less than a cent a share."""
    at = call(70, FRIDAY + 7 * weeks).expires_at(nyse())
    entries = lifecycle.expired(book, {"KO": spot}, nyse(), at)
    after = book.posted(*entries)
    gone = {item: n for item, n in book.contracts().items() if item.expires_at(nyse()) <= at}
    assert set(after.contracts()) == set(book.contracts()) - set(gone)
    intrinsic = sum(n * item.intrinsic(spot) for item, n in gone.items() if item.in_the_money(spot))
    assert after.cash + after.shares("KO") * spot == book.cash + book.shares("KO") * spot + intrinsic
    assert after.cash == book.cash + sum(entry.cash for entry in entries)


@given(book=BOOKS, dividend=st.integers(0, 50_000), spot=st.integers(1, 1_400_000))
@settings(max_examples=100, deadline=None)
def test_assignment_and_exercise_conserve_value(book, dividend, spot):
    entries = lifecycle.assigned_for_dividend(book, "KO", dividend, spot, {}, NOW)
    for contract, count in book.contracts().items():
        if count > 0 and contract.intrinsic(spot):
            entries += lifecycle.exercised(book, contract, count, spot, NOW)
    after = book.posted(*entries)
    gone = {item: n for item, n in book.held.items() if item not in after.held and isinstance(item, Contract)}
    worth = sum(n * item.intrinsic(spot) for item, n in gone.items())
    assert after.cash + after.shares("KO") * spot == book.cash + book.shares("KO") * spot + worth


@given(book=BOOKS, ratio=st.sampled_from([2.0, 4.0, 1.5, 0.1, 0.25]), spot=st.integers(100, 140_000))
@settings(max_examples=100, deadline=None)
def test_splits_conserve_value(book, ratio, spot):
    """Priced before at spot * ratio, shares and cash are worth the same after; contracts deliver the same value for the same money."""
    after = book.posted(*lifecycle.split(book, "KO", ratio, spot, NOW))
    before = book.cash + round(book.shares("KO") * ratio * spot)
    assert abs(after.cash + after.shares("KO") * spot - before) <= 1
    for item, n in book.contracts().items():
        assert after.held.get(item.after_split(ratio)) is not None or n == 0


@given(
    book=BOOKS,
    legs=st.lists(st.tuples(CONTRACTS, st.sampled_from([-2, -1, 1, 3])), min_size=1, max_size=4, unique_by=lambda leg: leg[0]),
    share=st.sampled_from([0.0, 0.6, 1.0]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=150, deadline=None)
def test_cash_and_positions_are_equity_and_a_trade_costs_what_it_says(book, legs, share, seed):
    rng = np.random.default_rng(seed)
    items = [*book.held, *(contract for contract, _ in legs)]
    quotes = {item: quote(bid := round(float(rng.uniform(0.05, 9)), 2), bid + round(float(rng.uniform(0, 0.5)), 2)) for item in items}
    now, desk = market(quotes), Desk(costs=ContractCosts(half_spread_share=share))
    order = Structure(tuple(Leg(contract, n) for contract, n in legs))
    done, prices = submit(book, order, now, desk), mids(now.quotes)
    if isinstance(done, Refused):
        assert done.code is Refusal.MARGIN
        assert excess(book.posted(), prices, desk.margin) is not None
        return
    assert done.book.equity(prices) == done.book.cash + sum(
        n * round(prices[item] * (item.multiplier if isinstance(item, Contract) else 1)) for item, n in done.book.held.items()
    )
    paid = 0
    for (contract, n), entry in zip(legs, done.entries, strict=True):
        side = 1 if n > 0 else -1
        each = round(fill_price(quotes[contract], side, share) * contract.multiplier) - round(prices[contract] * contract.multiplier)
        paid += n * each + entry.commission
        assert side * each >= -1, "nobody is filled better than at the mid"
    assert done.book.equity(prices) == book.equity(prices) - paid
    assert done.book.cash == book.cash + sum(entry.cash for entry in done.entries)
