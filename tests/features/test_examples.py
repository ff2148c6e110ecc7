"""What the how-to shows: a feature, an operator and a kind of one's own, in the catalogue and under the laws with nothing else touched."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from undertow.app.cli import app
from undertow.app.main_job import guarded
from undertow.app.own_code import own_class
from undertow.core import events
from undertow.core.chunk import chunk_of
from undertow.core.events import DailyBar
from undertow.core.time import DAY
from undertow.features.engineering import FeatureEngineering
from undertow.validation.audit import audit

EXAMPLES = Path(__file__).parents[2] / "examples"
MOST_LINES = 20
OWN = {"own_feature": "place_in_range_1d", "own_operator": "rising_streak_1d", "own_kind": "borrow_fee_score"}
WHERE = {name: f"{EXAMPLES / name}.py:OwnFeatures" for name in OWN}


@pytest.mark.parametrize("name", OWN)
def test_it_is_short(name: str) -> None:
    tree = ast.parse((EXAMPLES / f"{name}.py").read_text("utf-8"))
    body = [part for part in tree.body if isinstance(part, ast.ClassDef)]
    texts = {line for part in ast.walk(tree) for line in _docstring_lines(part)}
    lines = {line for part in body for node in ast.walk(part) if hasattr(node, "lineno") for line in (node.lineno, node.end_lineno)}
    assert len(body) >= 1
    assert len({line for line in lines if line is not None} - texts) <= MOST_LINES


def _docstring_lines(node: ast.AST) -> range:
    if not isinstance(node, ast.ClassDef | ast.FunctionDef) or ast.get_docstring(node) is None:
        return range(0)
    text = node.body[0]
    return range(text.lineno, (text.end_lineno or 0) + 1)


@pytest.mark.parametrize("name", OWN)
def test_it_is_under_the_laws(name: str) -> None:
    found = audit(own_class(WHERE[name], FeatureEngineering, "--features"), only=[OWN[name]])
    assert found.clean, found.findings
    assert len(found.checked) >= 8  # every law, and that it is known at all


@pytest.mark.parametrize("name", OWN)
def test_it_is_in_the_catalogue(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(app, ["features", "list", "--family", "own", "--features", WHERE[name]], "undertow") == 0
    assert capsys.readouterr().out.startswith(f"{OWN[name]}  [")


def test_the_operator_counts_what_it_says() -> None:
    close = np.array([5, 6, 7, 7, 8, 9, 8, *range(9, 25)]) * 10_000
    at = np.arange(len(close)) * DAY
    bars = chunk_of(DailyBar, ("A",), key=np.zeros(len(close)), event_at=at, known_at=at, columns={"close": close})
    own = own_class(WHERE["own_operator"], FeatureEngineering, "--features")
    got = own(("A",), only=[OWN["own_operator"]]).push([bars], at)[:, 0, 0]
    assert got.tolist() == [0, 1, 2, 0, 1, 2, 0, *range(1, 11), *[10] * 6]


def test_a_kind_s_name_is_taken_once() -> None:
    kind = own_class(f"{EXAMPLES / 'own_kind'}.py:BorrowFee", events.Event, "--features")
    assert events.BY_NAME["borrow_fee"] is kind
    assert events.RANK[kind] >= len(events.KINDS)
    with pytest.raises(ValueError, match="there is a kind 'trade' already"):
        events.add_kind(type("Other", (events.Event,), {"kind": "trade"}))
