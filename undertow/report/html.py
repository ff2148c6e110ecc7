"""The report: one HTML file that needs nothing else, opens offline, reads well on a phone, in the dark and on paper."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from undertow.core.errors import StoreError
from undertow.engine.result import RunResult
from undertow.report.badges import Badges, badges_of
from undertow.report.glossary import GLOSSARY
from undertow.report.page import page
from undertow.validation.ledger import Searched

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


def write_report(result: RunResult, path: Path, trials: float | Searched = 1, badges: Badges | None = None) -> Path:
    """Write the report of a run to ``path`` and return it; an older file is replaced only once the new one is complete.

    ``trials`` is how many independent strategies and settings were tried, this one included, or the record of them all: it is printed
    and deflates the Sharpe ratio. ``badges`` are the checks shown beside it: name -> (state, sentence).
    Raises StoreError where the file cannot be written.
    """
    return write_page(render(result, trials, badges), path, "the report")


def write_page(text: str, path: Path, what: str) -> Path:
    """Write a page to ``path`` and return it, whole or not at all; raises StoreError, saying ``what`` could not be written."""
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, "utf-8", newline="\n")
        partial.replace(path)
    except OSError as error:
        raise StoreError(
            f"{what} could not be written to {path}: {error.strerror or error}; name another place or free some room"
        ) from error
    return path


def render(result: RunResult, trials: float | Searched = 1, badges: Badges | None = None) -> str:
    """The report as HTML. Its policy lets only its own two scripts run and nothing be fetched, whatever the data may say."""
    from jinja2.utils import htmlsafe_json_dumps
    from plotly.offline import get_plotlyjs

    sections, figures = page(result, trials)
    library = get_plotlyjs() if figures else ""
    script = (TEMPLATES / "report.js").read_text("utf-8")
    return _environment().get_template("report.html").render(
        **sections,
        badges=badges_of(badges),
        glossary=GLOSSARY,
        figures=htmlsafe_json_dumps(figures, allow_nan=False, separators=(",", ":")),
        heights={name: figure["height"] for name, figure in figures.items()},
        style=(TEMPLATES / "report.css").read_text("utf-8"),
        library=library,
        script=script,
        hashes=[_hash(text) for text in (library, script) if text],
    )  # fmt: skip


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _hash(script: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() + "'"
