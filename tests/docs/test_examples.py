"""The examples: each extension is short, does what it says, and is shown in its page, which runs it and holds it to the laws."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

import numpy as np
import pytest

from tests.docs.documents import ROOT, blocks
from undertow.core.calendar import nyse
from undertow.core.events import DailyBar

PAGES = {
    "own_feature": "add-a-feature",
    "own_operator": "add-a-feature",
    "own_kind": "add-a-feature",
    "own_model": "add-a-model",
    "own_source": "add-a-source",
    "own_event_strategy": "add-an-event-strategy",
}
#: those that have nothing to audit: what they rest on is held to the laws by its own tests
WITHOUT_AUDIT = ("own_source", "own_event_strategy")
MOST_LINES = 20


def _example(name: str) -> Path:
    return ROOT / "examples" / f"{name}.py"


def test_every_example_has_a_page() -> None:
    assert {path.stem for path in (ROOT / "examples").glob("*.py")} == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_the_page_shows_the_file(name: str) -> None:
    shown = [block.code for block in blocks(ROOT / "docs" / "how-to" / f"{PAGES[name]}.md") if block.language == "python"]
    assert _example(name).read_text("utf-8") in shown, "copy the example into its page"


@pytest.mark.parametrize("name", PAGES)
def test_the_page_runs_it_and_holds_it_to_the_laws(name: str) -> None:
    commands = "".join(block.code for block in blocks(ROOT / "docs" / "how-to" / f"{PAGES[name]}.md") if block.language == "sh")
    if name in ("own_operator", "own_kind"):  # nothing to run by itself; tests/features/test_examples.py audits them
        assert f"--features examples/{name}.py:OwnFeatures" in commands
        return
    assert f"python examples/{name}.py\n" in commands
    assert name in WITHOUT_AUDIT or f"undertow audit --{PAGES[name].removeprefix('add-a-')}s examples/{name}.py:Own" in commands


@pytest.mark.parametrize("name", PAGES)
def test_the_extension_is_under_twenty_lines(name: str) -> None:
    tree = ast.parse(_example(name).read_text("utf-8"))
    lines = sum((node.end_lineno or 0) - node.lineno + 1 for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef))
    assert 0 < lines < MOST_LINES


def test_the_feature_is_what_it_says() -> None:
    from undertow.core.chunk import chunk_of

    own = runpy.run_path(str(_example("own_feature")))["OwnFeatures"](["KO"], only=["place_in_range_1d"])
    close = nyse().close[8000:8030]
    low, high, last = (np.arange(30) * 7 % 11 + shift for shift in (100, 120, 107))
    columns = {"open": last, "high": high, "low": low, "close": last, "volume": last}
    bars = chunk_of(DailyBar, ["KO"], key=np.zeros(30, np.int64), event_at=close, known_at=close, columns=columns)
    expected = (last[-1] - low[-20:].min()) / (high[-20:].max() - low[-20:].min())
    assert own.push([bars], close[-1:])[0, 0, 0] == pytest.approx(expected, abs=1e-12)


def test_the_model_learns() -> None:
    own = runpy.run_path(str(_example("own_model")))["OwnFramework"]
    assert "vote" in own(["KO"], ["a"]).names
    rng = np.random.default_rng(1)
    X = rng.standard_normal((400, 3))
    y = (X[:, 1] > 0).astype(np.float64)
    vote = own(["KO"], ["a", "b", "c"], only=["vote"]).fresh()[0].fit(X, y, np.ones(400))
    assert ((vote.predict(X) > 0.5) == (y > 0.5)).mean() > 0.9


def test_the_event_strategy_buys_a_fall_and_sells_when_it_is_back() -> None:
    from undertow.core.orders import Costs
    from undertow.execution.events.fold import Ticks
    from undertow.execution.events.sleeve import EventSleeve

    own = runpy.run_path(str(_example("own_event_strategy")))["fall_and_back"]
    price = np.array([50.0] * 10 + [49.0] * 5 + [50.5] * 5)
    ticks = Ticks(np.arange(20) * 10**9, price, np.full(20, 1e6))
    free = Costs(half_spread_bp=0.0, impact=0.0)
    compiled, plain = EventSleeve(10_000.0, free, own), EventSleeve(10_000.0, free, _plain(own))
    for sleeve in (compiled, plain):
        done = sleeve.push(ticks)
        assert done.fills.price.tolist() == [49.0, 50.5]
        assert done.fills.shares.tolist() == [100.0, -100.0]
        assert sleeve.account().equity == 10_000.0 + 100 * 1.5


def _plain(own):
    memory = own.fresh()
    return lambda at, price, size, account: own(memory, at, price, size, account)


def test_the_source_yields_what_the_protocol_asks() -> None:
    source = runpy.run_path(str(_example("own_source")))["CsvSource"]()
    days = nyse().sessions(np.datetime64("2025-09-02"), np.datetime64("2025-09-05"))
    after, until = (int(nyse().close[i]) for i in (days.start, days.stop - 1))
    (chunk,) = source.history(("DEMO",), after, until)
    assert chunk.kind is DailyBar
    assert chunk.kind in source.kinds
    assert chunk.known_at.tolist() == nyse().close[days.start + 1 : days.stop].tolist(), "after is left out, until is in"
    assert chunk.columns["close"].dtype == np.int64
    assert np.isnan(chunk.numbers("vwap")).all(), "what the source does not give counts as not published"
