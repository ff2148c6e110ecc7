"""``undertow explain`` says why the premarket job says what it says: the same numbers, reasons that sum, and nothing from the future."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.harness import FIRST_POSSIBLE, JOB, UNDERTOW, Done, environment, files, run
from tests.report.factory import make
from undertow.app.cli import app
from undertow.app.main_job import guarded

pytestmark = pytest.mark.timeout(900)
slow = pytest.mark.slow

MARKET = ("--source", "simulated", "--timeframe", "1d")
DAY = "2005-08-26"


@dataclass(frozen=True, slots=True)
class Asked:
    """The premarket job and its explanation, in one home."""

    job: Done
    told: dict[str, Any]
    before: dict[str, tuple[int, int]]
    after: dict[str, tuple[int, int]]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    home = tmp_path_factory.mktemp("explained")
    env = environment(home)
    job = run(JOB, "--symbols", "AAPL", "--mode", "premarket", "--start-date", FIRST_POSSIBLE, "--end-date", DAY, *MARKET, env=env)
    assert job.code == 0, job.err
    before = files(home)
    done = run(UNDERTOW, "explain", "aapl", "-s", "AAPL", "--date", DAY, *MARKET, "--json", env=env)
    assert done.code == 0, done.err
    return Asked(job, json.loads(done.out), before, files(home))


@slow
def test_it_says_what_the_premarket_job_said(asked: Asked) -> None:
    (signal,) = asked.job.table("signals").iter_rows(named=True)
    assert asked.told["symbol"] == "AAPL"
    assert asked.told["p_up"] == signal["p_up"]
    assert {"BUY": 1, "SELL": -1, "NEUTRAL": 0}[asked.told["direction"]] == signal["direction"]
    assert asked.after.keys() == asked.before.keys(), "an explanation is no run and no trial"


@slow
def test_its_reasons_sum_and_come_from_before(asked: Asked) -> None:
    told = asked.told
    assert sum(told["contributions"].values()) == pytest.approx(told["score"], abs=1e-4)
    assert told["contributions"]["base rate"] + sum(ground["push"] for ground in told["grounds"]) == pytest.approx(told["score"], abs=1e-4)
    assert told["trail"][-1]["p_up"] == pytest.approx(told["p_up"], abs=1e-4)
    facts = [fact for ground in told["grounds"] for fact in ground["facts"]]
    assert facts
    assert all(fact["known_at"] <= told["at"] and fact["source"] == "simulated" for fact in facts)
    assert {fact["kind"] for fact in facts} >= {"daily_bar"}
    spoke = [one for one in told["said"] if one["p_up"] is not None]
    assert len(spoke) >= 4
    assert all(0.0 < one["p_up"] < 1.0 for one in spoke)
    for flip in told["flips"]:
        assert flip["direction"] != told["direction"]


def test_the_words_hold_every_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One symbol of a result that is already there; its date moved."""
    result, _ = make(sessions=3)
    note = "--end-date 2026-02-15 (weekend) moved to the session before, 2026-02-13."
    monkeypatch.setattr("undertow.app.modes.premarket", lambda *_: replace(result, notes=(note,)))
    assert guarded(app, ["explain", "msft", "-s", "AAPL,MSFT,TSLA"], "undertow") == 0
    out, err = capsys.readouterr()
    first, second, *_ = out.splitlines()
    assert first.startswith("MSFT, ")
    assert first.endswith("[SIMULATED]")
    assert second.startswith(f"{result.signals[1].direction.value}, confidence")
    for title in (
        "What pushed it",
        "The features that pushed most",
        "What each model said",
        "How belief grew",
        "What would change the call",
    ):
        assert f"\n{title}" in out
    assert "note: --date 2026-02-15 (weekend) moved" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("AAPL", "-s", "MSFT"), "AAPL is not among --symbols MSFT"),
        (("AAPL", "--date", "yesterday"), "--date: 'yesterday' is not a date"),
        (("AAPL", "--date", "2199-01-04"), "--date 2199-01-04 is in the future"),
        (("nothing at all",), "is not a US ticker"),
        (("AAPL", "--source", "hearsay"), "--source 'hearsay' is not one of"),
    ],
)
def test_what_is_wrong_is_one_sentence(arguments: tuple[str, ...], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(app, ["explain", *arguments], "undertow") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert says in err
    assert len(err.splitlines()) == 1
