"""``undertow tune``: every fit is in the ledger, a second search finds the first one there, and the job's own sessions stay unseen."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.end_to_end.harness import CHEAPEST, UNDERTOW, environment, run
from undertow.validation.trials import TrialLedger

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

LITTLE = ("tune", "ridge_logistic", "--settings", "3", "--folds", "2", *CHEAPEST)


def test_a_search_is_counted_and_repeats_itself(tmp_path: Path) -> None:
    env = environment(tmp_path)
    words, plain = run(UNDERTOW, *LITTLE, env=env), run(UNDERTOW, *LITTLE, "--json", env=env)
    assert (words.code, plain.code) == (0, 0), words.err + plain.err
    told = json.loads(plain.out)
    assert (told["fits"], len(told["settings"]), told["folds"]) == (6, 3, 2)
    assert told["settings"][0]["penalty"] == 400.0
    assert told["to"] < "2005-08-25", "the job's own sessions are not looked at"
    assert "3 settings tried, 6 fits" in words.out
    assert "[SIMULATED]" in words.out
    assert f"{told['settings'][told['best']]['log_loss']:.5f}" in words.out
    ledger = TrialLedger(tmp_path / "trials.sqlite")
    tried, fits = ledger.trials("tune ridge_logistic"), ledger.trials("ridge_logistic")
    assert (len(tried), len(fits)) == (3, 6), "the second search tried nothing new"
    assert all(trial.returns is not None for trial in tried)
    table = ledger.returns([trial.returns for trial in tried if trial.returns is not None])
    assert table.shape == (84, 3)
    assert np.isfinite(table).all()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("lstm",), "'lstm' has no settings to search; there are gradient_boosting"),
        (("xgboost", "--folds", "12", *CHEAPEST), "sessions with known outcomes are too few for 12 folds"),
    ],
)
def test_what_cannot_be_searched_is_one_sentence(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    done = run(UNDERTOW, "tune", *arguments, env=environment(tmp_path))
    assert done.code == 2
    assert done.out == ""
    assert says in done.err.splitlines()[-1]
    assert not (tmp_path / "trials.sqlite").exists()
