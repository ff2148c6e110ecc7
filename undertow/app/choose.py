"""Which source a job reads: its vendors' where there is a key, else what was imported, else the simulated market."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from undertow.app.job import Job
from undertow.core.chunk import Chunk
from undertow.core.errors import BadInput
from undertow.core.events import Bar, ChainRow, CorporateAction, DailyBar, Event, OpenInterest
from undertow.core.protocols import Source
from undertow.core.time import Instant

if TYPE_CHECKING:
    from undertow.app.vendors.gather import Gathered
    from undertow.sources.simulated import SimulatedSource
    from undertow.tape.source import TapeSource
    from undertow.tape.store import Tape

#: told the step's name, how much of it is done and how much there is
Tell = Callable[[str, int, int], None]
OPTION_FLOW = (ChainRow, OpenInterest)  #: kinds that Massive's REST has no history of


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A source, and what has to be said of it."""

    source: Source
    notes: tuple[str, ...] = ()
    filled: tuple[type[Event], ...] = ()  #: kinds that no plan of the user includes: the simulated market stands in for them


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a job will read: kinds, each with ``after < known_at <= until``."""

    kinds: Mapping[type[Event], Instant]  #: kind -> after
    until: Instant
    symbols: tuple[str, ...] = ()  #: whose; none are named where they are the job's own
    around: tuple[Needs, ...] = ()  #: what is looked at of other symbols beside it

    @property
    def after(self) -> Instant:
        """Where the longest memory begins."""
        return min(self.kinds.values())


class Filled:
    """A tape's rows, and the simulated market's for the kinds that the tape cannot have. It counts as simulated."""

    name = "tape and simulated"
    simulated = True

    def __init__(self, tape: TapeSource, stand_in: SimulatedSource, kinds: Sequence[type[Event]]) -> None:
        self._tape = tape
        self._stand_in = stand_in
        self._filled = frozenset(kinds)
        self.kinds = tuple(dict.fromkeys((*tape.kinds, *kinds)))

    def versions(self) -> dict[str, int]:
        """Event kind -> version of its table."""
        return self._tape.versions()

    def state(self, at: Instant) -> dict[str, str]:
        """As the tape's own, with the simulated market's name."""
        return {**self._tape.state(at), "market": self._stand_in.market.name}

    def history(self, symbols: Sequence[str], after: Instant, until: Instant) -> Iterator[Chunk]:
        """The tape's chunks, then the simulated market's."""
        yield from (chunk for chunk in self._tape.history(symbols, after, until) if chunk.kind not in self._filled)
        if self._filled & set(self.kinds):
            yield from (chunk for chunk in self._stand_in.history(symbols, after, until) if chunk.kind in self._filled)


def choose_source(job: Job, home: Path, needs: Needs, tell: Tell) -> Chosen:
    """The source the job asks for; ``auto`` takes the vendors', else what was imported for these symbols, else the simulated market."""
    if job.source == "massive" and job.access.massive is None:
        raise BadInput("--source massive: needs a key, --polygon-key or POLYGON_API_KEY; without one use --source simulated")
    if job.access.any and job.source in ("auto", "massive"):
        return _from_vendors(job, home, needs, tell)
    notes = (f"A vendor's key is set, but --source {job.source} does not use it.",) if job.access.any else ()
    if job.source != "simulated":
        from undertow.tape.source import TapeSource
        from undertow.tape.store import Tape

        tape = Tape(home)
        present = _with_bars(tape)
        missing = [s for s in job.symbols if s not in present]
        if not missing:
            return Chosen(source=TapeSource(tape), notes=notes)
        if job.source == "imported" or len(missing) < len(job.symbols):
            here = ", ".join(sorted(present)) or "nothing"
            raise BadInput(
                f"--symbols: {', '.join(missing)} not among the imported data ({here}); import bars for it or use --source simulated"
            )
    return Chosen(source=_simulated(job, needs), notes=notes)


def _simulated(job: Job, needs: Needs) -> SimulatedSource:
    from undertow.sandbox.market import KINDS, TICKS, Market
    from undertow.sources.simulated import SimulatedSource

    single = tuple(kind for kind in TICKS if kind in needs.kinds)
    return SimulatedSource(Market(seed=job.seed), kinds=KINDS + single)


def _with_bars(tape: Tape) -> set[str]:
    kinds = [kind for kind in (Bar, DailyBar) if kind in tape.kinds()]
    return {s for kind in kinds for s in tape.frame(kind).select("symbol").unique().collect()["symbol"]}


def _from_vendors(job: Job, home: Path, needs: Needs, tell: Tell) -> Chosen:
    """What the vendors tell, fetched where it is not here yet."""
    from undertow.app.vendors.desk import Desk
    from undertow.app.vendors.gather import Wanted, finished, gather
    from undertow.tape.source import TapeSource

    desk = Desk(job.access, home)
    beside = tuple(Wanted(kinds=one.kinds, symbols=one.symbols, until=one.until) for one in needs.around)
    wanted = Wanted(kinds=needs.kinds, symbols=job.symbols, until=needs.until, beside=beside)
    try:
        got = gather(desk, home, wanted, lambda done, whole, _: tell("Fetching from the vendors", done, whole))
    finally:
        desk.close()
    finished(got.account)
    if not {Bar, DailyBar} & set(got.told_by):
        raise BadInput("None of your plans includes bars of prices: a run needs them; use --source simulated, or import files.")
    filled = tuple(kind for kind in needs.kinds if kind not in got.told_by and kind not in (Bar, DailyBar, CorporateAction))
    tape = TapeSource(got.tape, simulated=bool(got.plans.market))
    notes = tuple(_notes(got, filled))
    if filled:
        return Chosen(source=Filled(tape, _simulated(job, needs), filled), notes=notes, filled=filled)
    return Chosen(source=tape, notes=notes)


def _notes(got: Gathered, filled: Sequence[type[Event]]) -> Iterator[str]:
    if got.plans.market:
        yield f"SIMULATED: the vendors' addresses lead to a simulated market ({got.plans.market})."
    derived = [kind for kind in OPTION_FLOW if got.told_by.get(kind) == "files"]
    if derived:
        yield f"Option flow ({_names(derived)}) is derived from Massive's own tape, as there is no Unusual Whales key."
    if filled:
        yield f"SIMULATED: no plan of yours includes {_names(filled)}: the simulated market stands in, and trading places no orders on it."
    for what, why in got.account.refused.items():
        yield f"Not in your plan: {what.replace('_', ' ')}. {why}"


def _names(kinds: Sequence[type[Event]]) -> str:
    return ", ".join(kind.kind.replace("_", " ") for kind in kinds)
