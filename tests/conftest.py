"""How the tests are dealt among workers: what shares a costly fixture stays together, and the longest begin first."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
#: folders whose tests share what is made once, those that take longest first
TOGETHER = ("vendors", "docs", "end_to_end", "servers", "sandbox")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name each test's group, a folder or a file, and put the groups in the order in which they should begin."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=lambda item: TOGETHER.index(_group(item)) if _group(item) in TOGETHER else len(TOGETHER))


def _group(item: pytest.Item) -> str:
    path = item.path.relative_to(HERE)
    return path.parts[0] if path.parts[0] in TOGETHER else path.as_posix()
