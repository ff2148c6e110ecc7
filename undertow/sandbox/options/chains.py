"""Daily option chains and open interest: four expiries, seven strikes round the spot, calls and puts, priced by Black and Scholes.

A contract's open interest is a recursion from its listing on, so the chain of any range is computed from ``WARM`` sessions before it:
no contract lives longer than that, and the state is then the same wherever the range began.
"""

from __future__ import annotations

from functools import cache
from math import erf, exp, log, sqrt
from typing import Any

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64, Array
from undertow.core.compiled import njit
from undertow.sandbox.daily.companies import Company, company
from undertow.sandbox.daily.layer import Settings, days
from undertow.sandbox.draws import session_draws

EXPIRIES, STRIKES = 4, 7
CONTRACTS = EXPIRIES * STRIKES * 2  #: rows a session
WARM = 80  #: sessions; more than the longest life of a contract, 12 weeks
#: ``open_interest`` after the session, ``before`` it: what followers know while it lasts
CONTRACT = np.dtype(
    [(n, "i8") for n in ("expiry", "strike", "is_put", "price", "volume", "open_interest", "before")] + [("iv", "f8"), ("delta", "f8")]
)

_SLOTS, _REACH = 16, 40  # expiries kept at once; strikes kept on either side of the spot at listing
_SLOT = np.dtype([("expiry", "i8"), ("middle", "f8"), ("step", "f8"), ("open_interest", "i8", (2 * _REACH + 1, 2))])
_BY_EXPIRY = (0.45, 0.25, 0.20, 0.10)  # share of the day's volume
_BY_STRIKE = (0.03, 0.07, 0.14, 0.24, 0.24, 0.18, 0.10)  # from in to out of the money


def chains(settings: Settings, symbol: str, rows: Array, spot: I64, first: int) -> Array:
    """Chains of one symbol: records ``CONTRACT`` (sessions, 56), of which the caller drops the warm-up.

    rows  : ``LAYER`` records (sessions,), warm-up included
    spot  : int64 (sessions,) closes as traded, 1/10,000 USD
    first : position of the first row in the market's sessions
    """
    part = slice(first, first + len(rows))
    normal, _ = session_draws((settings.seed, symbol, "options"), days()[part], CONTRACTS)
    out = np.zeros((len(rows), CONTRACTS), CONTRACT)
    calendar = np.column_stack([days()[part], expiries()[part]])
    _chains(rows, spot, calendar, normal, company(symbol), np.zeros(_SLOTS, _SLOT), out)
    return out


@cache
def expiries() -> I64:
    """The four listed expiries of each session: the next two Fridays, then the next two third Fridays; days since 1970 (sessions, 4)."""
    day = days()
    fridays = np.arange((int(day[0]) - 1) // 7 * 7 + 1, int(day[-1]) + 200, 7)  # 1970-01-02 was a Friday
    month_day = fridays - fridays.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + 1
    monthly = np.flatnonzero((month_day > 14) & (month_day < 22))
    every = nyse().day.astype(np.int64)
    before = every[np.searchsorted(every, fridays, side="right") - 1]
    last = np.where((fridays > every[-1]) | (fridays - before > 6), fridays, before)  # a holiday's options end the session before
    week = np.searchsorted(last, day, side="right")
    third = np.searchsorted(monthly, week + 1, side="right")
    out = last[np.column_stack([week, week + 1, monthly[third], monthly[third + 1]])]
    out.flags.writeable = False
    return out


@njit(cache=True)
def _step(spot: float) -> float:
    for below, step in ((25.0, 0.5), (50.0, 1.0), (100.0, 2.5), (250.0, 5.0), (500.0, 10.0), (1000.0, 25.0)):
        if spot < below:
            return step * 10_000.0
    return 500_000.0


@njit(cache=True)
def _split(slots: Any, ratio: float) -> None:
    for slot in slots:
        slot.middle /= ratio
        slot.step /= ratio
        for j in range(2 * _REACH + 1):
            for put in range(2):
                slot.open_interest[j, put] = int(slot.open_interest[j, put] * ratio)


@njit(cache=True)
def _listed(slots: Any, expiry: int, spot: float) -> Any:
    slot = slots[expiry // 7 % _SLOTS]
    if slot.expiry != expiry:
        slot.expiry, slot.step = expiry, _step(spot / 10_000.0)
        slot.middle = np.floor(spot / slot.step + 0.5) * slot.step
        slot.open_interest[:] = 0
    return slot


@njit(cache=True)
def _volatility(row: Any, who: Company, years: float) -> float:
    # today's variance fades into the long-run one; a report before the expiry adds its jump once
    fade = (1.0 - exp(-years / 0.12)) / (years / 0.12)
    variance = row.usual + (row.sigma**2 * 252.0 - row.usual) * fade
    if 0 <= row.wait < 252.0 * years:
        variance += who.jump**2 / years
    return 1.03 * sqrt(variance)


@njit(cache=True)
def _normal(x: float) -> float:
    return 0.5 * (1.0 + erf(x / sqrt(2.0)))


@njit(cache=True)
def _price(contract: Any, spot: float, at_money: float, years: float) -> None:
    strike = float(contract.strike)
    away = min(3.0, max(-3.0, log(strike / spot) / (at_money * sqrt(years))))
    contract.iv = at_money * (1.0 - 0.06 * away + 0.02 * away * away)
    spread = contract.iv * sqrt(years)
    d1 = log(spot / strike) / spread + 0.5 * spread
    call = spot * _normal(d1) - strike * _normal(d1 - spread)
    contract.delta = _normal(d1) - contract.is_put
    value = call - spot + strike if contract.is_put else call
    contract.price = max(1, int(value / 100.0 + 0.5)) * 100


@njit(cache=True)
def _trade(contract: Any, row: Any, interest: int, share: float, z: float) -> int:
    # every contract traded is opened or closed by each side; the open interest moves by what opens less what closes
    side = row.put_share if contract.is_put else 1.0 - row.put_share
    volume = int(row.options * side * share * exp(0.35 * z - 0.06) + 0.5)
    opening = 1.0 / (1.0 + exp(-0.25 - (-row.tilt if contract.is_put else row.tilt)))
    contract.volume, contract.before = volume, interest
    contract.open_interest = max(0, interest + int(np.floor(volume * (2.0 * opening - 1.0) + 0.5)))
    return int(contract.open_interest)


@njit(cache=True)
def _chains(rows: Any, spot: I64, calendar: I64, z: F64, who: Company, slots: Any, out: Any) -> None:
    # calendar (sessions, 5): day, expiries
    for i in range(len(rows)):
        if rows[i].split != 1.0:
            _split(slots, rows[i].split)
        now, n = float(spot[i]), 0
        for e in range(EXPIRIES):
            expiry = calendar[i, 1 + e]
            years = (expiry - calendar[i, 0]) / 365.0
            slot = _listed(slots, expiry, now)
            at_money = _volatility(rows[i], who, years)
            middle = int(np.floor((now - slot.middle) / slot.step + 0.5))
            middle = max(middle, 4 - int(np.floor(slot.middle / slot.step)), 3 - _REACH)
            middle = min(middle, _REACH - 3)
            for k in range(STRIKES):
                j = middle + k - STRIKES // 2
                for put in range(2):
                    contract = out[i, n]
                    contract.expiry, contract.is_put = expiry, put
                    contract.strike = int(np.floor(slot.middle + j * slot.step + 0.5))
                    _price(contract, now, at_money, years)
                    share = _BY_EXPIRY[e] * _BY_STRIKE[STRIKES - 1 - k if put else k]
                    interest = slot.open_interest[j + _REACH, put]
                    slot.open_interest[j + _REACH, put] = _trade(contract, rows[i], interest, share, z[i, n])
                    n += 1
