"""The recursions of the daily layer, compiled: scalar loops, so that no bit depends on how many sessions or symbols are walked.

Numbers that other compiled code needs travel in the records: a constant imported there would stay as it was in numba's cache.
"""

from __future__ import annotations

from math import exp, floor, log, sqrt, tanh
from typing import TYPE_CHECKING, Any

import numpy as np

from undertow.core.chunk import F64
from undertow.core.compiled import njit

if TYPE_CHECKING:
    from undertow.sandbox.daily.companies import Company

FACTOR_DRAWS = np.dtype([(n, "f8") for n in ("day", "night", "fast", "slow")])
FACTOR = np.dtype([(n, "f8") for n in ("sigma", "tail", "day", "night")])  #: volatility known before the session; its scale; normals

DRAWS = np.dtype(
    [(n, "f8") for n in ("day", "night", "fast", "slow", "flow", "dark", "news", "put", "opening", "off", "tone", "stories")]
    + [(n, "f8") for n in ("volume", "options", "short", "jump", "surprise", "insider", "size", "who")]
)

LAYER = np.dtype(
    [
        ("open", "f8"),  # USD as traded, not yet on the grid
        ("close", "f8"),
        ("split", "f8"),  # new shares for one old, effective this session; 1 for none
        ("ratio", "f8"),  # all splits so far, multiplied
        ("sigma", "f8"),  # standard deviation of the log return from this open to the next, without earnings
        ("usual", "f8"),  # annual variance in the long run
        ("period", "f8"),  # the same with earnings
        ("mean", "f8"),  # planted mean of that return
        ("shared", "f8"),  # standard deviation between open and close, given the tails: of the market's part
        ("own", "f8"),  # and of the rest
        ("volume", "f8"),  # shares
        ("options", "f8"),  # contracts
        ("latent", "f8"),  # unit variance; acts from the next open
        ("flow", "f8"),  # its parts, each of unit variance
        ("dark", "f8"),
        ("news", "f8"),
        ("reversal", "f8"),
        ("put_share", "f8"),  # what is seen
        ("tilt", "f8"),  # of opening from puts to calls, log-odds
        ("off_share", "f8"),
        ("short_share", "f8"),
        ("tone", "f8"),
        ("stories", "f8"),
        ("reports", "i8"),  # 1 if the company reports after this close
        ("wait", "i8"),  # sessions to the next report, 0 for this evening's; -1 if there is none ever
        ("surprise", "f8"),
        ("insider", "f8"),  # standard normals for the filings
        ("size", "f8"),
        ("who", "f8"),
    ]
)

YEAR = 252.0
QUARTER = 63  #: sessions from one report to the next
FACTOR_VOLATILITY = 0.155  # annual
FAST, FAST_SD, SLOW, SLOW_SD = 0.92, 0.42, 0.995, 0.36  # log-volatility: persistence and standard deviation of its two parts
LOG_VARIANCE = FAST_SD**2 + SLOW_SD**2
LEVERAGE, OWN_LEVERAGE = -0.6, -0.25
MEMORY = 2.0 ** (-1.0 / 3.0)  # of the latent: half gone in three sessions
DAY_SHARE = 0.75  # of the variance from open to open that falls into the session
WEIGHTS = (0.73, 0.31, 0.49, 0.3618)  # flow, dark, news, reversal; their squares sum to one
SEEN = (0.85, 0.75, 0.75)  # correlation of what is seen with flow, dark, news
HIGHEST, LOWEST, SPLIT = 1000.0, 8.0, 10.0  # a close beyond them is followed by a split


@njit(cache=True)
def _next(value: float, memory: float, sd: float, draw: float) -> float:
    return memory * value + sd * sqrt(1.0 - memory * memory) * draw


@njit(cache=True)
def _mix(a: float, b: float, share: float) -> float:
    return share * a + sqrt(1.0 - share * share) * b


@njit(cache=True)
def walk_factor(z: Any, tails: F64, out: Any) -> None:
    """Fill ``FACTOR`` records (sessions,) from normals ``FACTOR_DRAWS`` (sessions,) and tails (sessions,)."""
    fast, slow = FAST_SD * z[0].fast, SLOW_SD * z[0].slow
    for t in range(len(z)):
        out[t].sigma = FACTOR_VOLATILITY / sqrt(YEAR) * exp(fast + slow - LOG_VARIANCE)
        out[t].tail, out[t].day, out[t].night = tails[t], z[t].day, z[t].night
        fast = _next(fast, FAST, FAST_SD, _mix(_mix(z[t].night, z[t].day, 0.5), z[t].fast, LEVERAGE))
        slow = _next(slow, SLOW, SLOW_SD, z[t].slow)


@njit(cache=True)
def _see(z: Any, now: Any, who: Company, moved: float) -> None:
    # what followers of the symbol see of the latent in one session; ``moved`` is the return close to close in sigmas
    flow = _mix(now.flow, z.put, SEEN[0])
    opening = _mix(now.flow, z.opening, SEEN[0])
    now.put_share = 1.0 / (1.0 + exp(0.4 + 0.4 * flow))
    now.tilt = 0.25 * opening
    now.off_share = min(0.75, max(0.10, 0.40 + 0.07 * _mix(now.dark, z.off, SEEN[1])))
    now.short_share = min(0.75, max(0.20, 0.46 + 0.05 * z.short))
    now.tone = tanh(0.35 * _mix(now.news, z.tone, SEEN[2]) + 0.05 * moved)
    now.stories = floor(who.stories * exp(0.6 * z.stories))
    busy = 0.8 * log(now.sigma / sqrt(now.usual / YEAR)) + 0.35 * abs(moved) + 0.3 * z.volume - 0.3
    now.volume = who.turnover / who.level * now.ratio * exp(busy)
    now.options = who.options * now.volume / 100.0 * exp(0.3 * z.options)


@njit(cache=True)
def _live(z: Any, factor: Any, who: Company, rho: float, now: Any) -> float:
    # one period, open to open; returns the log return of the night and leaves that of the day in now.close. Given the tails, the market's
    # and the symbol's own day and night are four independent normals: else one would foretell another, and a null market would not be null
    noise, night_to_day = sqrt(1.0 - rho * rho), sqrt((1.0 - DAY_SHARE) / DAY_SHARE)
    variance = now.shared**2 + now.own**2
    jump = noise * who.jump * now.reports
    day = now.shared * factor.day + now.own * z.day
    now.reversal = -day / (noise * now.sigma * sqrt(DAY_SHARE))  # of the noise alone, so that the latent keeps its unit variance
    day += DAY_SHARE * now.mean
    night = (1.0 - DAY_SHARE) * now.mean + night_to_day * (now.shared * factor.night + now.own * z.night) + jump * z.jump
    now.surprise = 0.08 * _mix(z.jump, z.surprise, 0.5)
    now.close = day - 0.5 * variance
    night -= 0.5 * (night_to_day**2 * variance + jump**2)
    return float(night)


@njit(cache=True)
def walk_company(z: Any, tails: F64, factor: Any, who: Company, rho: float, out: Any) -> None:
    """Fill ``LAYER`` records (sessions,), whose ``split`` is given, from normals ``DRAWS`` (sessions,) and tails (sessions,)."""
    fast, slow = FAST_SD * z[0].fast, SLOW_SD * z[0].slow
    flow, dark, news = z[0].flow, z[0].dark, z[0].news
    level, ratio, due, night, latent = who.level, 1.0, 1.0, 0.0, 0.0
    for t in range(len(z)):
        now = out[t]
        now.split *= due
        ratio *= now.split
        now.ratio = ratio
        own = who.idio / sqrt(YEAR) * exp(fast + slow - LOG_VARIANCE)
        now.sigma = sqrt((who.beta * factor[t].sigma) ** 2 + own**2)
        now.usual = (who.beta * FACTOR_VOLATILITY) ** 2 + who.idio**2
        now.wait = (who.earnings - t) % QUARTER if who.jump > 0.0 else -1
        now.reports = 1 if now.wait == 0 else 0
        now.period = sqrt(now.sigma**2 + now.reports * who.jump**2)
        now.mean = rho * now.period * latent
        part = sqrt((1.0 - rho * rho) * DAY_SHARE)
        now.shared, now.own = part * who.beta * factor[t].sigma * factor[t].tail, part * own * tails[t]
        before = night
        night = _live(z[t], factor[t], who, rho, now)
        moved = (before + now.close) / now.sigma
        now.open, now.close = level / ratio, level * exp(now.close) / ratio
        level = now.close * ratio * exp(night)
        due = SPLIT if now.close > HIGHEST else (1.0 / SPLIT if now.close < LOWEST else 1.0)
        now.flow, now.dark, now.news = flow, dark, news
        latent = WEIGHTS[0] * flow + WEIGHTS[1] * dark + WEIGHTS[2] * news + WEIGHTS[3] * now.reversal
        now.latent = latent
        _see(z[t], now, who, moved)
        now.insider, now.size, now.who = z[t].insider, z[t].size, z[t].who
        fast = _next(fast, FAST, FAST_SD, _mix(_mix(z[t].night, z[t].day, 0.5), z[t].fast, OWN_LEVERAGE))
        slow = _next(slow, SLOW, SLOW_SD, z[t].slow)
        if t + 1 < len(z):
            flow = _next(flow, MEMORY, 1.0, z[t + 1].flow)
            dark = _next(dark, MEMORY, 1.0, z[t + 1].dark)
            news = _next(news, MEMORY, 1.0, z[t + 1].news)
