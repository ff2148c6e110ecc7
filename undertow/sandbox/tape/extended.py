"""Prints outside regular hours: few, at wide quotes, on a path from the close through 20:00 and from 04:00 into the open.

What a night brings is drawn with the session before it; a part of it, most of it on the evening of a report, is in the price by 20:00.
The path is a Brownian bridge with just the variance that the night was drawn with, and its end is the open.
"""

from __future__ import annotations

from math import exp, sqrt
from typing import Any

import numpy as np

from undertow.core.chunk import F64, Array
from undertow.core.compiled import njit
from undertow.core.time import HOUR, MINUTE, SECOND
from undertow.sandbox.codes import FORM_T, ODD_LOT
from undertow.sandbox.daily.layer import days, layer, span
from undertow.sandbox.daily.walk import DAY_SHARE
from undertow.sandbox.draws import session_draws, session_stream
from undertow.sandbox.part import Part, cents
from undertow.sandbox.tape.dark import DARK
from undertow.sandbox.tape.lit import LIT, TICK

EVENING = 4 * HOUR  #: after the close
MORNING = 4 * HOUR  #: since midnight, when trading begins
USUAL, REPORTED = 0.3, 0.85  #: share of the night's variance that falls into the evening, without and with a report
NIGHT = np.dtype([(n, "f8") for n in ("spread", "move", "settled", "sigma", "open", "close", "report")])


def nights(part: Part) -> Array:
    """``NIGHT`` records (sessions + 1,): that before each session of the part, and the one after its last.

    spread : half of the quote's width as a fraction of price; move : log return of the night; settled : of it by 20:00;
    sigma : standard deviation of the night; open, close : USD, of the session after and before, as traded; report : 1.0 on such an evening
    """
    whole, start = layer(part.settings, part.symbol), span().start
    before = np.arange(part.first - start - 1, part.end - start)
    there = np.clip(before, 0, len(whole) - 1)
    after = np.clip(before + 1, 0, len(whole) - 1)
    day, next_day = whole[there], whole[after]
    out = np.zeros(len(before), NIGHT)
    known = (before >= 0) & (before + 1 < len(whole))  # no night before the market's first session or after its last
    out["move"] = np.where(known, np.log(next_day["open"] * next_day["split"] / day["close"]), 0.0)
    variance = (day["shared"] ** 2 + day["own"] ** 2) * (1.0 - DAY_SHARE) / DAY_SHARE + (part.company.jump * day["reports"]) ** 2
    out["sigma"] = np.where(known, np.sqrt(variance), 0.0)
    out["report"] = day["reports"]
    normal, _ = session_draws((part.settings.seed, part.symbol, "night"), days()[there], 1)
    share = np.where(day["reports"] > 0, REPORTED, USUAL)
    out["settled"] = share * out["move"] + np.sqrt(share * (1.0 - share)) * out["sigma"] * normal[:, 0]
    out["open"], out["close"], out["spread"] = next_day["open"], day["close"], 0.02 * day["sigma"]
    return out


def evening(part: Part, i: int, night: Any, per_minute: float) -> tuple[Array, Array]:
    """``LIT`` and ``DARK`` records after the close of the part's session ``i``."""
    position = part.first + i
    begin = int(part.calendar.close[position])
    draw = session_stream((part.settings.seed, part.symbol, "evening"), int(days()[position - span().start]))
    n = 4 + int(draw.poisson(12.0 * per_minute * (3.0 if night["report"] else 1.0)))
    when = np.sort(draw.random(n)) ** 2.0  # most of it soon after the close
    at = begin + SECOND + (EVENING - 3 * SECOND) * when
    share = _settling(at - begin, bool(night["report"]))
    z = draw.standard_normal((n, 2))
    path = _bridge(0.0, float(night["settled"]), share, float(night["sigma"]) * sqrt(REPORTED if night["report"] else USUAL), z[:, 0])
    last = float(cents(night["close"]))
    return _prints(
        part, i, (at, path), (last, float(night["spread"]), 0.02 * (3.0 if night["report"] else 1.0)), (z[:, 1], draw.random((n, 6)))
    )


def morning(part: Part, i: int, night: Any, per_minute: float) -> tuple[Array, Array]:
    """``LIT`` and ``DARK`` records before the open of the part's session ``i``; the last, in the last minute, is at the open."""
    position = part.first + i
    end = int(part.calendar.open[position])
    draw = session_stream((part.settings.seed, part.symbol, "morning"), int(days()[position - span().start]))
    n = 6 + int(draw.poisson(20.0 * per_minute))
    when = np.sort(draw.random(n)) ** 0.5  # most of it shortly before the open
    begin = int(part.calendar.midnight[position]) + MORNING
    at = begin + SECOND + (end - begin - 40 * SECOND) * when
    at[-1] = end - 2 * SECOND
    z = draw.standard_normal((n, 2))
    share = (at - at[0]) / (at[-1] - at[0]) * 0.98 + 0.02
    share[-1] = 1.0
    left = float(night["sigma"]) * sqrt(1.0 - (REPORTED if night["report"] else USUAL))
    path = _bridge(float(night["settled"] - night["move"]), 0.0, share, left, z[:, 0])
    opened = float(cents(night["open"]))
    return _prints(part, i, (at, path), (opened, float(night["spread"]), 0.015), (z[:, 1], draw.random((n, 6))))


def _settling(since: F64, report: bool) -> F64:
    # the clock of the evening, from 0 to 1: even, but for a jump within minutes of a report half an hour after the close
    even = since / EVENING
    if not report:
        return even
    told = np.maximum(0.0, since - 30 * MINUTE)
    return np.asarray(0.25 * even + 0.75 * (1.0 - np.exp(-told / (5.0 * MINUTE))), np.float64)


def _bridge(start: float, end: float, share: F64, sigma: float, z: F64) -> F64:
    steps = np.sqrt(np.diff(share, prepend=0.0)) * sigma * z
    walk = np.cumsum(steps)
    return np.asarray(start + (end - start) * share + walk - share / share[-1] * walk[-1], np.float64)


def _prints(part: Part, i: int, path: tuple[F64, F64], price: tuple[float, float, float], draws: tuple[F64, F64]) -> tuple[Array, Array]:
    at, n = path[0].astype(np.int64), len(path[0])
    at += 1000 * np.arange(n)  # no two at once
    lit, dark = np.zeros(n, LIT), np.zeros(n, DARK)
    volume = int(part.daily["volume"][i] * price[2])
    number = _fill(at, path[1], np.array(price), max(volume, 2 * n), draws[0], draws[1], lit, dark)
    return lit[: n - number], dark[:number]


@njit(cache=True)
def _fill(at: Any, path: F64, price: F64, volume: int, z: F64, u: F64, lit: Any, dark: Any) -> int:
    # the first and the last print are on an exchange and in round lots; the last is where the path ends
    n, a, b, weight = len(at), 0, 0, 0.0
    for i in range(n):
        weight += exp(z[i])
    for i in range(n):
        middle = price[0] * exp(path[i]) / TICK
        width = max(1, int(2.0 * price[1] * middle + 0.5))
        size = max(1, int(volume * exp(z[i]) / weight))
        side = 1 if u[i, 0] < 0.5 else -1
        trade = max(1, int(middle + 0.5)) if i == n - 1 else max(1, int(middle + 0.5 * side * width + 0.5))
        bid = max(1, trade - width if side > 0 else trade)
        quoted = at[i] - 1 - int((at[i] - (at[i - 1] if i else at[i] - SECOND) - 2) * 0.9 * u[i, 1])
        ends = i == 0 or i == n - 1
        flags = FORM_T | (ODD_LOT if size < 100 and not ends else 0)
        now = lit[a]
        now.known, now.quoted, now.price, now.size, now.side = at[i], quoted, trade * TICK, size, side
        now.bid, now.ask, now.conditions, now.venue = bid * TICK, (bid + width) * TICK, flags, min(5, int(6.0 * u[i, 2] ** 1.6))
        shown = (size + 99) // 100 * 100
        now.bid_size = 100 + int(4.0 * u[i, 3]) * 100 if side > 0 else shown
        now.ask_size = shown if side > 0 else 100 + int(4.0 * u[i, 3]) * 100
        if u[i, 4] < 0.35 and not ends:
            off = dark[b]
            off.known, off.size, off.side, off.conditions = at[i], size, side, flags
            off.executed = at[i] - 1 - int(min(at[i] - 2 - at[i - 1], 5 * SECOND) * u[i, 5])
            off.price, off.venue = min(max(trade * TICK, lit[a - 1].bid), lit[a - 1].ask), 0 if u[i, 5] < 0.72 else 1
            b += 1
        else:
            a += 1
    return b
