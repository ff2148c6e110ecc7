"""Every wrapping gives its rows; an error or a fragment never looks like nothing."""

from __future__ import annotations

from typing import Any

import pytest

from undertow.sources.unusual_whales.envelope import VALUE, frame, unwrap
from undertow.sources.wire.errors import BadAnswer, BadRequest, NotEntitled, NotFound, VendorDown


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        ({"data": []}, []),
        ({"data": [{"a": 1}]}, [{"a": 1}]),
        ({"data": [{"a": 1}], "date": "2026-05-28"}, [{"a": 1}]),
        ({"data": [{"a": 1}], "has_more": True}, [{"a": 1}]),
        ({"data": {"a": 1}}, [{"a": 1}]),
        ([{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 2}]),
        ([], []),
        ({"chains": [{"a": 1}]}, [{"a": 1}]),
        ({"alert": {"id": 1}, "trades": [{"a": 1}], "has_more": False}, [{"a": 1}]),
        ({"data": [{"data": [{"a": 1}, {"a": 2}], "expiry": "x"}]}, [{"expiry": "x", "a": 1}, {"expiry": "x", "a": 2}]),
        ({"a": 1, "b": 2}, [{"a": 1, "b": 2}]),
        ({"trades": 4, "volume": 2}, [{"trades": 4, "volume": 2}]),
        ({"data": ["AAPL", 5]}, [{VALUE: "AAPL"}, {VALUE: 5}]),
        ({"data": [{"error": "a column"}], "message": "hello"}, [{"error": "a column"}]),
    ],
)
def test_wrappings(body: Any, rows: list[dict[str, Any]]) -> None:
    assert list(unwrap(body).rows) == rows


def test_what_stands_beside_the_rows() -> None:
    got = unwrap({"data": [{"a": 1}], "date": "2026-05-28", "has_more": True})
    assert (got.date, got.has_more, got.alert) == ("2026-05-28", True, None)
    assert unwrap({"data": []}).has_more is None
    assert unwrap({"alert": {"id": 1}, "trades": []}).alert == {"id": 1}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, NotFound),
        ({"code": "historic_data_access_missing", "message": "The earliest date is 2025-11-03 (120 trading days)."}, NotEntitled),
        ({"error": {"code": "historical_data_not_supported", "message": "no"}}, BadRequest),
        ({"error": "something broke"}, VendorDown),
        ({"code": "surprise", "message": "?"}, VendorDown),
        ({"msg": "Invalid path input"}, BadRequest),
        ({"msg": "Missing access to this endpoint"}, NotEntitled),
        ({"data": None}, BadAnswer),
        ({"data": "soon"}, BadAnswer),
        ({"data": [{"a": 1}, None]}, BadAnswer),
        ("Something went wrong", BadAnswer),
        (None, BadAnswer),
        (7, BadAnswer),
        (["flow-alerts", {"ticker": "A"}], BadAnswer),
    ],
)
def test_errors_and_fragments_are_not_empty(body: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        unwrap(body, "/api/x")


def test_frames() -> None:
    ack = frame(["option_trades:TSLA", {"response": {}, "status": "ok"}])
    assert (ack.is_ack, ack.rows, ack.channel) == (True, (), "option_trades:TSLA")
    got = frame(["flow-alerts", {"ticker": "A", "status": "a column of its own"}])
    assert (got.is_ack, got.rows) == (False, ({"ticker": "A", "status": "a column of its own"},))
    assert frame(["x", [{"a": 1}, {"a": 2}]]).rows == ({"a": 1}, {"a": 2})
    with pytest.raises(BadRequest, match="refused the channel flow"):
        frame(["flow", {"response": {"reason": "plan"}, "status": "error"}])


@pytest.mark.parametrize("message", [{}, [], ["x"], ["x", {}], ["x", []], ["x", None], ["x", [1]], [1, {"a": 1}], "x", None])
def test_what_is_no_frame_is_refused(message: Any) -> None:
    with pytest.raises(BadAnswer):
        frame(message)
