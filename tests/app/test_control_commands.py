"""The commands that stop trading: with a loop that lives, hangs or never was, and a journal that somebody holds."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.execution.fake_gateway import FakeGateway
from undertow.app import aside, brokers
from undertow.app.aside import FOLDER, Aside, take_in
from undertow.app.cli import app
from undertow.app.clock import now
from undertow.app.commands import control
from undertow.app.kill import id_of
from undertow.app.main_job import guarded
from undertow.core.errors import StoreError
from undertow.execution.control.keeper import NAME as CONTROL
from undertow.execution.control.keeper import Keeper, look
from undertow.execution.control.wishes import Wishes
from undertow.execution.control.words import Beat, Wish
from undertow.execution.risk.inputs import Side
from undertow.execution.risk.state import Mode
from undertow.tape.journal.entry import Draft, Kind
from undertow.tape.journal.ids import client_order_id, decision_of
from undertow.tape.journal.journal import NAME, Journal
from undertow.tape.journal.orders import Orders

OURS = client_order_id("run", 5, "AAA", "flow")


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    found = FakeGateway(shares={"AAA": 5.0, "BBB": -2.0})
    found.put(OURS, "AAA", Side.BUY, 3.0)
    found.put("theirs", "CCC", Side.BUY, 1.0)
    monkeypatch.setattr(brokers, "gateway_of", lambda home: found)
    return found


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNDERTOW_HOME", str(tmp_path))
    return tmp_path


def begun(home: Path, at: int | None = None) -> Keeper:
    """A loop that ran here and sent an order; its last heartbeat is an hour old, or of ``at``."""
    keeper = Keeper(home / CONTROL)
    keeper.beat(Beat(at=now() - 3600 * 10**9 if at is None else at, pid=1))
    body = {"order": OURS, "symbol": "AAA", "side": "buy", "shares": 3}
    with Journal.to_write(home / NAME) as journal:
        journal.append(
            *(Draft(at=5, kind=kind, id=decision_of(OURS), body=body) for kind in (Kind.INTENT, Kind.REQUEST)),
            Draft(at=6, kind=Kind.RESPONSE, id=decision_of(OURS), body={"order": OURS, "says": "accepted"}),
        )
    return keeper


def run(*arguments: str) -> int:
    return guarded(app, arguments, "undertow")


def entries(home: Path) -> list[tuple[str, str]]:
    with Journal.to_read(home / NAME) as journal:
        assert journal.verify().fault is None
        found = list(journal.entries())
    Orders(found).sound()
    return [(entry.kind.value, entry.content().get("order", "")) for entry in found]


def test_cancel_asks_the_broker_where_the_loop_hangs(home: Path, gateway: FakeGateway, capsys: pytest.CaptureFixture[str]) -> None:
    begun(home)
    assert run("cancel", "--why", "it hangs") == 0
    assert "Working orders: none. Held: not asked." in capsys.readouterr().out
    assert gateway.closed
    assert gateway.shares == {"AAA": 5.0, "BBB": -2.0}
    assert entries(home)[3:] == [("note", ""), ("request", OURS), ("response", OURS), ("note", ""), ("note", "")]
    with Journal.to_read(home / NAME) as journal:
        assert Orders(journal.entries()).by_id[OURS].state == "cancelled"
    assert look(home / CONTROL).state.mode is Mode.HALTED


def test_flatten_closes_and_a_second_time_changes_nothing(home: Path, gateway: FakeGateway) -> None:
    begun(home)
    assert run("flatten") == 0
    assert gateway.shares == {"AAA": 0.0, "BBB": 0.0}
    with Journal.to_read(home / NAME) as journal:
        orders = Orders(journal.entries())
        orders.sound()
    assert sorted((order.symbol, order.side, float(order.shares)) for order in orders.by_id.values() if order.id != OURS) == [
        ("AAA", "sell", 5.0), ("BBB", "buy", 2.0),
    ]  # fmt: skip
    assert run("flatten", "--now") == 0
    assert gateway.submits == 2


def test_what_is_left_is_said_by_the_exit_status(home: Path, gateway: FakeGateway, capsys: pytest.CaptureFixture[str]) -> None:
    begun(home)
    gateway.plan = ["work", "reject"]
    assert run("flatten") == 1
    said = capsys.readouterr()
    assert "Held: 5 AAA, -2 BBB" in said.out
    assert "rejected, no" in said.out
    assert "Not everything is done" in said.err


def test_a_loop_that_holds_the_journal_takes_it_in_later(home: Path, gateway: FakeGateway, capsys: pytest.CaptureFixture[str]) -> None:
    begun(home)
    request = None
    with Journal.to_write(home / NAME) as journal:
        assert run("flatten") == 0
        assert "lies aside" in capsys.readouterr().err
        request = Wishes(home / CONTROL).get(1)
        # the loop wakes up and intends the same order: it has the same id, and the fact that lies aside becomes a note
        own = id_of(request)("AAA", 0)
        body = {"order": own, "symbol": "AAA", "side": "sell", "shares": 5.0}
        journal.append(Draft(at=7, kind=Kind.INTENT, id=decision_of(own), body=body))
        before = journal.head().sequence
        added = take_in(journal, home, now())
        assert journal.head().sequence == before + len(added) > before
        assert take_in(journal, home, now()) == ()
    told = entries(home)
    assert (told.count(("intent", own)), told.count(("request", own)), told.count(("response", own))) == (1, 1, 1)
    assert not list((home / FOLDER).glob("*.jsonl"))


def test_taking_in_is_all_or_nothing_and_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Aside(home, 1) as written:
        written.tell(Draft(at=1, kind=Kind.NOTE, id="a", body={"text": "é"}))
        with Journal.to_write(home / NAME) as journal:
            assert take_in(journal, home, 2) == (), "its writer lives"
        written.tell(Draft(at=2, kind=Kind.NOTE, id="b"))
    with Journal.to_write(home / NAME) as journal, monkeypatch.context() as patch:
        patch.setattr(Path, "rename", _crash)
        with pytest.raises(KeyboardInterrupt):
            take_in(journal, home, 2)
    with Journal.to_write(home / NAME) as journal:
        assert take_in(journal, home, 3) == ()
        assert [entry.id for entry in journal.entries()][1:] == ["a", "b"]


def _crash(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("cut", range(0, 200, 7))
def test_a_torn_line_and_all_after_it_are_left_out(home: Path, cut: int) -> None:
    with Aside(home, 1) as written:
        for name in "abc":
            written.tell(Draft(at=1, kind=Kind.NOTE, id=name))
    raw = written.path.read_bytes()
    written.path.write_bytes(raw[: len(raw) - 1 - cut])
    whole = raw[: len(raw) - 1 - cut].count(b"\n")
    with Journal.to_write(home / NAME) as journal:
        note, *rest = take_in(journal, home, 2)
        assert [entry.id for entry in rest] == list("abc")[:whole]
        assert note.content()["wrong"] or raw[: len(raw) - 1 - cut].endswith(b"\n")


def test_a_full_disk_keeps_nobody_in_a_position(
    home: Path, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun(home)

    def full(*_: object) -> None:
        raise StoreError("no space left")

    monkeypatch.setattr(aside.Aside, "tell", full)
    assert run("flatten") == 0
    assert gateway.shares == {"AAA": 0.0, "BBB": 0.0}
    assert "no space left" in capsys.readouterr().err


@pytest.fixture
def loop(home: Path) -> Iterator[list[Wish]]:
    """A loop that lives and does what it is asked."""
    keeper, over, done = begun(home, now()), threading.Event(), []

    def work() -> None:
        state, last = keeper.state, 0
        while not over.wait(0.02):
            state, requests = keeper.heed(state)
            done.extend(request.wish for request in requests)
            last = max([last, *(request.serial for request in requests)])
            keeper.beat(Beat(at=now(), done=last, pid=7, positions=(("AAA", 5.0),), channels=(("quotes", now()), ("flow", None))))

    thread = threading.Thread(target=work)
    thread.start()
    yield done
    over.set()
    thread.join()


def test_a_loop_that_lives_does_it_itself(home: Path, loop: list[Wish], gateway: FakeGateway, capsys: pytest.CaptureFixture[str]) -> None:
    assert [run(each) for each in ("halt", "cancel", "flatten")] == [0, 0, 0]
    assert loop == [Wish.HALT, Wish.CANCEL, Wish.FLATTEN]
    assert gateway.submits == 0
    assert capsys.readouterr().out.count("The loop has done it.") == 2
    assert run("status") == 0
    shown = capsys.readouterr().out
    assert "Trading is HALTED" in shown
    assert "The loop lives" in shown
    assert "Positions: AAA 5.0." in shown
    assert "flow never" in shown
    assert run("rearm", "--phrase", "I have read why: stopped. Trade again.") == 0
    assert run("status", "--json") == 0
    assert json.loads(capsys.readouterr().out.split("\n", 2)[2])["mode"] == "active"


def test_a_loop_that_beats_and_does_nothing_is_not_waited_for_long(
    home: Path, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(home, now())
    monkeypatch.setattr(control, "WAIT", 0.2)
    began = time.monotonic()
    assert run("cancel") == 0
    assert time.monotonic() - began < 8.0
    assert gateway.orders[OURS].stands == "cancelled"


def test_re_arming_asks_for_the_phrase(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("rearm") == 2
    assert "active" in capsys.readouterr().err
    assert run("halt", "--who", "Ada", "--why", "lunch") == 0
    assert run("rearm", "--phrase", "yes") == 2
    assert "Ada asked for halt: lunch." in capsys.readouterr().out
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "I have read why: stopped. Trade again.\n")
    assert run("rearm", "--who", "Ada") == 0
    assert look(home / CONTROL).state.mode is Mode.ACTIVE


def test_what_was_done_goes_to_the_folder_of_the_account(home: Path, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    root, asked = home / "trading" / "one", []
    monkeypatch.setattr(brokers, "gateway_of", lambda folder: asked.append(folder) or gateway)
    Keeper(home / CONTROL).beat(Beat(at=1, root=str(root)))
    assert run("cancel") == 0
    assert asked == [root]
    assert (root / NAME).exists()
    assert not (home / NAME).exists()


def test_a_home_without_a_broker_says_so(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("cancel") == 0
    assert "No loop ever traded" in capsys.readouterr().out
    assert run("flatten", "--now") == 2
    assert "no broker" in capsys.readouterr().err


def test_arming_by_command(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("undertow.app.clock.now", lambda: 1_795_348_800 * 10**9 + 86_400 * 10**9)  # Monday 2026-11-23, 12:00 UTC
    assert run("arm", "--account", "A1", "--who", "Ada") == 0
    assert "until 2026-11-24T05:00:00Z" in capsys.readouterr().out
    assert run("status") == 0
    assert "Armed for live trading: A1 by Ada" in capsys.readouterr().out
    assert [run("disarm"), run("disarm")] == [0, 0]
    assert "Nothing was armed." in capsys.readouterr().out
