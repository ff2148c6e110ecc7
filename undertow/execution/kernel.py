"""How the room compiles: cached on disk, numpy's division, and a cache that notices a change in any file that is inlined."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from undertow.core.compiled import njit

F = TypeVar("F", bound=Callable[..., object])
#: files whose code ends up inside the folds of other files
INLINED = (
    "rules.py",
    "account.py",
    "tables.py",
    "limits.py",
    "portfolio.py",
    "inbox.py",
    "orders/columns.py",
    "orders/margin.py",
    "orders/desk.py",
    "orders/book.py",
    "orders/work.py",
)


def stamp() -> tuple[tuple[int, int], ...]:
    """Time and size of the files whose code is inlined."""
    room = Path(__file__).parent
    return tuple((s.st_mtime_ns, s.st_size) for s in ((room / name).stat() for name in INLINED))


STAMP = stamp()


def inlined(function: F) -> F:
    """Compile a small kernel that lives inside a hot loop. Numpy's errors spare a test for zero at each division."""
    return cast("F", _fresh(njit(cache=True, error_model="numpy", forceinline=True)(function)))


def compiled(function: F) -> F:
    """Compile a kernel that is called from Python."""
    return cast("F", _fresh(njit(cache=True, error_model="numpy", nogil=True)(function)))


def _fresh(dispatcher: Any) -> Any:
    # By itself numba's cache looks at a kernel's own file only, and would go on serving yesterday's money rules.
    cache = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if cache is not None and hasattr(cache, "_source_stamp"):
        cache._source_stamp = (cache._source_stamp, STAMP)
    return dispatcher
