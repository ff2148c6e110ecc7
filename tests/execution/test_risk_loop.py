"""A small account traded against the gate, through gaps, broken numbers and late fills: no limit is passed by more than a fill's slippage.

The loop below is a broker that is as bad as it may be: an order fills at once, later, in part or never, and always at a worse price than
was expected. What the limits say is worked out here once more, from the account alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.time import MINUTE
from undertow.execution.risk.inputs import Account, Channel, Intent, Item, Position, Quote, Side, Working, World
from undertow.execution.risk.judge import Verdict, judge, to_cancel, watch
from undertow.execution.risk.limits import Limits
from undertow.execution.risk.state import Mode, State, phrase_for, rearm

CAPITAL = 10_000.0
LIMITS = Limits(
    order_value=1_500.0, position_value=2_500.0, name=0.3, sector=0.4, gross=0.8, premium_name=0.05, premium=0.08, exits_per_minute=10_000,
    orders_per_minute=1_000, orders_per_day=1_000, loss_reduce=0.02, loss_halt=0.04, peak_reduce=0.03, peak_halt=0.06,
)  # fmt: skip
SECTOR = {"AAA": "tech", "BBB": "tech"}
CALL = "AAA261218C00100000"
SYMBOLS = ("AAA", "BBB", "CCC", CALL)
ROUND = 1e-6  #: USD
BROKEN = ("bid", "ask", "mark", "equity", "cash", "start", "peak", "buying_power", "locate", "limit", "shares")


@dataclass(frozen=True)
class Try:
    """An order that the strategy wants, and what the broker makes of it."""

    symbol: str
    side: Side
    shares: float
    limit: float | None  #: of the price
    fate: str
    slip: float


@dataclass(frozen=True)
class Step:
    moves: tuple[float, ...]  #: factors of price
    tries: tuple[Try, ...]
    broken: tuple[str, float] | None
    blind: bool  #: nothing is fresh
    new_day: bool
    rearms: bool


@dataclass
class Book:
    """The account as it is, whatever the gate believes."""

    cash: float = CAPITAL
    start: float = CAPITAL
    shares: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SYMBOLS, 0.0))
    price: dict[str, float] = field(default_factory=lambda: {"AAA": 50.0, "BBB": 20.0, "CCC": 100.0, CALL: 1.0})
    working: dict[str, tuple[Working, float]] = field(default_factory=dict)  #: with the slip that it will have
    state: State = field(default_factory=State)
    now: int = 10**18
    day: int = 20_000
    count: int = 0
    excuse: float = 0.0  #: USD lost by what nobody could have stopped: the newest gap, and all that came once the limit was passed

    def equity(self) -> float:
        return self.cash + sum(self.shares[each] * self.price[each] * unit(each) for each in SYMBOLS)

    def loss(self) -> float:
        return (self.start if self.state.base is None else self.state.base) - self.equity()

    def limit(self) -> float:
        return LIMITS.loss_halt * (self.start if self.state.base is None else self.state.base)


def unit(symbol: str) -> float:
    return 100.0 if symbol == CALL else 1.0


def seen(book: Book, step: Step) -> World:
    """What the gate is told, with what is broken in it."""
    what, bad = step.broken or ("", 0.0)
    told = book.now - (60 * MINUTE if step.blind else 0)
    equity = book.equity()
    account = Account(cash=book.cash, equity=equity, start=book.start, peak=max(book.start, equity), buying_power=2.0 * equity)
    if what in ("equity", "cash", "start", "peak", "buying_power"):
        account = replace(account, **{what: bad})
    held = [Position(symbol=s, shares=n, mark=bad if what == "mark" else book.price[s], **kind(s)) for s, n in book.shares.items() if n]
    quotes = {s: Quote(bid=p * 0.9995, ask=p * 1.0005, known_at=told) for s, p in book.price.items()}
    if what in ("bid", "ask"):
        quotes["AAA"] = replace(quotes["AAA"], **{what: bad})
    return World(
        now=book.now,
        day=book.day,
        account=account,
        positions=tuple(held),
        working=tuple(each for each, _ in book.working.values()),
        quotes=quotes,
        channels=tuple(Channel(name=name, known_at=told) for name, _ in LIMITS.channels),
        clock_skew=0,
        sectors=SECTOR,
        locates={"AAA": bad if what == "locate" else 30.0, "BBB": 1e4},
    )


def kind(symbol: str) -> dict[str, object]:
    return {"item": Item.OPTION, "multiplier": 100.0, "underlying": "AAA"} if symbol == CALL else {}


def fill(book: Book, order_id: str, part: float) -> None:
    """Some of a working order, at a price worse than now by its slip."""
    order, slip = book.working.pop(order_id)
    intent, count = order.intent, order.left * part
    before, loss = abs(book.shares[intent.symbol]), book.loss()
    price = book.price[intent.symbol] * (1.0 + slip * intent.side)
    book.shares[intent.symbol] += count * intent.side
    book.cash -= count * intent.side * price * unit(intent.symbol)
    if part < 1.0:
        book.working[order_id] = (replace(order, left=order.left - count), slip)
    if book.state.mode is not Mode.ACTIVE:
        assert abs(book.shares[intent.symbol]) <= before + 1e-9, "an order that opens something filled outside ACTIVE"
    # Slippage counts as an excuse for one fill alone: the gate looks again before the next.
    book.excuse = max(book.loss() - loss, 0.0) + (book.excuse if loss >= book.limit() else 0.0)
    assert book.loss() <= book.limit() + book.excuse + ROUND


def ways(book: Book) -> Iterator[dict[str, float]]:
    """Everything that may be held, by symbol, once what works has filled: all purchases of a thing, or all sales of it."""
    ends = []
    for symbol in SYMBOLS:
        orders = [each for each, _ in book.working.values() if each.intent.symbol == symbol]
        sums = [sum(each.left for each in orders if each.intent.side is side) for side in Side]
        ends.append((book.shares[symbol] + sums[0], book.shares[symbol] - sums[1]))
    for chosen in product(*ends):
        yield dict(zip(SYMBOLS, chosen, strict=True))


def within_limits(book: Book, intent: Intent) -> None:
    """After an allowed entry no way of filling all that works passes a limit at the prices of this moment."""
    equity = min(book.equity(), book.start)
    for held in ways(book):
        worth = {each: abs(count) * book.price[each] * unit(each) for each, count in held.items()}
        name = worth["AAA"] + worth[CALL] if intent.name == "AAA" else worth[intent.symbol]
        sector = worth["CCC"] if intent.name == "CCC" else sum(worth.values()) - worth["CCC"]
        assert worth[intent.symbol] <= LIMITS.position_value + ROUND
        assert name <= LIMITS.name * equity + ROUND
        assert sector <= LIMITS.sector * equity + ROUND
        assert sum(worth.values()) <= LIMITS.gross * equity + ROUND
        if intent.symbol == CALL:
            assert held[CALL] >= 0.0
            assert worth[CALL] <= LIMITS.premium_name * equity + ROUND


def ask(book: Book, step: Step, wanted: Try, flatten: bool = False) -> Verdict:
    """Ask the gate, and give an allowed order to the broker."""
    book.count += 1
    what, bad = step.broken or ("", 0.0)
    limit = None if wanted.limit is None else wanted.limit * book.price[wanted.symbol]
    intent = Intent(
        order_id=str(book.count),
        symbol=wanted.symbol,
        side=wanted.side,
        shares=bad if what == "shares" else wanted.shares,
        limit=bad if what == "limit" else limit,
        flatten=flatten,
        **kind(wanted.symbol),
    )
    held, loss = book.shares[wanted.symbol], book.loss()
    broken = step.broken is not None and (what != "mark" or any(book.shares.values()))  # without a position there is no mark
    verdict = judge(intent, seen(book, step), LIMITS, book.state)
    book.state = State.from_dict(verdict.state.to_dict())
    if broken:
        assert book.state.mode is Mode.HALTED
    if not verdict.allowed:
        return verdict
    closes = held * wanted.side < 0.0 and wanted.shares <= abs(held) + 1e-9
    assert closes or not (step.blind or broken or book.state.mode is not Mode.ACTIVE or loss >= LIMITS.loss_reduce * book.start)
    assert flatten or book.state.mode is not Mode.HALTED
    if wanted.fate != "reject":
        book.working[intent.order_id] = (Working(intent=intent, left=intent.shares, price=verdict.price), wanted.slip)
    if not closes and wanted.fate != "reject":
        within_limits(book, intent)
    if wanted.fate in ("fill", "part"):
        fill(book, intent.order_id, 1.0 if wanted.fate == "fill" else 0.5)
    return verdict


def gap(book: Book, step: Step) -> None:
    """The next minute: prices jump, and the loss of it is nobody's fault."""
    book.now += MINUTE
    if step.new_day:
        book.day, book.start, book.excuse = book.day + 1, book.equity(), 0.0
    loss = book.loss()
    for symbol, move in zip(SYMBOLS, step.moves, strict=True):
        book.price[symbol] = min(max(book.price[symbol] * move, 0.01), 1e6)
    over = loss >= book.limit()
    book.excuse = max(book.loss() - loss, 0.0) + (book.excuse if over else 0.0)


def heed(book: Book, step: Step) -> None:
    """Look at the world, cancel what the state forbids."""
    world = seen(book, step)
    before = book.state
    book.state = watch(world, LIMITS, book.state)
    if before.mode is Mode.HALTED:
        assert book.state.mode is Mode.HALTED, "HALTED was left without a person"
    for order_id in to_cancel(world, book.state):
        del book.working[order_id]


def play(steps: list[Step]) -> Book:
    book = Book()
    for step in steps:
        gap(book, step)
        if step.rearms and book.state.mode is not Mode.ACTIVE and step.broken is None:
            book.state = rearm(book.state, "Ada", book.now, phrase_for(book.state))
            book.excuse = 0.0 if book.state.rebase else book.excuse  # only after a limit on losses does the loss count anew
        heed(book, step)
        for order_id in list(book.working):
            if order_id in book.working:
                fill(book, order_id, 1.0)
                heed(book, step)
        for wanted in step.tries:
            ask(book, step, wanted)
            heed(book, step)
        if book.state.mode is Mode.HALTED:
            for symbol, count in list(book.shares.items()):
                if count and step.broken is None:
                    out = Try(
                        symbol, Side.SELL if count > 0 else Side.BUY, abs(count), None, step.tries[0].fate if step.tries else "fill", 0.001
                    )
                    assert ask(book, step, out, flatten=True).allowed, "what flattens was refused"
    return book


odd = st.sampled_from([math.nan, math.inf, -math.inf])
tries = st.builds(
    Try,
    symbol=st.sampled_from(SYMBOLS),
    side=st.sampled_from(Side),
    shares=st.sampled_from([0.5, 1.0, 3.0, 10.0, 25.0, 60.0]),
    limit=st.none() | st.floats(0.9, 1.1),
    fate=st.sampled_from(["fill", "fill", "part", "later", "reject"]),
    slip=st.floats(0.0, 0.02),
)
moves = st.tuples(*[st.one_of(st.just(1.0), st.floats(0.97, 1.03), st.sampled_from([0.2, 0.7, 1.4, 4.0]))] * len(SYMBOLS))
usually_none = st.integers(0, 9).flatmap(lambda n: st.tuples(st.sampled_from(BROKEN), odd) if n == 0 else st.none())
rarely = st.integers(0, 9).map(lambda n: n == 0)
steps = st.lists(
    st.builds(
        Step, moves=moves, tries=st.lists(tries, max_size=5).map(tuple), broken=usually_none, blind=rarely, new_day=rarely, rearms=rarely
    ),
    max_size=12,
)


@settings(max_examples=300, deadline=None)
@given(steps)
def test_no_sequence_passes_a_limit_by_more_than_a_fill_s_slippage(sequence: list[Step]) -> None:
    play(sequence)


CALM = Step((1.0,) * 4, (), None, False, False, False)


def test_the_loop_trades_at_all() -> None:
    """A property of an account that never trades would say nothing."""
    buy = Try("AAA", Side.BUY, 25.0, None, "fill", 0.001)
    book = play([replace(CALM, tries=(buy, replace(buy, symbol="CCC", shares=10.0), replace(buy, side=Side.SELL, symbol="BBB")))])
    assert (book.shares["AAA"], book.shares["CCC"], book.shares["BBB"]) == (25.0, 10.0, -25.0)
    fallen = play([replace(CALM, tries=(buy,)), replace(CALM, moves=(0.7, 1.0, 1.0, 1.0))])
    assert fallen.state.code == "loss_reduces"
    flat = play([replace(CALM, tries=(buy,)), replace(CALM, moves=(0.2, 1.0, 1.0, 1.0))])
    assert (flat.state.mode, flat.shares["AAA"]) == (Mode.HALTED, 0.0)


@pytest.mark.parametrize("what", BROKEN)
def test_any_broken_number_halts(what: str) -> None:
    buy = Try("AAA", Side.BUY, 10.0, 1.0, "fill", 0.0)
    for bad in (math.nan, math.inf, -math.inf):
        book = play([replace(CALM, tries=(buy,)), replace(CALM, tries=(buy,), broken=(what, bad))])
        assert (book.state.mode, book.state.code, book.shares["AAA"]) == (Mode.HALTED, "not_a_number", 10.0)
