"""Live sessions against the sandbox's vendors and broker, each in a process of its own: orders, kills, what fails and what stops them."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.end_to_end.harness import Done
from tests.vendors.conftest import MASSIVE_CANARY, WHALES_CANARY
from tests.vendors.live_ground import AT, BEGIN, PATIENCE, SECRET, SYMBOLS, Ground, Live, Place, ended, ground
from tests.vendors.live_job import PACED
from undertow.core.calendar import nyse
from undertow.core.events import Bar, Quote
from undertow.core.time import MINUTE, SECOND
from undertow.execution.control.keeper import NAME as CONTROL
from undertow.execution.control.keeper import look
from undertow.execution.risk.state import Mode
from undertow.sandbox.broker.listing import Listing
from undertow.sandbox.broker.words import Asset
from undertow.sandbox.servers.faults import Fault
from undertow.tape.journal.entry import Kind
from undertow.tape.journal.journal import NAME, Journal
from undertow.tape.journal.orders import State
from undertow.tape.store import Tape

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
DAY = str(nyse().day[AT])
FULL = 4_096  #: bytes, more than which the disk lets no file hold
MOMENTS: dict[str, Callable[[Place, Live], bool]] = {
    "ordering": lambda place, live: len(place.book.state.orders) > 0,
    "filled": lambda place, live: place.filled() > 0,
    "decided": lambda place, live: len(live.log("tick")) > 0,
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Servers of this module alone, for the clock is theirs."""
    with ground(tmp_path_factory.mktemp("live")) as found:
        yield found


@dataclass
class First:
    place: Place
    live: Live
    done: Done


@pytest.fixture(scope="module")
def first(served: Ground) -> First:
    """A session that nothing disturbs; it teaches the models of all others."""
    place = served.place("first", taught=False)
    with ended(place.live()) as live:
        live.warm()
        served.keep(place.home)
        live.begin().ticks(4).until(lambda: place.whole() >= 3, "third order that is filled")
        return First(place, live, live.end())


def test_orders_are_sent_filled_and_written_down(first: First) -> None:
    place, done = first.place, first.done
    assert done.code == 0, done.err
    orders = place.agrees()
    assert len(orders.in_state({State.FILLED})) >= 3
    with Journal.to_read(place.root / NAME) as journal:
        kinds = [entry.kind for entry in journal.entries()]
    assert kinds.count(Kind.SIGNAL) == kinds.count(Kind.INPUTS) == len(first.live.log("tick")) * len(SYMBOLS)
    assert kinds.count(Kind.FILL) == place.filled()
    assert dict(first.live.beat.positions) == place.held()  # as `undertow status` shows it


def test_it_says_that_it_is_simulated_and_was_stopped_and_shows_no_key(first: First) -> None:
    lines = first.done.summary.splitlines()
    assert "Results Summary:" in first.done.out
    assert any("SIMULATED" in line for line in lines)
    assert "The session was stopped before its end" in first.done.out + first.done.err + first.done.report.read_text()
    canaries = (MASSIVE_CANARY, WHALES_CANARY, SECRET)
    assert all(canary not in first.done.out + first.done.err for canary in canaries)
    for path in first.place.home.rglob("*"):
        if path.is_file():
            assert not any(canary.encode() in path.read_bytes() for canary in canaries), path


def test_what_was_met_is_recorded(first: First) -> None:
    folder = next(first.place.home.glob("trading/*/tape")).parent
    kinds = set(Tape(folder).kinds())
    assert {Bar, Quote} <= kinds
    own = Tape(next(path.parent for path in first.place.home.glob("simulated*/tape")))
    rows = own.frame(Quote).collect()
    assert set(rows["symbol"].unique()) == set(SYMBOLS)


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_in_the_middle_it_goes_on(first: First, served: Ground, moment: str) -> None:
    place = served.place(f"killed{moment}")
    with ended(place.live()) as live:
        live.begin().until(lambda: MOMENTS[moment](place, live), moment)
        live.kill()
    before = place.filled()
    with ended(place.live()) as live:
        count = len(live.log("tick"))
        live.again().until(lambda: place.filled() > before, "fill after the kill")
        live.ticks(count + 3)
        assert live.end().code == 0, live.err
    orders = place.agrees()
    assert len(orders.by_id) >= 2
    again = place.undertow("replay", DAY)
    assert again.code == 0, again.out + again.err
    assert "Identical" in again.out


def test_before_the_open_it_tells_the_signals_of_the_morning(first: First, served: Ground) -> None:
    place = served.place("morning", at=int(nyse().open[AT]) - 10 * MINUTE)
    with ended(place.live()) as live:
        live.begin().ticks(3)
        said = "".join(live.err)
        assert live.end().code == 0, live.err
    at = said.index("Before the open, at 2026-05-28T")
    assert all(f"{symbol}: Direction: " in said[at:] for symbol in SYMBOLS)


def test_begun_inside_a_bar_it_asks_for_the_minutes_before(first: First, served: Ground) -> None:
    place = served.place("midbar", at=BEGIN + 100 * SECOND)
    with ended(place.live()) as live:
        live.begin().ticks(3)
        assert live.end().code == 0, live.err
    place.agrees()
    met = {(bar["symbol"], bar["event_at"]): bar for bar in place.recorded(Bar).iter_rows(named=True)}
    for symbol in SYMBOLS:
        minutes = place.vendors.world.minutes(symbol, slice(AT, AT + 1))
        begun = (minutes.event_at > BEGIN) & (minutes.event_at <= BEGIN + 5 * MINUTE)
        bar = met[symbol, BEGIN + 5 * MINUTE]
        assert bar["volume"] == minutes.columns["volume"][begun].sum()
        assert bar["open"] == minutes.columns["open"][begun][0]
    again = place.undertow("replay", DAY)
    assert "Identical" in again.out, again.out + again.err


def test_at_the_close_nothing_is_ordered_and_it_is_made_again_the_same(first: First, served: Ground) -> None:
    closes = int(nyse().close[AT])
    place = served.place("close", at=closes - 7 * MINUTE)
    with ended(place.live("--at-close", "hold")) as live:
        live.begin().until(lambda: len(live.log("tick")) >= 2 or live.process.poll() is not None, "last decision")
        assert live.process.wait(PATIENCE) == 0, live.err
    place.agrees()
    assert place.held()  # and at the close the strategy wants nothing
    assert all(order.created_at < closes for order in place.book.state.orders.values())
    again = place.undertow("replay", DAY)
    assert "Identical" in again.out, again.out + again.err


def test_without_a_broker_the_live_market_is_traded_on_paper(first: First, served: Ground) -> None:
    place = served.place("paper")
    with ended(place.live(broker=False)) as live:
        live.begin().ticks(4)
        done = live.end()
    assert done.code == 0, done.err
    assert "sent to the simulated broker" in done.out + done.report.read_text()
    assert not place.book.state.orders
    with Journal.to_read(next(place.home.glob("trading/paper-*")) / NAME) as journal:
        assert journal.verify().fault is None
        assert {Kind.SIGNAL, Kind.VERDICT, Kind.FILL} <= {entry.kind for entry in journal.entries()}
    again = place.undertow("replay", DAY)
    assert "Identical" in again.out, again.out + again.err


def test_a_mute_feed_stops_entries_lets_exits_pass_and_heals(first: First, served: Ground) -> None:
    place = served.place("mute")
    within = (BEGIN, BEGIN + 7 * MINUTE)  # entries at its fifth minute are filled, exits at its tenth meet a feed that is mute
    world = place.vendors.world.at(within[1])
    sessions = slice(AT, AT + 1)
    told = [world.rows(kind, symbol, sessions) for kind in (Quote,) for symbol in SYMBOLS]
    messages = sum(int(((chunk.known_at > within[0]) & (chunk.known_at <= within[1])).sum()) for chunk in told)
    fault = Fault(name="mute", match="/stocks", times=-1, after=messages)
    place.faults.plan(fault)
    with ended(place.live()) as live:
        live.begin().ticks(1)
        fault.after = 0  # a socket that is opened anew is mute from its beginning
        live.until(lambda: "quotes is STALE" in live.beat.says, "word of the mute feed")
        said = [one["says"] for one in live.log("feeds")]
        assert any("quotes is STALE (feed)" in one or "quotes is STALE (API)" in one for one in said), said
        live.until(lambda: any(one["code"] == "stale_channel" and not one["sent"] for one in live.log("order")), "entry that is refused")
        place.faults.planned.clear()
        live.until(lambda: "quotes" not in live.beat.says, "quotes again")
        sent = len(place.book.state.orders)
        live.until(lambda: len(place.book.state.orders) > sent, "order after it")
        assert live.end().code == 0, live.err
    place.agrees()


def test_a_lost_stream_of_the_broker_holds_entries_back_until_all_is_compared(first: First, served: Ground) -> None:
    place = served.place("dropped")
    place.faults.plan(Fault(name="close-1011", match="/stream", after=1))
    door = Fault(name="500", match="/stream", times=-1, after=1)
    place.faults.plan(door)
    with ended(place.live()) as live:
        live.begin().until(lambda: any(one["code"] == "not_equal" for one in live.log("order")), "entry that waits")
        said = [one["says"] for one in live.log("order") if one["code"] == "not_equal"]
        assert "stream of updates was lost" in said[0]
        place.faults.planned.clear()
        sent = len(place.book.state.orders)
        live.until(lambda: len(place.book.state.orders) > sent, "order after it")
        assert live.end().code == 0, live.err
    place.agrees()
    assert place.faults.asked["/stream"] >= 2


# --- what stops it ----------------------------------------------------------------------------------------------------


def test_persons_stop_it_while_it_lives_and_while_it_hangs(first: First, served: Ground) -> None:
    place = served.place("switch")
    with ended(place.live()) as live:
        live.begin().until(lambda: len(place.held()) == len(SYMBOLS), "positions")
        assert place.undertow("halt", "--why", "lunch").code == 0
        live.until(lambda: live.beat.seen >= 1, "loop that has taken it in")
        sent, ticks = len(place.book.state.orders), len(live.log("tick"))
        live.ticks(ticks + 2)
        assert len(place.book.state.orders) == sent
        assert {one["code"] for one in live.log("order")[-1:]} == {"halted"}
        live.clock.go(1.0)
        done = place.undertow("flatten")
        assert done.code == 0, done.err
        assert "The loop has done it." in done.out
        live.clock.go(PACED)
        live.until(lambda: not place.held(), "end of all positions")
        assert live.process.poll() is None
        assert live.end().code == 0, live.err
    place.agrees()


def test_where_the_loop_hangs_it_is_flattened_from_outside(first: First, served: Ground) -> None:
    place = served.place("hangs")
    with ended(place.live()) as live:
        live.begin().until(lambda: len(place.held()) == len(SYMBOLS), "positions")
        live.clock.go(1.0)
        os.kill(live.process.pid, signal.SIGSTOP)
        done = place.undertow("flatten")
        assert "Asking the broker from here." in done.out
        assert done.code in (0, 1), done.out + done.err  # 1 says that an order still works: the market is thin
        place.clock.go(PACED)
        live.until(lambda: not place.held(), "end of all positions")
        sent = len(place.book.state.orders)
        os.kill(live.process.pid, signal.SIGCONT)
        live.ticks(3)
        assert list(place.root.glob("journal.aside/*.taken"))  # and the loop has it in its journal
        assert len(place.book.state.orders) == sent  # what was asked for is done: the loop does not do it again
        assert live.end().code == 0, live.err
        count = len(live.log("tick"))
    with ended(place.live()) as live:  # takes in what lay aside, and asks for its fills
        live.again().ticks(count + 1)
        live.end()
    place.agrees()
    assert not place.held()
    assert look(place.home / CONTROL).state.mode is Mode.HALTED


def test_a_clock_that_is_off_and_a_symbol_that_is_not_traded(first: First, served: Ground) -> None:
    listed = served.broker.listing
    served.broker.listing = Listing(served.vendors.world.listed, {"MSFT": Asset(symbol="MSFT", tradable=False)})
    try:
        place = served.place("denied")
        with ended(place.live(ahead=10 * SECOND)) as live:
            live.begin().ticks(1)
            live.until(lambda: any("this machine's clock is off by" in one["says"] for one in live.log("feeds")), "word of the clock")
            live.end()
    finally:
        served.broker.listing = listed
    said = {one["code"]: one["says"] for one in live.log("order")}
    assert set(said) == {"clock_skew", "not_tradable"}
    assert said["not_tradable"] == "MSFT cannot be traded at this broker now."
    assert not place.book.state.orders
    place.agrees()


def test_a_full_disk_ends_it_with_a_sentence_and_loses_nothing(first: First, served: Ground) -> None:
    place = served.place("full")
    with ended(place.live()) as live:
        live.begin().until(lambda: place.filled() >= 1, "fill")
        live.ticks(len(live.log("tick")) + 1)
        resource.prlimit(live.process.pid, resource.RLIMIT_FSIZE, (FULL, resource.RLIM_INFINITY))
        with Journal.to_read(place.root / NAME) as journal:
            before = [entry.hash for entry in journal.entries()]
        live.process.wait(PATIENCE)
        done = live.end()
    assert done.code == 2
    assert done.err.splitlines()[-1].startswith("error: ")
    with Journal.to_read(place.root / NAME) as journal:
        assert journal.verify().fault is None
        assert [entry.hash for entry in journal.entries()][: len(before)] == before
    orders = place.orders()
    orders.sound()
    assert {order.client_id for order in place.book.state.orders.values()} <= set(orders.by_id)
    with ended(place.live()) as live:  # there is room again
        live.again().ticks(len(live.log("tick")) + 2)
        assert live.end().code == 0, live.err
    place.agrees()
