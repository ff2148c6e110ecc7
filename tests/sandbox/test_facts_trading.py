"""Who gains from whom (Glosten and Milgrom, Kyle) and what asynchronous prints hide (Epps), on the published tape.

The oracle of ``Market.hands`` says who traded; all prices are those of the chunks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tests.sandbox.panel import correlation, days
from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Array, Chunk
from undertow.core.events import Quote, Trade
from undertow.core.time import MINUTE, SECOND
from undertow.sandbox.market import Market

MARKET = Market(2)
SESSIONS = days("2024-11-01", "2024-11-29")
FIVE = ("META", "SPY", "KO", "QRST", "NVDA")
TICK = 100


@dataclass(frozen=True)
class Prints:
    """Lit prints of one symbol in regular hours (n,); prices in ticks."""

    price: F64
    half: F64  # of the quote's width
    middle: F64
    value: F64  # the quote's middle at the end of the five minutes: what the informed know
    side: Array
    informed: Array
    first: Array  # of each five minutes


def regular(rows: Chunk) -> Chunk:
    calendar = nyse()
    at = calendar.position(rows.known_at)
    return rows[(rows.known_at > calendar.open[at]) & (rows.known_at <= calendar.close[at])]


@pytest.fixture(scope="module")
def prints() -> dict[str, Prints]:
    out, calendar = {}, nyse()
    for symbol in FIVE:
        rows = MARKET.events((symbol,), SESSIONS, (Trade, Quote))
        hands, lit, quote = MARKET.hands(symbol, SESSIONS, Trade), regular(rows[Trade]), rows[Quote]
        order = np.argsort(hands.seq)
        own = order[np.searchsorted(hands.seq[order], lit.seq)]
        stood = np.searchsorted(quote.known_at, lit.known_at, side="right") - 1
        bid, ask = (quote.columns[name][stood] / TICK for name in ("bid", "ask"))
        at = calendar.position(lit.known_at)
        bar = at * 100 + (lit.known_at - calendar.open[at] - 1) // (5 * MINUTE)
        last = np.append(np.flatnonzero(np.diff(bar)), len(bar) - 1)
        middle = (bid + ask) / 2
        value = middle[last][np.searchsorted(bar[last], bar)]
        first = np.concatenate([[0], last[:-1] + 1])
        out[symbol] = Prints(
            lit.columns["price"] / TICK, (ask - bid) / 2, middle, value, hands.side[own], hands.trader[own] == "informed", first
        )
    return out


@pytest.mark.parametrize("symbol", FIVE)
def test_a_quote_is_what_its_fill_is_worth(prints: dict[str, Prints], symbol: str) -> None:
    """The ask is E[value | a purchase] and the bid E[value | a sale], to the half tick that a width of whole ticks cannot express.

    That is ask - bid = mu at prior 1/2 where value takes two ends: here it is mu times the mean distance of the bar's end, twice.
    """
    p = prints[symbol]
    for side in (1, -1):
        mine = p.side == side
        worth = np.where(mine, side * (p.value - p.price), 0.0)
        bars, count = np.add.reduceat(worth, p.first), np.add.reduceat(mine.astype(np.float64), p.first)
        mean = bars.sum() / count.sum()
        error = np.sqrt(((bars - mean * count) ** 2).sum()) / count.sum()  # prints of one bar share its end
        assert -0.55 - 3.0 * error < mean < 0.1 + 3.0 * error
    needed = p.informed.mean() * np.abs(p.value - p.middle).mean()
    assert -0.3 < p.half.mean() - needed < 0.6


@pytest.mark.parametrize("symbol", FIVE)
def test_the_informed_gain_the_others_lose_and_the_dealer_keeps_next_to_nothing(prints: dict[str, Prints], symbol: str) -> None:
    p = prints[symbol]
    gain = p.side * (p.value - p.price)
    assert gain[p.informed].mean() > p.half.mean()
    assert gain[~p.informed].mean() < 0.0
    assert -0.1 < -gain.mean() < 0.55  # ticks a share: a quote cannot be narrower than one
    total = gain.sum()
    assert total == pytest.approx(gain[p.informed].sum() + gain[~p.informed].sum())


@pytest.mark.parametrize("symbol", FIVE)
def test_price_moves_with_signed_flow_as_kyle_has_it_in_kind(prints: dict[str, Prints], symbol: str) -> None:
    """Kyle's slope sigma_v / (2 sigma_u) and his residual half do not apply: no auction clears here, and the informed trade too little.

    What stands for them: the slope of value on net purchases lies below his and within a factor of two; only the informed make it.
    """
    p = prints[symbol]
    value = (p.value - p.middle)[p.first]
    net, known = (np.add.reduceat(np.where(who, p.side, 0), p.first).astype(np.float64) for who in (True, p.informed))
    noise = net - known
    slope = np.cov(net, value)[0, 1] / net.var()
    kyle = value.std() / (2.0 * noise.std())
    assert 0.5 < slope / kyle < 1.0
    assert correlation(known, value) > 0.5
    assert abs(correlation(noise, value)) < 4.0 / np.sqrt(len(value))
    assert 0.5 < 1.0 - correlation(net, value) ** 2 < 0.9


def test_correlation_of_published_prices_falls_with_the_span() -> None:
    """Epps on the tape as it is.

    Its prints come each second or ten, so the theory of one print in 90 seconds hides little here; below five minutes the paths inside the
    bars, which run between each symbol's own high and low, hide more. So it bounds what is found from above. The theory itself is
    tested on the tape thinned to its rate, in ``test_ticks``.
    """
    names, spans, calendar = ("NVDA", "SPY", "TSLA", "AMD", "QQQ"), (10, 60, 300, 1800), nyse()
    sessions = days("2024-10-01", "2024-11-08")
    lit = regular(MARKET.events(names, sessions, (Trade,))[Trade])
    moves: dict[int, list[F64]] = {span: [] for span in spans}
    for key in range(len(names)):
        own = lit[lit.key == key]
        price = np.log(own.columns["price"])
        for span in spans:
            grids = [
                np.arange(calendar.open[p] + 20 * MINUTE, calendar.close[p], span * SECOND) for p in range(sessions.start, sessions.stop)
            ]
            steps = [np.diff(price[np.searchsorted(own.known_at, grid, side="right") - 1]) for grid in grids]
            moves[span].append(np.concatenate(steps))
    pairs = np.triu_indices(len(names), 1)
    found = np.array([np.corrcoef(np.array(moves[span]))[pairs].mean() for span in spans])
    rate = len(lit) / len(names) / ((calendar.close - calendar.open)[sessions].sum() / SECOND)
    asynchrony = np.array([1.0 - (1.0 - np.exp(-s * rate)) / (s * rate) for s in spans])
    assert found[0] < found[1] < found[2]
    assert abs(found[2] - found[3]) < 0.05
    assert 0.1 < found[0] < 0.6 * found[3]
    assert (found / found[3] < asynchrony / asynchrony[3] + 0.05).all()
