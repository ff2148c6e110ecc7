"""Requests of persons, a file each, numbered without gaps: adding one never waits for anybody, and none is ever changed.

A number that is taken makes ``add`` fail, so a re-arming that was read before a halt came cannot follow that halt. A file that is broken or
gone counts as a halt; so does an empty one, which is what a full disk still lets a person make.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from undertow.core.errors import BadData, BadInput, StoreError, UndertowError
from undertow.core.time import Instant
from undertow.execution.control import files
from undertow.execution.control.words import Request, Wish
from undertow.execution.risk.state import Mode, State, phrase_for, rearm, stopped

FOLDER = "wishes"
_ENDS = ".json"
_TRIES = 100  # of persons who ask in the same moment


class Wishes:
    """The requests below a control folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER

    def last(self) -> int:
        """Number of the newest request, 0 where there is none; raises ``StoreError`` where the disk cannot tell."""
        try:
            with os.scandir(self._folder) as found:
                names = [each.name for each in found]
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise StoreError(f"{self._folder} could not be read ({error.strerror})") from error
        return max((int(name[: -len(_ENDS)]) for name in names if name.endswith(_ENDS) and name[: -len(_ENDS)].isdecimal()), default=0)

    def get(self, serial: int) -> Request:
        """A request; what cannot be believed is a halt."""
        try:
            kept = files.read(self._path(serial))
            if kept is None:
                raise BadData(f"{self._path(serial)} is gone")
            request = Request.from_dict(kept)
            if request.serial != serial:
                raise BadData(f"{self._path(serial)} is number {request.serial} under another name")
            return request
        except UndertowError as error:
            return Request(serial=serial, wish=Wish.HALT, who="The kill switch", at=0, why=f"{error}, which counts as a halt")

    def after(self, seen: int) -> Iterator[Request]:
        """Requests that are newer than ``seen``, in order; a folder that lost some is a halt under the number that was seen."""
        last = self.last()
        if last < seen:
            yield Request(serial=seen, wish=Wish.HALT, who="The kill switch", at=0, why=f"{self._folder} has lost requests")
        for serial in range(seen + 1, last + 1):
            yield self.get(serial)

    def stop(self, wish: Wish, who: str, at: Instant, why: str = "") -> Request:
        """Ask for a halt or more, after whatever was asked before.

        Raises ``StoreError`` where not even an empty file can be made: then nothing was asked.
        """
        if wish is Wish.NONE:
            raise BadInput("a wish to trade again is a re-arming, and needs its phrase")
        for _ in range(_TRIES):
            request = Request(serial=self.last() + 1, wish=wish, who=who, at=at, why=why)
            if self._add(request):
                return request
        raise StoreError("the request found no number: others ask without end")

    def rearm(self, state: State, seen: int, who: str, at: Instant, phrase: str) -> Request:
        """Ask for trading again; ``state`` is the one that was shown, with all requests up to ``seen`` taken in.

        Raises ``BadInput`` where the phrase is not the state's or somebody asked for something meanwhile: nothing was changed.
        """
        rearm(state, who, at, phrase)
        request = Request(serial=seen + 1, wish=Wish.NONE, who=who, at=at, code=state.code, since=state.since, phrase=phrase)
        if self.last() > seen or not self._add(request, empty=False):
            raise BadInput("somebody asked for something in the meantime: look at the state again; nothing was changed")
        return request

    def _path(self, serial: int) -> Path:
        return self._folder / f"{serial:08d}{_ENDS}"

    def _add(self, request: Request, *, empty: bool = True) -> bool:
        path = self._path(request.serial)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            return files.add(path, request.to_dict())
        except (OSError, StoreError) as error:
            if not empty:
                raise StoreError(f"the request could not be written ({error}); nothing was changed") from error
            return _emptily(path, error)


def _emptily(path: Path, error: Exception) -> bool:
    """A full disk often still makes an empty file, and a request that is broken is a halt."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except FileExistsError:
        return False
    except OSError:
        raise StoreError(f"the request could not be written ({error}): nothing was halted; end the process of the loop") from error
    return True


def taken_in(state: State, request: Request) -> State:
    """The state after a request; a re-arming that is about another state than this one changes nothing."""
    if request.wish is not Wish.NONE:
        return stopped(state, request.sentence(), request.at)
    about = (state.code, state.since) == (request.code, request.since) and request.phrase == phrase_for(state)
    if state.mode is Mode.ACTIVE or not about:
        return state
    try:
        return rearm(state, request.who, request.at, request.phrase)
    except BadInput:
        return state
