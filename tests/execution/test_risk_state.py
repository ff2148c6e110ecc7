"""What the gate remembers: it survives the disk, counts by exchange day, and only a person brings trading back."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.errors import BadInput
from undertow.core.time import MINUTE, SECOND
from undertow.execution.risk.codes import Code
from undertow.execution.risk.inputs import Account, Channel, Intent, Position, Quote, Side, Working, World
from undertow.execution.risk.judge import judge, to_cancel, watch
from undertow.execution.risk.limits import Limits
from undertow.execution.risk.state import Mode, State, phrase_for, rearm, stopped

NOW, DAY = 1_000_000 * SECOND, 20_000
LIMITS = Limits()
START = 100_000.0


def world(equity: float = START, now: int = NOW, day: int = DAY, **more: object) -> World:
    account = Account(cash=equity, equity=equity, start=START, peak=START, buying_power=1e6)
    channels = tuple(Channel(name=name, known_at=now) for name, _ in LIMITS.channels)
    quotes = {"AAA": Quote(bid=99.99, ask=100.0, known_at=now)}
    return replace(World(now=now, day=day, account=account, quotes=quotes, channels=channels, clock_skew=0), **more)


def buy(order_id: str, shares: float = 1.0) -> Intent:
    return Intent(order_id=order_id, symbol="AAA", side=Side.BUY, shares=shares)


words = st.text(max_size=8)
whole = st.integers(0, 2**62)
money = st.floats(-1e15, 1e15)
states = st.builds(
    State,
    mode=st.sampled_from([Mode.REDUCING, Mode.HALTED]),
    code=st.sampled_from([code.value for code in Code]),
    why=words,
    since=whole,
    day=whole,
    base=st.none() | money,
    peak=money,
    rebase=st.booleans(),
    sent=st.lists(whole, max_size=5).map(tuple),
    today=whole,
    ids=st.lists(words, max_size=5).map(tuple),
    rearmed_by=words,
    rearmed_at=whole,
) | st.builds(State, day=whole, peak=money)


@given(states)
def test_a_state_survives_the_disk(state: State) -> None:
    assert State.from_dict(json.loads(json.dumps(state.to_dict(), allow_nan=False))) == state


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "fine"}, {"mode": ["active"]}, {"mode": "halted"}, {"peak": math.nan}, {"peak": "1"}, {"base": math.inf}, {"sent": [1.5]},
        {"sent": 5}, {"ids": "one"}, {"ids": [1]}, {"today": True}, {"rebase": 1}, {"new": 1}, {"code": "halted"}, {"since": None},
    ],
)  # fmt: skip
def test_a_state_in_doubt_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadInput, match="nothing is traded"):
        State.from_dict(State().to_dict() | wrong)
    with pytest.raises(BadInput, match="nothing is traded"):
        State.from_dict({name: value for name, value in State().to_dict().items() if name != "mode"})


def test_orders_are_counted_by_the_minute_and_by_the_exchange_day() -> None:
    limits, state = replace(LIMITS, orders_per_minute=2, orders_per_day=3), State()
    for step, (after, code) in enumerate(
        [(0, "allowed"), (1, "allowed"), (59, "orders_per_minute"), (60, "allowed"), (300, "orders_per_day")]
    ):
        verdict = judge(buy(f"o{step}"), world(now=NOW + after * SECOND), limits, state)
        assert verdict.code == code
        state = verdict.state
    assert state.today == 3
    verdict = judge(buy("o0"), world(now=NOW + 600 * SECOND, day=DAY + 1), limits, state)
    assert verdict.allowed, "another day, another count"
    assert (verdict.state.today, verdict.state.ids) == (1, ("o0",))
    late = judge(buy("o1"), world(now=NOW + 600 * SECOND, day=DAY), limits, verdict.state)
    assert late.state.today == 2, "a day that goes back starts no count anew"


def test_losses_reduce_then_halt_and_nothing_but_a_person_brings_trading_back() -> None:
    state = watch(world(99_100.0), LIMITS, State())
    assert state.mode is Mode.ACTIVE
    state = watch(world(98_900.0), LIMITS, state)
    assert (state.mode, state.code) == (Mode.REDUCING, "loss_reduces")
    assert "98,900.00" in state.why
    state = watch(world(START), LIMITS, state)
    assert state.mode is Mode.REDUCING, "a recovery does not re-arm"
    state = watch(world(97_000.0), LIMITS, state)
    assert (state.mode, state.code) == (Mode.HALTED, "loss_halts")
    state = watch(world(START, day=DAY + 1), LIMITS, state)
    assert state.mode is Mode.HALTED, "a new day does not re-arm"


def test_after_a_re_arming_the_loss_counts_anew() -> None:
    halted = watch(world(97_000.0), LIMITS, State())
    back = rearm(halted, "Ada", NOW + 1, phrase_for(halted))
    assert (back.mode, back.rearmed_by, back.rearmed_at) == (Mode.ACTIVE, "Ada", NOW + 1)
    back = watch(world(97_000.0), LIMITS, State.from_dict(back.to_dict()))
    assert back.mode is Mode.ACTIVE
    assert watch(world(95_500.0), LIMITS, back).code == "loss_reduces"
    assert watch(world(95_000.0), LIMITS, back).code == "loss_halts"
    other = stopped(watch(world(98_950.0 + 100.0), LIMITS, State()), "By hand.", NOW)
    other = rearm(other, "Ada", NOW, phrase_for(other))
    assert watch(world(98_900.0), LIMITS, other).code == "loss_reduces", "what was not about losses forgives none"


def test_the_peak_is_remembered_within_the_day() -> None:
    state = watch(world(104_000.0), LIMITS, State())
    assert watch(world(100_880.0), LIMITS, state).code == "peak_halts"
    assert watch(world(102_440.0), LIMITS, state).code == "peak_reduces"
    assert watch(world(102_440.0, day=DAY + 1), LIMITS, state).mode is Mode.ACTIVE


def test_re_arming_takes_a_person_and_the_phrase() -> None:
    state = stopped(State(), "The feed was wrong.", NOW)
    for who, when, phrase in [("", NOW, phrase_for(state)), ("Ada", NOW - 1, phrase_for(state)), ("Ada", NOW, ""), ("Ada", NOW, "yes")]:
        with pytest.raises(BadInput):
            rearm(state, who, when, phrase)
    assert "stopped" in phrase_for(state)
    with pytest.raises(BadInput, match="nothing to re-arm"):
        rearm(State(), "Ada", NOW, phrase_for(State()))


@settings(max_examples=100)
@given(st.lists(st.sampled_from(["tick", "fall", "nan", "order", "exit", "day", "stop"]), max_size=20), st.floats(0.5, 2.0))
def test_nothing_that_happens_leaves_halted(events: list[str], move: float) -> None:
    state, now, day = stopped(State(), "By hand.", NOW), NOW, DAY
    position = Position(symbol="AAA", shares=5.0, mark=100.0)
    for step, event in enumerate(events):
        now, day = now + MINUTE, day + (event == "day")
        seen = world(math.nan if event == "nan" else START * (move if event == "fall" else 1.0), now, day, positions=(position,))
        state = watch(seen, LIMITS, state)
        if event in ("order", "exit"):
            intent = replace(buy(f"o{step}"), side=Side.SELL if event == "exit" else Side.BUY)
            verdict = judge(intent, seen, LIMITS, state)
            assert verdict.code is Code.HALTED
            state = verdict.state
        state = stopped(state, "Again.", now) if event == "stop" else state
        assert (state.mode, state.code, state.why) == (Mode.HALTED, "stopped", "By hand.")
    assert rearm(state, "Ada", now, phrase_for(state)).mode is Mode.ACTIVE


def test_what_has_to_be_cancelled_follows_from_the_state() -> None:
    def works(order_id: str, side: Side, flatten: bool = False) -> Working:
        intent = replace(buy(order_id), side=side, flatten=flatten)
        return Working(intent=intent, left=4.0, price=100.0)

    orders = (works("in", Side.BUY), works("out", Side.SELL), works("flat", Side.SELL, flatten=True))
    seen = world(positions=(Position(symbol="AAA", shares=8.0, mark=100.0),), working=orders)
    assert to_cancel(seen, State()) == ()
    assert to_cancel(seen, State(mode=Mode.REDUCING, code="loss_reduces")) == ("in",)
    assert to_cancel(seen, State(mode=Mode.HALTED, code="stopped")) == ("in", "out")
    short = replace(seen, positions=(Position(symbol="AAA", shares=7.0, mark=100.0),))
    assert to_cancel(short, State(mode=Mode.REDUCING, code="loss_reduces")) == ("in", "out", "flat"), "together they would turn it around"
