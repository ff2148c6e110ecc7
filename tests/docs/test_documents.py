"""What the documents say can be done is done here; what they link to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.documents import DOCUMENTS, ROOT, Walk, blocks, name_of, text_of, to_run
from tests.docs.served import PORT, is_served, served

RUNNABLE = [path for path in DOCUMENTS if to_run(path)]
MOST_NOT_RUN = 3
MASKS = ((r"\b(BUY|SELL|NEUTRAL)\b", "CALL"), (r"-?\d[\d,]*(\.\d+)?", "#"), (r"(CALL, Confidence: #).*?( {2}\[SIMULATED\])?$", r"\1\2"))


@pytest.mark.slow
@pytest.mark.parametrize("path", RUNNABLE, ids=name_of)
def test_every_command_does_what_the_document_says(path: Path, walked: Walk) -> None:
    """Blocks of one document run in order in a home of their own; what it shows of a summary has the form of what came out."""
    said = []
    for block, done in walked(path).done:
        assert done.returncode == 0, f"{block.code}\nended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        assert "Traceback" not in done.stderr
        said += done.stdout.splitlines()
    forms = {_form(line) for line in said}
    for block in blocks(path):
        if block.language == "text" and block.code.startswith("Results Summary:"):
            unlike = [line for line in block.code.splitlines() if _form(line) not in forms]
            assert not unlike, f"no line that came out looks like {unlike}"


def test_a_page_that_is_served_exports_what_the_market_says() -> None:
    pages = [path for path in DOCUMENTS if is_served(path)]
    assert pages
    with served() as market:
        for path in pages:
            (exports,) = [block.code for block in blocks(path) if block.code.startswith("export ")]
            assert exports.replace(PORT, market.port) == market.exports


def _form(line: str) -> str:
    for pattern, word in MASKS:
        line = re.sub(pattern, word, line)
    return line


def test_few_blocks_are_not_run() -> None:
    skipped = [(name_of(path), block.code, block.reason) for path in DOCUMENTS for block in blocks(path) if block.reason]
    for name, code, reason in skipped:
        print(f"not run: {name}: {code.strip()} ({reason})")
    assert len(skipped) <= MOST_NOT_RUN, skipped
    languages = {block.language for path in DOCUMENTS for block in blocks(path)}
    assert languages <= {"sh", "python", "text", "toml"}, f"write sh for what is to be run: {languages}"


@pytest.mark.parametrize("path", [*DOCUMENTS, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"], ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(path)):
        file, _, anchor = target.partition("#")
        assert "://" not in target, f"{target}: the documents stand alone"
        found = (path.parent / file).resolve() if file else path
        assert found.is_file(), f"{name_of(path)} links to {target}, which is not there"
        assert found.is_relative_to(ROOT)
        if anchor:
            headings = {
                re.sub(r"[^\w\- ]", "", h).strip().lower().replace(" ", "-") for h in re.findall(r"^#+ (.+)$", text_of(found), re.M)
            }
            assert anchor in headings, f"{target}: no such heading"


def test_the_index_names_every_document() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / target).resolve() for target in re.findall(r"\]\(([^)#]+\.md)\)", text_of(index))}
    missing = {name_of(path) for path in DOCUMENTS[1:]} - {name_of(path) for path in linked} - {name_of(index)}
    assert not missing


def test_files_that_are_named_exist() -> None:
    pattern = r"`((?:undertow|examples|tests|docs|scripts)/[\w/.]+)`"
    for path in DOCUMENTS:
        for named in re.findall(pattern, text_of(path)):
            assert (ROOT / named).exists(), f"{name_of(path)} names {named}"


def test_the_readme_is_short_and_its_picture_light() -> None:
    assert len(text_of(ROOT / "README.md").splitlines()) <= 120
    picture = ROOT / "docs" / "images" / "report.png"
    assert picture.stat().st_size < 300_000
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_mapping_in_the_how_to_is_the_one_it_names(tmp_path: Path) -> None:
    from undertow.sources.mapping import load_mapping

    page = ROOT / "docs" / "how-to" / "import-your-data.md"
    (code,) = [block.code for block in blocks(page) if block.language == "toml"]
    (tmp_path / "bars_1d.toml").write_text(code, "utf-8")
    assert load_mapping(tmp_path / "bars_1d.toml") == load_mapping(ROOT / "examples" / "import" / "bars_1d.toml")


@pytest.mark.parametrize(
    ("page", "file"), [("how-to/import-your-data.md", "demo_daily.csv"), ("concepts/life-of-a-print.md", "demo_chain.csv")]
)
def test_rows_that_are_shown_are_in_the_file(page: str, file: str) -> None:
    shown = [b.code for b in blocks(ROOT / "docs" / page) if b.language == "text" and b.code.startswith("symbol,")]
    assert shown
    lines = (ROOT / "examples" / "data" / file).read_text("utf-8").splitlines()
    assert set(shown[0].splitlines()) <= set(lines)
