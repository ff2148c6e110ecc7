"""The ledger of what was fetched: kept whole, replaced when asked again, one sentence where the disk refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from undertow.core.errors import StoreError
from undertow.tape.fetched import Fetched, Span
from undertow.tape.store import Tape

ONE = Span(vendor="massive", kind="bar", symbol="A", after=5, until=9, at=100, rows=3, lacks="")


def test_spans_are_kept_in_order_and_replaced(tmp_path: Path) -> None:
    ledger = Fetched(Tape(tmp_path))
    assert ledger.spans() == []
    assert not (tmp_path / "tape").exists()  # looking writes nothing
    ledger.note([replace(ONE, symbol="B"), ONE])
    ledger.note([replace(ONE, at=200, rows=4)])
    assert Fetched(Tape(tmp_path)).spans() == [replace(ONE, at=200, rows=4), replace(ONE, symbol="B")]


def test_a_broken_ledger_is_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "tape"
    folder.mkdir()
    (folder / "fetched.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match="could not be used"):
        Fetched(Tape(tmp_path)).spans()
