"""Option prints sum to the chain, meet their quotes and hide their sides; alerts follow from the prints by the rule."""

from __future__ import annotations

import numpy as np
import pytest

from tests.sandbox.panel import correlation, days
from undertow.core.calendar import nyse
from undertow.core.chunk import Array, Chunk
from undertow.core.errors import BadInput
from undertow.core.events import ChainRow, Event, FlowAlert, OffExchangePrint, OpenInterest, OptionTrade, Quote, Trade
from undertow.core.time import MINUTE, SECOND
from undertow.sandbox.market import Market

MARKET = Market(1)
SESSIONS = days("2024-11-25", "2024-12-03")
FOUR = ("NVDA", "SPY", "KO", "QRST")
Events = dict[type[Event], Chunk]
CONTRACT = ("expiry", "strike", "is_put")


@pytest.fixture(scope="module")
def events() -> Events:
    return MARKET.events(FOUR, SESSIONS, (OptionTrade, FlowAlert, ChainRow, OpenInterest))


def contracts(chunk: Chunk) -> list[tuple[int, ...]]:
    session = nyse().position(chunk.event_at)
    return list(zip(chunk.key.tolist(), session.tolist(), *(chunk.columns[c].tolist() for c in CONTRACT), strict=True))


def side_by_quote(rows: Chunk) -> Array:
    c = rows.columns
    return np.asarray(np.sign(2 * c["price"] - c["bid"] - c["ask"]))


def true_sides(rows: Chunk) -> tuple[Array, Array]:
    known: dict[int, tuple[int, str]] = {}
    for symbol in rows.symbols:
        hands = MARKET.hands(symbol, SESSIONS, rows.kind)
        known |= dict(zip(hands.seq.tolist(), zip(hands.side.tolist(), hands.trader.tolist(), strict=True), strict=True))
    sides, traders = zip(*(known[seq] for seq in rows.seq.tolist()), strict=True)
    return np.array(sides), np.array(traders)


def test_the_prints_of_a_contract_sum_to_its_volume(events: Events) -> None:
    made: dict[tuple[int, ...], int] = {}
    prints = events[OptionTrade]
    for contract, size in zip(contracts(prints), prints.columns["size"].tolist(), strict=True):
        assert size > 0
        made[contract] = made.get(contract, 0) + size
    chain = events[ChainRow]
    said = zip(contracts(chain), chain.columns["volume"].tolist(), strict=True)
    assert made == {contract: volume for contract, volume in said if volume}


def test_a_print_meets_a_quote_and_the_last_quotes_meet_the_chain(events: Events) -> None:
    prints, calendar = events[OptionTrade], nyse()
    c, at = prints.columns, calendar.position(prints.event_at)
    assert ((c["bid"] >= 0) & (c["bid"] < c["ask"])).all()
    assert ((c["bid"] <= c["price"]) & (c["price"] <= c["ask"]) & (c["price"] > 0)).all()
    assert all((c[name] % 100 == 0).all() for name in ("bid", "ask", "price"))
    assert ((prints.known_at > calendar.open[at]) & (prints.known_at < calendar.close[at])).all()
    assert (prints.known_at > prints.event_at).all()
    dear = c["bid"] > 20_000
    width = (c["ask"] - c["bid"])[dear] / (c["ask"] + c["bid"])[dear] * 2
    assert 0.02 < np.quantile(width, 0.05) < np.quantile(width, 0.95) < 0.13
    assert set(c["conditions"]) == {"209", "219", "227", "231", "232", "233"}
    price = dict(zip(contracts(events[ChainRow]), events[ChainRow].columns["price"].tolist(), strict=True))
    late = prints[prints.known_at > calendar.close[at] - 2 * MINUTE]
    wanted = np.array([price[contract] for contract in contracts(late)])
    middle = (late.columns["bid"] + late.columns["ask"]) / 2
    dear = wanted > 20_000
    assert dear.sum() > 100
    assert np.median(np.abs(middle / wanted - 1)[dear]) < 0.03


def test_sides_are_hidden_as_they_are_in_the_field(events: Events) -> None:
    """The quote rule is right on 60 to 64 % of option trades, and on half of the legs of packages."""
    prints = events[OptionTrade]
    assert "side" not in prints.columns
    true, trader = true_sides(prints)
    guess = side_by_quote(prints)
    right = np.where(guess == 0, 0.5, guess == true)
    leg = np.isin(prints.columns["conditions"].astype(str), ["232", "233"])
    assert 0.57 < right.mean() < 0.68
    assert abs(right[leg].mean() - 0.5) < 0.05
    assert right[prints.columns["conditions"] == "219"].mean() > 0.9
    assert 0.4 < (trader == "retail").mean() < 0.65
    assert 0.1 < (trader == "informed").mean() < 0.3


def test_the_informed_trade_what_acts_from_the_next_open() -> None:
    market, sessions = Market(3), days("2024-01-02", "2024-04-30")
    prints = market.events(("KO", "JPM"), sessions, (OptionTrade,))[OptionTrade]
    at = nyse().position(prints.event_at) - sessions.start
    n = sessions.stop - sessions.start
    bullish = side_by_quote(prints) * np.where(prints.columns["is_put"] == 1, -1, 1)
    sweep = prints.columns["conditions"] == "219"
    seen, flow = [], []
    for key, symbol in enumerate(prints.symbols):
        own = sweep & (prints.key == key)
        seen.append(np.bincount(at[own], bullish[own], n) / np.bincount(at[own], minlength=n))
        flow.append(market.oracle(symbol, sessions).parts["flow"])
    assert correlation(np.concatenate(seen), np.concatenate(flow)) > 0.5


def test_alerts_follow_from_the_prints_by_the_rule(events: Events) -> None:
    """An oracle in plain loops: single-leg prints of a contract half a second apart at most, three or more, 25,000 dollars together."""
    prints, alerts = events[OptionTrade], events[FlowAlert]
    c = prints.columns
    groups: dict[tuple[int, ...], list[list[int]]] = {}
    for i, contract in enumerate(contracts(prints)):
        if c["conditions"][i] in ("232", "233"):
            continue
        runs = groups.setdefault(contract, [])
        if runs and prints.event_at[i] - prints.event_at[runs[-1][-1]] <= SECOND // 2:
            runs[-1].append(i)
        else:
            runs.append([i])
    wanted = {}
    for contract, runs in groups.items():
        for run in runs:
            premium = 100 * c["price"][run] * c["size"][run]
            if len(run) < 3 or premium.sum() < 25_000 * 10_000:
                continue
            step, side = np.diff(c["price"][run]), 2 * c["price"][run] - c["bid"][run] - c["ask"][run]
            rule = "RepeatedHits"
            if step.sum() > 0 and step.min() >= 0:
                rule += "AscendingFill"
            elif step.sum() < 0 and step.max() <= 0:
                rule += "DescendingFill"
            sweep = int((c["conditions"][run] == "219").any())
            sums = (premium.sum(), c["size"][run].sum(), premium[side > 0].sum(), premium[side < 0].sum())
            wanted[contract, int(prints.event_at[run[-1]])] = (*(int(x) for x in sums), sweep, rule)
    names = ("premium", "size", "ask_premium", "bid_premium", "is_sweep", "rule")
    found = zip(*(alerts.columns[name].tolist() for name in names), strict=True)
    assert dict(zip(zip(contracts(alerts), alerts.event_at.tolist(), strict=True), found, strict=True)) == wanted
    assert len(wanted) > 100
    wait = (alerts.known_at - alerts.event_at) / SECOND
    assert 5.0 <= wait.min() < wait.max() < 16.01


def test_an_alert_knows_the_open_interest_of_the_evening_before(events: Events) -> None:
    interest, alerts = events[OpenInterest], events[FlowAlert]
    held = dict(zip(contracts(interest), interest.columns["open_interest"].tolist(), strict=True))
    checked = 0
    for (key, session, *contract), said in zip(contracts(alerts), alerts.columns["open_interest"].tolist(), strict=True):
        before = held.get((key, session - 1, *contract))
        if before is not None:
            assert said == before
            checked += 1
    assert checked > 50


def test_range_and_company_change_no_tick(events: Events) -> None:
    kinds = (Quote, Trade, OffExchangePrint, OptionTrade, FlowAlert)
    begin, end = (int(nyse().midnight[SESSIONS.start + k]) for k in (2, 3))
    whole = MARKET.events(("QRST", "KO"), SESSIONS, kinds)
    part = MARKET.events(("KO",), slice(SESSIONS.start + 2, SESSIONS.start + 3), kinds)
    for kind in kinds:
        a, b = whole[kind], part[kind]
        a = a[(a.key == 1) & (a.event_at > begin) & (a.event_at < end)]
        assert a.event_at.tobytes() == b.event_at.tobytes()
        assert a.known_at.tobytes() == b.known_at.tobytes()
        assert a.seq.tobytes() == b.seq.tobytes()
        assert all(list(values) == list(b.columns[name]) for name, values in a.columns.items())


def test_only_prints_have_hands() -> None:
    for kind in (Trade, OffExchangePrint, OptionTrade):
        hands = MARKET.hands("KO", slice(SESSIONS.start, SESSIONS.start + 1), kind)
        assert len(hands.seq) == len(hands.side) == len(hands.trader) > 0
        assert set(hands.side.tolist()) <= {-1, 0, 1}
    with pytest.raises(BadInput, match="Quote is no print"):
        MARKET.hands("KO", slice(SESSIONS.start, SESSIONS.start + 1), Quote)
