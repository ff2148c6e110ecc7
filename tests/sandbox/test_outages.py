"""A planted outage delays or loses what would have been told, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from undertow.core.calendar import nyse
from undertow.core.chunk import concat
from undertow.core.errors import BadInput
from undertow.core.events import Bar, OptionTrade, Trade
from undertow.core.time import HOUR, MINUTE
from undertow.sandbox.market import Market
from undertow.sandbox.outages import Outage
from undertow.sources.simulated import SimulatedSource

SESSION = nyse().session_on_or_before(np.datetime64("2024-11-26"))
SESSIONS = slice(SESSION, SESSION + 1)
TEN_AM = int(nyse().midnight[SESSION]) + 10 * HOUR
NAMES = ("KO", "QRST")


@pytest.mark.parametrize("lost", [False, True])
def test_silence_and_what_follows(lost: bool) -> None:
    outage = Outage(begin=TEN_AM, end=TEN_AM + 20 * MINUTE, lost=lost)
    whole, broken = Market(1), Market(1, outages=(outage,))
    kinds = (Trade, OptionTrade, Bar)
    chunks = list(zip(*(m.events(NAMES, SESSIONS, kinds).values() for m in (whole, broken)), strict=True))
    for plain, told in (*chunks, (whole.minutes(NAMES, SESSIONS), broken.minutes(NAMES, SESSIONS))):
        missed = (plain.known_at > outage.begin) & (plain.known_at <= outage.end)
        assert missed.sum() > 5
        assert not ((told.known_at > outage.begin) & (told.known_at < outage.end)).any()
        assert len(told) == len(plain) - (missed.sum() if lost else 0)
        order = list(zip(told.known_at.tolist(), told.seq.tolist(), strict=True))
        assert order == sorted(set(order))
        kept = plain[~missed] if lost else plain
        happened = dict(zip(kept.seq.tolist(), kept.event_at.tolist(), strict=True))
        assert happened == dict(zip(told.seq.tolist(), told.event_at.tolist(), strict=True))
        rest = told[~((told.known_at == outage.end) & np.isin(told.seq, plain.seq[missed]))]
        assert rest.known_at.tobytes() == plain[~missed].known_at.tobytes()


def test_outages_are_checked() -> None:
    day = 24 * HOUR
    for begin, end in ((TEN_AM, TEN_AM), (TEN_AM, TEN_AM + day)):
        with pytest.raises(BadInput, match="outage from 2024-11-26T15:00:00Z"):
            Market(outages=(Outage(begin=begin, end=end),))
    two = (Outage(begin=TEN_AM, end=TEN_AM + HOUR), Outage(begin=TEN_AM + MINUTE, end=TEN_AM + 2 * HOUR))
    with pytest.raises(BadInput, match="apart from others"):
        Market(outages=two)


def test_the_source_tells_ticks_when_asked_and_cuts_do_not_show() -> None:
    source = SimulatedSource(Market(1), (Trade, OptionTrade))
    cuts = (TEN_AM, TEN_AM + HOUR, TEN_AM + 30 * HOUR)
    whole = {c.kind: c for c in source.history(NAMES, cuts[0], cuts[2]) if c.kind in source.kinds}
    parts = [c for a, b in ((0, 1), (1, 2)) for c in source.history(NAMES, cuts[a], cuts[b])]
    for kind in source.kinds:
        pieces = concat([c for c in parts if c.kind is kind])
        assert len(pieces) > 1000
        assert pieces.known_at.tobytes() == whole[kind].known_at.tobytes()
        assert pieces.seq.tobytes() == whole[kind].seq.tobytes()
