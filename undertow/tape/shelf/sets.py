"""Sets of stages under ``home/models``: a folder a set, in it a folder a stage; and which set is the one used."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from undertow.core.errors import BadInput
from undertow.core.time import SECOND, Instant
from undertow.tape.shelf import whole

SET, USED = "set.json", "used.json"


class ModelSets:
    """The shelf of a home; safe with several processes, and after any of them is killed."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "models"

    def names(self) -> list[str]:
        """Every set, in alphabetical order."""
        return sorted(path.parent.name for path in self.folder.glob(f"*/{SET}"))

    def named(self, name: str) -> str:
        """The set of that name, or the only one whose name begins so; raises ``BadInput`` with the names there are."""
        names = self.names()
        found = [name] if name in names else [one for one in names if one.startswith(name)]
        if len(found) != 1:
            what = f"{len(found)} sets of models begin with {name!r}" if found else f"There is no set of models {name!r}"
            raise BadInput(f"{what}; there is {', '.join(found or names) or 'none yet'}.")
        return found[0]

    def about(self, name: str) -> dict[str, Any]:
        """What was said about a set; raises ``BadInput`` where there is none of that name, ``BadData`` where its file is broken."""
        path = self.folder / name / SET
        if not path.is_file():
            raise BadInput(f"There is no set of models {name!r}; there is {', '.join(self.names()) or 'none yet'}.")
        return whole.read_about(path)

    def describe(self, name: str, about: Mapping[str, Any]) -> None:
        """Say something about a set, new or not; raises ``StoreError``."""
        whole.write_about(self.folder / name / SET, about)

    def stages(self, name: str) -> list[Path]:
        """The folders of a set's stages, by instant."""
        return sorted(path.parent for path in (self.folder / name).glob(f"[0-9]*/{whole.MANIFEST}"))

    def stage(self, name: str, at: Instant) -> Path:
        """Where the stage of an instant is or would be."""
        stamp = str(np.datetime64(at // SECOND, "s")).replace("-", "").replace(":", "")
        return self.folder / name / f"{stamp}Z"

    def used(self, scope: str) -> str | None:
        """The set that was promoted last for a scope; None where every job uses its own."""
        history = self._history().get(scope, [])
        return history[-1] if history else None

    def promote(self, name: str, scope: str) -> None:
        """Make a set the one used for a scope from now on; raises ``BadInput`` where it has no stage."""
        if not self.stages(name):
            raise BadInput(f"The set {name} has no trained stage: there is nothing to promote.")
        with self._alone():
            history = self._history()
            before = history.get(scope, [])
            if before[-1:] != [name]:
                self._note({**history, scope: [*before, name]})

    def rollback(self, scope: str) -> str | None:
        """Go back to the set that was used before, None for each job's own; raises ``BadInput`` where nothing was promoted."""
        with self._alone():
            history = self._history()
            if not history.get(scope):
                raise BadInput(f"No set was promoted for {scope}: there is nothing to go back from.")
            before = history[scope][:-1]
            self._note({**history, scope: before})
        return before[-1] if before else None

    def scopes(self) -> dict[str, str]:
        """Scope -> the set used for it, where one was promoted."""
        return {scope: history[-1] for scope, history in self._history().items() if history}

    def _history(self) -> dict[str, list[str]]:
        path = self.folder / USED
        return dict(whole.read_about(path)["scopes"]) if path.is_file() else {}

    def _note(self, history: Mapping[str, list[str]]) -> None:
        whole.write_about(self.folder / USED, {"scopes": dict(history)})

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with whole.refusals(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / ".lock").open("w")
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
