"""What a run adds to the ledger: nothing counts twice, another market is another search, and variants count as less than strangers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from undertow.core.errors import StoreError
from undertow.validation.ledger import Attempt, Searched, attempted, fit_of, market_hash, note, searched
from undertow.validation.trials import Trial, TrialLedger, configuration_hash

DAYS = np.arange(20_000, 20_060)


def run(setting: int, returns: np.ndarray, *, seed: int = 0, simulated: bool = False, days: np.ndarray = DAYS, at: int = 1) -> Attempt:
    """A run of one setting, that needed two trainings of one model."""
    own = Trial(
        at=at, what="undertow", configuration=configuration_hash({"setting": setting}), data=market_hash(simulated, seed), seed=seed
    )
    return attempted(own, days, returns, [fit_of("ridge", when, {"penalty": setting}, own) for when in (100, 200)])


@pytest.fixture
def ledger(tmp_path: Path) -> TrialLedger:
    return TrialLedger(tmp_path / "trials.sqlite")


def noise(seed: int, days: int = 60) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.01, days)


def test_asking_writes_nothing_and_the_attempt_counts_itself(ledger: TrialLedger, tmp_path: Path) -> None:
    found = searched(ledger, run(1, noise(1)))
    assert (found.settings, found.effective, found.fits) == (1, 1.0, 2)
    np.testing.assert_array_equal(found.returns[:, 0], noise(1))
    assert not list(tmp_path.iterdir())


def test_what_is_the_same_in_everything_is_written_once(ledger: TrialLedger) -> None:
    for at in (1, 2):
        note(ledger, run(1, noise(1), at=at))
    assert len(ledger.trials()) == 3
    assert ledger.tally("ridge").fits == 2
    assert searched(ledger, run(1, noise(1), at=3)).settings == 1
    note(ledger, run(1, noise(2)))  # the same setting on data that have grown: the latest speaks
    assert len(ledger.trials("undertow")) == 2
    assert searched(ledger, run(1, noise(3))).settings == 1


def test_a_run_without_an_account_leaves_its_fits_alone(ledger: TrialLedger) -> None:
    note(ledger, run(1, np.empty(0), days=DAYS[:0]))
    assert [trial.what for trial in ledger.trials()] == ["ridge", "ridge"]
    assert searched(ledger, run(2, noise(1))).fits == 4
    assert searched(ledger, run(2, np.empty(0), days=DAYS[:0])).effective == 1.0


def test_strangers_count_in_full_and_variants_hardly(ledger: TrialLedger) -> None:
    for i in range(8):
        note(ledger, run(i, noise(i)))
    assert searched(ledger, run(0, noise(0))).effective == pytest.approx(8, abs=0.8)
    other = TrialLedger(ledger._path.with_name("variants.sqlite"))
    for i in range(8):
        note(other, run(i, noise(0) + 0.05 * noise(i + 1)))
    found = searched(other, run(99, noise(0)))
    assert (found.settings, found.fits) == (9, 18)
    assert found.effective == pytest.approx(1.0, abs=0.15)
    assert found.returns.shape == (60, 9)


def test_markets_are_searched_apart(ledger: TrialLedger) -> None:
    for seed in range(4):
        note(ledger, run(1, noise(seed), seed=seed, simulated=True))
    note(ledger, run(1, noise(9), seed=5))
    assert searched(ledger, run(2, noise(1), seed=2, simulated=True)).settings == 2
    assert searched(ledger, run(2, noise(1), seed=7)).settings == 2, "real data are one market whatever the seed"
    assert market_hash(False, 1) == market_hash(False, 2) != market_hash(True, 1)


def test_only_settings_with_a_return_on_every_day_stand_beside_the_attempt(ledger: TrialLedger) -> None:
    note(ledger, run(1, noise(1, 80), days=np.arange(19_990, 20_070)))
    note(ledger, run(2, noise(2, 30), days=DAYS[:30]))
    found = searched(ledger, run(3, noise(3)))
    assert found.settings == 3
    assert found.returns.shape == (60, 2)
    np.testing.assert_array_equal(found.returns[:, 1], noise(1, 80)[10:70])


def test_a_broken_ledger_is_a_clear_error_and_a_number_alone_will_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="ledger of trials"):
        note(TrialLedger(tmp_path / "file" / "trials.sqlite"), run(1, noise(1)))
    assert Searched.counted(0.2).effective == 1.0
    assert Searched.counted(7).settings == 7
