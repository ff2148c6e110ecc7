"""Prints and quotes: they make the minute bars, meet the quotes that stood, and are known when a tape would have told them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.sandbox.panel import days
from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Array, Chunk
from undertow.core.events import Event, OffExchangePrint, OffExchangeVolume, Quote, Trade, columns_of
from undertow.core.time import MINUTE, SECOND
from undertow.sandbox.codes import CONDITIONS, updates
from undertow.sandbox.market import KINDS, TICKS, Market
from undertow.sandbox.part import Part

MARKET = Market(1)
SESSIONS = days("2024-11-25", "2024-12-03")
FOUR = ("META", "SPY", "KO", "QRST")
Events = dict[type[Event], Chunk]


@pytest.fixture(scope="module")
def events() -> Events:
    return MARKET.events(FOUR, SESSIONS, (Quote, Trade, OffExchangePrint, OffExchangeVolume))


def in_hours(at: Array) -> Array:
    calendar = nyse()
    session = calendar.position(at)
    return np.asarray((at > calendar.open[session]) & (at <= calendar.close[session]))


def of(events: Events, kind: type[Event], key: int) -> Chunk:
    return events[kind][events[kind].key == key]


def test_ticks_come_only_when_asked_for_and_keep_their_order(events: Events) -> None:
    assert not set(TICKS) & set(KINDS)
    for kind in (Quote, Trade, OffExchangePrint):
        rows = events[kind]
        pairs = list(zip(rows.known_at.tolist(), rows.seq.tolist(), strict=True))
        assert pairs == sorted(set(pairs))
        assert list(rows.columns) == list(columns_of(kind))
        assert (rows.known_at > rows.event_at).all()
        assert (nyse().position(rows.event_at) == nyse().position(rows.known_at)).all()


def test_eligible_prints_make_the_minute_bars(events: Events) -> None:
    """An oracle in plain loops over the published conditions, none of the code that made the bars."""
    bars = MARKET.minutes(FOUR, SESSIONS)
    for key in range(len(FOUR)):
        prints = []
        for kind in (Trade, OffExchangePrint):
            rows = of(events, kind, key)
            c = rows.columns
            prints += list(zip(rows.known_at.tolist(), c["price"].tolist(), c["size"].tolist(), c["conditions"].tolist(), strict=True))
        made: dict[int, list[int]] = {}
        for known, price, size, conditions in sorted(prints, key=lambda p: p[0]):
            end = -(-known // MINUTE) * MINUTE
            extreme, last = updates(conditions, regular=bool(in_hours(np.array(known))))
            bar = made.setdefault(end, [0, 0, 0, 0, 0])
            bar[4] += size
            if extreme:
                bar[1], bar[2] = max(bar[1], price), min(bar[2] or price, price)
            if last:
                bar[0], bar[3] = bar[0] or price, price
        own = bars[bars.key == key]
        rows_of_bars = zip(*(own.columns[c].tolist() for c in ("open", "high", "low", "close", "volume")), strict=True)
        wanted = {at: list(row) for at, row in zip(own.event_at.tolist(), rows_of_bars, strict=True)}
        assert wanted == {at: bar for at, bar in made.items() if bar[0]}


def test_off_exchange_prints_are_the_share_that_is_published_in_the_evening(events: Events) -> None:
    calendar = nyse()
    for key in range(len(FOUR)):
        dark, said = of(events, OffExchangePrint, key), of(events, OffExchangeVolume, key)
        regular = in_hours(dark.known_at)
        at = calendar.position(dark.known_at[regular]) - SESSIONS.start
        assert np.bincount(at, dark.columns["size"][regular]).tolist() == said.columns["volume"].tolist()
    lit, dark = (events[k].columns["size"][in_hours(events[k].known_at)].sum() for k in (Trade, OffExchangePrint))
    assert abs(dark / (dark + lit) - 0.40) < 0.06


def test_prints_meet_the_quote_that_stood(events: Events) -> None:
    for key in range(len(FOUR)):
        quote, lit, dark = (of(events, k, key) for k in (Quote, Trade, OffExchangePrint))
        q = quote.columns
        assert (q["bid"] < q["ask"]).all()
        assert (q["bid"] > 0).all()
        assert ((q["bid_size"] % 100 == 0) & (q["bid_size"] > 0) & (q["ask_size"] % 100 == 0) & (q["ask_size"] > 0)).all()
        for clock in ("event_at", "known_at"):
            stood = np.searchsorted(getattr(quote, clock), getattr(lit, clock), side="right") - 1
            buy, sell = lit.columns["price"] == q["ask"][stood], lit.columns["price"] == q["bid"][stood]
            assert (buy ^ sell).all()
            assert (np.where(buy, q["ask_size"][stood], q["bid_size"][stood]) >= lit.columns["size"]).all()
        stood = np.searchsorted(quote.event_at, dark.event_at, side="right") - 1
        inside = (dark.columns["price"] >= q["bid"][stood]) & (dark.columns["price"] <= q["ask"][stood])
        averages = np.array(["2" in c.split(",") for c in dark.columns["conditions"]])
        assert inside[~averages].all()
        assert 0.005 < averages.mean() < 0.03
        basis = 2e4 * (q["ask"] - q["bid"]) / (q["ask"] + q["bid"])
        assert 0.2 < np.median(basis[in_hours(quote.known_at)]) < 20.0


def test_reports_are_due_in_ten_seconds_and_one_in_a_hundred_is_late(events: Events) -> None:
    dark = events[OffExchangePrint]
    regular = in_hours(dark.known_at)
    lag = (dark.known_at - dark.event_at)[regular]
    held = [set(c.split(",")) for c in dark.columns["conditions"][regular]]
    late = np.array(["32" in h for h in held])
    assert ((lag > 10 * SECOND + 10**6) == late).all()
    assert abs(late.mean() - 0.01) < 0.003
    assert lag[late].min() >= 60 * SECOND
    assert lag[late].max() > 3600 * SECOND
    assert (dark.columns["price"][regular] % 100 != 0).mean() > 0.3
    assert 0.2 < np.mean(["37" in h for h in held]) < 0.6
    outside = [set(c.split(",")) for c in dark.columns["conditions"][~regular]]
    assert all("12" in h for h in outside)
    assert not any("12" in h for h in held)


def test_conditions_say_what_moves_a_bar() -> None:
    assert updates("") == updates("14") == updates("14,17") == (True, True)
    assert updates("32") == (True, False)
    assert updates("2") == updates("14,37") == updates("21,32") == updates("12") == (False, False)
    assert updates("12", regular=False) == (True, True)
    assert len(set(CONDITIONS)) == 256


def mids(market: Market, symbol: str, sessions: slice) -> list[tuple[Array, F64]]:
    calendar, part = nyse(), Part(market.settings, symbol, sessions.start, sessions.stop)
    lit = [tape.lit[in_hours(tape.lit["known"])] for tape in part.tapes]
    assert len(lit) == len(calendar.day[sessions])
    return [(rows["known"], np.asarray(np.log((rows["bid"] + rows["ask"]) / 2.0), np.float64)) for rows in lit]


def test_changes_of_the_middle_foretell_no_others() -> None:
    by_print, by_minute = [], []
    for symbol in ("NVDA", "SPY", "KO", "QRST", "META"):
        for known, mid in mids(Market(2), symbol, days("2024-11-04", "2024-11-22")):
            grid = np.searchsorted(known, known[0] + MINUTE * np.arange(1, 389)) - 1
            for found, moved in ((by_print, np.diff(mid)), (by_minute, np.diff(mid[grid]))):
                found.append(np.corrcoef(moved[1:], moved[:-1])[0, 1])
    assert abs(np.mean(by_print)) < 0.03
    assert abs(np.mean(by_minute)) < 0.1


def test_asynchronous_prints_hide_what_moves_together() -> None:
    """Epps: at one print in 90 seconds, correlation rises with the span as theory says (Hayashi and Yoshida 2005), within 0.03."""
    market, sessions, calendar = Market(2), days("2024-08-01", "2024-12-20"), nyse()
    symbols, spans, rate = ("NVDA", "SPY", "TSLA", "AMD", "QQQ"), (10, 60, 300, 1800), 1.0 / 90.0
    walks: dict[int, list[F64]] = {span: [] for span in spans}
    for k, symbol in enumerate(symbols):
        chance, moves = np.random.default_rng(k), {span: [] for span in spans}
        for i, tape in enumerate(Part(market.settings, symbol, sessions.start, sessions.stop).tapes):
            start, end = calendar.open[sessions.start + i], calendar.close[sessions.start + i]
            lit = tape.lit[(tape.lit["known"] > start) & (tape.lit["known"] <= end)]
            lit = lit[chance.random(len(lit)) < (end - start) / SECOND * rate / len(lit)]
            for span in spans:
                grid = np.arange(start + 20 * MINUTE, end, span * SECOND)
                moves[span].append(np.diff(np.log(lit["price"][np.searchsorted(lit["known"], grid, side="right") - 1])))
        for span in spans:
            walks[span].append(np.concatenate(moves[span]))
    pairs = np.triu_indices(len(symbols), 1)
    found = {span: float(np.corrcoef(np.array(walks[span]))[pairs].mean()) for span in spans}
    whole = found[1800] / (1.0 - (1.0 - np.exp(-1800 * rate)) / (1800 * rate))
    for span in spans:
        theory = whole * (1.0 - (1.0 - np.exp(-span * rate)) / (span * rate))
        assert abs(found[span] - theory) < 0.03, (span, found[span], theory)


def test_the_informed_gain_what_the_others_pay() -> None:
    """Glosten and Milgrom, to the end of the five minutes: informed win, the others lose, the dealer keeps a part of the spread."""
    sessions, calendar, kept = days("2024-11-01", "2024-12-10"), nyse(), []
    for symbol in ("META", "SPY", "KO", "QRST", "NVDA"):
        gains: list[F64] = []
        for i, tape in enumerate(Part(Market(2).settings, symbol, sessions.start, sessions.stop).tapes):
            lit = tape.lit[in_hours(tape.lit["known"])]
            bar = (lit["known"] - calendar.open[sessions.start + i] - 1) // (5 * MINUTE)
            last = np.append(np.flatnonzero(np.diff(bar)), len(bar) - 1)
            middle = (lit["bid"] + lit["ask"]) / 2.0
            gain = lit["side"] * (middle[last][bar] - lit["price"])
            half = (lit["ask"] - lit["bid"]) / 2.0
            gains.append(np.column_stack([gain / half.mean(), lit["informed"]]))
        gain, informed = np.concatenate(gains).T
        assert gain[informed == 1].mean() > 0.5
        assert -2.0 < gain[informed == 0].mean() < 0.0
        kept.append(-gain.mean())
        assert -0.5 < kept[-1] < 0.9
    assert min(kept) < 0.3
