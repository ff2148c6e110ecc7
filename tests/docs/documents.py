"""The documents as the tests see them: their blocks of code, their links, and a way to run the former."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
KEYS = (
    "POLYGON_API_KEY", "MASSIVE_API_KEY", "UNUSUAL_WHALES_API_KEY", "MASSIVE_S3_ACCESS_KEY_ID", "MASSIVE_S3_SECRET_ACCESS_KEY",
)  # fmt: skip

_BLOCK = re.compile(r"(?:<!-- not run: (?P<reason>[^>]+) -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its code, and why it is not to be run (empty if it is)."""

    language: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Walked:
    """A document whose blocks were run: in which home, and what they printed."""

    home: Path
    done: tuple[tuple[Block, subprocess.CompletedProcess[str]], ...]


Walk = Callable[[Path], Walked]


@cache
def text_of(path: Path) -> str:
    """A document's text."""
    return path.read_text("utf-8")


def blocks(path: Path) -> list[Block]:
    """Every fenced block of a document."""
    return [Block(m["language"], m["code"], (m["reason"] or "").strip()) for m in _BLOCK.finditer(text_of(path))]


def prose(path: Path) -> str:
    """A document without its fenced blocks, on one line."""
    return " ".join(_BLOCK.sub("", text_of(path)).split())


def name_of(path: Path) -> str:
    """A document's path from the root of the repository."""
    return path.relative_to(ROOT).as_posix()


def run(block: Block, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a block of sh or python from the root of the repository, with this environment's programs first on the PATH."""
    here = Path(sys.executable).parent
    environment = {name: value for name, value in os.environ.items() if name not in KEYS}
    environment |= {"UNDERTOW_HOME": str(home), "PATH": f"{here}{os.pathsep}{os.environ['PATH']}"}
    shell = ["bash", "-euo", "pipefail", "-c", block.code] if block.language == "sh" else [sys.executable, "-c", block.code]
    return subprocess.run(shell, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500, check=False)


def to_run(path: Path) -> list[Block]:
    """The blocks of a document that are commands or programs; an example that a page shows is run by the page's own command."""
    examples = {file.read_text("utf-8") for file in (ROOT / "examples").glob("*.py")}
    return [b for b in blocks(path) if b.language in ("sh", "python") and not b.reason and b.code not in examples]
