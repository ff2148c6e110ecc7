"""numba's compiler, with a cache on disk that is emptied when any compiled function changes.

numba looks at the file of a function alone, and keeps the compiled code when a function that it calls, in another file, has changed:
after an update old and new rules would be mixed. Here the cache's folder is named after the text of all files with compiled code.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numba

from undertow.core.kept import CACHES

_settings: Any = numba.config
ROOT = Path(__file__).resolve().parents[1]
KEPT = 3  #: folders of older texts that stay, for going back and forth between two versions


def digest(root: Path = ROOT) -> str:
    """A name for the text of all files below a folder that have compiled functions, or tuples that they take."""
    found = hashlib.sha256(numba.__version__.encode())
    for path in sorted(root.rglob("*.py")):
        text = path.read_bytes()
        if b"njit" in text or b"@kernel." in text or b"NamedTuple" in text:
            found.update(path.relative_to(root).as_posix().encode() + b"\0" + text)
    return found.hexdigest()[:16]


def folder() -> Path | None:
    """Where compiled code is kept; None where numba finds a place of its own."""
    return Path(_settings.CACHE_DIR) if _settings.CACHE_DIR else None


def _chosen() -> str:
    if _settings.CACHE_DIR:  # the user's own
        return str(_settings.CACHE_DIR)
    own = CACHES / f"numba-{digest()}"
    try:
        own.mkdir(parents=True, exist_ok=True)
        old = sorted((path for path in CACHES.glob("numba-*") if path != own), key=lambda path: path.stat().st_mtime)
        for path in old[:-KEPT]:
            shutil.rmtree(path, ignore_errors=True)
    except OSError:
        return ""  # nobody may write here: numba finds a place of its own
    return str(own)


_settings.CACHE_DIR = _chosen()
njit = numba.njit
