"""Option prints of a session: orders of informed, retail and hedging traders, cut so that each contract's prints sum to its day's volume.

Thinned as the tape of shares is: about ``sqrt(volume)`` orders a contract. The informed trade what will act from the next open on, often by
sweeping several venues at once; retail buys more than it sells and is improved in auctions; hedgers trade legs of packages, whose price
says nothing of their side.
"""

from __future__ import annotations

from math import exp, log, sqrt
from typing import Any

import numpy as np

from undertow.core.chunk import F64, I64, Array
from undertow.core.compiled import njit
from undertow.core.time import DAY, MINUTE, SECOND
from undertow.sandbox.codes import AUCTION, ELECTRONIC, FLOOR, INTERMARKET, LEG, LEG_AUCTION
from undertow.sandbox.daily.layer import days, span
from undertow.sandbox.draws import session_stream
from undertow.sandbox.options.chains import CONTRACTS, EXPIRIES, _normal
from undertow.sandbox.part import Part
from undertow.sandbox.tape.allot import allot
from undertow.sandbox.tape.intraday import SPAN
from undertow.sandbox.tape.records import taken

#: an option print; ``contract`` is its row in the chain, ``side`` and ``trader`` are for the oracle alone
OPTION = np.dtype([(n, "i8") for n in ("known", "contract", "price", "size", "bid", "ask", "conditions", "side", "trader")])
TRADERS = np.array(["informed", "retail", "hedging"], object)
INFORMED, RETAIL, HEDGING = range(3)
SHARES = (0.08, 0.60)  #: of the orders, the informed and the retail ones
MOST_ORDERS, MOST_PRINTS = 200, 6  #: of a contract in a session; of an order
CONVICTION = 1.5  #: log-odds that the informed are bullish, for each unit of the flow latent
WIDTHS = (0.03, 0.04, 0.06, 0.09)  #: of the quote by expiry, as a fraction of price
PATIENT = 0.48  #: of the electronic orders, those that waited in the book and were met: bought at the bid, sold at the ask
STALE = 0.02  #: share of prints at a quote that is a minute old
_CENT = 100


def option_prints(part: Part) -> list[Array]:
    """``OPTION`` records of each session of a part, in order of publication."""
    return [_session(part, i) for i in range(part.end - part.first)]


def _session(part: Part, i: int) -> Array:
    position = part.first + i
    day, close = int(days()[position - span().start]), int(part.calendar.close[position])
    chain, lit = part.chain[i], part.tapes[i].lit
    draw = session_stream((part.settings.seed, part.symbol, "option prints"), day)
    orders = np.minimum(np.minimum(1 + draw.poisson(0.8 * np.sqrt(chain["volume"])), MOST_ORDERS), chain["volume"])
    n = int(orders.sum())
    start = int(part.calendar.open[position])
    bars = part.bars[i][: (close - start) // SPAN]
    through = np.concatenate([[0.0], np.cumsum(bars["volume"] / bars["volume"].sum())])
    edges = (SPAN // SECOND) * np.arange(len(bars) + 1.0)
    since = np.clip(np.interp(draw.random(n), through, edges), 1.0, edges[-1] - 2.0)
    at = start + (since * SECOND).astype(np.int64)
    out = np.zeros(n * MOST_PRINTS, OPTION)
    quoted, middle = np.ascontiguousarray(lit["quoted"]), (lit["bid"] + lit["ask"]) / 2.0
    number = _prints(
        chain,
        orders,
        at,
        draw.standard_normal(n),
        draw.random((n * MOST_PRINTS, 8)),
        quoted,
        middle,
        float(part.rows["flow"][i]),
        day,
        close,
        out,
    )
    return taken(out, np.argsort(out["known"][:number], kind="stable"))


@njit(cache=True)
def _worth(contract: Any, spot: float, years: float) -> float:
    spread, strike = contract.iv * sqrt(years), float(contract.strike)
    d1 = log(spot / strike) / spread + 0.5 * spread
    call = spot * _normal(d1) - strike * _normal(d1 - spread)
    return call - spot + strike if contract.is_put else call


@njit(cache=True)
def _order(now: Any, put: int, flow: float, u: F64) -> int:
    # who trades, on which side, how; returns the number of prints
    if u[0] < SHARES[0]:
        now.trader = INFORMED
        bullish = u[1] < 1.0 / (1.0 + exp(-CONVICTION * flow))
        now.side = 1 if bullish != (put == 1) else -1
        if u[2] < 0.35:
            now.conditions = INTERMARKET
            return 3 + int(4.0 * u[2] / 0.35)
        now.conditions = ELECTRONIC
    elif u[0] < SHARES[0] + SHARES[1]:
        now.trader, now.side = RETAIL, 1 if u[1] < 0.6 else -1
        now.conditions = AUCTION if u[2] < 0.35 else ELECTRONIC
    else:
        now.trader, now.side = HEDGING, 1 if u[1] < 0.45 else -1
        now.conditions = LEG if u[2] < 0.4 else (LEG_AUCTION if u[2] < 0.55 else (FLOOR if u[2] < 0.62 else ELECTRONIC))
        if now.conditions == ELECTRONIC and u[2] > 0.93:
            now.conditions = INTERMARKET
            return 3
    return 1


@njit(cache=True)
def _quote(now: Any, worth: float, width: float, step: int) -> None:
    ticks = max(1, int(width * worth / _CENT + 0.5))
    bid = max(0, int(worth / _CENT - 0.5 * ticks + 0.5) + step)
    now.bid, now.ask = bid * _CENT, (bid + ticks) * _CENT


@njit(cache=True)
def _price(now: Any, u: float, v: float) -> None:
    patient = now.conditions == ELECTRONIC and v < PATIENT
    ticks, touch = (now.ask - now.bid) // _CENT, now.ask if (now.side > 0) != patient else now.bid
    inside = 0
    if now.conditions == LEG or now.conditions == LEG_AUCTION:
        inside = int((ticks + 1) * v)
    elif now.conditions == FLOOR or now.conditions == AUCTION:
        inside = ticks // 2 if u < 0.6 else ticks // 4
    elif now.conditions == ELECTRONIC and not patient and u > 0.6:
        inside = ticks // 2 if u > 0.75 else min(1, ticks // 2)
    now.price = max(_CENT, touch - now.side * min(ticks, inside) * _CENT)


@njit(cache=True)
def _prints(chain: Any, orders: I64, at: I64, z: F64, u: F64, quoted: I64, middle: F64, flow: float, day: int, close: int, out: Any) -> int:
    used, done = 0, 0
    for c in range(CONTRACTS):
        contract, first = chain[c], done
        weight = np.empty(orders[c] * MOST_PRINTS)
        width = WIDTHS[c // (CONTRACTS // EXPIRIES)]
        for k in range(used, used + orders[c]):
            draw = u[k * MOST_PRINTS]
            number = min(_order(out[done], contract.is_put, flow, draw), contract.volume - (done - first) - (used + orders[c] - 1 - k))
            step, when, lead = (1 if draw[3] < 0.4 else 0), at[k], done
            for j in range(number):
                now, own = out[done], u[k * MOST_PRINTS + j]
                now.contract, now.trader, now.side, now.conditions = c, out[lead].trader, out[lead].side, out[lead].conditions
                now.known = when
                seen = when - MINUTE if own[4] < STALE else when
                spot = middle[max(0, np.searchsorted(quoted, seen, side="right") - 1)]
                years = (contract.expiry - day + (close - when) / DAY) / 365.0
                _quote(now, _worth(contract, spot, years), width, step * now.side * (j // 2))
                _price(now, own[5], own[6])
                size = 2.0 if now.trader == INFORMED else (0.4 if now.trader == RETAIL else 1.5)
                weight[done - first] = size * exp(1.1 * z[k]) * (0.5 + own[7]) / number
                when, done = when + 1_000_000 + int(19_000_000 * own[7]), done + 1
        used += orders[c]
        if done > first:
            size_of = np.zeros(done - first, np.int64)
            allot(contract.volume, weight, np.zeros(done - first), 1, size_of)
            for i in range(first, done):
                out[i].size = size_of[i - first]
    return done
