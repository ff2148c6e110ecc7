"""From a job to what runs it: the source that has the data, the history it needs and the folds of the desk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil

import numpy as np

from undertow.app.choose import Needs
from undertow.app.job import Job
from undertow.core.calendar import Calendar, nyse
from undertow.core.chunk import Chunk, concat
from undertow.core.errors import BadInput, TooLittleHistory
from undertow.core.events import (
    BY_NAME,
    Bar,
    ChainRow,
    CorporateAction,
    DailyBar,
    EarningsReport,
    Event,
    FlowAlert,
    Grade,
    IndexLevel,
    NewsItem,
    OffExchangePrint,
    OffExchangeVolume,
    OpenInterest,
    OptionTrade,
    Quote,
    Trade,
)
from undertow.core.orders import Costs
from undertow.core.protocols import Source
from undertow.core.time import DAY, MINUTE, Duration, Instant
from undertow.engine.run import Desk
from undertow.execution.simulated import SimulatedBroker
from undertow.features.engineering import FeatureEngineering
from undertow.features.labels import Labels
from undertow.features.language.memory import Memory
from undertow.models.framework import NETWORKS, ModelIntegrationFramework, Schedule, Shelf, model_names
from undertow.strategies.book import Book
from undertow.strategies.catalogue import strategies
from undertow.validation.laws import about

BAR_SPAN: Duration = 5 * MINUTE
#: sessions that pass, at most, until an event of a kind comes: what turns a memory in events into sessions
SESSIONS_AN_EVENT: dict[type[Event], float] = {Bar: 1 / 42, DailyBar: 1.0, IndexLevel: 1.0, OffExchangeVolume: 1.0, EarningsReport: 66.0}
MOST_SESSIONS = 60  #: for as many events of any other kind, which come in crowds or not at all
#: kinds of event that models are taught on: years of single prints and quotes would be too many
TAUGHT_ON = frozenset({CorporateAction, Bar, DailyBar, ChainRow, OpenInterest, OffExchangeVolume, NewsItem})
#: kinds of event that are one print, quote or alert each
SINGLE = frozenset({Quote, Trade, OffExchangePrint, OptionTrade, FlowAlert})
#: families that models are not taught on: what says next to nothing beside the bars it is made of only hides what does
NOT_TAUGHT = frozenset({"candlestick"})
#: sessions before its first that a run decides in silence: windows of 32 rows are full by then, with one row a session
REMEMBERED = 40
#: learning begins at every sixth retraining of the calendar, about once a year
GRID_OF_STAGES = 6
#: a position is changed only when the target moved by this share of the symbol's part of the equity
BAND = 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """Everything known about the symbols up to the end of the job."""

    source: Source
    chunks: tuple[Chunk, ...]
    bars: type[Event]  #: Bar or DailyBar: what is traded on
    first: int  #: first session that is pushed
    tables: dict[str, int]  #: event kind -> version of its table, where the data came from the tape
    features: tuple[str, ...]  #: those that models are taught on and whose kinds of event are there
    kinds: tuple[str, ...]  #: kinds of event that models are taught on and that are there
    notes: tuple[str, ...]
    looked_at: tuple[str, ...] = ()  #: what strategies look at and there are data of
    around: tuple[Chunk, ...] = ()  #: of other symbols that they look at; for the features alone

    @property
    def every(self) -> Duration | None:
        """Time between decision ticks; None on daily bars."""
        return BAR_SPAN if self.bars is Bar else None

    @property
    def timeframe(self) -> str:
        """How the bars are called on the command line."""
        return "5m" if self.bars is Bar else "1d"

    def described(self) -> dict[str, str]:
        """Event kind -> its source and the worst grade of its known_at."""
        return {
            c.kind.kind: f"{', '.join(c.sources) or self.source.name} ({Grade(int(c.grade.max())).name.lower()})"
            for c in self.chunks
            if len(c)
        }


def needs(job: Job, calendar: Calendar, until: Instant, begin: int | None = None) -> Needs:
    """What the job's features rest on from session ``begin`` on, by default from where its models begin to learn."""
    memories = taught(job.symbols, Bar, calendar).memories()
    looked = looked_at(job, calendar).memories()
    deciding = serving_begins(job) if begin is None else begin
    begin = learning_begins(job.first, schedule_of(job)) if begin is None else begin
    first = {kind: max(begin - warm_up({kind: memory}), 0) for kind, memory in memories.items() if kind is not CorporateAction}
    for kind, memory in looked.items():
        if kind not in (CorporateAction, IndexLevel):  # levels are told of indices, which nobody trades
            # single prints are many, and no feature of theirs fades: they begin as late as their memory allows
            since = job.first if kind in SINGLE else deciding
            first[kind] = min(first.get(kind, job.last), max(since - warm_up({kind: memory}), 0))
    if job.timeframe == "1d":
        first.pop(Bar, None)  # day bars are read beside intraday ones, but not the other way round
    first[CorporateAction] = min(first.values())  # they come in full wherever one begins
    return Needs(kinds={kind: int(calendar.midnight[at]) for kind, at in first.items()}, until=until)


def taught(symbols: Sequence[str], bars: type[Event], calendar: Calendar) -> FeatureEngineering:
    """The features that models are taught on, to be read and not pushed: on daily bars without intraday ones, and of the symbols alone."""
    return _taught_once(tuple(symbols), bars is DailyBar) if calendar is nyse() else _taught(tuple(symbols), bars is DailyBar, calendar)


@lru_cache(maxsize=4)
def _taught_once(symbols: tuple[str, ...], daily: bool) -> FeatureEngineering:
    return _taught(symbols, daily, nyse())


def _taught(symbols: tuple[str, ...], daily: bool, calendar: Calendar) -> FeatureEngineering:
    without = set(BY_NAME.values()) - TAUGHT_ON | ({Bar} if daily else set())
    every = FeatureEngineering(symbols, without=without, calendar=calendar)
    own = [name for name, one in every.features.items() if one.about.family not in NOT_TAUGHT and not one.expr.symbols()]
    return FeatureEngineering(symbols, only=own, calendar=calendar)


def looked_at(job: Job, calendar: Calendar) -> FeatureEngineering:
    """The features that the job's strategies look at, to be read and not pushed; of single prints where the job asks for them."""
    every = FeatureEngineering(job.symbols, only=book_of(job).reads, calendar=calendar)
    left = frozenset() if job.prints else SINGLE
    some = [name for name, one in every.features.items() if not left & set(one.memories())]
    return every if len(some) == len(every.features) else FeatureEngineering(job.symbols, only=some, calendar=calendar)


def book_of(job: Job) -> Book:
    """The job's strategies, together."""
    return Book(strategies(job.strategies))


def load(job: Job, source: Source, calendar: Calendar, span: Needs) -> Market:
    """Read the history that the job's features and models rest on; raises when there is none, or too little to train on."""
    whole = _read(job, source, calendar, span)
    bars = _bars(job, whole, calendar)
    first = _first_session(whole[bars], calendar, job)
    needed = least_history(job)
    if job.first - first < needed:
        short = needed - (job.first - first)
        raise TooLittleHistory(
            f"--start-date {calendar.day[job.first]}: {job.first - first} sessions of history before it are too few to train on,"
            f" {short} more are needed; start on {calendar.day[min(first + needed, len(calendar) - 1)]} or later, or import earlier bars"
        )
    market = _market(job, source, calendar, whole, {kind for kind, chunk in whole.items() if len(chunk)})
    return replace(market, first=max(first, learning_begins(job.first, schedule_of(job))))


def load_near(job: Job, source: Source, calendar: Calendar, until: Instant) -> Market:
    """Read only what the features need to decide with models that were taught before; raises ``BadInput`` where there are no bars."""
    whole = _read(job, source, calendar, needs(job, calendar, until, serving_begins(job)))
    return _market(job, source, calendar, whole, {kind for kind, chunk in whole.items() if len(chunk)})


def with_kinds(market: Market, job: Job, calendar: Calendar, kinds: Sequence[str]) -> Market:
    """The same market with the features of models that were taught when these kinds of event were there."""
    wanted, notes = _with_data(taught(job.symbols, market.bars, calendar), {BY_NAME[kind] for kind in kinds})
    return replace(market, features=wanted, notes=notes, kinds=tuple(kinds))


def _read(job: Job, source: Source, calendar: Calendar, span: Needs) -> dict[type[Event], Chunk]:
    by_kind: dict[type[Event], list[Chunk]] = {}
    for chunk in source.history(job.symbols, span.after, span.until):
        if chunk.kind in span.kinds:
            by_kind.setdefault(chunk.kind, []).append(chunk)
    whole = {kind: concat(parts) for kind, parts in by_kind.items()}
    if Bar in whole:
        whole[Bar] = _traded(whole[Bar], calendar)
    return whole


def _market(job: Job, source: Source, calendar: Calendar, whole: dict[type[Event], Chunk], here: set[type[Event]]) -> Market:
    bars = _bars(job, whole, calendar)
    wanted, notes = _with_data(taught(job.symbols, bars, calendar), here)
    return Market(
        source=source,
        chunks=tuple(whole.values()),
        bars=bars,
        first=max(job.first - REMEMBERED, 0),
        tables=_tables(source),
        features=wanted,
        kinds=tuple(sorted(kind.kind for kind in here & TAUGHT_ON)),
        notes=notes,
    )


def schedule_of(job: Job) -> Schedule:
    """When the job's models are retrained and on how much."""
    return Schedule(every=job.retrain_every, at_most=job.look_back)


def least_history(job: Job) -> int:
    """Sessions before a job's first without which nothing can be taught."""
    schedule = schedule_of(job)
    return schedule.at_least + schedule.every + 1


def _traded(bars: Chunk, calendar: Calendar) -> Chunk:
    """Of a tape's bars, which may be of several lengths and of any hour, those that are traded: of one length, in regular hours."""
    at = np.maximum(calendar.position(bars.event_at), 0)
    begins = bars.event_at - bars.columns["span"]
    keep = (bars.columns["span"] == BAR_SPAN) & (begins >= calendar.open[at]) & (bars.event_at <= calendar.close[at])
    return bars if keep.all() else bars[keep]


def learning_begins(first: int, schedule: Schedule) -> int:
    """The session learning starts at for a job that starts deciding at ``first``: models look back far enough from there.

    It lies on a grid of the calendar, and not a fixed way before the job: what models have learnt depends on where they began, and
    a session has to be decided alike by a run of that day and by one of the month (docs/decisions/0006).
    """
    grid = GRID_OF_STAGES * schedule.every
    return max((first - schedule.at_most) // grid * grid, 0)


def serving_begins(job: Job) -> int:
    """The session that a job which starts deciding at ``first`` begins its features at.

    It lies on the grid that learning begins on, for a number that fades has a trace of where it began in its last bits, and all runs
    that share their models must share those too.
    """
    grid = GRID_OF_STAGES * job.retrain_every
    return max(job.first // grid * grid - REMEMBERED, 0)


def _tables(source: Source) -> dict[str, int]:
    versions: Callable[[], dict[str, int]] | None = getattr(source, "versions", None)
    return versions() if versions is not None else {}


def _with_data(features: FeatureEngineering, kinds: set[type[Event]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The features whose kinds of event are there, and a sentence about the others: absent is not the same as nothing happened."""
    here = kinds | {CorporateAction}
    missing = {name: set(one.memories()) - here for name, one in features.features.items()}
    left_out = {kind.kind.replace("_", " ") for kinds in missing.values() for kind in kinds}
    count = sum(1 for kinds in missing.values() if kinds)
    return tuple(name for name, kinds in missing.items() if not kinds), no_data(left_out, count)


def no_data(of: Iterable[str], count: int) -> tuple[str, ...]:
    """The sentence about so many features that need what there are no data of; none where there are no such features."""
    need = f"{count} features that need it are" if count > 1 else "1 feature that needs it is"
    return (f"No data of {', '.join(sorted(of))}: {need} left out.",) if count else ()


def warm_up(memories: dict[type[Event], Memory]) -> int:
    """Sessions that must be loaded before the first tick for every feature to have its memory; actions come in full by themselves."""
    sessions = 0
    for kind, memory in memories.items():
        if kind is CorporateAction:
            continue
        events = ceil(memory.events * SESSIONS_AN_EVENT.get(kind, 1.0))
        if kind not in SESSIONS_AN_EVENT:
            events = min(events, MOST_SESSIONS)
        sessions = max(sessions, events + memory.sessions + ceil(memory.span / DAY))
    return sessions + 2


def _bars(job: Job, whole: dict[type[Event], Chunk], calendar: Calendar) -> type[Event]:
    """The bars to trade on: intraday where every symbol has them in the window, else daily."""
    # before the open of its only session a job ends with the session before
    window = int(calendar.midnight[min(job.first, job.last)]), int(calendar.close[job.last])
    wanted: Sequence[type[Event]] = {"5m": (Bar,), "1d": (DailyBar,)}.get(job.timeframe, (Bar, DailyBar))
    for kind in wanted:
        chunk = whole.get(kind)
        if chunk is None:
            continue
        inside = chunk.key[(chunk.event_at > window[0]) & (chunk.event_at <= window[1])]
        if len(np.unique(inside)) == len(job.symbols):
            return kind
    have = [
        f"{c.kind.kind} from {_day(c.event_at.min())} to {_day(c.event_at.max())}"
        for c in whole.values()
        if c.kind in (Bar, DailyBar) and len(c)
    ]
    named = f"--start-date {calendar.day[job.first]} to --end-date {calendar.day[job.last]}"
    there = f"there is {'; '.join(have) or 'nothing before that end'}"
    raise BadInput(f"{named}{'' if job.dated else ' (the default: up to today)'} does not overlap the data of every symbol; {there}")


def _day(at: Instant) -> str:
    return str(np.datetime64(int(at), "ns").astype("datetime64[D]"))


def _first_session(bars: Chunk, calendar: Calendar, job: Job) -> int:
    return max(int(calendar.position(int(bars.event_at[bars.key == k].min()))) for k in range(len(job.symbols)))


def build_desk(job: Job, market: Market, calendar: Calendar, shelf: Shelf | None = None) -> Desk:
    """The five folds, fresh."""
    features = FeatureEngineering(job.symbols, only={*market.features, *market.looked_at}, calendar=calendar)
    if market.around:  # they wait there for their ticks; neither models, labels nor the account are ever told
        features.push([about(chunk, features.context) for chunk in market.around], np.empty(0, np.int64))
    costs = Costs().scaled(job.costs)
    return Desk(
        features=features,
        labels=Labels(job.symbols, calendar, kind=market.bars),
        framework=build_framework(job, features, market.features, calendar, shelf),
        strategy=book_of(job),
        broker=build_broker(job, market, calendar, costs),
        costs=costs,
        calendar=calendar,
        certified=job.certified,
    )


def build_framework(
    job: Job, features: FeatureEngineering, names: Sequence[str], calendar: Calendar, shelf: Shelf | None = None
) -> ModelIntegrationFramework:
    """The models over those of the features that are named; networks, which take minutes to teach, only where they are asked for."""
    families = {name: features.features[name].about.family for name in names}
    only = None if job.networks else [name for name in model_names() if name not in NETWORKS]
    return ModelIntegrationFramework(
        job.symbols, names, schedule=schedule_of(job), only=only, calendar=calendar, families=families, shelf=shelf
    )


def build_broker(job: Job, market: Market, calendar: Calendar, costs: Costs) -> SimulatedBroker:
    """A simulated account with the job's capital, within the job's limits."""
    broker = SimulatedBroker(job.symbols, job.capital, costs, calendar, kind=market.bars, span=BAR_SPAN, band=BAND)
    return broker.within(job.portfolio)
