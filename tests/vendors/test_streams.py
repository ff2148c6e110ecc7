"""What a doctor says of streams: let in, refused, left alone where one runs, and no key in any line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.vendors.conftest import MASSIVE_CANARY, WHALES_CANARY, Vendors
from undertow.app.vendors.access import access
from undertow.app.vendors.checks import State
from undertow.app.vendors.desk import Desk
from undertow.app.vendors.handshake import LOCKS
from undertow.app.vendors.streams import locks, pace, streams
from undertow.core.time import SECOND
from undertow.sandbox.servers.faults import Fault
from undertow.sources.wire.key import Key
from undertow.sources.wire.leader import Leader


def desk(vendors: Vendors, home: Path) -> Desk:
    socket = vendors.url.replace("http://", "ws://")
    found = Desk(access(environment=vendors.env(home) | {"POLYGON_WS_URL": socket, "UW_WS_URL": f"{socket}/socket"}), home)
    found.market = vendors.world.market.name
    return found


def looked(desk: Desk, home: Path) -> dict[str, tuple[State, str]]:
    found = {check.name: (check.state, check.says) for check in streams(desk, home)}
    assert not any(canary in str(found) for canary in (MASSIVE_CANARY, WHALES_CANARY))
    return found


def test_both_let_us_in_and_hold_nothing_after(vendors: Vendors, tmp_path: Path) -> None:
    found = looked(desk(vendors, tmp_path), tmp_path)
    assert {state for state, _ in found.values()} == {State.OK}, found
    assert len(found) == 2
    assert locks(tmp_path).says == "none."


@pytest.mark.parametrize(("match", "name"), [("/stocks", "Massive: stream"), ("/socket", "Unusual Whales: stream")])
def test_a_refusal_is_to_look_at_and_nothing_worse(vendors: Vendors, tmp_path: Path, match: str, name: str) -> None:
    vendors.faults.plan(Fault(name="auth-failed", match=match, times=-1))
    found = looked(desk(vendors, tmp_path), tmp_path)
    assert found.pop(name)[0] is State.WARN
    assert {state for state, _ in found.values()} == {State.OK}


def test_a_stream_that_runs_is_not_thrown_off(vendors: Vendors, tmp_path: Path) -> None:
    with Leader(tmp_path / LOCKS, Key(MASSIVE_CANARY), "stocks"):
        found = looked(desk(vendors, tmp_path), tmp_path)
        assert f"process {os.getpid()} streams" in found["Massive: stream"][1]
        assert "/stocks" not in vendors.faults.asked
        assert locks(tmp_path).says == f"stocks of key {Key(MASSIVE_CANARY).name[:8]}… by process {os.getpid()}."


def test_a_stream_of_another_market_is_broken(vendors: Vendors, tmp_path: Path) -> None:
    other = desk(vendors, tmp_path)
    other.market = ""
    assert {state for state, _ in looked(other, tmp_path).values()} == {State.FAIL}


def test_the_pace_that_is_kept(tmp_path: Path) -> None:
    now = 1_795_348_800 * SECOND
    assert pace(tmp_path, now).says == "none kept of the last day."
    (tmp_path / "pace.json").write_text(json.dumps({"0123456789abcdef": [3.0, now - SECOND, now + 60 * SECOND, 5]}))
    assert pace(tmp_path, now).says == "key 01234567… 5 a minute, closed until 2026-11-22T12:01:00Z."
    (tmp_path / "pace.json").write_text("[1")
    assert pace(tmp_path, now).state is State.WARN
