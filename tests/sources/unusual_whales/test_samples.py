"""Contract: every sample and capture is read, or recognised as the error it documents; new fields change nothing."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest

from tests.sources.unusual_whales import samples
from undertow.core.events import MISSING, PRICE_SCALE, Grade
from undertow.core.time import SECOND
from undertow.sources.unusual_whales import parse
from undertow.sources.unusual_whales.envelope import frame, unwrap
from undertow.sources.unusual_whales.rows import HEARTBEAT, Parsed, contract
from undertow.sources.wire.errors import BadAnswer, BadRequest, NotEntitled, NotFound

ERRORS = {
    "error_403_historic_access": NotEntitled,
    "error_404_empty_object": NotFound,
    "error_422_invalid_input": BadRequest,
    "error_500_text": BadAnswer,  # where it comes with status 200
    "error_option_trades_historic": BadRequest,
}
FAMILIES = {
    "flow_alerts": parse.flow_alerts,
    "option_trades_flow_alerts": parse.flow_alerts,
    "ticker_flow_alerts": parse.flow_alerts,
    "openapi_option_trades": parse.option_trades,
    "openapi_option_contract_id_flow": parse.option_trades,
    "ws_option_trades": parse.option_trades,
    "darkpool_recent": parse.off_exchange_prints,
    "darkpool_ticker": parse.off_exchange_prints,
    "off_lit_trades": parse.off_exchange_prints,
    "insider_transactions": parse.insider_trades,
    "recent_trades": parse.congress_trades,
    "late_reports": parse.congress_trades,
    "congress_trader": parse.congress_trades,
    "earnings_premarket": parse.earnings_reports,
    "earnings_afterhours": parse.earnings_reports,
    "news_headlines": parse.news,
    "oi_change": parse.open_interest,
}
NAMES = {name: reader for name in samples.NAMES for end, reader in FAMILIES.items() if name.endswith(end) and "alerts_id" not in name}


def rows_of(body: Any) -> list[dict[str, Any]]:
    """Rows of a sample in whichever wrapping it was kept."""
    if isinstance(body, list) and body and isinstance(body[0], dict) and "message" in body[0]:
        return [dict(row) for line in body for row in frame(line["message"]).rows]
    if isinstance(body, list) and len(body) == 2 and isinstance(body[0], str):
        return [dict(row) for row in frame(body).rows]
    return [dict(row) for row in unwrap(body).rows]


def universe(rows: list[dict[str, Any]]) -> tuple[str, ...]:
    named = [row.get("ticker") or row.get("underlying_symbol") or row.get("symbol") for row in rows]
    return tuple(sorted({name for name in named if name} | {t for row in rows for t in row.get("tickers") or ()} | {"NONE"}))


def same(a: Parsed, b: Parsed) -> None:
    assert a.left_out == b.left_out
    for x, y in zip(
        (a.chunk.known_at, a.chunk.event_at, a.chunk.key, a.chunk.grade, *a.chunk.columns.values()),
        (b.chunk.known_at, b.chunk.event_at, b.chunk.key, b.chunk.grade, *b.chunk.columns.values()),
        strict=True,
    ):
        np.testing.assert_array_equal(x, y)


@samples.needed
@pytest.mark.parametrize("name", samples.NAMES)
def test_every_sample_is_rows_or_its_documented_error(name: str) -> None:
    body = samples.sample(name)
    if name in ERRORS:
        with pytest.raises(ERRORS[name]) as caught:
            unwrap(body, "/api/x")
        if name == "error_403_historic_access":
            assert caught.value.earliest == "2026-01-05"
        return
    rows = rows_of(body)
    if name in ("ws_join_ack", "ws_socket"):
        assert rows == []
        assert frame(body).is_ack
    else:
        assert rows or body == {"data": []}, name  # told to be empty


@samples.needed
@pytest.mark.parametrize("name", sorted(NAMES))
def test_rows_become_events_and_new_fields_change_nothing(name: str) -> None:
    rows, reader = rows_of(samples.sample(name)), NAMES[name]
    known = reader(rows, universe(rows))
    assert len(known.chunk) + sum(known.left_out.values()) >= len(rows)
    assert bool((np.diff(known.chunk.known_at) >= 0).all())
    assert bool((known.chunk.known_at >= known.chunk.event_at + known.chunk.kind.least_lag).all())
    grown = copy.deepcopy(rows)
    for row in grown:
        row |= {"brand_new": {"deep": [1, {"x": None}]}, "another": 2**70}
    same(known, reader(grown, universe(rows)))
    same(known, reader(list(reversed(rows)), universe(rows)))


@samples.needed
def test_no_family_is_without_a_sample() -> None:
    apart = {parse.chain_totals, parse.daily_bars}  # test_totals: their rows do not name the symbol
    assert set(NAMES.values()) | apart == set(parse.READERS.values())
    assert len(NAMES) >= 20


@samples.needed
def test_seven_shapes_of_flow_alerts() -> None:
    """Each row of each shape: premiums by side, sides never above the whole, the clock's grade, the ratio recomputed."""
    for name, count, grade in (
        ("openapi_option_trades_flow_alerts", 1, Grade.STAMPED),
        ("digibug_option_trades_flow_alerts", 1, Grade.STAMPED),
        ("ws_flow_alerts", 1, Grade.MODELLED),
        ("real_ws_capture_flowalerts_20250516", 17, Grade.MODELLED),
        ("real_sqlite_flow_alerts_20250918", 55, Grade.MODELLED),
        ("real_kafka_flow_alerts_202601", 6, Grade.MODELLED),
    ):
        rows = rows_of(samples.sample(name))
        got = parse.flow_alerts(rows, universe(rows))
        chunk = got.chunk
        assert (len(chunk), got.left_out.get(HEARTBEAT, 0)) == (count, len(rows) - count), name
        assert set(chunk.grade.tolist()) == {int(grade)}
        ask, bid, whole = (chunk.columns[n] for n in ("ask_premium", "bid_premium", "premium"))
        assert bool(((ask >= 0) & (bid >= 0) & (ask + bid <= whole)).all()), name
        assert set(chunk.columns["rule"].tolist()) <= {"RepeatedHits", "RepeatedHitsAscendingFill", "RepeatedHitsDescendingFill"}
        if grade is Grade.MODELLED:
            assert set((chunk.known_at - chunk.event_at).tolist()) == {16 * SECOND}
        told = [row for row in rows if row.get("ticker")]
        ratios = parse.volume_oi_ratios(told)
        assert bool(
            (np.isnan(ratios) == np.array([int(row["open_interest"] or 0) == 0 if "open_interest" in row else True for row in told])).all()
        )
        if "20250516" not in name and name != "ws_flow_alerts":  # there the vendor's own ratio is 0 throughout
            own = np.array([float(row.get("volume_oi_ratio", 0)) for row in told])
            np.testing.assert_allclose(ratios[~np.isnan(ratios)], own[~np.isnan(ratios)], rtol=1e-9)
    one = samples.sample("openapi_option_trades_flow_alerts_id")
    envelope = unwrap(one)
    assert envelope.alert is not None
    alert = parse.flow_alerts([envelope.alert], ("DINO",)).chunk
    assert alert.columns["premium"].tolist() == [int(envelope.alert["total_premium"]) * PRICE_SCALE]
    trades = parse.option_trades(envelope.rows, ("DINO",)).chunk
    assert trades.columns["conditions"].tolist() == ["235", "235"]


@samples.captured
def test_captures_as_text_database_and_stream() -> None:
    kinds = {"demo_flowalerts_20250516_131951.txt": parse.flow_alerts, "demo_optiontrades_20250516_131951.txt": parse.option_trades}
    for name, reader in kinds.items():
        frames = [frame(message) for message in samples.messages(name)]
        assert sum(f.is_ack for f in frames) == 1
        rows = [dict(row) for f in frames for row in f.rows]
        assert len(reader(rows, universe(rows)).chunk) == len(rows) == 17
    gex = [frame(message) for message in samples.messages("demo_greeks_20250516_131951.txt")]
    assert [f.is_ack for f in gex].count(True) == 3
    rows = samples.database("flow_alerts.db")
    got = parse.flow_alerts(rows, universe(rows))
    assert (len(got.chunk), got.left_out) == (55, {HEARTBEAT: 1})
    rows = samples.stream("sample_flow_alerts_from_stream.txt")
    stream = parse.flow_alerts(rows, universe(rows)).chunk
    assert len(stream) == len(rows)
    assert MISSING not in np.concatenate(
        [stream.columns[n] for n in ("premium", "ask_premium", "bid_premium", "open_interest", "is_sweep")]
    )


@samples.needed
def test_option_symbols_of_every_sample_can_be_read() -> None:
    found: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            found.update(v for k, v in value.items() if k in ("option_symbol", "option_chain", "option_chain_id") and isinstance(v, str))
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    for name in samples.NAMES:
        walk(json.loads((samples.SAMPLES / f"{name}.json").read_bytes()))
    assert len(found) > 50
    for symbol in found - {""}:
        assert contract(symbol).strike > 0
