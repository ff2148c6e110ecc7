"""``undertow audit``: silent on what is sound, and each planted fault found and named with exit status 1."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.end_to_end.harness import UNDERTOW, Done, environment, run, together
from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk
from undertow.core.events import DailyBar, FlowAlert, OpenInterest
from undertow.core.time import HOUR
from undertow.tape.store import Tape, frame_of
from undertow.validation.planted_tape import planted_tape

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

OWN = Path(__file__).with_name("own_code.py")


def stamped(chunk: Chunk, known_at: Any) -> Chunk:
    return replace(chunk, known_at=known_at)[np.argsort(known_at, kind="stable")]


def early(chunks: dict[type, Chunk]) -> dict[type, Chunk]:
    """Alerts known when the option traded, open interest on the evening of its trade date."""
    alerts, interest = chunks[FlowAlert], chunks[OpenInterest]
    return chunks | {FlowAlert: stamped(alerts, alerts.event_at), OpenInterest: stamped(interest, interest.event_at + HOUR)}


@pytest.fixture(scope="module")
def audits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Done]:
    sound = {chunk.kind: chunk for chunk in planted_tape((DailyBar, FlowAlert, OpenInterest), nyse(), seed=3).chunks}
    homes = {name: tmp_path_factory.mktemp(name) for name in ("sound", "early")}
    for name, chunks in (("sound", sound), ("early", early(sound))):
        for kind, chunk in chunks.items():
            Tape(homes[name]).append(kind, frame_of(chunk, "test"))
    calls = {
        "sound": partial(run, UNDERTOW, "audit", "--json", env=environment(homes["sound"])),
        "broken": partial(
            run, UNDERTOW, "audit", "--json", "--features", f"{OWN}:Peeking", "--models", f"{OWN}:Crowded", env=environment(homes["early"])
        ),
    }
    return dict(zip(calls, together(*calls.values()), strict=True))


def found(done: Done) -> dict[str, set[str]]:
    """Name -> the laws that it breaks."""
    said = json.loads(done.out)
    laws: dict[str, set[str]] = {}
    for finding in said["findings"]:
        laws.setdefault(finding["name"], set()).add(finding["law"])
    assert said["clean"] == (not laws)
    return laws


def test_what_is_sound_is_not_accused(audits: dict[str, Done]) -> None:
    done = audits["sound"]
    assert done.code == 0, done.out
    assert found(done) == {}
    said = json.loads(done.out)
    assert {one["kind"] for one in said["stamps"]} >= {"flow_alert", "open_interest", "daily_bar"}
    assert {one["on"] for one in said["checked"]} >= {"planted tape", "own events", "planted lessons", "flow_alert", "open_interest"}


def test_early_stamps_on_the_tape_are_named(audits: dict[str, Done]) -> None:
    done = audits["broken"]
    assert done.code == 1, done.err
    assert found(done)["flow_alert"] == found(done)["open_interest"] == {"stamps"}
    seen = {finding["name"]: finding["seen"] for finding in json.loads(done.out)["findings"]}
    assert "sooner than this kind is published" in seen["flow_alert"]
    assert "before the next session's day" in seen["open_interest"]


def test_a_feature_that_reads_the_next_bar_is_named(audits: dict[str, Done]) -> None:
    assert found(audits["broken"])["reads_the_next_bar_1d"] & {"law 3", "law 4"}


def test_a_model_whose_rows_are_not_alone_is_named(audits: dict[str, Done]) -> None:
    assert "law 7: a row stands alone" in found(audits["broken"])["normalises_by_the_batch"]


def test_nothing_else_is_accused(audits: dict[str, Done]) -> None:
    own = {"reads_the_next_bar_1d", "normalises_by_the_batch", "framework"}  # the framework integrates the model at fault
    assert set(found(audits["broken"])) <= {*own, "flow_alert", "open_interest"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--features", "no.py:Own"], "error: --features 'no.py:Own': write FILE.py:CLASS; there is no file 'no.py'"),
        (["--features", f"{OWN}:Absent"], f"error: --features: {OWN} has no class 'Absent' that extends FeatureEngineering"),
        (["--models", f"{OWN}:Peeking"], f"error: --models: {OWN} has no class 'Peeking' that extends ModelIntegrationFramework"),
        (["--models", f"{OWN}"], "error: --models "),
    ],
)
def test_a_class_that_cannot_be_had_is_one_sentence(arguments: list[str], says: str, tmp_path: Path) -> None:
    done = run(UNDERTOW, "audit", *arguments, env=environment(tmp_path))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(says)
    assert len(done.err.splitlines()) == 1
