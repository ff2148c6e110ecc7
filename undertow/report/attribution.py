"""Who made the money, and when: each strategy's frictionless gain by the phase of the decision and by symbol, and a line for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64
from undertow.engine.result import RunResult
from undertow.models.phases import PHASES, phase_of
from undertow.report.metrics import filled
from undertow.report.prices import split_factor
from undertow.report.trades import fills_of
from undertow.report.words import percent, usd
from undertow.strategies.attribution import REST, UNITS, attribute

ALONE = "all signals"  #: the one strategy of a run that does not tell its strategies
CENT = UNITS // 100
BEFORE_ALL = -(2**63)
MOST_SYMBOLS = 100  #: that the table by symbol shows
PHASE_NAMES = {"premarket": "Pre-market", "open": "Opening half hour", "regular": "Rest of the day"}
PHASE_SAID = {
    "premarket": "before the open",
    "open": "in the half hour after the open",
    "regular": "later than half an hour after the open",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gains:
    """Whole cents, so that every way of adding them up meets the total exactly."""

    strategies: tuple[str, ...]
    phases: tuple[str, ...]  #: those in which something was decided
    symbols: tuple[str, ...]
    gain: I64  #: (strategies, phases, symbols) US cents, before costs
    net: I64  #: (symbols,) US cents by which each purse grew

    @property
    def rest(self) -> I64:
        """Costs, rounding and timing: what the strategies' gains leave of the net, US cents (symbols,)."""
        return np.asarray(self.net - self.gain.sum(axis=(0, 1)), np.int64)


def gains(result: RunResult) -> Gains:
    """Each strategy's part of the target, times the symbol's part of the account, times what the price did until the next one's trade."""
    names, parts = _parts(result)
    phase = phase_of(result.ticks, nyse())
    spoken = np.unique(phase)
    width, factor = len(result.symbols), split_factor(result)
    purse = result.capital / width
    purses = [filled(result.equity[:, column], purse) for column in range(width)]
    account = np.concatenate([[result.capital], np.sum(purses, axis=0)]) / width
    at = account[np.searchsorted(result.mark_at, result.ticks, side="right")][:, None]
    gain = np.zeros((len(names), len(spoken), len(result.symbols)), np.int64)
    net = np.zeros(len(result.symbols))
    for column in range(len(result.symbols)):
        equity = purses[column]
        price = _first_prices(result, column, factor[:, column])[:, None]
        held, since = _carried(parts[:, :, column])
        for place, one in enumerate(spoken.tolist()):
            own = np.where(phase[since] == one, held, 0.0)[:, :, None]
            gain[:, place, column] = attribute(names, own, price, at, np.zeros(1)).gain[:-1, 0]
        net[column] = (equity[-1] - purse) * 100 if len(equity) else 0.0
    return Gains(
        strategies=names,
        phases=tuple(PHASES[one] for one in spoken),
        symbols=result.symbols,
        gain=np.rint(gain / CENT).astype(np.int64),
        net=np.diff(np.rint(np.cumsum(net)), prepend=0.0).astype(np.int64),  # so that the whole is rounded once
    )


def _parts(result: RunResult) -> tuple[tuple[str, ...], F64]:
    if result.parts.shape == (len(result.strategies), *result.targets.shape) and result.strategies:
        return result.strategies, result.parts
    return (ALONE,), result.targets[None]


def _carried(part: F64) -> tuple[F64, I64]:
    """Parts (strategies, ticks) with the last one that was said where none is, and the tick that said it; zero before the first."""
    row = np.where(np.isnan(part), 0, np.arange(part.shape[1]))
    since = np.maximum.accumulate(row, axis=1) if row.size else row
    return np.nan_to_num(np.take_along_axis(part, since, axis=1)), since


def bar_starts(result: RunResult) -> I64:
    """Where the bar of each mark began (marks,), ns UTC: at the mark before it, or at its session's open."""
    before = np.concatenate([[BEFORE_ALL], result.mark_at[:-1]]).astype(np.int64)
    opens = nyse().open[np.maximum(nyse().position(result.mark_at), 0)]
    return np.where(opens < result.mark_at, np.maximum(before, opens), before)


def _first_prices(result: RunResult, column: int, factor: F64) -> F64:
    """Price (ticks + 1,) USD at which each tick's target could first be traded, and the last mark's.

    Where nothing was traded at the open of a bar, the close before stands for it; all are adjusted for splits.
    """
    if not len(result.mark_at):
        return np.full(len(result.ticks) + 1, np.nan)
    close = filled(result.close[:, column] * factor, np.nan)
    opening = np.concatenate([[np.nan], close[:-1]])
    mark, middle = middle_prices(result, column)
    first, where = np.unique(mark, return_index=True)
    opening[first] = middle[where] * factor[first]
    bar = np.searchsorted(bar_starts(result), result.ticks)
    return np.concatenate([np.append(opening, close[-1])[bar], close[-1:]])


def middle_prices(result: RunResult, column: int) -> tuple[I64, F64]:
    """Of one symbol's fills: the mark at which each one's bar ended, and its price without half-spread and impact, USD as traded (n,)."""
    fills = fills_of(result, column)
    shares = fills.numbers("shares")
    friction = np.nan_to_num(fills.numbers("spread_cost")) + np.nan_to_num(fills.numbers("impact_cost"))
    mark = np.minimum(np.searchsorted(result.mark_at, fills.event_at, side="right"), len(result.mark_at) - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return mark.astype(np.int64), fills.numbers("price") - friction / shares


def attribution_panel(found: Gains, capital: float) -> dict[str, Any]:
    """Two tables as text: strategies by phase, summed in the first column, and symbols by strategy, summed in the last."""
    by_phase, by_symbol = found.gain.sum(axis=2), found.gain.sum(axis=1)
    own, rest, net = by_phase.sum(axis=1), int(found.rest.sum()), int(found.net.sum())
    blank = ("",) * (len(found.phases) if len(found.phases) > 1 else 0)
    rows = [
        (name.replace("_", " "), _usd(own[i]), _share(own[i], capital), *(map(_usd, by_phase[i]) if blank else ()))
        for i, name in enumerate(found.strategies)
    ]
    rows.append((REST.capitalize(), _usd(rest), _share(rest, capital), *blank))
    rows.append(("Net", _usd(net), _share(net, capital), *blank))
    symbols = [
        (symbol, *map(_usd, by_symbol[:, j]), _usd(found.rest[j]), _usd(found.net[j]))
        for j, symbol in enumerate(found.symbols[:MOST_SYMBOLS])
    ]
    return {
        "heads": [PHASE_NAMES[phase] for phase in found.phases] if blank else [],
        "only": PHASE_SAID[found.phases[0]] if len(found.phases) == 1 else "",
        "rows": rows,
        "symbol_heads": [*(name.replace("_", " ") for name in found.strategies), "the rest", "net"],
        "symbols": symbols if len(found.symbols) > 1 else [],
        "left_out": len(found.symbols) - len(symbols),
    }


def _usd(cents: int) -> str:
    return usd(int(cents) / 100, 2, sign=True)


def _share(cents: int, capital: float) -> str:
    return percent(int(cents) / 100 / capital, sign=True)
