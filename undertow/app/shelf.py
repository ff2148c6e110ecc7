"""A job's models on the shelf: found where they were kept for exactly such a job, else taught and kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from undertow.app import clock
from undertow.core.errors import BadData, StoreError
from undertow.core.events import Event
from undertow.core.protocols import Source
from undertow.core.time import Instant, iso
from undertow.models.framework import Trained
from undertow.models.keeping.identity import FORMAT, Recipe, why_not
from undertow.models.keeping.stages import from_files, summary, to_files
from undertow.tape.shelf.sets import ModelSets
from undertow.tape.shelf.whole import clear, read_about, read_folder, write_folder

#: sessions after which models are too old to trade on: two retrainings were missed
EXPIRES = 84
#: told an instant, the state of what was known by then: kind of event -> words that change when rows do
State = Callable[[Instant], Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What was found out when a set was first taught."""

    first: int  #: session that learning began at
    kinds: tuple[str, ...]  #: kinds of event that were there
    features: tuple[str, ...]  #: those with data
    begins: Instant  #: the first stage; before it there was too little to learn from


def name_of(source: Source) -> str:
    """What a source is called in a recipe: a simulated market with its seed."""
    market = getattr(source, "market", None)
    return market.name if market is not None else source.name


def state_of(source: Source, kinds: Iterable[type[Event]]) -> State | None:
    """How to tell whether a source still says what it said of these kinds; None for one of which nobody knows: it is not kept on disk.

    Classes are compared exactly: what extends a source may say something else.
    """
    from undertow.app.choose import Filled
    from undertow.sources.simulated import SimulatedSource
    from undertow.tape.source import TapeSource

    if type(source) is SimulatedSource:
        market = {"market": source.market.name}
        return lambda _: market
    if type(source) is TapeSource or type(source) is Filled:
        whole, wanted = source.state, {"market", *(kind.kind for kind in kinds)}
        return lambda at: {name: state for name, state in whole(at).items() if name in wanted}
    return None


class JobShelf:
    """``undertow.models.framework.Shelf`` of one job.

    Stages that were kept by the same recipe, on the same features and on data that say the same, are found; others are refused in a
    sentence (``refused``) and taught again. A shelf without ``sets`` forgets with the process.
    """

    def __init__(self, sets: ModelSets | None, recipe: Recipe, state: State | None) -> None:
        self.recipe = recipe
        self.refused: list[str] = []
        self._sets: ModelSets | None = sets if state is not None else None
        self._state = state
        self._held: dict[Instant, Trained] = {}
        self._known: Known | None = None

    def known(self) -> Known | None:
        """What is known of the set; None where nothing was kept, or its description is broken."""
        if self._known is None and self._sets is not None and self.recipe.name in self._sets.names():
            try:
                about = self._sets.about(self.recipe.name)
                kept = {"kinds": tuple(about["kinds"]), "features": tuple(about["features_with_data"])}
                self._known = Known(first=about["first"], begins=about["stages_begin"], **kept)
            except (BadData, KeyError) as error:
                self._refuse(f"{error}: models are taught again.")
        return self._known

    def begin(self, known: Known) -> None:
        """Learning starts, on what is known now."""
        self._known = known

    def find(self, at: Instant) -> Trained | None:
        """The stage that was taught at that instant, with the same bits, or None."""
        if at not in self._held and self._sets is not None and self._known is not None:
            folder = self._sets.stage(self.recipe.name, at)
            if folder.is_dir():
                stage = self._read(folder, at)
                if stage is not None:
                    self._held[at] = stage
        return self._held.get(at)

    def holds(self, due: Sequence[Instant]) -> bool:
        """Whether every stage that is due is there, from the first on."""
        known = self.known()
        wanted = [at for at in due if known is not None and at >= known.begins]
        lacking = [at for at in wanted if self.find(at) is None]  # all are tried, so that each refusal is said at once
        return bool(wanted) and not lacking

    def keep(self, stage: Trained) -> None:
        """Take a stage that was just taught. Where the disk refuses, the run goes on and ``refused`` says so."""
        self._held[stage.at] = stage
        if self._sets is None or self._known is None or self._state is None:
            return
        name, known = self.recipe.name, self._known
        try:
            clear(self._sets.folder / name)
            write_folder(self._sets.stage(name, stage.at), to_files(stage), self._about(stage, known))
            begins = min(self._held)
            self._sets.describe(
                name,
                {
                    "format": FORMAT,
                    "scope": self.recipe.scope,
                    "recipe": self.recipe.plain(),
                    "first": known.first,
                    "kinds": list(known.kinds),
                    "features_with_data": list(known.features),
                    "stages_begin": begins,
                    "expires_after_sessions": EXPIRES,
                },
            )
        except StoreError as error:
            self._sets = None  # said once is enough
            self._refuse(f"{error} Models of this run are not kept.")

    def stages(self) -> list[Trained]:
        """Every stage found or kept so far, by instant."""
        return [self._held[at] for at in sorted(self._held)]

    def _about(self, stage: Trained, known: Known) -> dict[str, Any]:
        state: Mapping[str, str] = self._state(stage.at) if self._state is not None else {}
        return {
            "format": FORMAT,
            "at": stage.at,
            "trained_at": iso(clock.now()),
            "symbols": list(self.recipe.symbols),
            "features": list(known.features),
            "timeframe": self.recipe.timeframe,
            "source": self.recipe.source,
            "data": dict(state),
            "libraries": dict(self.recipe.libraries),
            "code": self.recipe.code,
            "seed": self.recipe.seed,
            "metrics": summary(stage),
        }

    def _read(self, folder: Path, at: Instant) -> Trained | None:
        known, state = self._known, self._state
        if known is None or state is None:
            return None
        try:
            about, files = read_folder(folder)
            why = why_not(about, self.recipe, known.features, state(at))
            if why:
                self._refuse(f"{folder / 'manifest.json'} {why}; these models are taught again.")
                return None
            return from_files(files)
        except BadData as error:
            named = str(error) if str(folder) in str(error) else f"{folder}: {error}"
            self._refuse(f"{named}; these models are taught again.")
            return None

    def _refuse(self, sentence: str) -> None:
        if sentence not in self.refused:
            self.refused.append(sentence)


class Frozen:
    """The stages of a set that was promoted: the last one goes on until another set is promoted, and nothing is taught."""

    def __init__(self, stages: Sequence[Trained]) -> None:
        self._stages = list(stages)

    def find(self, at: Instant) -> Trained | None:
        """The newest stage that was taught by that instant."""
        return next((stage for stage in reversed(self._stages) if stage.at <= at), None)

    def keep(self, stage: Trained) -> None:
        """Nothing is taught while a set is promoted."""

    def stages(self) -> list[Trained]:
        """All of them, by instant."""
        return self._stages


def promoted(sets: ModelSets, recipe: Recipe, before: Instant) -> tuple[Frozen, tuple[str, ...], str] | None:
    """The set that is used for jobs like this one, its features and what has to be said of it; None where each job uses its own.

    Raises ``BadData`` where it cannot be used: whoever promoted a set does not want another one in silence.
    """
    name = sets.used(recipe.scope)
    if name is None:
        return None
    stages: list[Trained] = []
    features: tuple[str, ...] = ()
    codes: set[str] = set()
    for folder in sets.stages(name):
        about, files = read_folder(folder)
        features = tuple(about["features"])
        unknown = sorted(set(features) - set(recipe.features))
        why = f"was taught on features that are gone: {', '.join(unknown[:3])}" if unknown else why_not(about, recipe, features, None)
        if why:
            raise BadData(f"{folder / 'manifest.json'} {why}; promote another set, or go back with: undertow models rollback {name}")
        stages.append(from_files(files))
        codes.add(about["code"])
    if not stages or stages[0].at >= before:
        return None
    says = f"The promoted models {name} are used; the last were taught at {iso(stages[-1].at)}."
    if codes != {recipe.code}:
        says += " They were taught by other code than this version's."
    return Frozen(stages), features, says


def backend() -> str:
    """What networks are taught by, as the environment asks."""
    return os.environ.get("KERAS_BACKEND", "tensorflow")


def newest(path: Path) -> dict[str, Any]:
    """What a stage's manifest says; raises ``BadData`` where it is broken."""
    return read_about(path / "manifest.json")
