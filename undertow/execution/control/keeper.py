"""The loop's side of the control folder, and what anybody may read of it.

The loop: ``Keeper(folder)`` once; at every tick ``heed``; before an order is sent ``save`` the state that its verdict carries, then
``refusal`` in the last moment; ``beat`` about once a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from undertow.core.errors import BadData, BadInput, StoreError, UndertowError
from undertow.core.time import Instant
from undertow.execution.control import files
from undertow.execution.control.wishes import Wishes, taken_in
from undertow.execution.control.words import Beat, Request, Wish
from undertow.execution.risk.codes import Code
from undertow.execution.risk.state import Mode, State

STATE, BEAT = "state.json", "beat.json"
NAME = "control"  #: of the folder, below ``UNDERTOW_HOME``
_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the control folder says, all requests taken in."""

    state: State
    wish: Wish  #: the newest
    serial: int  #: its number, or that of the last one taken in where requests were lost; 0 where nobody ever asked
    beat: Beat | None  #: None where no loop ever ran, or its heartbeat cannot be read
    saved: bool  #: whether a loop ever kept a state here


def look(folder: Path) -> Seen:
    """What holds now, for anybody; never raises, for what cannot be read is HALTED."""
    state, seen, saved = _kept(folder, files.Slots(folder / STATE))
    wish = Wish.NONE
    wishes = Wishes(folder)
    try:
        serial = max(wishes.last(), seen)
        for request in wishes.after(seen):
            state = taken_in(state, request)
        if serial:
            wish = wishes.get(serial).wish
    except StoreError as error:
        state, serial, wish = _halted(str(error), 0), seen, Wish.HALT
    return Seen(state=state, wish=wish, serial=serial, beat=_beat(folder), saved=saved)


class Keeper:
    """The one writer of state and heartbeat; what the disk refuses is HALTED in memory too."""

    def __init__(self, folder: Path) -> None:
        """Take up the state that is there; raises ``StoreError`` where the folder cannot be written."""
        self._folder, self._wishes, self._slots = folder, Wishes(folder), files.Slots(folder / STATE)
        self._state, self._seen, _ = _kept(folder, self._slots)
        self._saved: tuple[Mode, str, int] | None = None
        self._newest: Request | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{folder} could not be made ({error.strerror}): nothing is traded") from error
        self.save(self._state)
        if _beat(folder) is None:
            files.replace(folder / BEAT, Beat(at=0, seen=self._seen).to_dict())

    @property
    def state(self) -> State:
        """The state as it was last saved or heeded."""
        return self._state

    @property
    def seen(self) -> int:
        """Number of the last request that was taken in."""
        return self._seen

    def heed(self, state: State) -> tuple[State, tuple[Request, ...]]:
        """The state after requests that are new, saved, and those requests; never raises: what cannot be read halts."""
        try:
            new = tuple(self._wishes.after(self._seen))
        except StoreError as error:
            new = (Request(serial=self._seen, wish=Wish.HALT, who="The kill switch", at=state.since, why=str(error)),)
        for request in new:
            state = taken_in(state, request)
            self._seen = max(self._seen, request.serial)
        if new:
            self._newest = new[-1]
            try:
                self.save(state)
            except StoreError as error:
                state = self._state = _halted(str(error), 0)
        return state, new

    def save(self, state: State) -> None:
        """Keep a state, on the disk when this returns. Raises ``StoreError`` where the disk refuses: then nothing may be sent."""
        self._state = state
        known = (state.mode, state.code, self._seen)
        twice = known != self._saved  # so that no file that is torn gives back a milder state
        self._saved = None
        self._slots.write({"format": _FORMAT, "seen": self._seen, "state": state.to_dict()}, twice=twice)
        self._saved = known

    def refusal(self, *, flatten: bool = False) -> str:
        """Why nothing may be sent at this moment, or nothing; ask last before every send. ``flatten`` marks an order that closes by wish.

        One look at the disk: a halt counts from the moment when it was written, whatever the loop has taken in.
        """
        try:
            last = self._wishes.last()
            if last < self._seen:
                return f"The control folder {self._folder} has lost requests: trading is halted."
            if self._newest is None or self._newest.serial != last:
                self._newest = self._wishes.get(last) if last else None
        except StoreError as error:
            return f"The control folder cannot be read, so trading is halted: {error}."
        if self._newest is None or self._newest.wish is Wish.NONE or flatten:
            return ""
        return f"Trading is halted: {self._newest.sentence()}"

    def beat(self, beat: Beat) -> None:
        """Say that the loop lives. Raises ``StoreError`` where the disk refuses."""
        files.replace(self._folder / BEAT, replace(beat, seen=self._seen).to_dict(), lasting=False)


def _kept(folder: Path, slots: files.Slots) -> tuple[State, int, bool]:
    """State, the number of the last request in it, and whether there was one.

    A state that cannot be read is HALTED since an instant that names the very file, and only requests that the heartbeat had not seen
    count: no re-arming of an earlier day is about it.
    """
    beat = _beat(folder)
    seen = 0 if beat is None else beat.seen
    try:
        kept = slots.read()
        if kept is not None:
            return *_parsed(kept), True
        if (folder / BEAT).exists():  # a loop puts it there after the first state
            return _halted(f"{folder / STATE} is not there, and something was traded here before", -seen), seen, False
        return State(), 0, False
    except (UndertowError, OSError) as error:
        return _halted(str(error), -slots.mark()), seen, True


def _parsed(kept: Mapping[str, object]) -> tuple[State, int]:
    seen, state = kept.get("seen"), kept.get("state")
    if kept.get("format") != _FORMAT or type(seen) is not int or seen < 0 or not isinstance(state, dict):
        raise BadData("the state's file is of another format")
    try:
        return State.from_dict(state), seen
    except (BadInput, TypeError, ValueError) as error:
        raise BadData(str(error)) from error


def _halted(why: str, since: Instant) -> State:
    """Since no time that ever was, and the same for everybody who reads it."""
    return State(mode=Mode.HALTED, code=Code.STOPPED.value, why=f"The kill switch halted: {why}.", since=since)


def _beat(folder: Path) -> Beat | None:
    try:
        kept = files.read(folder / BEAT)
        return None if kept is None else Beat.from_dict(kept)
    except UndertowError:
        return None
