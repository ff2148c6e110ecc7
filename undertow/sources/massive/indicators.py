"""Massive's own technical indicators, fetched, and compared with the same formulas over our own day bars.

The formulas: a simple mean; an exponential mean of weight ``2 / (n + 1)``; Wilder's strength index, whose means have weight ``1 / n``; the
difference of two exponential means with an exponential mean of it as its signal. The recursions are as in the published samples (there,
the signal line of a ``macd`` moves by 2/(10 + 1) of its gap a day). What a recursion began with the samples do not show: here it is the
simple mean of its first ``n`` values. Massive's begins in 2003 and ours with our first bar, so a day counts only once what they began with
weighs less than ``FADED``.

Prices are asked for as traded, and our bars are as traded: a split is then the same jump in both. Where Massive is asked for prices
adjusted for splits, as its charts show them, ours are divided by the splits that took effect after each day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log
from typing import Any

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Array, Chunk
from undertow.core.errors import BadInput
from undertow.core.events import PRICE_SCALE, CorporateAction, DailyBar
from undertow.sources.massive.pages import pages
from undertow.sources.massive.rows import results
from undertow.sources.wire.client import Params, Wire, quoted
from undertow.sources.wire.errors import BadAnswer
from undertow.sources.wire.number import real
from undertow.sources.wire.stamps import instant, new_york_day

FADED = 1e-7  #: weight of a recursion's beginning from which on two of them may be compared
NAMES = ("sma", "ema", "rsi", "macd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One of ``NAMES`` and its windows in days: one, or of ``macd`` the short, the long and the signal's."""

    name: str
    windows: tuple[int, ...]

    def __post_init__(self) -> None:
        """Raises ``BadInput`` for a name that Massive does not have or windows that do not fit it."""
        if self.name not in NAMES:
            raise BadInput(f"Massive has no indicator {self.name!r}; valid are {', '.join(NAMES)}.")
        if len(self.windows) != (3 if self.name == "macd" else 1) or min(self.windows, default=0) < 1:
            raise BadInput(f"{self.name} takes {'three windows' if self.name == 'macd' else 'one window'} of at least one day.")

    @property
    def columns(self) -> tuple[str, ...]:
        """What Massive tells of it."""
        return ("value", "signal", "histogram") if self.name == "macd" else ("value",)

    def params(self) -> dict[str, int]:
        """Its windows as Massive's parameters."""
        names = ("short_window", "long_window", "signal_window") if self.name == "macd" else ("window",)
        return dict(zip(names, self.windows, strict=True))

    def fades(self) -> int:
        """Bars after which the beginning weighs less than ``FADED``."""
        if self.name == "sma":
            return self.windows[0]
        if self.name == "rsi":
            return self.windows[0] + _steps(1.0 / self.windows[0])
        return sum(n + _steps(2.0 / (n + 1.0)) for n in self.windows[-2:])


#: what is fetched unless asked otherwise
STANDARD = (
    Indicator(name="sma", windows=(50,)),
    Indicator(name="ema", windows=(12,)),
    Indicator(name="ema", windows=(26,)),
    Indicator(name="rsi", windows=(14,)),
    Indicator(name="macd", windows=(12, 26, 9)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """Massive's numbers of one indicator, oldest first.

    day     : datetime64[D] (n,)
    columns : name -> float64 (n,), USD, of ``rsi`` 0 to 100
    """

    day: Array
    columns: Mapping[str, F64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One row of the cross-check."""

    indicator: str
    window: str
    column: str
    days: int  #: compared
    largest: float  #: difference, as a fraction of theirs; of ``rsi`` of 100, of ``macd``, which goes through zero, of the price
    day: str  #: YYYY-MM-DD of it, empty where none was compared


async def fetch(wire: Wire, symbol: str, indicator: Indicator, *, adjusted: bool = False) -> Values:
    """All that Massive has of one indicator over a symbol's day bars. Raises ``WireError``."""
    path = f"/v1/indicators/{indicator.name}/{quoted(symbol)}"
    params: Params = {
        **indicator.params(),
        "timespan": "day",
        "adjusted": "true" if adjusted else "false",
        "series_type": "close",
        "order": "asc",
        "limit": 5000,
    }
    found: dict[np.datetime64, Mapping[str, Any]] = {}
    async for answer in pages(wire, path, params):
        for row in parse(answer.json, path):
            found.setdefault(new_york_day(instant(row.get("timestamp"))), row)
    days = sorted(found)
    columns = {name: np.asarray([real(found[day].get(name)) for day in days], np.float64) for name in indicator.columns}
    return Values(day=np.asarray(days, "datetime64[D]"), columns=columns)


def parse(body: object, path: str = "its indicator") -> list[Mapping[str, Any]]:
    """The rows of one page: ``timestamp`` (ms) and the numbers. Raises ``BadAnswer`` where they are missing and it does not say why."""
    held = results(body, path)
    if len(held) != 1:
        raise BadAnswer(f"Massive's {path} has {len(held)} results where one was expected; nothing was taken from it.", path=path)
    rows = held[0].get("values", [] if "underlying" in held[0] else None)
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "timestamp" in row for row in rows):
        raise BadAnswer(f"Massive's {path} has no list of values; nothing was taken from it.", path=path)
    return rows


def computed(indicator: Indicator, close: F64) -> dict[str, F64]:
    """The indicator's columns over closes (n,), NaN until it begins."""
    if indicator.name == "sma":
        return {"value": _mean(close, indicator.windows[0])}
    if indicator.name == "ema":
        return {"value": _smooth(close, indicator.windows[0], 2.0 / (indicator.windows[0] + 1.0))}
    if indicator.name == "rsi":
        return {"value": _strength(close, indicator.windows[0])}
    short, long, signal = indicator.windows
    value = _smooth(close, short, 2.0 / (short + 1.0)) - _smooth(close, long, 2.0 / (long + 1.0))
    line = _smooth(value, signal, 2.0 / (signal + 1.0))
    return {"value": value, "signal": line, "histogram": value - line}


def cross_check(
    bars: Chunk, theirs: Mapping[Indicator, Values], *, splits: Chunk | None = None, symbol: str | None = None
) -> list[Checked]:
    """Our numbers over ``DailyBar`` rows of one symbol against Massive's, a row for each column of each indicator.

    splits : ``CorporateAction`` rows where theirs were fetched with ``adjusted=True``, else None
    symbol : which one, where the chunk holds several
    Raises ``BadInput`` for other rows than day bars.
    """
    if bars.kind is not DailyBar or (splits is not None and splits.kind is not CorporateAction):
        raise BadInput("Indicators are checked on day bars, and adjusted by corporate actions.")
    key = bars.symbols.index(symbol or bars.symbols[0])
    own = bars[bars.key == key]
    own = own[np.argsort(own.event_at, kind="stable")]
    close = own.numbers("close") / PRICE_SCALE
    if splits is not None:
        close = close / _later_splits(own, splits[splits.key == splits.symbols.index(symbol or bars.symbols[0])])
    day = nyse().day[nyse().position(own.event_at)]
    return [row for indicator, values in theirs.items() for row in _compared(indicator, values, day, close)]


def _compared(indicator: Indicator, values: Values, day: Array, close: F64) -> Sequence[Checked]:
    ours = computed(indicator, close)
    _, here, there = np.intersect1d(day[indicator.fades() :], values.day, assume_unique=True, return_indices=True)
    here = here + indicator.fades()
    rows = []
    for name in indicator.columns:
        a, b = ours[name][here], values.columns[name][there]
        scale = np.full(len(a), 100.0) if indicator.name == "rsi" else close[here] if indicator.name == "macd" else np.abs(b)
        gap = np.abs(a - b) / scale
        told = ~np.isnan(gap)
        worst = int(np.argmax(np.where(told, gap, -1.0))) if told.any() else -1
        rows.append(
            Checked(
                indicator=indicator.name,
                window=",".join(map(str, indicator.windows)),
                column=name,
                days=int(told.sum()),
                largest=float(gap[worst]) if worst >= 0 else float("nan"),
                day=str(day[here[worst]]) if worst >= 0 else "",
            )
        )
    return rows


def _later_splits(bars: Chunk, splits: Chunk) -> F64:
    """New shares for one old over all splits after each bar, (n,)."""
    order = np.argsort(splits.event_at, kind="stable")
    through = np.concatenate([[1.0], np.cumprod(splits.numbers("ratio")[order])])
    done = np.searchsorted(splits.event_at[order], bars.event_at, side="right")
    return np.asarray(through[-1] / through[done], np.float64)


def _mean(x: F64, n: int) -> F64:
    out = np.full(len(x), np.nan)
    if len(x) >= n:
        out[n - 1 :] = np.lib.stride_tricks.sliding_window_view(x, n).mean(axis=1)
    return out


def _smooth(x: F64, n: int, weight: float) -> F64:
    """Begun with the simple mean of the first ``n`` values that are given."""
    out = np.full(len(x), np.nan)
    first = int(np.argmax(~np.isnan(x))) if len(x) else 0
    if len(x) - first < n:
        return out
    now = float(x[first : first + n].mean())
    out[first + n - 1] = now
    for i in range(first + n, len(x)):
        now += weight * (float(x[i]) - now)
        out[i] = now
    return out


def _strength(x: F64, n: int) -> F64:
    change = np.diff(x, prepend=np.nan)
    up, down = (_smooth(np.where(np.isnan(change), np.nan, np.maximum(sign * change, 0.0)), n, 1.0 / n) for sign in (1.0, -1.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(down == 0.0, 100.0, 100.0 - 100.0 / (1.0 + up / down)), np.float64)


def _steps(weight: float) -> int:
    return 0 if weight >= 1.0 else ceil(log(FADED) / log(1.0 - weight))
