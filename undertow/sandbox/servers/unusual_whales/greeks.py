"""Greeks by Black and Scholes without interest, for whatever arrays are handed in (each (n,), or a number)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64, Array

_LEAST_YEARS = 1.0 / 365.0 / 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeks:
    """Per share; float64 (n,). Theta and charm per day, vega, vanna and rho per 100 points of volatility or interest."""

    delta: F64
    gamma: F64
    theta: F64
    vega: F64
    rho: F64
    charm: F64
    vanna: F64


def greeks(spot: Array, strike: Array, days: Array, iv: Array, put: Array) -> Greeks:
    """Greeks of contracts; spot and strike in one unit, ``days`` to expiry, ``put`` 1 for a put."""
    from scipy.special import ndtr

    years = np.maximum(np.asarray(days, np.float64) / 365.0, _LEAST_YEARS)
    spot, strike, iv = np.asarray(spot, np.float64), np.asarray(strike, np.float64), np.maximum(np.asarray(iv, np.float64), 0.01)
    root = np.sqrt(years)
    d1 = np.log(spot / strike) / (iv * root) + 0.5 * iv * root
    d2 = d1 - iv * root
    density = np.exp(-0.5 * d1 * d1) / np.sqrt(2.0 * np.pi)
    sign = np.where(np.asarray(put) == 1, -1.0, 1.0)
    return Greeks(
        delta=ndtr(d1) - (sign < 0),
        gamma=density / (spot * iv * root),
        theta=-spot * density * iv / (2.0 * root) / 365.0,
        vega=spot * density * root / 100.0,
        rho=sign * strike * years * ndtr(sign * d2) / 100.0,
        charm=density * d2 / (2.0 * years) / 365.0,
        vanna=-density * d2 / iv,
    )
