"""A small session on paper, run as a script: tells which compiled functions were loaded, or compiled, while it was taking ticks."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from numba.core.dispatcher import Dispatcher

from tests.end_to_end.trading_job import trade
from undertow.app.trading import session as loop


def watched() -> list[str]:
    """Names of the functions that are loaded from now on while a session takes ticks."""
    compile_it, steps_of, loaded, ticking = Dispatcher.compile, loop.steps_of, list[str](), list[bool]()

    def noted(self: Any, signature: Any) -> Any:
        if ticking:
            loaded.append(self.py_func.__name__)
        return compile_it(self, signature)

    async def told(*given: Any) -> AsyncIterator[Any]:
        ticking.append(True)
        async for step in steps_of(*given):
            yield step
        ticking.clear()

    Dispatcher.compile, loop.steps_of = noted, told
    return loaded


if __name__ == "__main__":
    names = watched()
    trade(Path(sys.argv[1]))
    print(f"loaded: {names}", flush=True)
