"""Documents are run once a test session, each in a home of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.documents import Walk, Walked, name_of, run, to_run


@pytest.fixture(scope="session")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """Run the blocks of a document in order, or give back what came of it before."""
    seen: dict[Path, Walked] = {}

    def walk(path: Path) -> Walked:
        if path not in seen:
            home = tmp_path_factory.mktemp(name_of(path).replace("/", "-")) / "home"
            seen[path] = Walked(home, tuple((block, run(block, home)) for block in to_run(path)))
        return seen[path]

    return walk
