"""What the tape's tests share: a home, a mapping, the command line, and the folder of real data where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from undertow.app.commands.data import data
from undertow.tape.notes import read_notes
from undertow.tape.store import Tape

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "data"
EXAMPLES = ROOT / "examples" / "import"
NOW = 1_795_000_000 * 10**9  #: 2026-11-18, after every row of the real data

needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the folder of real market data (../shared/data) is not on this machine")

DAILY = """
[[event]]
kind = "daily_bar"
event_at = { date = "date", at = "close" }
known_at = { same = "event_at" }
columns = { open = "open", high = "high", low = "low", close = "close", volume = "volume" }
"""
HEADER = "symbol,date,open,high,low,close,volume"
GOOD = "AAPL,2026-06-01,10,11,9,10.5,100"


@dataclass(frozen=True, slots=True)
class Bench:
    """A temporary folder with a tape in it, worked through the command line."""

    folder: Path

    @property
    def tape(self) -> Tape:
        return Tape(self.folder / "home")

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def run(self, mapping: str, *paths: Path, home: Path | None = None) -> Result:
        where = self.file("map.toml", mapping)
        given = ["import", "--mapping", str(where), "--home", str(home or self.folder / "home"), *map(str, paths)]
        return CliRunner().invoke(data, given)

    def refuses(self, mapping: str, *paths: Path, home: Path | None = None) -> str:
        """Run an import that must fail as a user's error; the sentence it says."""
        result = self.run(mapping, *paths, home=home)
        sentence = result.stderr.strip()
        assert result.exit_code == 2, result.output
        assert sentence
        assert "\n" not in sentence
        assert "Traceback" not in result.output
        assert sentence.endswith(".")
        assert self.tape.kinds() == ()
        assert len(read_notes(self.tape)) == 0
        return sentence


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A fresh bench."""
    return Bench(tmp_path)


def rows(*lines: str) -> str:
    """A CSV of daily bars."""
    return "\n".join((HEADER, *lines)) + "\n"
