"""Operators across symbols at one tick, and the tick's own clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from undertow.core.chunk import F64, Array

Statistic = Literal["mean", "deviation", "share_above", "rank", "score", "discoveries"]
Moment = Literal["days", "minute", "weekday", "session_share"]


@dataclass(frozen=True, slots=True)
class Of:
    """Another symbol's number, for every symbol; NaN where that symbol is not told of."""

    symbol: str

    def bind(self, universe: Sequence[str], _: int) -> Callable[[F64], F64]:
        """The function (ticks, universe) -> (ticks, universe)."""
        at = universe.index(self.symbol)
        return lambda values: np.broadcast_to(values[:, at : at + 1], values.shape)


@dataclass(frozen=True, slots=True)
class Across:
    """A statistic over the traded symbols, known ones only; ``share_above`` counts those above zero.

    ``rank`` is the mid-rank in (0, 1), ``score`` the distance from the mean in standard deviations, and ``discoveries`` turns
    p-values into q-values (Benjamini and Hochberg 1995), so that an alert at q controls the false share among all of a tick's alerts.
    """

    statistic: Statistic

    def __post_init__(self) -> None:
        if self.statistic not in get_args(Statistic):
            raise ValueError(f"across symbols there is {', '.join(get_args(Statistic))}, not {self.statistic!r}")

    def bind(self, _: Sequence[str], width: int) -> Callable[[F64], F64]:
        """The function (ticks, universe) -> (ticks, universe), NaN for symbols that are not traded."""
        own = {"rank": _ranks, "score": _scores, "discoveries": _q_values}.get(self.statistic)

        def apply(values: F64) -> F64:
            traded = values[:, :width]
            if own is not None:
                out = np.full(values.shape, np.nan)
                out[:, :width] = own(traded)
                return out
            return np.broadcast_to(self._one(traded)[:, None], values.shape)

        return apply

    def _one(self, values: F64) -> F64:
        known = ~np.isnan(values)
        count = known.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            if self.statistic == "share_above":
                return np.where(count > 0, (values > 0.0).sum(axis=1) / count, np.nan)
            mean = np.where(known, values, 0.0).sum(axis=1) / count
            if self.statistic == "mean":
                return np.where(count > 0, mean, np.nan)
            squares = np.where(known, (values - mean[:, None]) ** 2, 0.0).sum(axis=1)
            return np.where(count > 1, np.sqrt(squares / count), np.nan)


def _ranks(values: F64) -> F64:
    known = ~np.isnan(values)
    less = (values[:, :, None] > values[:, None, :]).sum(axis=2)
    ties = (values[:, :, None] == values[:, None, :]).sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known, (less + 0.5 * ties) / known.sum(axis=1, keepdims=True), np.nan)


def _scores(values: F64) -> F64:
    known = ~np.isnan(values)
    count = known.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, values, 0.0).sum(axis=1, keepdims=True) / count
        spread = np.sqrt(np.where(known, (values - mean) ** 2, 0.0).sum(axis=1, keepdims=True) / count)
        scores: F64 = (values - mean) / np.where(spread > 0.0, spread, np.nan)
    return scores


def _q_values(p: F64) -> F64:
    order = np.argsort(p, axis=1, kind="stable")  # NaN comes last
    sorted_p = np.take_along_axis(p, order, axis=1)
    count = (~np.isnan(p)).sum(axis=1, keepdims=True)
    raw = sorted_p * count / np.arange(1, p.shape[1] + 1)
    falling = np.fmin.accumulate(raw[:, ::-1], axis=1)[:, ::-1]
    out = np.empty_like(p)
    np.put_along_axis(out, order, np.where(np.isnan(sorted_p), np.nan, np.minimum(falling, 1.0)), axis=1)
    return out


@dataclass(frozen=True, slots=True)
class Now:
    """The tick itself: ``days`` since 1970, ``minute`` of the New York day, ``weekday`` (Monday 0), or the share of the session gone."""

    what: Moment

    def __post_init__(self) -> None:
        if self.what not in get_args(Moment):
            raise ValueError(f"of a tick there is {', '.join(get_args(Moment))}, not {self.what!r}")


def broadcast(values: Array, width: int) -> F64:
    """values (t,) for every symbol (t, width)."""
    out: F64 = np.broadcast_to(np.asarray(values, np.float64)[:, None], (len(values), width))
    return out
