"""Compiled functions of option rows, one number a row from the row alone: side, tenor, moneyness, delta, kernel weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from undertow.core.chunk import F64
from undertow.core.compiled import njit
from undertow.features.language.addresses import number
from undertow.features.language.steps import MORE, Compiled, compiled_as, input_of, output_of, step
from undertow.features.operators.black_scholes import YEAR, option_delta

#: classes of print conditions, as the powers of two of ``vocabulary.columns.classes``
SWEEP, AUCTION, UNSIGNED, VOID, PACKAGE = 1, 2, 4, 8, 16
#: twice the probability that the side read from a print is the right one, less one; see ``lean``
SURE_SWEEP, SURE_INSIDE, SURE_AUCTION, SURE_TOUCH = 0.86, 0.80, 0.80, 0.0
AROUND_THE_MONEY = 1.02  #: a strike up to so many times the share's price, or one over that, is at the money


@njit(cache=True)
def counted(size: F64, code: F64) -> F64:
    """Contracts (n,) that count: none of a print that is void, and none where the size is not known."""
    out = np.zeros(len(size))
    for i in range(len(size)):
        if not np.isnan(size[i]) and not int(code[i]) & VOID:
            out[i] = size[i]
    return out


@njit(cache=True)
def lean(price: F64, bid: F64, ask: F64, code: F64) -> F64:
    """2 p(buy) - 1 of each print (n,): its expected sign, which flow is to be weighed with rather than with a hard one.

    By the quote that stood: a sweep is right on 93 %, a price inside the quote, or an auction's at it, on 90 %; an electronic print at
    the quote says nothing, for a resting customer's order looks like one that came in. Zero too where no quote is known, and of what
    has no side: legs of packages, late and cancelled prints.
    """
    out = np.zeros(len(price))
    for i in range(len(price)):
        if not (ask[i] > bid[i] >= 0.0) or np.isnan(price[i]) or int(code[i]) & UNSIGNED:
            continue
        if int(code[i]) & SWEEP:
            sure = SURE_SWEEP
        elif bid[i] < price[i] < ask[i]:
            sure = SURE_INSIDE
        else:
            sure = SURE_AUCTION if int(code[i]) & AUCTION else SURE_TOUCH
        out[i] = sure * np.sign(2.0 * price[i] - bid[i] - ask[i])
    return out


@njit(cache=True)
def touch(price: F64, bid: F64, ask: F64, code: F64) -> F64:
    """+1 at the ask or above, -1 at the bid or below, 0 between, without a quote and of what has no side (n,)."""
    out = np.zeros(len(price))
    for i in range(len(price)):
        if ask[i] > bid[i] >= 0.0 and not int(code[i]) & UNSIGNED:
            out[i] = 1.0 if price[i] >= ask[i] else -1.0 if price[i] <= bid[i] else 0.0
    return out


@njit(cache=True)
def tenor(days_left: F64) -> F64:
    """0 within a week, 1 within 30 days, 2 within 90, 3 beyond (n,); NaN of a contract that has expired."""
    out = np.full(len(days_left), np.nan)
    for i in range(len(days_left)):
        if days_left[i] >= 0.0:
            out[i] = 0.0 if days_left[i] <= 7.0 else 1.0 if days_left[i] <= 30.0 else 2.0 if days_left[i] <= 90.0 else 3.0
    return out


@njit(cache=True)
def moneyness(strike: F64, spot: F64, is_put: F64) -> F64:
    """0 out of the money, 1 at it, 2 in it (n,); NaN where the share's price is not known."""
    out = np.full(len(strike), np.nan)
    for i in range(len(strike)):
        if strike[i] > 0.0 and spot[i] > 0.0:
            above, below = strike[i] > spot[i] * AROUND_THE_MONEY, strike[i] < spot[i] / AROUND_THE_MONEY
            out[i] = 1.0 if not (above or below) else 0.0 if above == (is_put[i] == 0.0) else 2.0
    return out


@njit(cache=True)
def delta(strike: F64, spot: F64, days_left: F64, volatility: F64, is_put: F64) -> F64:
    """Black and Scholes' delta without interest (n,); half a day is left on a contract's last day, NaN when it has expired."""
    out = np.full(len(strike), np.nan)
    for i in range(len(strike)):
        if days_left[i] >= 0.0:
            out[i] = option_delta(spot[i], strike[i], (days_left[i] + 0.5) / YEAR, volatility[i], 0.0, is_put[i] == 1.0)
    return out


@dataclass(frozen=True, slots=True)
class Near:
    """Weight of a contract near a delta and a tenor: triangles in delta and in the tenor's logarithm.

    A level of implied volatility is then a ratio of sums over the chain, and known only where a contract is near.
    """

    delta: float  #: of a call above zero, of a put below
    days: float
    width: float = 0.15  #: of delta; beyond it the weight is zero
    times: float = 2.0  #: a tenor so many times as long or as short has no weight

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        return Compiled(_near_step, numbers=(float(self.delta), float(self.days), float(self.width), float(self.times)))

    def __call__(self, delta: F64, days_left: F64, volatility: F64) -> F64:
        """delta (n,), days left (n,), implied volatility (n,) -> (n,), zero where one of them is not known."""
        return _near(delta, days_left, volatility, self.delta, self.days, self.width, self.times)


@njit(cache=True)
def _near(delta: F64, days_left: F64, volatility: F64, centre: float, days: float, width: float, times: float) -> F64:
    out = np.zeros(len(delta))
    for i in range(len(delta)):
        if days_left[i] > 0.0 and volatility[i] > 0.0 and not np.isnan(delta[i]):
            across = 1.0 - abs(delta[i] - centre) / width
            along = 1.0 - abs(np.log(days_left[i] / days)) / np.log(times)
            out[i] = max(across, 0.0) * max(along, 0.0)
    return out


@dataclass(frozen=True, slots=True)
class Has:
    """1.0 where a class of conditions is among a row's, else 0.0."""

    bit: int

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        return Compiled(_has_step, numbers=(self.bit,))

    def __call__(self, code: F64) -> F64:
        """code (n,) -> (n,)."""
        found: F64 = (code.astype(np.int64) & self.bit != 0).astype(np.float64)
        return found


@step
def _near_step(f: Any, at: Any, kinds: Any) -> None:
    rows = input_of(f, at, kinds, 0), input_of(f, at, kinds, 1), input_of(f, at, kinds, 2)
    where = number(f[MORE + 3]), number(f[MORE + 4]), number(f[MORE + 5]), number(f[MORE + 6])
    output_of(f, at, kinds)[:] = _near(rows[0], rows[1], rows[2], where[0], where[1], where[2], where[3])


@step
def _has_step(f: Any, at: Any, kinds: Any) -> None:
    code, out = input_of(f, at, kinds, 0), output_of(f, at, kinds)
    for i in range(code.shape[0]):
        out[i] = 1.0 if int(code[i]) & f[MORE + 1] else 0.0


@step
def _counted_step(f: Any, at: Any, kinds: Any) -> None:
    output_of(f, at, kinds)[:] = counted(input_of(f, at, kinds, 0), input_of(f, at, kinds, 1))


@step
def _tenor_step(f: Any, at: Any, kinds: Any) -> None:
    output_of(f, at, kinds)[:] = tenor(input_of(f, at, kinds, 0))


@step
def _moneyness_step(f: Any, at: Any, kinds: Any) -> None:
    output_of(f, at, kinds)[:] = moneyness(input_of(f, at, kinds, 0), input_of(f, at, kinds, 1), input_of(f, at, kinds, 2))


@njit(cache=True)
def _quoted(f: Any, at: Any, kinds: Any) -> Any:
    # price, bid, ask and code
    return input_of(f, at, kinds, 0), input_of(f, at, kinds, 1), input_of(f, at, kinds, 2), input_of(f, at, kinds, 3)


@step
def _lean_step(f: Any, at: Any, kinds: Any) -> None:
    price, bid, ask, code = _quoted(f, at, kinds)
    output_of(f, at, kinds)[:] = lean(price, bid, ask, code)


@step
def _touch_step(f: Any, at: Any, kinds: Any) -> None:
    price, bid, ask, code = _quoted(f, at, kinds)
    output_of(f, at, kinds)[:] = touch(price, bid, ask, code)


@step
def _delta_step(f: Any, at: Any, kinds: Any) -> None:
    strike, spot, days_left, volatility = _quoted(f, at, kinds)
    output_of(f, at, kinds)[:] = delta(strike, spot, days_left, volatility, input_of(f, at, kinds, 4))


compiled_as(counted, _counted_step)
compiled_as(tenor, _tenor_step)
compiled_as(moneyness, _moneyness_step)
compiled_as(lean, _lean_step)
compiled_as(touch, _touch_step)
compiled_as(delta, _delta_step)
