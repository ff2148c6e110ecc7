"""Runs that are finished: found by name, and read from their folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from undertow.app.home import home
from undertow.core.errors import BadData, BadInput

if TYPE_CHECKING:
    import polars as pl

NEWEST = "last"
SHOWN = 5


def folder_of(name: str) -> Path:
    """The folder of a run that is named by its path, its folder's name, the beginning of that, or ``last``.

    Raises ``BadInput`` where none or several are meant.
    """
    given = Path(name)
    if (given / "manifest.json").is_file():
        return given.resolve()
    there = sorted(folder for folder in (home() / "runs").glob("[!.]*") if (folder / "manifest.json").is_file())
    if not there:
        raise BadInput(f"There is no finished run below {home() / 'runs'}: run the main job first.")
    if name == NEWEST:
        return max(there, key=lambda folder: ((folder / "manifest.json").stat().st_mtime_ns, folder.name))
    meant = [folder for folder in there if folder.name == name] or [folder for folder in there if folder.name.startswith(name)]
    if len(meant) != 1:
        which = "no" if not meant else f"{len(meant)}"
        some = ", ".join(folder.name for folder in (meant or there)[-SHOWN:])
        raise BadInput(f"{name!r} names {which} finished run{'s' if len(meant) > 1 else ''}; there are {some}")
    return meant[0]


def manifest_of(folder: Path) -> dict[str, Any]:
    """What a run's manifest says; raises ``BadData`` where it is broken."""
    path = folder / "manifest.json"
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadData(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("job"), dict):
        raise BadData(f"{path} is no run's manifest: it does not say what was asked")
    return found


def table_of(folder: Path, name: str) -> pl.DataFrame:
    """One of a run's tables, such as equity, signals or fills; raises ``BadData`` where it is broken or missing."""
    import polars as pl
    from polars.exceptions import PolarsError

    path = folder / f"{name}.parquet"
    try:
        return pl.read_parquet(path)
    except (OSError, PolarsError) as error:
        raise BadData(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from error
