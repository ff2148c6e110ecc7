"""The vendor's samples and captures, where this checkout has them beside it; none of them is ours to publish."""

from __future__ import annotations

import ast
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
SAMPLES = SHARED / "vendor_samples" / "unusual_whales"
CAPTURES = SHARED / "vendor_captures"
NAMES = sorted(path.stem for path in SAMPLES.glob("*.json"))

needed = pytest.mark.skipif(not NAMES, reason=f"the vendor's samples are not at {SAMPLES}")
captured = pytest.mark.skipif(not CAPTURES.is_dir(), reason=f"the vendor's captures are not at {CAPTURES}")


def sample(name: str) -> Any:
    path = SAMPLES / f"{name}.json"
    if not path.exists():
        pytest.skip(f"no {path}")
    return json.loads(path.read_bytes())


def messages(name: str) -> list[Any]:
    """Frames of a capture in text, ``time|channel|payload as Python wrote it``."""
    lines = (CAPTURES / name).read_text("utf-8").splitlines()
    return [[channel, ast.literal_eval(payload)] for _, channel, payload in (line.split("|", 2) for line in lines if "|" in line)]


def stream(name: str) -> list[dict[str, Any]]:
    """Messages of the captured Kafka stream: one JSON object after the other, with text between."""
    text, rows, at = (CAPTURES / name).read_text("utf-8"), [], 0
    while (at := text.find("{", at)) >= 0:
        row, at = json.JSONDecoder().raw_decode(text, at)
        rows.append(row)
    return rows


def database(name: str) -> list[dict[str, Any]]:
    with sqlite3.connect(f"file:{CAPTURES / name}?immutable=1", uri=True) as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute("select * from flow_alerts")]
    connection.close()
    return rows
