"""Documents are run once a test session, each in a home of its own, two at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.docs.documents import Walk, Walked, name_of, run, to_run


@pytest.fixture(scope="session")
def walked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """What came of running the blocks of a document in order; the first to ask sets all documents of the session going."""
    homes = tmp_path_factory.mktemp("documents")
    asked = [item.callspec.params["path"] for item in request.session.items if _walks(item)]

    def walk(path: Path) -> Walked:
        home = homes / name_of(path).replace("/", "-")
        return Walked(home, tuple((block, run(block, home)) for block in to_run(path)))

    with ThreadPoolExecutor(2) as pool:
        begun: dict[Path, Future[Walked]] = {path: pool.submit(walk, path) for path in asked}
        yield lambda path: (begun[path] if path in begun else begun.setdefault(path, pool.submit(walk, path))).result()
        pool.shutdown(cancel_futures=True)


def _walks(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and "walked" in item.fixturenames and hasattr(item, "callspec")
