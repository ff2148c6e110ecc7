"""Features with a fault built in, one for each classic leak, and one without: do the laws tell them apart?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from undertow.core.chunk import F64, I64, Chunk
from undertow.core.events import Bar, DailyBar, NewsItem
from undertow.core.time import MINUTE, Duration
from undertow.features.engineering import FeatureEngineering
from undertow.features.language import samples, scans
from undertow.features.language.expressions import Column, Expr
from undertow.features.language.memory import Memory
from undertow.features.language.register import feature
from undertow.features.vocabulary import Bars, column

QUARTER: Duration = 15 * MINUTE
BAR: Duration = 5 * MINUTE


class PeekingSum(samples.WindowSum):
    """Looks one bar ahead."""

    def push(self, state: samples.State, chunk: Chunk, value: F64, ticks: I64) -> F64:
        return samples.WindowSum.push(self, state, chunk, value, ticks + BAR)


class ScaledSum(samples.WindowSum):
    """Divides by the largest of the chunk at hand."""

    def push(self, state: samples.State, chunk: Chunk, value: F64, ticks: I64) -> F64:
        out = samples.WindowSum.push(self, state, chunk, value, ticks)
        return out / max(1.0, float(np.abs(out).max(initial=0.0)))


class ForgetfulSum(samples.WindowSum):
    """Begins anew with every push."""

    def push(self, state: samples.State, chunk: Chunk, value: F64, ticks: I64) -> F64:
        return samples.WindowSum.push(self, self.fresh(len(state["total"])), chunk, value, ticks)


class ForgetfulMean(scans.Window):
    """Begins anew with every push."""

    def push(self, state: scans.State, key: I64, x: F64) -> F64:
        return scans.Window.push(self, self.fresh(len(state["count"])), key, x)


class ClosedSum(samples.WindowSum):
    """Counts both ends of the window."""

    def push(self, state: samples.State, chunk: Chunk, value: F64, ticks: I64) -> F64:
        return samples.WindowSum(self.span + 1).push(state, chunk, value, ticks)


class LateSum(samples.WindowSum):
    """Drops what is known exactly at the tick."""

    def push(self, state: samples.State, chunk: Chunk, value: F64, ticks: I64) -> F64:
        return samples.WindowSum.push(self, state, chunk, value, ticks - 1)


class OwnClockSum(samples.WindowSum):
    """Counts from when an event happened instead of when it was known."""

    def push(self, state: samples.State, chunk: Chunk, value: F64, ticks: I64) -> F64:
        order = np.argsort(chunk.event_at, kind="stable")
        return samples.WindowSum.push(self, state, replace(chunk, known_at=chunk.event_at)[order], value[order], ticks)


class OwnClockLast(samples.DecayedSum):
    """Measures the age of an event by its own clock."""

    def push(self, state: samples.State, chunk: Chunk, value: F64, ticks: I64) -> F64:
        whole_day = 86_400 * 10**9
        return samples.DecayedSum.push(self, state, chunk, value * (chunk.event_at % whole_day), ticks)


@dataclass(frozen=True, slots=True)
class ModestMean(scans.Window):
    """Declares less memory than it has."""

    @property
    def memory(self) -> Memory:
        return Memory(events=1)


def next_value(x: F64) -> F64:
    """The next row's value: the future, in one line of numpy."""
    return np.append(x[1:], np.nan)[: len(x)]


def share_of_largest(x: F64) -> F64:
    """Scaled by the largest of the chunk at hand."""
    return x / np.nanmax(x, initial=1.0)


TONE = column(NewsItem, "tone") * 1e6
CLOSE = column(Bar, "close")


class Mutants(FeatureEngineering):
    """Every feature here but ``sound`` is broken."""

    @feature(unit="tone")
    def sound(self) -> Expr:
        """Without fault."""
        return Expr(samples.WindowSum(QUARTER), (TONE,))

    @feature(unit="tone")
    def peeks_ahead(self) -> Expr:
        """Looks one bar ahead."""
        return Expr(PeekingSum(QUARTER), (TONE,))

    @feature(unit="tone")
    def scales_by_the_chunk(self) -> Expr:
        """Divides by the largest sum of the push."""
        return Expr(ScaledSum(QUARTER), (TONE,))

    @feature(unit="tone")
    def forgets_between_pushes(self) -> Expr:
        """Begins anew with every push."""
        return Expr(ForgetfulSum(QUARTER), (TONE,))

    @feature(unit="price")
    def forgets_its_mean(self) -> Expr:
        """Begins anew with every push."""
        return Column(Bar, ForgetfulMean(5, "mean"), (CLOSE,)).last()

    @feature(unit="tone")
    def closed_on_both_ends(self) -> Expr:
        """Counts what is as old as the window."""
        return Expr(ClosedSum(QUARTER), (TONE,))

    @feature(unit="tone")
    def drops_ties(self) -> Expr:
        """Drops what is known exactly at the tick."""
        return Expr(LateSum(QUARTER), (TONE,))

    @feature(unit="tone")
    def counts_by_its_own_clock(self) -> Expr:
        """Counts from when it happened."""
        return Expr(OwnClockSum(QUARTER), (TONE,))

    @feature(unit="tone")
    def weighs_by_its_own_clock(self) -> Expr:
        """Weighs by when it happened."""
        return Expr(OwnClockLast(QUARTER), (TONE,))

    @feature(unit="price")
    def remembers_more_than_it_says(self) -> Expr:
        """Declares one bar of memory and uses thirty."""
        return Column(DailyBar, ModestMean(30, "mean"), (column(DailyBar, "close"),)).last()

    @feature(unit="price", bars=("intraday", "daily"))
    def reads_the_next_bar(self, bars: Bars) -> Expr:
        """The next bar's close over this one's."""
        return (bars.close / Column(bars.kind, next_value, (bars.close,))).last()

    @feature(unit="ratio")
    def scales_columns_by_the_chunk(self) -> Expr:
        """Scaled by the largest price of the push."""
        return Column(Bar, share_of_largest, (CLOSE,)).last()

    @feature(unit="")
    def says_nothing(self) -> Expr:
        return CLOSE.last()


#: feature -> laws of which at least one has to name it
CAUGHT_BY = {
    "peeks_ahead": {"law 3", "law 4"},
    "scales_by_the_chunk": {"law 3", "law 4"},
    "forgets_between_pushes": {"law 3"},
    "forgets_its_mean": {"law 3"},
    "closed_on_both_ends": {"law 1", "law 5"},
    "drops_ties": {"law 1"},
    "counts_by_its_own_clock": {"law 1"},
    "weighs_by_its_own_clock": {"law 1"},
    "remembers_more_than_it_says": {"law 5"},
    "reads_the_next_bar": {"law 3", "law 4"},
    "reads_the_next_bar_1d": {"law 3", "law 4"},
    "scales_columns_by_the_chunk": {"law 3", "law 4"},
    "says_nothing": {"says what it is"},
}
