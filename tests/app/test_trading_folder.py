"""What a session notes of itself, for the one that goes on with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from undertow.app.job import Flags, check
from undertow.app.trading.folder import broker_session
from undertow.core.calendar import nyse


def test_a_session_that_goes_on_keeps_the_capital_that_it_began_with(tmp_path: Path) -> None:
    """What was lost since is in its fills, and would be counted twice."""
    calendar = nyse()
    now = int(calendar.open[calendar.session_on_or_before(np.datetime64("2026-05-28"))])
    job, root = check(Flags(mode="trading", symbols="AAPL", home=tmp_path), calendar, now), tmp_path / "account"
    root.mkdir()
    assert broker_session(root, "run", job, 100_000.0) == 100_000.0
    assert broker_session(root, "run", job, 99_870.61) == 100_000.0
    assert broker_session(root, "another", job, 99_870.61) == 99_870.61
