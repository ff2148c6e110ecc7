"""Off-exchange prints: what says nothing of a side is dropped, and the rest is signed by the quote at execution."""

from __future__ import annotations

import numpy as np
import pytest

from tests.sources.tape_derived.prints import OPEN, SYMBOLS, market
from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk, chunk_of
from undertow.core.events import OffExchangePrint, Quote
from undertow.core.time import HOUR, SECOND
from undertow.sources.tape_derived.off_exchange import DROPPED, directional, p_buy

DAY = nyse().sessions(np.datetime64("2025-06-09"), np.datetime64("2025-06-09"))


def made(conditions: list[str]) -> Chunk:
    n = len(conditions)
    at = OPEN + np.arange(n) * SECOND
    columns = {"price": np.full(n, 100), "size": np.full(n, 1), "conditions": np.array(conditions, object)}
    return chunk_of(OffExchangePrint, SYMBOLS, key=np.zeros(n, np.int64), event_at=at, known_at=at, columns=columns)


def test_which_conditions_are_dropped() -> None:
    assert {"2", "7", "10", "15", "16", "20", "21", "22", "29", "32", "33", "38", "52", "53"} == DROPPED
    rows = made([*sorted(DROPPED), "37,53", "12", "13,37", "", "37", "14,41"])
    assert directional(rows).columns["conditions"].tolist() == ["", "37", "14,41"]
    assert directional(rows, extended=True).columns["conditions"].tolist() == ["12", "13,37", "", "37", "14,41"]
    assert len(directional(rows[:0])) == 0


def test_the_middle_at_execution_tells_the_side() -> None:
    events = market().events(SYMBOLS, DAY, (OffExchangePrint, Quote))
    rows, quotes = directional(events[OffExchangePrint]), events[Quote]
    p = p_buy(rows, quotes)
    sides: dict[int, int] = {}
    for symbol in SYMBOLS:
        hands = market().hands(symbol, DAY, OffExchangePrint)
        sides |= dict(zip(hands.seq.tolist(), hands.side.tolist(), strict=True))
    true = np.array([sides[seq] for seq in rows.seq.tolist()])
    assert len(rows) > 5000
    signed = (p != 0.5) & (true != 0)
    assert signed.mean() > 0.5
    assert ((p > 0.5) == (true > 0))[signed].mean() > 0.9
    assert (p[true == 0] == 0.5).mean() > 0.6
    last = np.sign(np.diff(rows.columns["price"], prepend=0))
    assert ((p > 0.5) == (true > 0))[signed].mean() > (last == true)[signed].mean() + 0.2


@pytest.mark.parametrize(("quoted", "known", "p"), [(-1, 0, 0.95), (0, 0, 0.95), (1, 1, 0.5), (-1, HOUR, 0.5)])
def test_a_quote_counts_from_its_time_and_only_if_it_was_known(quoted: int, known: int, p: float) -> None:
    rows = made([""])
    at = rows.event_at + quoted
    columns = {"bid": np.array([90]), "ask": np.array([100])}
    quotes = chunk_of(Quote, SYMBOLS, key=np.zeros(1, np.int64), event_at=at, known_at=at + known, columns=columns)
    assert p_buy(rows, quotes)[0] == p
    assert p_buy(rows, quotes[:0])[0] == 0.5
