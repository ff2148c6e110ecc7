"""The disk cache of compiled code: a change in an inlined file must reach every fold."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from undertow.execution import account, fold, kernel, limits, measured, panel, portfolio, rules, ticks

FOLDS = (fold.fold_shares, fold.fold_sweep, panel.fold_panel, ticks.fold_ticks, ticks.meet, portfolio.allow, measured.measure)


@pytest.mark.parametrize("function", FOLDS, ids=lambda f: f.__name__)
def test_the_cache_knows_the_inlined_files(function):
    """Numba keeps the stamp in a private place; if it moves, this fails rather than the money."""
    assert function._cache._cache_file._source_stamp[1] == kernel.STAMP


def test_every_inlined_file_is_stamped():
    room = Path(inspect.getfile(kernel)).parent
    for module in (account, fold, limits, measured, panel, portfolio, rules, ticks):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("undertow.execution."):
                name = node.module.rpartition(".")[2] + ".py"
                assert name in kernel.INLINED, f"{module.__name__} inlines {name}: add it to INLINED"
    assert all((room / name).exists() for name in kernel.INLINED)
