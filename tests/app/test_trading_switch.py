"""The loop's side of the kill switch: what could not be done is never said to be done."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from undertow.app.trading.switch import Switch
from undertow.core.errors import BrokerError
from undertow.execution.control.keeper import NAME
from undertow.execution.control.wishes import Wishes
from undertow.execution.control.words import Wish
from undertow.execution.risk.state import State


class Broken:
    """A path whose broker cannot be asked, until it can."""

    def __init__(self) -> None:
        self.breaks = True
        self.desk: Any = SimpleNamespace(state=State(), take=lambda state, _: setattr(self.desk, "state", state))

    async def cancel_all(self) -> None:
        """Fails while the broker is away."""

    async def flatten(self, *_: object) -> tuple[object, ...]:
        if self.breaks:
            raise BrokerError("away")
        return ()


def test_a_flatten_that_failed_is_not_covered_by_a_milder_wish(tmp_path: Path) -> None:
    switch, path, wishes = Switch(tmp_path, tmp_path, "run"), Broken(), Wishes(tmp_path / NAME)
    guard: Any = SimpleNamespace(closing=False)

    def done_after(wish: Wish) -> int:
        wishes.stop(wish, "Ada", 1)
        asyncio.run(switch.heed(path, guard, lambda: None))  # type: ignore[arg-type,return-value]
        return switch._done

    assert done_after(Wish.HALT) == 1
    assert done_after(Wish.FLATTEN) == 1
    assert done_after(Wish.HALT) == done_after(Wish.CANCEL) == 1
    path.breaks = False
    assert done_after(Wish.FLATTEN) == 5
    assert done_after(Wish.HALT) == 6
    assert not guard.closing
