"""A market served as a page tells its reader to serve it, on a port of its own, for the blocks of that page."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from tests.docs.documents import ROOT, Block, text_of

TAG = "<!-- served: a test runs these blocks against a market that it serves -->"
PORT = ":8700"  #: the one that a page names
_LAST = "Ctrl-C ends it."


@dataclass(frozen=True, slots=True)
class Served:
    """A market that answers: where, and the lines that it told its reader to export."""

    port: str
    exports: str

    def placed(self, block: Block, before: str) -> Block:
        """A block on this market's port, after what the reader has exported."""
        return Block(block.language, (before + block.code).replace(PORT, self.port), block.reason)


@contextmanager
def served() -> Iterator[Served]:
    """``undertow sandbox serve`` while the block runs."""
    command = [sys.executable, "-c", "from undertow.app.cli import main; main()", "sandbox", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            said = list(takewhile(lambda line: _LAST not in line, iter(process.stdout.readline, "")))
            exports = "".join(line.lstrip() for line in said if line.lstrip().startswith("export "))
            assert exports, said
            yield Served(":" + exports.split("http://127.0.0.1:", 1)[1].split(" ", 1)[0], exports)
        finally:
            process.terminate()


def is_served(path: Path) -> bool:
    """Whether a page's blocks need a market."""
    return TAG in text_of(path)
