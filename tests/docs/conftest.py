"""Documents are run once a test session, each in a home of its own, two at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.docs.documents import Block, Walk, Walked, name_of, run, to_run
from tests.docs.served import Served, is_served, served


@pytest.fixture(scope="session")
def walked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """What came of running the blocks of a document in order; the first to ask sets all documents of the session going."""
    homes = tmp_path_factory.mktemp("documents")
    asked = [item.callspec.params["path"] for item in request.session.items if _walks(item)]
    asked.sort(key=is_served, reverse=True)  # they take longest

    def walk(path: Path) -> Walked:
        home = homes / name_of(path).replace("/", "-")
        if not is_served(path):
            return Walked(home, tuple((block, run(block, home)) for block in to_run(path)))
        with served() as market:
            return Walked(home, tuple((block, run(block, home)) for block in _placed(path, market)))

    with ThreadPoolExecutor(2) as pool:
        begun: dict[Path, Future[Walked]] = {path: pool.submit(walk, path) for path in asked}
        yield lambda path: (begun[path] if path in begun else begun.setdefault(path, pool.submit(walk, path))).result()
        pool.shutdown(cancel_futures=True)


def _placed(path: Path, market: Served) -> Iterator[Block]:
    before = ""
    for block in to_run(path):
        yield market.placed(block, before)
        if block.code.startswith("export "):
            before += block.code


def _walks(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and "walked" in item.fixturenames and hasattr(item, "callspec")
