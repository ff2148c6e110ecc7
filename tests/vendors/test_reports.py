"""``undertow data latency`` and ``undertow data indicators`` on a tape of the served market."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.end_to_end.harness import UNDERTOW, run
from tests.vendors.conftest import MASSIVE_CANARY, WHALES_CANARY, Vendors
from undertow.app.commands.indicators import latency_command, shown
from undertow.app.vendors.desk import root_of
from undertow.core.calendar import nyse
from undertow.core.events import DailyBar, FlowAlert
from undertow.core.time import DAY, HOUR, MINUTE, SECOND
from undertow.tape.store import Tape, frame_of

FIRST, LAST = "2025-01-02", "2026-10-30"
OF = ("data", "indicators", "--symbols", "AAPL", "--start-date", FIRST, "--end-date", LAST)


def filled(vendors: Vendors, home: Path, last_close: float = 1.0) -> Tape:
    """A tape with the market's day bars, the last close multiplied, and a month of alerts."""
    tape = Tape(root_of(home, vendors.world.market.name))
    sessions = nyse().sessions(np.datetime64(FIRST), np.datetime64(LAST))
    market = vendors.world.market
    bars = frame_of(market.events(["AAPL"], sessions, (DailyBar,))[DailyBar], "massive (simulated)")
    close = pl.when(pl.col("event_at") == pl.col("event_at").max()).then(pl.col("close") * last_close).otherwise(pl.col("close"))
    tape.append(DailyBar, bars.with_columns(close.cast(pl.Int64)))
    alerts = market.events(["AAPL"], slice(sessions.stop - 20, sessions.stop), (FlowAlert,))[FlowAlert]
    tape.append(FlowAlert, frame_of(alerts, "unusual_whales (simulated)"))
    return tape


def test_latency_is_what_the_tape_says(
    vendors: Vendors, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = filled(vendors, tmp_path)
    Tape(tmp_path).append(DailyBar, tape.frame(DailyBar).select(pl.exclude("session", "id")).head(10).collect())
    done = run(UNDERTOW, "data", "latency", "--json", env=vendors.env(tmp_path))
    assert done.code == 0, done.err
    found = {(one["market"], one["kind"]): one for one in json.loads(done.out)}
    simulated = tape.folder.parent.name
    assert set(found) == {("real", "daily_bar"), (simulated, "daily_bar"), (simulated, "flow_alert")}
    assert found["real", "daily_bar"]["rows"] == 10
    rows = tape.frame(FlowAlert).collect()
    late = np.sort((rows["known_at"] - rows["event_at"]).to_numpy())
    one = found[simulated, "flow_alert"]
    assert (one["source"], one["rows"]) == ("unusual_whales (simulated)", len(late))
    for name, share in (("median", 0.5), ("p90", 0.9), ("p99", 0.99)):
        assert late[int(share * (len(late) - 1))] <= one[name] <= late[min(int(share * (len(late) - 1)) + 1, len(late) - 1)]
    assert one["median"] <= one["p90"] <= one["p99"]
    monkeypatch.setenv("COLUMNS", "200")
    latency_command(home=tmp_path)
    assert shown(one["p90"]) in capsys.readouterr().out


def test_indicators_agree_on_the_same_bars_and_a_wrong_one_is_named(vendors: Vendors, tmp_path: Path) -> None:
    filled(vendors, tmp_path / "right")
    done = run(UNDERTOW, *OF, env=vendors.env(tmp_path / "right"))
    assert done.code == 0, done.err
    assert [name in done.out for name in ("sma", "ema", "rsi", "macd", "histogram")] == [True] * 5
    assert "no day is compared" not in done.out
    filled(vendors, tmp_path / "wrong", last_close=1.05)
    wrong = run(UNDERTOW, *OF, env=vendors.env(tmp_path / "wrong"))
    assert wrong.code == 1
    assert "differ by more than 0.0001: AAPL sma 50 value" in wrong.err
    assert LAST in wrong.err
    assert wrong.err.count("\n") == 1
    for one in (done, wrong):
        assert not any(canary in one.out + one.err for canary in (MASSIVE_CANARY, WHALES_CANARY))


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (0, "0 ms"), (250_000, "0.25 ms"), (40 * 10**6, "40 ms"), (1500 * 10**6, "1.5 s"), (15 * MINUTE, "15 min"), (HOUR, "1 h"),
        (40 * DAY, "40 d"), (-45 * DAY, "-45 d"), (59 * SECOND, "59 s"), (1234 * DAY, "1,234 d"),
    ],
)  # fmt: skip
def test_a_span_is_shown_for_people(span: int, text: str) -> None:
    assert shown(span) == text
