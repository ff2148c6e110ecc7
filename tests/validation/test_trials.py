"""The ledger of trials: everything written is found again, by several writers at once, and nothing can be taken back."""

from __future__ import annotations

import math
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from undertow.core.errors import BadInput, StoreError
from undertow.validation.trials import Trial, TrialLedger, configuration_hash

ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import sys
from pathlib import Path
import numpy as np
from undertow.validation.trials import Trial, TrialLedger
ledger, who = TrialLedger(Path(sys.argv[1])), sys.argv[2]
for i in range(25):
    ledger.note(Trial(at=i, what=who, configuration=f"{i:032x}", seed=i), np.arange(5), np.arange(5) + i)
"""


def trial(i: int, what: str = "ridge", **more: object) -> Trial:
    return replace(Trial(at=i, what=what, configuration=configuration_hash({"penalty": i})), **more)  # type: ignore[arg-type]


def test_a_setting_has_one_name_in_any_order() -> None:
    assert configuration_hash({"a": 1, "b": [1.5, "x"]}) == configuration_hash({"b": [1.5, "x"], "a": 1})
    assert configuration_hash({"a": 1}) != configuration_hash({"a": 2})
    for bad in ({"a": object()}, {"a": math.nan}):
        with pytest.raises(BadInput, match="numbers, texts"):
            configuration_hash(bad)


def test_what_is_noted_is_found_in_order(tmp_path: Path) -> None:
    ledger = TrialLedger(tmp_path / "deep" / "trials.sqlite")
    assert ledger.trials() == []
    assert ledger.tally().fits == 0
    first = ledger.note(trial(1, sharpe=0.05), np.array([3, 5, 9]), np.array([0.1, -0.2, 0.3]))
    second = ledger.note(trial(2, what="forest", data="d", seed=7))
    third = ledger.note(trial(3), np.array([5, 10]), np.array([1.0, 2.0]))
    assert TrialLedger(tmp_path / "deep" / "trials.sqlite").trials() == [first, second, third]
    assert ledger.trials("forest") == [second]
    assert first.returns is not None
    assert third.returns is not None
    nan = math.nan
    table = ledger.returns([first.returns, third.returns])
    np.testing.assert_array_equal(table, [[0.1, nan], [-0.2, 1.0], [0.3, nan], [nan, 2.0]])
    with pytest.raises(BadInput, match="rising day"):
        ledger.note(trial(4), np.array([2, 1]), np.zeros(2))
    assert len(ledger.trials()) == 3


def test_fits_settings_and_effective_trials_are_told_apart(tmp_path: Path) -> None:
    ledger, rng, day = TrialLedger(tmp_path / "trials.sqlite"), np.random.default_rng(0), np.arange(600)
    common = rng.standard_normal(600)
    for month in range(3):  # retrained every month: more fits, no more settings
        ledger.note_all(
            [trial(i, at=month, sharpe=0.01 * i) for i in range(8)],
            [(day, common + 0.05 * rng.standard_normal(600)) for _ in range(8)],
        )
    got = ledger.tally()
    assert (got.fits, got.settings) == (24, 8)
    assert got.effective == pytest.approx(1.0, abs=0.1)
    assert got.variance == pytest.approx(np.var(0.01 * np.arange(8), ddof=1))
    ledger.note(trial(100, what="other"))  # without returns: counted in full
    assert ledger.tally().effective == pytest.approx(2.0, abs=0.1)
    assert ledger.tally("other").effective == 1.0
    assert math.isnan(ledger.tally("other").variance)
    ledger.note_all([trial(i, what="stranger", seed=1) for i in range(6)], [(day, rng.standard_normal(600)) for _ in range(6)])
    assert ledger.tally("stranger").effective == pytest.approx(6.0, abs=0.3)
    assert ledger.tally("stranger", "families").effective == 6.0


def test_nothing_can_be_taken_back_or_changed(tmp_path: Path) -> None:
    path = tmp_path / "trials.sqlite"
    TrialLedger(path).note(trial(1), np.arange(3), np.arange(3.0))
    file = sqlite3.connect(path)
    for order in ("DELETE FROM trials", "UPDATE trials SET sharpe = 9", "DELETE FROM returns", "UPDATE returns SET value = x''"):
        with pytest.raises(sqlite3.IntegrityError, match="only added to"):
            file.execute(order)
        file.rollback()
    file.close()
    assert TrialLedger(path).trials()[0].sharpe is None


def test_all_of_a_batch_or_none(tmp_path: Path) -> None:
    ledger = TrialLedger(tmp_path / "trials.sqlite")
    broken = replace(trial(2), configuration=None)  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="ledger of trials"):
        ledger.note_all([trial(1), broken])
    assert ledger.trials() == []


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "trials.sqlite"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), who], cwd=ROOT, stderr=subprocess.PIPE) for who in ("a", "b", "c")
    ]
    for writer in writers:
        assert writer.communicate(timeout=120)[1] == b""
    ledger = TrialLedger(path)
    for who in "abc":
        assert [t.seed for t in ledger.trials(who)] == list(range(25))
    assert ledger.tally().fits == 75
    assert len({t.returns for t in ledger.trials()}) == 25


def test_a_disk_that_refuses_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="could not be used"):
        TrialLedger(tmp_path / "file" / "trials.sqlite").note(trial(1))
    (tmp_path / "broken.sqlite").write_bytes(b"no database " * 100)
    with pytest.raises(StoreError, match="could not be used"):
        TrialLedger(tmp_path / "broken.sqlite").trials()
