"""Arrays that are long in the making and the same all day, kept on disk beside the code; a broken or older copy is made anew."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from undertow.core.chunk import I64

CACHES = Path(__file__).resolve().parents[1] / "__pycache__"


def kept(name: str, packages: tuple[str, ...], make: Callable[[], Mapping[str, I64]], folder: Path = CACHES) -> dict[str, I64]:
    """What ``make`` returns; kept under the name for the rest of the day (UTC) and these packages' versions."""
    path = folder / f"{name}-{_key(packages)}.npz"
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {one: file[one] for one in file.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        made = dict(make())
    _keep(path, name, made)
    return made


def _key(packages: tuple[str, ...]) -> str:
    told = [str(np.datetime64("today"))]
    for package in packages:
        try:
            told.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            told.append(f"no {package}")
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


def _keep(path: Path, name: str, made: Mapping[str, I64]) -> None:
    # where nobody may write, it is made again the next time
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent, prefix=f".{name}-") as partial:
            whole = Path(partial) / path.name
            np.savez(whole, **made)  # type: ignore[arg-type]
            whole.replace(path)
        for old in path.parent.glob(f"{name}-*.npz"):
            if old != path:
                old.unlink(missing_ok=True)
