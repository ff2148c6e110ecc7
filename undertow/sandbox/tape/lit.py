"""Lit prints and the quotes they met, regular hours: a path of the bid inside each five-minute bar, through its open, high, low and close.

Between those four the bid is a Brownian bridge, folded at the bar's ends, that shares its noise with every other symbol second by second:
so prices move together, and asynchronous prints hide it at short spans. An informed trader knows where the bar ends and trades that
way; the others toss a coin; the quote's width is what makes the dealer whole between the two (Glosten and Milgrom).
"""

from __future__ import annotations

from math import floor, sqrt
from typing import Any

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit
from undertow.core.time import MINUTE, SECOND
from undertow.sandbox.codes import ODD_LOT, OPENING, SWEEP
from undertow.sandbox.tape.allot import LOT, allot

#: a lit print: when it was published and when the quote before it was, prices in 1/10,000 USD, the true side, and the quote that stood
LIT = np.dtype(
    [(n, "i8") for n in ("known", "quoted", "price", "size", "side", "bid", "ask", "bid_size", "ask_size", "conditions", "venue")]
    + [("informed", "i8")]
)
TICK = 100  # price units
BAR = 5 * MINUTE
SHORT = 5  # minutes of a bar
EXTREMES = 3.0  # informed prints that make up for the two at a bar's ends, which always lose
RANGE = 1.665  # expected high less low of a Brownian motion in standard deviations, root mean square


@njit(cache=True)
def _times(counts: I64, e: F64, start: int, out: Any) -> None:
    # Poisson arrivals in each minute, given their number; a print lies inside its minute by a thousandth
    at, used, last = 0, 0, start
    for minute in range(SHORT):
        total, done = 0.0, 0.0
        for i in range(counts[minute] + 1):
            total += e[used + i]
        for i in range(counts[minute]):
            done += e[used + i]
            when = start + minute * MINUTE + int(MINUTE * (0.001 + 0.998 * done / total))
            out[at].known = max(when, last + 1000)
            last, at = out[at].known, at + 1
        used += counts[minute] + 1


@njit(cache=True)
def _fold(value: float, low: float, high: float) -> float:
    width = high - low
    if width <= 0.0:
        return low
    place = (value - low) % (2.0 * width)
    return low + (place if place <= width else 2.0 * width - place)


@njit(cache=True)
def _between(out: Any, noise: F64, first: int, last: int, low: float, high: float) -> None:
    # a bridge of the bid, in ticks, between two prints where it is known; ``noise`` is the walk so far at each print. The bid moves when
    # the bridge has gone a whole tick: rounding instead would make every change foretell its reversal
    a, b, span = float(out[first].bid), float(out[last].bid), float(out[last].known - out[first].known)
    for i in range(first + 1, last):
        part = (out[i].known - out[first].known) / span
        free = noise[i] - noise[first] - part * (noise[last] - noise[first])
        wanted, bid = _fold(a + (b - a) * part + free, low, high), out[i - 1].bid
        out[i].bid = floor(wanted + 0.5) if abs(wanted - bid) >= 1.0 else bid


@njit(cache=True)
def _extremes(out: Any, noise: F64) -> tuple[int, int]:
    # the prints, neither first nor last, at which the bridge from the first to the last is highest and lowest
    n = len(out)
    a, gap, span = float(out[0].bid), float(out[n - 1].bid - out[0].bid), float(out[n - 1].known - out[0].known)
    top, bottom, most, least = 0, 0, 0.0, 0.0
    for i in range(1, n - 1):
        part = (out[i].known - out[0].known) / span
        at = a + gap * part + noise[i] - noise[0] - part * (noise[n - 1] - noise[0])
        if top == 0 or at > most:
            top, most = i, at
        if bottom == 0 or at <= least:
            bottom, least = i, at
    return top, bottom


@njit(cache=True)
def _sides(bar: Any, spread: int, carry: int) -> tuple[int, int]:
    # the first and the last print's side: the one carried where the bar leaves room for its quote
    first = carry if (bar.open - spread * TICK >= bar.low if carry > 0 else bar.open + spread * TICK <= bar.high) else -carry
    last = carry if (bar.close - spread * TICK >= bar.low if carry > 0 else bar.close + spread * TICK <= bar.high) else -carry
    return first, last


@njit(cache=True)
def _path(bar: Any, spread: int, sides: tuple[int, int], noise: F64, out: Any) -> None:
    # bids in ticks and the four sides that the bar asks for
    n, low = len(out), bar.low // TICK
    high = bar.high // TICK - spread
    out[0].side, out[n - 1].side = sides
    if high < low:
        for i in range(n):
            out[i].side, out[i].bid = sides[0], low - (spread if sides[0] > 0 else 0)
        return
    out[0].bid = bar.open // TICK - (spread if sides[0] > 0 else 0)
    out[n - 1].bid = bar.close // TICK - (spread if sides[1] > 0 else 0)
    top, bottom = _extremes(out, noise)
    out[top].bid, out[top].side, out[bottom].bid, out[bottom].side = high, 1, low, -1
    one, two = min(top, bottom), max(top, bottom)
    for a, b in ((0, one), (one, two), (two, n - 1)):
        _between(out, noise, a, b, float(low), float(high))


@njit(cache=True)
def _dress(spread: int, informed: float, u: F64, must: I64, out: Any) -> None:
    # sides of the rest, prices, odd lots asked for, venues and the sizes shown
    n, goal = len(out), out[len(out) - 1].bid
    for i in range(n):
        now = out[i]
        if now.side == 0:
            now.informed = 1 if u[i, 0] < informed and abs(goal - now.bid) * 2 > spread else 0
            now.side = (1 if goal > now.bid else -1) if now.informed else (1 if u[i, 1] < 0.5 else -1)
        now.ask = (now.bid + spread) * TICK
        now.bid *= TICK
        now.price = now.ask if now.side > 0 else now.bid
        now.conditions = (SWEEP if u[i, 2] < 0.4 else 0) | (ODD_LOT if u[i, 3] < 0.35 and not must[i] else 0)
        now.venue = min(5, int(6.0 * u[i, 4] ** 1.6))
        now.bid_size, now.ask_size = LOT * (1 + int(8.0 * u[i, 5] ** 2)), LOT * (1 + int(8.0 * u[i, 6] ** 2))


@njit(cache=True)
def _size(volume: int, z: F64, u: F64, out: Any) -> None:
    n = len(out)
    weight, odd, size = np.empty(n), np.zeros(n), np.zeros(n, np.int64)
    for i in range(n):
        weight[i] = np.exp(1.1 * z[i])
        if out[i].conditions & ODD_LOT:
            odd[i] = u[i, 3] / 0.35
    allot(volume, weight, odd, LOT, size)
    for i in range(n):
        out[i].size = size[i]
        if odd[i] > 0.0 and size[i] >= LOT:
            out[i].conditions &= ~ODD_LOT
        shown = (size[i] + LOT - 1) // LOT * LOT
        if out[i].side > 0:
            out[i].ask_size = max(out[i].ask_size, shown)
        else:
            out[i].bid_size = max(out[i].bid_size, shown)


@njit(cache=True)
def print_lit(
    bars: Any, volume: I64, spread: I64, counts: I64, start: int, traits: F64, shared: F64, z: F64, e: F64, u: F64, out: Any
) -> None:
    """Fill ``LIT`` records (prints,) of one session.

    bars, volume, spread : (bars,)  the five-minute bars, the shares printed on exchanges in each, the widest quote in ticks
    counts : int64 (bars, 5)  prints in each minute, at least one; none in a halt
    traits : share of the noise that all symbols share, share of informed traders
    shared : float64 (seconds + 1,)  the shared walk; z (prints, 2), e (prints + 5 bars,), u (prints, 7)  draws
    """
    at, used, carry = 0, 0, 1 if u[0, 0] < 0.5 else -1
    own, last = sqrt(1.0 - traits[0] ** 2), start
    for k in range(len(bars)):
        bar, n, begin = bars[k], counts[k].sum(), start + k * BAR
        if n == 0:  # a halt, in which no quote is made either
            last = begin + BAR
            continue
        part, draws = out[at : at + n], u[at : at + n]
        _times(counts[k], e[used : used + n + SHORT], begin, part)
        width = min(spread[k], max(1, (bar.high - bar.low) // (2 * TICK)))
        scale = (bar.high - bar.low) / TICK / RANGE / sqrt(300.0)
        noise, must, minute = np.zeros(n), np.zeros(n, np.int64), -1
        for i in range(n):
            second = (part[i].known - start) // SECOND
            if i > 0:
                gap = (part[i].known - part[i - 1].known) / SECOND
                moved = shared[second] - shared[(part[i - 1].known - start) // SECOND]
                noise[i] = noise[i - 1] + scale * (traits[0] * moved + own * z[at + i, 0] * sqrt(gap))
            must[i] = (part[i].known - begin) // MINUTE != minute
            minute = (part[i].known - begin) // MINUTE
            part[i].quoted = last + max(1, int((part[i].known - last) * draws[i, 1] * 0.999))
            last = part[i].known
        sides = _sides(bar, width, carry)
        _path(bar, width, sides, noise, part)
        for i in range(n):
            must[i] |= part[i].side != 0
        _dress(width, min(0.5, traits[1] + EXTREMES / n), draws, must, part)
        _size(volume[k], z[at : at + n, 1], draws, part)
        at, used, carry = at + n, used + n + SHORT, part[n - 1].side
    out[0].conditions |= OPENING
