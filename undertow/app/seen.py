"""What a job's strategies look at, computed once and kept: a sweep that comes after another has only to trade.

A view is kept for one job on one state of the data, of one version of the code that decides what it holds, and is found for that alone.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from undertow.app.choose import Tell
from undertow.app.learning import recipe_of
from undertow.app.modes import walked
from undertow.app.prepare import Prepared
from undertow.app.shelf import Frozen, state_of
from undertow.core.calendar import Calendar
from undertow.core.chunk import F64
from undertow.core.errors import BadData, StoreError
from undertow.core.protocols import View
from undertow.models.keeping.identity import code
from undertow.strategies.book import Book
from undertow.strategies.evidence import Need
from undertow.tape.shelf.whole import read_folder, write_folder

VIEWS = "views"  #: below the home
MOST_KEPT = 16
FORMAT = 1
#: rooms that decide what a view holds, beside those that decide what models are
ROOMS = ("app", "engine", "strategies")
ARRAYS = ("ticks", "p_up", "direction", "volatility", "cost", "X")
FILE = "view.npz"


class _Watching:
    """A strategy that keeps what it was shown and trades nothing."""

    name = "watching"
    needs: tuple[Need, ...] = ()

    def __init__(self, reads: tuple[str, ...]) -> None:
        self.reads = reads
        self.views: list[View] = []

    def targets(self, view: View) -> F64:
        self.views.append(view)
        return np.zeros_like(view.p_up)

    def whole(self) -> View:
        """All of it as one view, of the features that it reads."""
        seen = [view for view in self.views if len(view.ticks)]
        names = tuple(name for name in seen[0].features if name in self.reads)
        columns = [seen[0].features.index(name) for name in names]
        parts = {name: np.concatenate([getattr(view, name) for view in seen]) for name in ARRAYS[:-1]}
        X = np.concatenate([view.X[:, :, columns] for view in seen if view.X is not None])
        return View(symbols=seen[0].symbols, features=names, X=X, **parts)


def seen(made: Prepared, home: Path, calendar: Calendar, tell: Tell) -> View:
    """What the job's strategies see at every decision, from the home where it was kept, else by deciding now; the same bits either way."""
    name = _name(made, calendar)
    folder = home / VIEWS / name
    kept = _read(folder) if name else None
    if kept is not None:
        tell("Deciding", 1, 1)
        return kept
    watching = _Watching(made.desk.strategy.reads)
    walked(replace(made, desk=replace(made.desk, strategy=Book((watching,)))), calendar, tell)
    view = watching.whole()
    if name:
        _keep(view, folder)
    return view


def _name(made: Prepared, calendar: Calendar) -> str:
    """A digest of everything that decides what is seen; empty where that is not known in full, as with models that were promoted."""
    job, market, desk = made.job, made.market, made.desk
    state = state_of(market.source, [chunk.kind for chunk in (*market.chunks, *market.around)])
    if state is None or isinstance(desk.framework.shelf, Frozen):
        return ""
    decides = {
        "format": FORMAT,
        "recipe": recipe_of(job, market, market.source, calendar).plain(),
        "data": dict(state(int(calendar.midnight[job.last + 1]))),
        "days": [job.first, job.last],
        "costs": repr(desk.costs),
        "certified": desk.certified,
        "features": list(desk.features.features),
        "taught": list(desk.framework.features),
        "reads": list(desk.strategy.reads),
        "code": _code(),
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]


@lru_cache(maxsize=1)
def _code() -> str:
    base, found = Path(__file__).resolve().parents[1], hashlib.sha256(code().encode())
    for room in ROOMS:
        for path in sorted((base / room).rglob("*.py")):
            found.update(path.relative_to(base).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def _keep(view: View, folder: Path) -> None:
    """Write a view and let the oldest go; where the disk refuses nothing is kept, and nothing is lost but time."""
    packed = io.BytesIO()
    np.savez(packed, **{name: getattr(view, name) for name in ARRAYS})
    try:
        _let_go(folder.parent, MOST_KEPT - 1)
        write_folder(folder, {FILE: packed.getvalue()}, {"symbols": list(view.symbols), "features": list(view.features)})
    except (OSError, StoreError):
        return


def _let_go(folder: Path, most: int) -> None:
    from shutil import rmtree

    there: Sequence[Path] = sorted(folder.glob("[!.]*"), key=lambda one: one.stat().st_mtime_ns)
    for old in there[: max(len(there) - most, 0)]:
        rmtree(old, ignore_errors=True)


def _read(folder: Path) -> View | None:
    """A view that was kept whole; None where none was, or what is there is broken: then it is made again."""
    if not folder.is_dir():
        return None
    try:
        about, files = read_folder(folder)
        with np.load(io.BytesIO(files[FILE])) as arrays:
            parts = {name: arrays[name] for name in ARRAYS}
        return View(symbols=tuple(about["symbols"]), features=tuple(about["features"]), **parts)
    except (BadData, StoreError, KeyError, ValueError, OSError):
        return None
