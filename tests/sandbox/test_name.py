"""A market's name: short, of ASCII, and another for every other market, also as the name of a folder."""

from __future__ import annotations

import re

from undertow.core.calendar import nyse
from undertow.core.time import MINUTE
from undertow.sandbox.halts import Halt
from undertow.sandbox.market import Market
from undertow.sandbox.outages import Outage

OPEN = int(nyse().open[5000])


def test_it_tells_the_seed_and_the_strength_of_the_effect() -> None:
    assert Market(3).name == "simulated seed 3 ic 0.05"
    assert Market(-3, 0).name == "simulated seed minus 3 ic 0.0"


def test_no_two_markets_share_a_name_nor_a_folder() -> None:
    markets = [Market(seed, ic) for seed in (0, 3, -3, 30) for ic in (0.05, -0.05, 0.0, 0.5, 1e-05)]
    markets += [Market(splits={"KO": ("2025-03-10", ratio)}) for ratio in (4.0, 2.0)]
    markets += [Market(outages=(Outage(begin=OPEN, end=OPEN + MINUTE, lost=lost),)) for lost in (True, False)]
    markets += [Market(halts=(Halt(symbol="KO", begin=OPEN + 30 * MINUTE, end=OPEN + 60 * MINUTE),))]
    names = [market.name for market in markets]
    assert len({re.sub(r"[^A-Za-z0-9.]+", "-", name) for name in names}) == len(markets)
    assert all(name.isascii() and name.isprintable() and "," not in name and len(name) < 60 for name in names)
    assert Market(splits={"KO": ("2025-03-10", 4.0)}).name == names[20]
