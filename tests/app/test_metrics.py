"""Numbers and lines of a run: on loopback alone, in a known form, without a key, and no full disk hurts."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from undertow.app.logs import NAME, Log
from undertow.app.metrics import Metrics
from undertow.core.errors import StoreError
from undertow.core.time import SECOND
from undertow.execution.risk.codes import Code
from undertow.execution.risk.state import Mode
from undertow.sources.wire.key import Key

SECRET = "s3cr3t/With+Signs=="


def numbers(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value for family in text_string_to_metric_families(text) for sample in family.samples
    }


def test_every_number_is_told_on_loopback() -> None:
    metrics = Metrics()
    assert numbers(metrics.text())["undertow_risk_state", "halted"] == 1.0
    metrics.mode(Mode.ACTIVE)
    metrics.latency(7_000_000)
    metrics.channel("quotes", SECOND // 2, None)
    metrics.verdict(Code.SPREAD)
    metrics.verdict(Code.SPREAD)
    metrics.orders({"filled": 3})
    metrics.orders({"accepted": 1})
    metrics.money(99_000.0, 100_000.0, 110_000.0)
    metrics.alerts(4, 1)
    url, close = metrics.serve()
    try:
        assert url.startswith("http://127.0.0.1:")
        found = numbers(httpx.get(url).text)
    finally:
        close()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
    assert found["undertow_received_to_sent_seconds_bucket", "0.01"] == 1.0
    assert found["undertow_received_to_sent_seconds_bucket", "0.005"] == 0.0
    assert found["undertow_channel_lag_seconds", "quotes"] == 0.5
    assert found["undertow_channel_age_seconds", "quotes"] != found["undertow_channel_age_seconds", "quotes"]
    assert found["undertow_verdicts_total", "spread"] == 2.0
    assert ("undertow_orders", "filled") not in found
    assert found["undertow_orders", "accepted"] == 1.0
    assert (found["undertow_equity_usd",], found["undertow_day_pnl_usd",]) == (99_000.0, -1_000.0)
    assert found["undertow_day_drawdown_ratio",] == 0.1
    assert (found["undertow_risk_state", "active"], found["undertow_risk_state", "halted"]) == (1.0, 0.0)
    assert (found["undertow_alerts_dropped",], found["undertow_alerts_failed",]) == (4.0, 1.0)


def test_lines_are_json_in_order_and_hold_no_key(tmp_path: Path) -> None:
    key = Key(SECRET)
    log = Log(tmp_path / "run", [key], lambda: 0)
    log.info("order sent", order="ut-1", header=f"Bearer {SECRET}", key=key, nested={"url": [f"wss://x?token={SECRET}"]})
    try:
        raise ValueError(f"refused: {SECRET}")
    except ValueError:
        log.error("broke", exc_info=True)  # noqa: G201 - a log of ours
    log.close()
    text = (tmp_path / "run" / NAME).read_text("utf-8")
    assert SECRET not in text
    first, second = (json.loads(line) for line in text.splitlines())
    assert (first["at"], first["level"], first["event"], first["order"]) == ("1970-01-01T00:00:00Z", "info", "order sent", "ut-1")
    assert "ValueError: refused: [key]" in second["exception"]
    assert not log.lost


def test_files_turn_over_and_a_disk_that_refuses_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(tmp_path, [], lambda: 0, most_bytes=2_000)
    for number in range(200):
        log.info("tick", number=number)
    assert len(list(tmp_path.iterdir())) == 6
    assert all(path.stat().st_size <= 2_100 for path in tmp_path.iterdir())

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(log._file, "shouldRollover", full)
    log.info("lost")
    assert log.lost == 1
    log.close()
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        Log(tmp_path / "file", [], lambda: 0)
