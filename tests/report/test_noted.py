"""A saved run is in the ledger of trials, once, and only if it was saved; its manifest and report say how much was tried."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.report.factory import make, premarket
from undertow.app import runs
from undertow.app.job import Flags, Job, check
from undertow.core.calendar import nyse
from undertow.core.errors import StoreError
from undertow.report.metrics import scorecard
from undertow.validation.trials import TrialLedger

NOW = 1_795_348_800_000_000_000
RESULT, _ = make(sessions=40)


def job(**more: object) -> Job:
    """The job that such a result could have come from."""
    given = {"symbols": "AAPL,MSFT,TSLA", "start_date": "2025-11-10", "end_date": "2026-01-07"} | more
    return check(Flags(**given), nyse(), NOW)  # type: ignore[arg-type]


def test_a_run_is_noted_with_its_returns_and_its_trainings(tmp_path: Path) -> None:
    for _ in range(2):
        runs.save_run(RESULT, job(), tmp_path)
    ledger = TrialLedger(tmp_path / runs.LEDGER)
    (own,) = ledger.trials("undertow")
    assert own.returns is not None
    np.testing.assert_array_equal(ledger.returns([own.returns])[:, 0], scorecard(RESULT).portfolio.curve.daily)
    trained = {(name, stage.trained_at) for stage in RESULT.stages for name in stage.models}
    assert {(trial.what, trial.at) for trial in ledger.trials() if trial.what != "undertow"} == trained
    assert len(ledger.trials()) == 1 + len(trained)


def test_other_settings_count_and_other_markets_do_not(tmp_path: Path) -> None:
    folder = runs.save_run(RESULT, job(), tmp_path)
    first = json.loads((folder / "manifest.json").read_text("utf-8"))["significance"]
    assert (first["settings"], first["effective"], first["sessions"]) == (1, 1.0, 40)
    assert first["overfitting"] is None
    assert first["q_values"].keys() == {"AAPL", "MSFT", "TSLA"}
    other, _ = make(sessions=40, seed=9)
    runs.save_run(other, job(start_date="2025-11-11"), tmp_path)
    runs.save_run(other, job(seed=7), tmp_path)
    tried = runs.tried_so_far(RESULT, job(), tmp_path)
    assert tried.settings == 2
    assert 1.0 < tried.effective <= 2.0
    folder = runs.save_run(RESULT, job(), tmp_path)
    second = json.loads((folder / "manifest.json").read_text("utf-8"))["significance"]
    assert second["overfitting"] is not None
    assert second["psr"] == first["psr"]
    assert second["dsr"] < first["dsr"]
    assert "2, " in (folder / "report.html").read_text("utf-8")


def test_a_run_that_was_not_saved_is_no_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runs, "write_report", full)
    with pytest.raises(StoreError, match="could not be written"):
        runs.save_run(RESULT, job(), tmp_path / "home")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_signals_without_an_account_are_no_trial(tmp_path: Path) -> None:
    runs.save_run(premarket(RESULT), job(mode="premarket"), tmp_path)
    assert not TrialLedger(tmp_path / runs.LEDGER).trials("undertow")


@pytest.mark.parametrize("more", [{"strategy": "all"}, {"costs": 0.0}, {"certified": False}], ids=["strategies", "costs", "calls"])
def test_what_is_traded_by_is_part_of_the_setting(tmp_path: Path, more: dict[str, object]) -> None:
    runs.save_run(RESULT, job(), tmp_path)
    other, _ = make(sessions=40, seed=9)
    assert runs.tried_so_far(other, job(**more), tmp_path).settings == 2
    assert runs.tried_so_far(other, job(), tmp_path).settings == 1


def test_the_manifest_says_what_was_made(tmp_path: Path) -> None:
    card = scorecard(RESULT).portfolio
    folder = runs.save_run(RESULT, job(), tmp_path)
    made = {"return": card.curve.total_return.value, "buy_and_hold": card.hold.total_return.value, "benchmark": None}
    assert json.loads((folder / "manifest.json").read_text("utf-8"))["performance"] == made
    assert not (folder / "benchmark.parquet").exists()
    beside = replace(RESULT, benchmark="SPY", benchmark_equity=np.linspace(100_000.0, 103_000.0, len(RESULT.mark_at)))
    folder = runs.save_run(beside, job(benchmark="SPY"), tmp_path)
    told = json.loads((folder / "manifest.json").read_text("utf-8"))["performance"]["benchmark"]
    assert told == {"symbol": "SPY", "return": pytest.approx(0.03)}
    assert (folder / "benchmark.parquet").is_file()
