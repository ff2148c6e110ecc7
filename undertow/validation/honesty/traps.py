"""Feeds that are harmless when they are stamped as they were published, and ruinous when they are stamped as they are dated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import make_dataclass, replace

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import F64, I64, Array, Chunk
from undertow.core.events import ChainRow, DailyBar, Event, InsiderTrade, OffExchangeVolume, OpenInterest, Ratio
from undertow.core.time import HOUR, MINUTE
from undertow.features.language.expressions import Expr
from undertow.features.language.register import feature
from undertow.features.vocabulary import column
from undertow.validation.honesty.clues import Clues
from undertow.validation.honesty.market import PUBLISHED, Made, table

END = 2**62

#: The next return itself, published when it is over: whoever has it earlier sees the future
Canary: type[Event] = make_dataclass(
    "Canary",
    [("value", Ratio)],
    bases=(Event,),
    namespace={"kind": "canary", "__module__": __name__, "__doc__": "A return, published when it is over."},
    frozen=True,
    slots=True,
    kw_only=True,
)


class Traps(Clues):
    """The features of a made market, and one for each feed that can be stamped wrongly."""

    @feature(unit="ratio", family="trap")
    def trap_canary(self) -> Expr:
        """The newest canary."""
        return column(Canary, "value").last()

    @feature(unit="contracts", family="trap")
    def trap_interest(self) -> Expr:
        """Contracts open by the newest count."""
        return column(OpenInterest, "open_interest").last()

    @feature(unit="shares", family="trap")
    def trap_off_exchange(self) -> Expr:
        """Shares off the exchange in the newest session that is told."""
        return column(OffExchangeVolume, "volume").last()

    @feature(unit="shares", family="trap")
    def trap_insiders(self) -> Expr:
        """Shares that insiders bought by the newest filing."""
        return column(InsiderTrade, "shares").last()

    @feature(unit="1/10,000 USD", family="trap")
    def trap_chain(self) -> Expr:
        """The newest price of an option."""
        return column(ChainRow, "price").last()

    @feature(unit="ratio", family="trap")
    def trap_session(self) -> Expr:
        """Logarithm of close over open of the newest daily bar."""
        return (column(DailyBar, "close") / column(DailyBar, "open")).log().last()

    @feature(unit="log USD", family="trap")
    def trap_level(self) -> Expr:
        """Logarithm of the newest close."""
        return column(DailyBar, "close").log().last()


Feed = Callable[[Made, Calendar, bool], tuple[Chunk, ...]]


def plain(made: Made, _calendar: Calendar, _honest: bool) -> tuple[Chunk, ...]:
    """The market's own chunks, as they are."""
    return made.chunks


def canary(made: Made, calendar: Calendar, honest: bool) -> tuple[Chunk, ...]:
    """The return that a morning's decision will earn, known when it is earned, or on that very morning."""
    rows = calendar.position(made.ticks)
    known = calendar.close[rows + 1] if honest else calendar.midnight[rows] + PUBLISHED
    return _with(made, Canary, (calendar.open[rows + 1], known), {"value": made.drawn.returns})


def open_interest(made: Made, calendar: Calendar, honest: bool) -> tuple[Chunk, ...]:
    """Contracts open after a session, which follow its return; counted the next morning, or stamped with the date they are of."""
    rows = calendar.position(made.ticks)
    late = calendar.close[rows], calendar.midnight[rows + 1] + PUBLISHED
    return _with(made, OpenInterest, late if honest else _dated(rows, calendar), {"open_interest": _follows(made, 10_000, 1_000)})


def off_exchange(made: Made, calendar: Calendar, honest: bool) -> tuple[Chunk, ...]:
    """Shares traded off the exchange in a session, which follow its return; told that evening, or stamped with the session's date."""
    rows = calendar.position(made.ticks)
    late = calendar.close[rows], calendar.close[rows] + 2 * HOUR
    return _with(made, OffExchangeVolume, late if honest else _dated(rows, calendar), {"volume": _follows(made, 10**7, 10**6)})


def insiders(made: Made, calendar: Calendar, honest: bool) -> tuple[Chunk, ...]:
    """What insiders buy when their share falls, filed two sessions later, or stamped with the date of the trade."""
    rows = calendar.position(made.ticks)
    traded, filed = calendar.midnight[rows], calendar.midnight[rows + 2] + 7 * HOUR
    return _with(made, InsiderTrade, (traded, filed if honest else traded), {"shares": _follows(made, 10_000, -1_000)})


def option_chain(made: Made, calendar: Calendar, honest: bool) -> tuple[Chunk, ...]:
    """Option prices at the end of a session, which follow its return; told after the close, or stamped with the session's date."""
    rows = calendar.position(made.ticks)
    late = calendar.close[rows], calendar.close[rows] + 20 * MINUTE
    return _with(made, ChainRow, late if honest else _dated(rows, calendar), {"price": _follows(made, 50_000, 5_000)})


def all_honest(made: Made, calendar: Calendar) -> Made:
    """The market with every feed beside its own, each stamped as it was published."""
    more = [
        chunk
        for feed in (canary, open_interest, off_exchange, insiders, option_chain)
        for chunk in feed(made, calendar, True)[len(made.chunks) :]
    ]
    return replace(made, chunks=(*made.chunks, *more))


def _dated(rows: Array, calendar: Calendar) -> tuple[I64, I64]:
    return calendar.midnight[rows], calendar.midnight[rows]


def _with(made: Made, kind: type[Event], stamps: tuple[I64, I64], columns: dict[str, Array]) -> tuple[Chunk, ...]:
    chunk = table(kind, made.symbols, *stamps, columns)
    return (*made.chunks, chunk.between(-END, int(made.ticks[-1])))


def _follows(made: Made, centre: float, scale: float) -> I64:
    """Whole numbers (sessions, symbols) that follow the session's own return, with as much noise."""
    rng = np.random.default_rng([made.settings.seed, 7])
    moved: F64 = made.drawn.day / made.drawn.volatility
    return np.round(centre + scale * (moved + rng.standard_normal(moved.shape))).astype(np.int64)
