"""The gate before the broker: every code is reached by a case made by hand, in the order that the page tells."""

from __future__ import annotations

import math
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from undertow.core.calendar import nyse
from undertow.core.errors import BadInput
from undertow.core.time import DAY, MINUTE, SECOND, date_of
from undertow.execution.orders.margin import Account as Kind
from undertow.execution.orders.margin import switched
from undertow.execution.risk.codes import SENTENCES, Code
from undertow.execution.risk.inputs import Account, Channel, Intent, Item, Position, Quote, Side, Working, World, day_of
from undertow.execution.risk.judge import ENTRIES, Verdict, judge, watch
from undertow.execution.risk.limits import Limits
from undertow.execution.risk.state import Mode, State, moved, rearm, stopped

PAGE = Path(__file__).resolve().parents[2] / "docs" / "concepts" / "risk.md"
BUY, SELL = Side.BUY, Side.SELL
NOW = int(date_of("2026-11-23").astype(int)) * DAY + 15 * 60 * MINUTE
TODAY = NOW // DAY
LIMITS = Limits()
MONEY = Account(cash=100_000.0, equity=100_000.0, start=100_000.0, peak=100_000.0, buying_power=200_000.0)
FRESH = tuple(Channel(name=name, known_at=NOW) for name, _ in LIMITS.channels)
CALL = "AAA261218C00100000"


def quote(bid: float = 99.99, ask: float = 100.0, known_at: int = NOW) -> Quote:
    return Quote(bid=bid, ask=ask, known_at=known_at)


QUOTES = {"AAA": quote(), "BBB": quote(), CALL: quote(1.99, 2.0)}
WORLD = World(
    now=NOW,
    day=TODAY,
    account=MONEY,
    quotes=QUOTES,
    channels=FRESH,
    clock_skew=0,
    sectors={"AAA": "tech", "BBB": "tech"},
    locates={"AAA": 1e6},
)
ORDER = Intent(order_id="one", symbol="AAA", side=BUY, shares=10.0, limit=100.0)
OPTION = Intent(order_id="two", symbol=CALL, side=BUY, shares=2.0, item=Item.OPTION, multiplier=100.0, underlying="AAA")


def held(shares: float, symbol: str = "AAA", mark: float = 100.0, **more: object) -> Position:
    return Position(symbol=symbol, shares=shares, mark=mark, **more)


def option(contracts: float, symbol: str = CALL, mark: float = 2.0, underlying: str = "AAA") -> Position:
    return held(contracts, symbol, mark, item=Item.OPTION, multiplier=100.0, underlying=underlying)


def works(intent: Intent, left: float, price: float = 100.0) -> Working:
    return Working(intent=intent, left=left, price=price)


def world(**changes: object) -> World:
    money = {name: changes.pop(name) for name in [each.name for each in fields(Account)] if name in changes}
    return replace(WORLD, account=replace(MONEY, **money), **changes)


def order(**changes: object) -> Intent:
    return replace(ORDER, **changes)


def asked(intent: Intent = ORDER, seen: World = WORLD, limits: Limits = LIMITS, state: State | None = None) -> Verdict:
    return judge(intent, seen, limits, State() if state is None else state)


LOST = State(mode=Mode.HALTED, code="stopped", why="By hand.", since=NOW)
SLOW = State(mode=Mode.REDUCING, code="loss_reduces", why="It fell.", since=NOW)
SHORT = order(side=SELL, limit=None)
NO_MARGIN = Limits(account=Kind.MARGIN, broker="last to switch")
#: code, order, world, limits, state: for each code one case or more
CASES: list[tuple[Code, Intent, World, Limits, State]] = [
    (Code.NOT_A_NUMBER, order(limit=math.nan), WORLD, LIMITS, State()),
    (Code.NOT_A_NUMBER, order(shares=math.inf), WORLD, LIMITS, State()),
    (Code.NOT_A_NUMBER, ORDER, world(quotes={"AAA": quote(bid=math.nan)}), LIMITS, State()),
    (Code.NOT_A_NUMBER, ORDER, world(quotes={"BBB": quote(ask=math.inf)}), LIMITS, State()),
    (Code.NOT_A_NUMBER, ORDER, world(locates={"AAA": math.nan}), LIMITS, State()),
    (Code.NOT_A_NUMBER, ORDER, world(positions=(held(1.0, mark=-1.0),)), LIMITS, State()),
    (Code.NOT_A_NUMBER, ORDER, world(positions=(held(1.0, mark=1e16),)), LIMITS, State()),
    (Code.NOT_A_NUMBER, ORDER, world(positions=(held(1.0, multiplier=0.0),)), LIMITS, State()),
    (Code.NOT_A_NUMBER, ORDER, world(working=(works(order(order_id="w"), math.nan),)), LIMITS, State()),
    (Code.NOT_A_NUMBER, ORDER, world(now=math.nan), LIMITS, State()),
    (Code.LOSS_HALTS, ORDER, world(equity=98_000.0), LIMITS, State()),
    (Code.LOSS_HALTS, ORDER, world(equity=0.0, start=0.0, peak=0.0), LIMITS, State()),
    (Code.PEAK_HALTS, ORDER, world(equity=99_910.0, peak=103_000.0), LIMITS, State()),
    (Code.LOSS_REDUCES, ORDER, world(equity=99_000.0), LIMITS, State()),
    (Code.PEAK_REDUCES, ORDER, world(equity=101_455.0, peak=103_000.0), LIMITS, State()),
    (Code.HALTED, ORDER, WORLD, LIMITS, LOST),
    (Code.BAD_ORDER, order(shares=0.0), WORLD, LIMITS, State()),
    (Code.BAD_ORDER, order(shares=-10.0), WORLD, LIMITS, State()),
    (Code.BAD_ORDER, order(limit=0.0), WORLD, LIMITS, State()),
    (Code.BAD_ORDER, order(order_id=""), WORLD, LIMITS, State()),
    (Code.DUPLICATE_ORDER, ORDER, WORLD, LIMITS, State(day=TODAY, ids=("one",))),
    (Code.DUPLICATE_ORDER, ORDER, world(working=(works(ORDER, 10.0),)), LIMITS, State()),
    (Code.FLATTEN_OPENS, order(flatten=True), WORLD, LIMITS, State()),
    (Code.FLATTEN_OPENS, order(flatten=True, side=SELL), world(positions=(held(9.0),)), LIMITS, State()),
    (Code.EXITS_PER_MINUTE, SHORT, world(positions=(held(10.0),)), LIMITS, State(sent=(NOW - SECOND,) * 60)),
    (Code.REDUCING, ORDER, WORLD, LIMITS, SLOW),
    (Code.REDUCING, order(side=SELL, shares=11.0), world(positions=(held(10.0),)), LIMITS, SLOW),
    (Code.CLOCK_SKEW, ORDER, world(clock_skew=None), LIMITS, State()),
    (Code.CLOCK_SKEW, ORDER, world(clock_skew=-SECOND), LIMITS, State()),
    (Code.CLOCK_SKEW, ORDER, world(quotes={"AAA": quote(known_at=NOW + SECOND)}), LIMITS, State()),
    (Code.CLOCK_SKEW, ORDER, WORLD, LIMITS, State(sent=(NOW + SECOND,))),
    (Code.STALE_CHANNEL, ORDER, world(channels=FRESH[:2]), LIMITS, State()),
    (Code.STALE_CHANNEL, ORDER, world(channels=(*FRESH, Channel(name="tape", known_at=NOW))), LIMITS, State()),
    (Code.STALE_CHANNEL, ORDER, world(channels=(*FRESH[1:], Channel(name="quotes", known_at=NOW - MINUTE))), LIMITS, State()),
    (Code.STALE_CHANNEL, ORDER, world(channels=(*FRESH[1:], Channel(name="quotes", known_at=None))), LIMITS, State()),
    (Code.NO_QUOTE, ORDER, world(quotes={}), LIMITS, State()),
    (Code.STALE_QUOTE, ORDER, world(quotes={"AAA": quote(known_at=NOW - MINUTE)}), LIMITS, State()),
    (Code.BAD_QUOTE, ORDER, world(quotes={"AAA": quote(bid=0.0)}), LIMITS, State()),
    (Code.BAD_QUOTE, ORDER, world(quotes={"AAA": quote(bid=101.0)}), LIMITS, State()),
    (Code.SPREAD, ORDER, world(quotes={"AAA": quote(bid=99.0)}), LIMITS, State()),
    (Code.PRICE_COLLAR, order(limit=103.0), WORLD, LIMITS, State()),
    (Code.PRICE_COLLAR, order(side=SELL, limit=97.0), world(positions=(held(10.0),)), LIMITS, State()),
    (Code.ORDERS_PER_MINUTE, ORDER, WORLD, LIMITS, State(sent=(NOW - SECOND,) * 20)),
    (Code.ORDERS_PER_DAY, ORDER, WORLD, LIMITS, State(day=TODAY, today=200)),
    (Code.LOSS_ROOM, ORDER, world(equity=99_040.0, working=(works(order(order_id="w", symbol="BBB"), 20.0),)), LIMITS, State()),
    (Code.ORDER_SHARES, order(shares=1_001.0, limit=None), world(quotes={"AAA": quote(0.9999, 1.0)}), LIMITS, State()),
    (Code.ORDER_SHARES, replace(OPTION, shares=11.0), WORLD, LIMITS, State()),
    (Code.ORDER_VALUE, order(shares=26.0), WORLD, LIMITS, State()),
    (Code.SHORT_OPTION, replace(OPTION, side=SELL), world(positions=(option(1.0),)), LIMITS, State()),
    (Code.POSITION, order(shares=20.0), world(positions=(held(31.0),)), replace(LIMITS, name=0.5), State()),
    (Code.POSITION, order(shares=20.0), world(working=(works(order(order_id="w"), 31.0),)), replace(LIMITS, name=0.5), State()),
    (Code.NAME, order(shares=20.0), world(positions=(held(28.0), option(2.0))), LIMITS, State()),
    (Code.SECTOR, ORDER, world(positions=(held(-245.0, "BBB"),)), LIMITS, State()),
    (Code.SECTOR, ORDER, world(positions=(held(245.0, "CCC"),), sectors={}), LIMITS, State()),
    (Code.GROSS, ORDER, world(positions=(held(991.0, "CCC"),)), LIMITS, State()),
    (Code.PREMIUM_NAME, OPTION, world(positions=(option(4.0),)), LIMITS, State()),
    (Code.PREMIUM, OPTION, world(positions=(option(14.0, "BBB261218C00100000", underlying="BBB"),)), LIMITS, State()),
    (Code.NO_LOCATE, SHORT, world(locates={"AAA": 9.0}), LIMITS, State()),
    (Code.NO_LOCATE, SHORT, world(locates={}), LIMITS, State()),
    (Code.NO_SHORTS, SHORT, WORLD, Limits(account=Kind.CASH), State()),
    (
        Code.MINIMUM_EQUITY,
        order(side=SELL, shares=1.0),
        world(equity=1_999.0, start=1_999.0, peak=1_999.0),
        replace(LIMITS, name=1.0),
        State(),
    ),
    (Code.DAY_TRADES, ORDER, world(equity=24_999.0, start=24_999.0, peak=24_999.0, day_trades=3.0), NO_MARGIN, State()),
    (Code.UNSETTLED, ORDER, world(unsettled=99_500.0), Limits(account=Kind.CASH), State()),
    (Code.MARGIN, ORDER, world(cash=900.0), Limits(account=Kind.CASH), State()),
    (Code.MARGIN, ORDER, world(positions=(held(4_000.0, "CCC"),)), replace(LIMITS, gross=9.0), State()),
    (Code.BUYING_POWER, ORDER, world(buying_power=1_009.0), LIMITS, State()),
    (Code.BUYING_POWER, ORDER, world(buying_power=3_000.0, working=(works(order(order_id="w", symbol="BBB"), 20.0),)), LIMITS, State()),
    (Code.ALLOWED, ORDER, WORLD, LIMITS, State()),
    (Code.ALLOWED, SHORT, WORLD, LIMITS, State()),
    (Code.ALLOWED, OPTION, WORLD, LIMITS, State()),
]
BY_NOBODY_HERE = {Code.STOPPED}  #: a state's code, never an order's: see test_risk_state.py


@pytest.mark.parametrize(("code", "intent", "seen", "limits", "state"), CASES, ids=[f"{i}-{case[0]}" for i, case in enumerate(CASES)])
def test_each_code_is_reached(code: Code, intent: Intent, seen: World, limits: Limits, state: State) -> None:
    verdict = judge(intent, seen, limits, state)
    assert verdict.code is code, verdict.sentence
    assert verdict.allowed is (code is Code.ALLOWED)
    assert verdict.sentence.endswith(".")
    assert "nan" not in verdict.sentence or code is Code.NOT_A_NUMBER
    halts = code in (Code.NOT_A_NUMBER, Code.LOSS_HALTS, Code.PEAK_HALTS, Code.HALTED)
    assert (verdict.state.mode is Mode.HALTED) is halts
    assert (intent.order_id in verdict.state.ids) is (verdict.allowed or intent.order_id in state.ids)
    assert judge(intent, seen, limits, state) == verdict


def test_every_code_has_a_case_a_sentence_and_its_place_on_the_page() -> None:
    assert {case[0] for case in CASES} | BY_NOBODY_HERE == set(Code)
    assert list(SENTENCES) == list(Code)
    assert len({code.value for code in Code}) == len(Code) == len(set(SENTENCES.values()))
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", PAGE.read_text("utf-8"), re.MULTILINE))
    assert list(rows) == [code.value for code in Code]
    assert {code: " ".join(text.split()) for code, text in rows.items()} == {code.value: said for code, said in SENTENCES.items()}


def test_the_page_names_every_limit_with_its_default() -> None:
    text = PAGE.read_text("utf-8")
    for each in fields(Limits):
        assert f"`{each.name}`" in text, each.name
    for said in (
        "1 %",
        "2 %",
        "1.5 %",
        "3 %",
        "60 orders",
        "20 orders",
        "200 orders",
        "2,500 USD",
        "5,000 USD",
        "5 %",
        "25 %",
        "100 %",
        "500 ms",
    ):
        assert said in text, said


def test_the_checks_are_asked_in_the_order_of_the_codes() -> None:
    """An order with everything wrong hears of each in turn, as what it heard of is put right."""
    everything = replace(
        OPTION, order_id="", flatten=True, side=SELL, shares=50.0, limit=0.1, underlying="BBB",
    )  # fmt: skip
    positions = (held(245.0), option(14.0, "BBB261218C00100000", underlying="BBB"), held(1_000.0, "CCC"))
    seen = world(
        clock_skew=None, channels=(), positions=positions, buying_power=0.0, quotes={CALL: quote(3.0, 2.0, NOW - MINUTE)}, cash=-1.0,
    )  # fmt: skip
    state = replace(SLOW, day=TODAY, sent=(NOW - SECOND,) * 60, today=200, ids=("two",))
    cash = Limits(account=Kind.CASH, position_value=2_000.0)
    mend = [
        (Code.BAD_ORDER, lambda: {"everything": replace(everything, order_id="two")}),
        (Code.DUPLICATE_ORDER, lambda: {"state": replace(state, ids=())}),
        (Code.FLATTEN_OPENS, lambda: {"everything": replace(everything, flatten=False)}),
        (Code.REDUCING, lambda: {"state": replace(state, mode=Mode.ACTIVE, code="", why="")}),
        (Code.CLOCK_SKEW, lambda: {"seen": replace(seen, clock_skew=0)}),
        (Code.STALE_CHANNEL, lambda: {"seen": replace(seen, channels=FRESH)}),
        (Code.STALE_QUOTE, lambda: {"seen": replace(seen, quotes={CALL: quote(3.0, 2.0)})}),
        (Code.BAD_QUOTE, lambda: {"seen": replace(seen, quotes={CALL: quote(1.0, 2.0)})}),
        (Code.SPREAD, lambda: {"seen": replace(seen, quotes={CALL: quote(1.99, 2.0)})}),
        (Code.PRICE_COLLAR, lambda: {"everything": replace(everything, limit=None)}),
        (Code.ORDERS_PER_MINUTE, lambda: {"state": replace(state, sent=())}),
        (Code.ORDERS_PER_DAY, lambda: {"state": replace(state, today=0)}),
        (Code.ORDER_SHARES, lambda: {"cash": replace(cash, order_contracts=100.0)}),
        (Code.ORDER_VALUE, lambda: {"cash": replace(cash, order_value=1e6, order_contracts=100.0)}),
        (Code.SHORT_OPTION, lambda: {"everything": replace(everything, side=BUY, limit=None)}),
        (Code.POSITION, lambda: {"cash": replace(cash, position_value=1e6)}),
        (Code.NAME, lambda: {"cash": replace(cash, name=9.0)}),
        (Code.SECTOR, lambda: {"cash": replace(cash, sector=9.0)}),
        (Code.GROSS, lambda: {"cash": replace(cash, gross=9.0)}),
        (Code.PREMIUM_NAME, lambda: {"cash": replace(cash, premium_name=9.0)}),
        (Code.PREMIUM, lambda: {"cash": replace(cash, premium=9.0)}),
        (Code.MARGIN, lambda: {"seen": replace(seen, account=replace(seen.account, cash=1e6))}),
        (Code.BUYING_POWER, lambda: {"seen": replace(seen, account=replace(seen.account, buying_power=1e6))}),
    ]
    for code, better in mend:
        verdict = judge(everything, seen, cash, state)
        assert verdict.code is code, (code, verdict.sentence)
        new = better()
        everything, seen = new.get("everything", everything), new.get("seen", seen)
        state, cash = new.get("state", state), new.get("cash", cash)
    assert judge(everything, seen, cash, state).allowed
    assert [code for code, _ in mend] == sorted((code for code, _ in mend), key=list(Code).index)
    assert len(ENTRIES) == len(set(ENTRIES))


@pytest.mark.parametrize("flatten", [False, True])
def test_an_exit_passes_where_an_entry_does_not(flatten: bool) -> None:
    blind = world(positions=(held(10.0),), quotes={}, channels=(), clock_skew=None, buying_power=0.0)
    out = order(side=SELL, limit=None, flatten=flatten)
    assert asked(out, blind).allowed
    assert asked(out, blind, state=replace(SLOW, day=TODAY, sent=(NOW,) * 59, today=10_000)).allowed
    assert asked(out, blind, state=LOST).code is (Code.ALLOWED if flatten else Code.HALTED)
    assert asked(replace(out, side=BUY), replace(blind, positions=(held(-10.0),)), state=SLOW).allowed


def test_a_flatten_passes_a_broken_world_but_not_with_broken_numbers_of_its_own() -> None:
    out = order(side=SELL, limit=None, flatten=True)
    for ask in (math.nan, math.inf, 1e300):
        broken = world(positions=(held(10.0),), quotes={"AAA": quote(ask=ask)}, equity=math.nan, now=math.nan)
        verdict = asked(out, broken)
        assert verdict.allowed
        assert verdict.state.mode is Mode.HALTED
        assert verdict.price == 100.0
    assert asked(replace(out, shares=math.nan), broken).code is Code.NOT_A_NUMBER
    assert not asked(out, world(positions=(held(math.nan),))).allowed


def test_exits_that_work_already_are_counted() -> None:
    first = order(order_id="first", side=SELL)
    seen = world(positions=(held(15.0),), working=(works(first, 10.0),), locates={})
    assert asked(order(side=SELL, shares=5.0), seen, state=SLOW).allowed
    assert asked(order(side=SELL, shares=6.0), seen, state=SLOW).code is Code.REDUCING
    assert asked(order(side=SELL, shares=6.0), seen).code is Code.NO_LOCATE


def test_the_margin_rule_is_the_one_of_the_broker_on_that_day() -> None:
    small = {"equity": 24_999.0, "start": 24_999.0, "peak": 24_999.0, "day_trades": 3.0}
    rules = switched("ours", "2026-11-24")
    ours = Limits(broker="ours", rules=rules)
    assert asked(seen=world(**small), limits=ours).code is Code.DAY_TRADES
    later = NOW + DAY
    fresh = tuple(replace(each, known_at=later) for each in FRESH)
    next_day = world(**small, now=later, day=TODAY + 1, channels=fresh, quotes={"AAA": quote(known_at=later)})
    assert asked(seen=next_day, limits=ours).allowed
    assert asked(seen=world(**small)).allowed, "a broker without dates of its own has switched"


def test_limits_that_make_no_sense_are_refused() -> None:
    for wrong in ({"gross": math.nan}, {"order_value": -1.0}, {"loss_reduce": 0.03}, {"channels": (("a", 0),)}, {"peak_halt": math.inf}):
        with pytest.raises(BadInput):
            Limits(**wrong)
    with pytest.raises(BadInput, match="no rule"):
        Limits(rules=())


def test_an_exchange_day_is_new_york_s() -> None:
    monday = int(date_of("2026-11-23").astype(int))
    assert day_of(nyse(), NOW) == monday
    assert day_of(nyse(), monday * DAY + DAY + 4 * 60 * MINUTE) == monday, "04:00 UTC on Tuesday is Monday in New York"
    assert day_of(nyse(), monday * DAY - DAY) == monday - 3, "Sunday belongs to Friday"


def test_a_state_never_grows_milder_by_itself() -> None:
    assert moved(LOST, Mode.REDUCING, Code.LOSS_REDUCES, "No.", NOW) == LOST
    assert stopped(SLOW, "By hand.", NOW).mode is Mode.HALTED
    assert watch(WORLD, LIMITS, LOST).mode is Mode.HALTED
    with pytest.raises(BadInput):
        rearm(LOST, "Ada", NOW, "please")
