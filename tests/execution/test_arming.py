"""Real orders: every combination of what must hold, and an arming that ends with its day."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from undertow.core.calendar import nyse
from undertow.core.errors import BadData, BadInput
from undertow.core.time import DAY, HOUR, SECOND, date_of
from undertow.execution.arming import NAME, Arming, arm, armed, disarm, end_of_day, may_send_real

CALENDAR = nyse()
MONDAY = int(CALENDAR.midnight[CALENDAR.session_on_or_before(date_of("2026-11-23"))])
NOW = MONDAY + 10 * HOUR
ARMED = Arming(account="A1", who="Ada", at=NOW)
AWAY = {"late": NOW + DAY, "before": NOW - 1, "just": MONDAY + DAY - 1, "over": MONDAY + DAY, "same": NOW}


@pytest.mark.parametrize("now", AWAY)
@pytest.mark.parametrize("arming", [None, ARMED, Arming(account="A2", who="Ada", at=NOW), Arming(account="", who="Ada", at=NOW)])
def test_every_combination(now: str, arming: Arming | None) -> None:
    for simulated, real, account, typed in product([True, False], [True, False], ["A1", "A2", ""], ["A1", "A2", "", None]):
        refusal = may_send_real(simulated, real, arming, account, typed, AWAY[now], CALENDAR)
        in_time = now in ("same", "just")
        allowed = not simulated and typed == account != "" and arming is not None and arming.account == account and in_time
        assert (refusal is None) is (allowed or not real), refusal
        if refusal:
            assert refusal.endswith(".")
            assert not simulated or "simulated" in refusal


def test_simulated_data_are_named_first() -> None:
    assert "simulated" in (may_send_real(True, True, None, "", None, NOW, CALENDAR) or "")


def test_an_arming_ends_with_its_exchange_day() -> None:
    assert end_of_day(CALENDAR, NOW) == MONDAY + DAY
    for day in ("2026-11-21", "2026-11-22", "2026-11-26"):  # Saturday, Sunday, Thanksgiving
        noon = int(np.datetime64(day, "ns").astype(np.int64)) + 17 * HOUR
        assert end_of_day(CALENDAR, noon) is None
        refusal = may_send_real(False, True, Arming(account="A1", who="Ada", at=noon), "A1", "A1", noon + SECOND, CALENDAR)
        assert "no exchange day" in (refusal or "")
    assert end_of_day(CALENDAR, -(10**18) * 9) is None
    assert end_of_day(CALENDAR, int(CALENDAR.midnight[-1]) + 5 * DAY) is None, "a calendar that has ended arms nothing"


def test_arming_is_kept_and_taken_away(tmp_path: Path) -> None:
    folder = tmp_path / "control"
    assert armed(folder) is None
    assert arm(folder, ARMED, CALENDAR) == MONDAY + DAY
    assert armed(folder) == ARMED
    raw = (folder / NAME).read_bytes()
    (folder / NAME).write_bytes(raw.replace(b"A1", b"A2"))
    with pytest.raises(BadData, match="broken"):
        armed(folder)
    assert disarm(folder)
    assert not disarm(folder)
    assert armed(folder) is None
    with pytest.raises(BadInput, match="no exchange day"):
        arm(folder, Arming(account="A1", who="Ada", at=NOW - DAY), CALENDAR)
    with pytest.raises(BadInput, match="account's id"):
        arm(folder, Arming(account=" ", who="Ada", at=NOW), CALENDAR)
