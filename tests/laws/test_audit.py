"""The audit finds what is planted and nothing else, names it, and says what it checked."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.laws.mutants import CAUGHT_BY, Mutants
from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk, chunk_of
from undertow.core.errors import BadInput
from undertow.core.events import KINDS, Bar, ChainRow, DailyBar, EarningsDate, FlowAlert, InsiderTrade, OpenInterest, Trade
from undertow.core.time import HOUR, MINUTE
from undertow.features.engineering import FeatureEngineering
from undertow.validation.audit import CHECKS, Audit, Check, audit
from undertow.validation.audit_stamps import audit_stamps
from undertow.validation.laws import Finding
from undertow.validation.planted_tape import planted_tape
from undertow.validation.planted_values import CONTRACTS


@pytest.fixture(scope="module")
def of_mutants() -> Audit:
    return audit(Mutants, only=["sound", *CAUGHT_BY])


@pytest.fixture(scope="module")
def chunks() -> dict[type, Chunk]:
    return {chunk.kind: chunk for chunk in planted_tape(KINDS, nyse(), seed=8).chunks}


@pytest.mark.timeout(900)
def test_what_ships_is_clean(chunks: dict[type, Chunk]) -> None:
    found = audit(FeatureEngineering, list(chunks.values()))
    assert found.clean, found.findings
    assert {one.on for one in found.checked} >= {"planted tape", "own events", "daily_bar"}
    assert all(one.count for one in found.checked)


@pytest.mark.parametrize("name", sorted(CAUGHT_BY))
def test_each_planted_fault_is_caught_and_named(of_mutants: Audit, name: str) -> None:
    laws = {finding.law for finding in of_mutants.findings if finding.name == name}
    assert laws & CAUGHT_BY[name], (laws, of_mutants.findings)


def test_the_sound_one_is_not_accused(of_mutants: Audit) -> None:
    assert "sound" not in {finding.name for finding in of_mutants.findings}


def test_json_carries_everything(of_mutants: Audit, chunks: dict[type, Chunk]) -> None:
    said = json.loads(of_mutants.to_json())
    assert said["clean"] is False
    assert {f["name"] for f in said["findings"]} >= set(CAUGHT_BY)
    assert set(said["findings"][0]) == {"law", "name", "seen"}
    assert [c["name"] for c in said["checked"]][1:] == [check.name for check in CHECKS]
    whole = json.loads(audit(FeatureEngineering, list(chunks.values()), only=["return_1"], checks=()).to_json())
    assert {s["kind"]: s["rows"] for s in whole["stamps"]}["daily_bar"] == len(chunks[DailyBar])
    assert all(sum(s["grades"].values()) == s["rows"] for s in whole["stamps"])


def test_a_check_of_something_else_joins_in() -> None:
    more = Check("models", lambda subject, rng: [Finding("law 7", "lstm", "a row alone differs")])
    found = audit(FeatureEngineering, only=["return_1"], checks=(more,))
    assert Finding("law 7", "lstm", "a row alone differs") in found.findings
    assert [one.name for one in found.checked] == ["is known at all", "models"]


# --- stamps -----------------------------------------------------------------------------------------------------------


def test_sound_stamps_of_every_kind_pass(chunks: dict[type, Chunk]) -> None:
    assert set(chunks) == set(KINDS)
    assert not audit_stamps(chunks.values(), nyse())


def only_finding(chunk: Chunk) -> Finding:
    (found,) = audit_stamps([chunk], nyse())
    assert found.law == "stamps"
    assert found.name == chunk.kind.kind
    return found


def test_a_flow_alert_stamped_at_its_trade(chunks: dict[type, Chunk]) -> None:
    alerts = chunks[FlowAlert]
    found = only_finding(_at_once(alerts))
    assert f"{len(alerts)} of {len(alerts)} rows are known less than 1 s after they happened" in found.seen
    assert "for example" in found.seen


def _at_once(chunk: Chunk) -> Chunk:
    return replace(chunk, known_at=chunk.event_at)[np.argsort(chunk.event_at, kind="stable")]


def test_open_interest_stamped_on_its_trade_date(chunks: dict[type, Chunk]) -> None:
    interest = chunks[OpenInterest]
    last_day = CONTRACTS * len(interest.symbols)
    early = np.arange(len(interest)) >= len(interest) - last_day
    known = np.where(early, interest.event_at + HOUR, interest.known_at)
    found = only_finding(replace(interest, known_at=known)[np.argsort(known, kind="stable")])
    assert f"{last_day} of {len(interest)} rows are known before the next session's day" in found.seen


def test_an_insider_trade_known_before_its_filing(chunks: dict[type, Chunk]) -> None:
    assert "rows are known less than 1 s after" in only_finding(_at_once(chunks[InsiderTrade])).seen


@pytest.mark.parametrize("kind", [Trade, DailyBar, ChainRow])
def test_known_before_it_happened(chunks: dict[type, Chunk], kind: type) -> None:
    sooner = replace(chunks[kind], known_at=chunks[kind].known_at - 3 * HOUR)
    assert "known before they happened" in only_finding(sooner).seen


def test_knowledge_may_precede_an_earnings_date(chunks: dict[type, Chunk]) -> None:
    dates = chunks[EarningsDate]
    assert not audit_stamps([replace(dates, known_at=dates.known_at - 100 * HOUR)], nyse())


def test_a_daily_bar_stamped_at_midnight(chunks: dict[type, Chunk]) -> None:
    bars = chunks[DailyBar]
    midnight = nyse().midnight[nyse().position(bars.event_at)]
    dated = replace(bars, event_at=midnight, known_at=midnight)
    assert "stamped before its close" in only_finding(dated).seen


def test_bars_stamped_with_their_start(chunks: dict[type, Chunk]) -> None:
    bars = chunks[Bar]
    started = replace(bars, event_at=bars.event_at - 5 * MINUTE, known_at=bars.known_at - 5 * MINUTE)
    assert "stamped with their start" in only_finding(started).seen


def test_a_row_on_a_holiday() -> None:
    thanksgiving = np.array([np.datetime64("2024-11-28T18:00:00", "ns").astype(np.int64)])
    row = chunk_of(Trade, ("AAA",), key=np.zeros(1), event_at=thanksgiving, known_at=thanksgiving, columns={})
    assert "exchange was closed" in only_finding(row).seen


def test_rows_out_of_order(chunks: dict[type, Chunk]) -> None:
    trades = chunks[Trade][::-1]
    assert "not in the order of known_at" in only_finding(trades).seen


def test_too_little_or_mixed_events_are_refused(chunks: dict[type, Chunk]) -> None:
    few = [chunks[DailyBar][:2]]
    with pytest.raises(BadInput, match="fewer than four instants"):
        audit(FeatureEngineering, few, only=["return_1_1d"], checks=CHECKS[:1])
    other = replace(chunks[DailyBar], symbols=("X", "Y", "Z"))
    with pytest.raises(BadInput, match="different universes"):
        audit(FeatureEngineering, [chunks[DailyBar], other], only=["return_1_1d"], checks=CHECKS[:1])
