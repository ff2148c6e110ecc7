"""The consolidated tape of one symbol: a session's prints on and off the exchanges, from 04:00 to four hours after the close.

The tape is thinned: where a bar counts ``t`` trades a minute, about ``sqrt(t)`` are printed (10 to 120), larger in proportion, so that
sizes still sum to the bar's volume. A month of a busy symbol is then some 400,000 prints and not ten million.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from undertow.core.chunk import F64, I64, Array
from undertow.core.errors import BadData
from undertow.core.time import SECOND
from undertow.sandbox.daily.companies import Company
from undertow.sandbox.daily.layer import days, span
from undertow.sandbox.daily.walk import DAY_SHARE
from undertow.sandbox.draws import session_stream
from undertow.sandbox.part import Part
from undertow.sandbox.tape.allot import shared_out
from undertow.sandbox.tape.dark import DARK, print_dark
from undertow.sandbox.tape.extended import evening, morning, nights
from undertow.sandbox.tape.intraday import SPAN
from undertow.sandbox.tape.lit import LIT, SHORT, TICK, print_lit
from undertow.sandbox.tape.records import joined, taken

ON_EXCHANGE = 0.6  #: of the number of prints
FEWEST, MOST = 10.0, 120.0  #: prints in a regular minute, on average
LEAST = SHORT  #: shares that a bar must have on exchanges, one for each minute


class Tape(NamedTuple):
    """One session: ``LIT`` records in order of publication, and ``DARK`` records in order of publication."""

    lit: Array
    dark: Array


def tapes(part: Part) -> Iterator[Tape]:
    """The tape of each session of a part, one after the other: two years of a busy symbol would fill a gigabyte."""
    night = nights(part)
    for i in range(part.end - part.first):
        lit, dark = _regular(part, i)
        busy = min(MOST, float(np.sqrt(part.daily["trades"][i] / 390.0)))
        before, before_dark = morning(part, i, night[i], busy)
        after, after_dark = evening(part, i, night[i + 1], busy)
        off = joined(DARK, (before_dark, dark, after_dark))
        yield Tape(joined(LIT, (before, lit, after)), taken(off, np.argsort(off["known"], kind="stable")))


def informed_share(who: Company) -> float:
    """Share of traders on exchanges who know where the bar ends; the fewer dollars change hands, the more of them."""
    return float(min(0.3, 0.06 * (1e10 / who.turnover) ** 0.2))


def spreads(part: Part, i: int, bars: Array) -> I64:
    """The widest quote of each bar in ticks (bars,): what a dealer needs to lose nothing to the informed, from what is known before it."""
    at = (np.arange(len(bars)) + 0.5) / len(bars)
    pace = 1.0 + 2.6 * np.exp(-at / 0.08) + 1.2 * np.exp(-(1.0 - at) / 0.06)
    sigma = float(part.rows["sigma"][i]) * np.sqrt(DAY_SHARE * pace / pace.sum())
    half = informed_share(part.company) * 0.53 * sigma * bars["open"] / TICK  # 0.53: mean |move| from within a bar to its end
    ticks: I64 = np.maximum(1, (2.0 * half + 0.5).astype(np.int64))
    return ticks


def _regular(part: Part, i: int) -> Tape:
    position = part.first + i
    day, start = int(days()[position - span().start]), int(part.calendar.open[position])
    bars = part.bars[i][: (int(part.calendar.close[position]) - start) // SPAN]
    draw = session_stream((part.settings.seed, part.symbol, "tape"), day)
    off = shared_out(int(part.daily["volume"][i] * part.rows["off_share"][i]), bars["volume"])
    volume = bars["volume"] - off
    if bool(((volume < LEAST) & (bars["volume"] > 0)).any()):
        raise BadData(f"{part.symbol} trades too few shares on {part.calendar.day[position]} to print them; a split is too strong")
    counts, number = _counts(bars, volume, off, draw)
    n, through = int(counts.sum()), np.cumsum(counts.sum(1))
    lit, dark = np.zeros(n, LIT), np.zeros(int(number.sum()), DARK)
    row = part.rows[i]
    traits = np.array([row["shared"] / np.hypot(row["shared"], row["own"]), informed_share(part.company)])
    z, e, u = draw.standard_normal((n, 2)), draw.standard_exponential(n + SHORT * len(bars)), draw.random((n, 7))
    seconds = (len(bars) * SPAN) // SECOND
    print_lit(bars, volume, spreads(part, i, bars), counts, start, traits, _walk(part.settings.seed, day, seconds), z, e, u, lit)
    m = len(dark)
    exponential, uniform, normal = draw.standard_exponential(m), draw.random((m, 8)), draw.standard_normal(m)
    print_dark(bars, off, number, through, lit, exponential, uniform, normal, dark)
    return Tape(lit, dark)


def _counts(bars: Array, volume: I64, off: I64, draw: np.random.Generator) -> tuple[I64, I64]:
    # lit prints in each minute (bars, 5) and off-exchange prints in each bar (bars,)
    pace = np.clip(np.sqrt(bars["trades"] / SHORT), FEWEST, MOST)
    lit = np.maximum(1, draw.poisson(ON_EXCHANGE * pace[:, None], (len(bars), SHORT)))
    lit = np.where((lit.sum(1) > volume)[:, None], 1, lit) * (bars["volume"] > 0)[:, None]
    number = np.maximum(1, draw.poisson((1.0 - ON_EXCHANGE) * SHORT * pace))
    return lit, np.minimum(number, off)


@lru_cache(maxsize=64)
def _walk(seed: int, day: int, seconds: int) -> F64:
    # what moves all symbols together, second by second
    steps = session_stream((seed, "factor seconds"), day).standard_normal(seconds)
    return np.concatenate([[0.0], np.cumsum(steps)])
