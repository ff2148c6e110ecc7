"""A book on disk: one JSON file an account, replaced as a whole, so that a server that was killed goes on where it stopped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from undertow.core.errors import BadData

if TYPE_CHECKING:
    from undertow.sandbox.broker.words import State


def write(state: State, path: Path) -> None:
    """Put the state in the file's place; whoever reads sees the old one or the new one."""
    from msgspec import json

    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_bytes(json.encode(state))
    new.replace(path)


def read(path: Path) -> State | None:
    """The state that was written last; None where there is none. Raises BadData for a file that is no book."""
    from msgspec import DecodeError, json

    from undertow.sandbox.broker.words import State

    if not path.exists():
        return None
    try:
        return json.decode(path.read_bytes(), type=State)
    except DecodeError as error:
        raise BadData(f"{path} holds no broker's book ({error}); delete it to begin a new account") from None
