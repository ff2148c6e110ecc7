"""``docs/concepts/life-of-a-print.md`` is walked: the functions that it names are called, in the order in which it names them."""

from __future__ import annotations

import importlib
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

from tests.docs.documents import ROOT, text_of

PAGE = ROOT / "docs" / "concepts" / "life-of-a-print.md"
STEPS = 10


def _steps() -> list[list[str]]:
    """The names of each numbered step."""
    found = re.findall(r"^\d+\. .+?(?=^\d+\. |^Live, |^```|\Z)", text_of(PAGE), re.DOTALL | re.MULTILINE)
    return [re.findall(r"`(undertow\.[\w.]+)`", step) for step in found]


def _code(name: str) -> CodeType:
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            found = getattr(found, part)
        code = getattr(found, "__code__", None)
        assert isinstance(code, CodeType), f"{name} is no function"
        return code
    raise AssertionError(f"{name} is not there")


def test_there_are_ten_steps_and_each_names_its_function() -> None:
    steps = _steps()
    assert len(steps) == STEPS
    assert all(steps)
    assert len({_code(name) for step in steps for name in step}) == sum(map(len, steps))


@pytest.mark.slow
def test_the_functions_are_called_in_that_order(tmp_path: Path) -> None:
    names = {_code(name): name for step in _steps() for name in step}
    called: list[str] = []
    teach, read = _code("undertow.app.learning.teach"), sum(map(len, _steps()[:5]))

    def watch(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in names:
            called.append(names.pop(frame.f_code))
        elif event == "return" and frame.f_code is teach:  # models are taught by a run of its own, before the one that decides
            names.update({_code(name): name for name in called[read:]})
            del called[read:]

    _import(tmp_path, "bars_1d.toml", "demo_daily.csv")
    sys.setprofile(watch)
    try:
        _import(tmp_path, "option_chains.toml", "demo_chain.csv")
        result = _premarket(tmp_path)
    finally:
        sys.setprofile(None)
    assert called == [name for step in _steps() for name in step]
    assert [signal.symbol for signal in result.signals] == ["DEMO"]
    assert "chain_row" in result.sources


def _import(home: Path, mapping: str, file: str) -> None:
    from undertow.app.clock import now
    from undertow.app.data_import import import_files
    from undertow.tape.store import Tape

    import_files(Tape(home), ROOT / "examples" / "import" / mapping, [ROOT / "examples" / "data" / file], now())


def _premarket(home: Path) -> Any:
    from undertow.app.clock import now
    from undertow.app.job import Flags, check
    from undertow.app.modes import premarket
    from undertow.core.calendar import nyse

    flags = replace(Flags(), symbols="DEMO", mode="premarket", source="imported", end_date="2025-09-30")
    return premarket(check(flags, nyse(), now()), home, nyse(), lambda *_: None)


def test_the_row_becomes_known_when_the_page_says(tmp_path: Path) -> None:
    from undertow.core.calendar import nyse
    from undertow.core.events import ChainRow, OpenInterest
    from undertow.core.time import HOUR, MINUTE, date_of
    from undertow.tape.store import Tape

    _import(tmp_path, "option_chains.toml", "demo_chain.csv")
    day = nyse().session_on_or_before(date_of("2025-09-29"))
    chain, interest = (Tape(tmp_path).read(kind, ["DEMO"], 0, 2**62)[:1] for kind in (ChainRow, OpenInterest))
    assert chain.event_at.tolist() == [nyse().at_time(day, 16 * HOUR)]
    assert chain.known_at.tolist() == [nyse().at_time(day, 16 * HOUR + 15 * MINUTE)]
    assert (chain.columns["strike"][0], chain.columns["volume"][0]) == (310_000, 309)
    assert interest.event_at.tolist() == [nyse().close[day - 1]]
    assert interest.known_at.tolist() == [nyse().at_time(day, 9 * HOUR)]
    assert interest.columns["open_interest"][0] == 115
