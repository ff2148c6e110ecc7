"""The control folder: a halt counts from the moment it is written, nothing that is broken trades, and only a person goes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.errors import BadInput, StoreError
from undertow.core.time import SECOND
from undertow.execution.control import files
from undertow.execution.control.keeper import BEAT, STATE, Keeper, look
from undertow.execution.control.wishes import FOLDER, Wishes
from undertow.execution.control.words import Beat, Wish
from undertow.execution.risk.codes import Code
from undertow.execution.risk.state import Mode, State, counted, moved, phrase_for

NOW = 1_795_348_800 * SECOND
LOST = moved(State(), Mode.HALTED, Code.LOSS_HALTS, "It fell.", NOW)


def back(folder: Path, at: int = NOW + 5) -> None:
    """A person re-arms by what is shown."""
    seen = look(folder)
    Wishes(folder).rearm(seen.state, seen.serial, "Ada", at, phrase_for(seen.state))


def test_nothing_there_is_active_and_a_first_halt_halts(tmp_path: Path) -> None:
    assert look(tmp_path).state == State()
    Wishes(tmp_path).stop(Wish.HALT, "Ada", NOW, "a test")
    seen = look(tmp_path)
    assert (seen.state.mode, seen.state.code, seen.wish, seen.serial) == (Mode.HALTED, "stopped", Wish.HALT, 1)
    assert "Ada asked for halt: a test." in seen.state.why
    keeper = Keeper(tmp_path)
    assert keeper.state.mode is Mode.ACTIVE  # until it heeds
    assert keeper.refusal()
    state, (request,) = keeper.heed(keeper.state)
    assert (state, request.wish) == (seen.state, Wish.HALT)


@pytest.mark.parametrize("wish", [Wish.HALT, Wish.CANCEL, Wish.FLATTEN])
def test_a_halt_counts_at_once_and_lets_only_flattening_by(tmp_path: Path, wish: Wish) -> None:
    keeper = Keeper(tmp_path)
    assert keeper.refusal() == ""
    Wishes(tmp_path).stop(wish, "Ada", NOW)
    assert "Ada asked for" in keeper.refusal()
    assert keeper.refusal(flatten=True) == ""
    state, requests = keeper.heed(keeper.state)
    assert [each.wish for each in requests] == [wish]
    assert state.mode is Mode.HALTED
    assert keeper.heed(state) == (state, ())
    back(tmp_path)
    assert keeper.refusal() == ""
    assert keeper.heed(state)[0].mode is Mode.ACTIVE
    assert look(tmp_path).state.rearmed_by == "Ada"


def test_the_state_is_there_again_after_the_loop(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    kept = counted(keeper.state, "one", NOW)
    keeper.save(kept)
    assert Keeper(tmp_path).state == kept
    Wishes(tmp_path).stop(Wish.HALT, "Ada", NOW)
    halted, _ = keeper.heed(kept)
    again = Keeper(tmp_path)
    assert (again.state, again.seen) == (halted, 1)
    assert again.heed(again.state) == (halted, ())


def test_a_re_arming_is_about_one_state(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.save(LOST)
    with pytest.raises(BadInput, match="to re-arm, write"):
        Wishes(tmp_path).rearm(LOST, 0, "Ada", NOW, "please")
    back(tmp_path)
    later = moved(State(), Mode.HALTED, Code.NOT_A_NUMBER, "NaN.", NOW + 1)
    assert keeper.heed(later)[0] == later, "another reason came first: that has not been read"
    seen = look(tmp_path)
    Wishes(tmp_path).stop(Wish.HALT, "Bob", NOW)
    with pytest.raises(BadInput, match="in the meantime"):
        Wishes(tmp_path).rearm(seen.state, seen.serial, "Ada", NOW + 9, phrase_for(seen.state))
    with pytest.raises(BadInput, match="needs its phrase"):
        Wishes(tmp_path).stop(Wish.NONE, "Bob", NOW)


def test_after_a_loss_the_loss_counts_anew(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.save(LOST)
    back(tmp_path)
    assert keeper.heed(LOST)[0].rebase


BROKEN = st.tuples(st.sampled_from(["cut", "flip", "empty", "gone", "other"]), st.integers(0, 10_000), st.integers(0, 7))


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from([STATE, f"{FOLDER}/00000003.json"]), how=BROKEN)
def test_what_is_broken_is_halted(name: str, how: tuple[str, int, int], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("control")
    keeper = Keeper(folder)
    Wishes(folder).stop(Wish.HALT, "Ada", NOW)
    state, _ = keeper.heed(keeper.state)
    back(folder)
    state, _ = keeper.heed(state)
    assert state.mode is Mode.ACTIVE
    keeper.beat(Beat(at=NOW))
    if name != STATE:
        Wishes(folder).stop(Wish.HALT, "Ada", NOW + 9)
        Wishes(folder).stop(Wish.HALT, "Bob", NOW + 9)
    assert look(folder).state.mode is (Mode.ACTIVE if name == STATE else Mode.HALTED)
    if name == STATE:
        _break(folder / "state.other.json", *how)
        assert look(folder).state == state, "one of two is enough"
    _break(folder / name, *how)
    assert look(folder).state.mode is Mode.HALTED
    again = Keeper(folder)
    halted, _ = again.heed(again.state)
    assert halted.mode is Mode.HALTED
    assert again.heed(halted)[0].mode is Mode.HALTED
    back(folder, NOW + 20)
    assert again.heed(halted)[0].mode is Mode.ACTIVE, "a person can always go back"
    assert look(folder).state.mode is Mode.ACTIVE
    assert again.refusal() == ""


def _break(path: Path, how: str, at: int, bit: int) -> None:
    raw = bytearray(path.read_bytes().rstrip(b" "))  # the room after it means nothing
    if how == "gone":
        path.unlink()
        return
    if how == "flip":
        raw[at % len(raw)] ^= 1 << bit
    path.write_bytes({"cut": raw[: at % len(raw)], "flip": raw, "empty": b"", "other": files.sealed({"format": 2})}[how])


def test_requests_that_are_lost_halt(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    Wishes(tmp_path).stop(Wish.HALT, "Ada", NOW)
    state, _ = keeper.heed(keeper.state)
    back(tmp_path)
    state, _ = keeper.heed(state)
    for path in (tmp_path / FOLDER).iterdir():
        path.unlink()
    assert "lost requests" in keeper.refusal()
    state, _ = keeper.heed(state)
    assert (state.mode, look(tmp_path).state.mode) == (Mode.HALTED, Mode.HALTED)
    back(tmp_path, NOW + 30)
    assert keeper.heed(state)[0].mode is Mode.ACTIVE


def test_a_disk_that_refuses_halts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = Keeper(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "_write", full)
        patch.setattr(files, "_overwrite", full)
        with pytest.raises(StoreError, match="No space"):
            keeper.save(State())
        Wishes(tmp_path).stop(Wish.HALT, "Ada", NOW)
        assert (tmp_path / FOLDER / "00000001.json").read_bytes() == b"", "an empty file halts as well"
        assert "counts as a halt" in keeper.refusal()
        assert keeper.heed(State())[0].mode is Mode.HALTED
        with pytest.raises(StoreError):
            Wishes(tmp_path).rearm(look(tmp_path).state, 1, "Ada", NOW, "I have read why: stopped. Trade again.")
    assert Keeper(tmp_path).heed(State())[0].mode is Mode.HALTED


def test_a_heartbeat_is_fresh_for_seconds(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    beat = Beat(at=NOW, pid=7, positions=(("AAPL", -3.0),), working=(("ut-1", "BUY 3"),), channels=(("quotes", None), ("orders", NOW)))
    keeper.beat(beat)
    assert look(tmp_path).beat == beat
    assert [beat.fresh(NOW + each * SECOND) for each in (-9, -5, 0, 5, 6)] == [False, True, True, True, False]
    (tmp_path / BEAT).write_text("nonsense")
    assert look(tmp_path).beat is None


def test_a_write_that_is_torn_gives_back_the_one_before_and_never_a_milder_state(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    states = [counted(State(), "one", NOW), counted(counted(State(), "one", NOW), "two", NOW + 1), LOST]
    for state in states:
        before = look(tmp_path).state
        keeper.save(state)
        both = [tmp_path / STATE, tmp_path / "state.other.json"]
        newest = max(both, key=lambda path: int(str(files.read(path)["turn"])))
        raw = newest.read_bytes()
        for cut in (0, 100, len(raw) // 2):
            newest.write_bytes(raw[:cut] + b"x" * (len(raw) - cut))
            assert look(tmp_path).state == (LOST if state is LOST else before)
        newest.write_bytes(raw)
        assert look(tmp_path).state == state


LOOP = """
import sys, pathlib
from undertow.execution.control.keeper import Keeper
from undertow.execution.risk.state import counted
keeper = Keeper(pathlib.Path(sys.argv[1]))
state, _ = keeper.heed(keeper.state)
print("ready", flush=True)
at = len(state.ids)
while True:
    at += 1
    state = counted(state, str(at), at)
    keeper.save(state)
    print(at, flush=True)
"""


def test_kill_9_loses_no_state_that_was_saved(tmp_path: Path) -> None:
    told = 0
    for turn in range(5):
        with subprocess.Popen([sys.executable, "-c", LOOP, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.02 + 0.03 * turn)
            os.kill(process.pid, signal.SIGKILL)
            rest = process.stdout.read().splitlines()
        told = max([told, *(int(line) for line in rest if line.isdecimal())])
        kept = look(tmp_path).state
        assert kept.mode is Mode.ACTIVE
        assert len(kept.ids) in (told, told + 1), "what was said to be saved is there; the next may be as well"
        told = len(kept.ids)
    assert told > 5


def test_a_halt_does_not_wait_for_a_loop_that_hangs(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", LOOP, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.kill(process.pid, signal.SIGSTOP)
        began = time.monotonic()
        Wishes(tmp_path).stop(Wish.HALT, "Ada", NOW)
        assert time.monotonic() - began < 5.0
        assert look(tmp_path).state.mode is Mode.HALTED
        process.kill()
