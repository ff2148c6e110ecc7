"""The laws on real bars and chains, with their half days, splits already made and missing rows; skips where there are none."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracles import real
from undertow.core.calendar import nyse
from undertow.features.engineering import FeatureEngineering
from undertow.validation import laws
from undertow.validation.audit import own_material
from undertow.validation.audit_stamps import audit_stamps
from undertow.validation.laws import Subject

SYMBOLS = ("AAPL", "TSLA", "SPY")


@pytest.fixture(scope="module")
def one() -> Subject:
    table = real.chains(SYMBOLS)
    # the nearest expiries are enough: what matters is their timing
    near = table.filter(real.days(table["expiry"]) - real.days(table["archive_date"]) < np.timedelta64(15))
    chunks = [real.daily_bars(SYMBOLS), real.five_minute_bars(SYMBOLS, 60), *real.option_chunks(near, SYMBOLS)]
    assert not audit_stamps(chunks, nyse())
    kinds = laws.kinds_of(FeatureEngineering, SYMBOLS, nyse())
    return Subject(features=FeatureEngineering, material=own_material(chunks, kinds, nyse()))


def test_one_fold(one: Subject) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        cuts = [int(cut) for cut in rng.integers(1, len(one.material.ticks), 20)]
        assert not laws.law_3_any_cut(one, cuts, rng)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_causality_and_warm_up(one: Subject, share: float) -> None:
    place = int(share * len(one.material.ticks))
    assert not laws.law_4_causality(one, place, np.random.default_rng(place))
    assert not laws.law_5_warm_up(one, place)


def test_two_clocks_and_one_order(one: Subject) -> None:
    assert not laws.law_1_known_at(one, np.random.default_rng(0))
    assert not laws.law_1_ties(one)
    assert not laws.law_2_same_bytes(one)
