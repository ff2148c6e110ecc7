"""Every command, flag, event kind, mapping key, feature, model and result is documented, or a test here fails."""

from __future__ import annotations

import json
import re
from typing import Any, get_args, get_origin

import pytest

from tests.docs import reference
from tests.docs.documents import ROOT, Walk, text_of

MAPPING, RESULTS = reference.REFERENCE / "mapping.md", reference.REFERENCE / "results.md"


@pytest.mark.parametrize("name", reference.PARTS)
def test_generated_parts_are_what_the_code_says(name: str) -> None:
    file, make = reference.PARTS[name]
    text = text_of(reference.REFERENCE / file)
    assert f"<!-- generated: {name} -->" in text
    assert text == reference.with_part(text, name, make()), "run: python -m tests.docs.reference"


def test_every_flag_says_what_it_is_for() -> None:
    for name, command in reference.commands():
        assert command.help, name
        assert all(meaning for *_, meaning in reference.flags(command)), name


def test_the_other_two_entry_points_have_the_same_flags() -> None:
    import typer

    from undertow.app.main_job import app

    (inside,) = [command for name, command in reference.commands() if name == "undertow run"]
    assert reference.flags(typer.main.get_command(app)) == reference.flags(inside)


def _rows(section: str) -> dict[str, tuple[str, str]]:
    """Key -> default and meaning, of one section of the mapping's page."""
    text = text_of(MAPPING).split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    return {key: (default, meaning) for key, default, meaning in re.findall(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", text, re.M)}


def _sections() -> list[tuple[str, Any]]:
    from undertow.sources.mapping import EventRule, Mapping, ReadRule, TimeRule

    return [("The file", Mapping), ("`[read]`", ReadRule), ("`[[event]]`", EventRule), ("Time rules", TimeRule)]


@pytest.mark.parametrize("number", range(4))
def test_every_mapping_key_is_documented_with_its_default(number: int) -> None:
    section, kind = _sections()[number]
    rows = _rows(section)
    assert set(rows) == set(kind.model_fields), section
    for key, field in kind.model_fields.items():
        default, meaning = rows[key]
        if field.is_required():
            assert default == "required", key
        elif field.default is None:
            assert default == "none", key
        elif isinstance(field.default, str | bool | list | dict) and field.default != "":
            assert default == f"`{json.dumps(field.default)}`", key
        for choice in _choices(field.annotation):
            assert f'"{choice}"' in meaning, f"{key} can be {choice}"


def _choices(annotation: Any) -> list[str]:
    """The words that a field may be set to, where it is one of a few."""
    if isinstance(annotation, str):
        return [annotation]
    return [word for part in get_args(annotation) for word in _choices(part)] if get_origin(annotation) is not None else []


def test_every_kind_of_event_is_documented() -> None:
    from undertow.core.events import KINDS

    text = text_of(reference.REFERENCE / "events.md")
    assert re.findall(r"^## `(\w+)`$", text, re.M) == [kind.kind for kind in KINDS]


@pytest.mark.slow
def test_what_a_run_writes_is_documented(walked: Walk) -> None:
    import polars as pl

    folder = sorted((walked(ROOT / "docs" / "start" / "first-run.md").home / "runs").iterdir())[0]
    text = text_of(RESULTS)
    documented = dict(re.findall(r"^\| `([\w.]+)` \|.*?\| (.*) \|$", text, re.M))
    asked_for = set(re.findall(r"^\| `([\w.]+)` \|[^|]*, with `--[\w-]+` only \|", text, re.M))  # what no plain run writes
    assert {path.name for path in folder.iterdir()} == {name for name in documented if "." in name} - asked_for
    keys = re.findall(r"^\| `(\w+)` \|", text.split("\n## Manifest\n", 1)[1].split("\n## ", 1)[0], re.M)
    assert list(json.loads((folder / "manifest.json").read_text("utf-8"))) == keys
    for name in ("signals", "equity", "fills"):
        named = re.findall(r"`(\w+)`", documented[f"{name}.parquet"])
        assert [c for c in pl.read_parquet(folder / f"{name}.parquet").columns if c != "AAPL"] == named


def test_exit_statuses_are_those_of_the_errors() -> None:
    from undertow.core import errors

    statuses = {int(found) for found in re.findall(r"^\| (\d+) \|", text_of(RESULTS), re.M)}
    raised = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.UndertowError)}
    assert statuses == {0, 130} | raised
