"""The C library's heap while models are taught: threads share few arenas, and what is free goes back to the machine after each stage.

Several libraries in several threads leave an arena each half empty; over the stages of a run that was a third of all its memory.
"""

from __future__ import annotations

import ctypes
from functools import cache

ARENAS, _ARENA_MAX = 2, -8  # of glibc's mallopt


@cache
def few_arenas() -> None:
    """Let threads share arenas from now on; elsewhere than on glibc nothing happens."""
    if (library := _glibc()) is not None:
        library.mallopt(_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Hand free pages back; elsewhere than on glibc nothing happens."""
    if (library := _glibc()) is not None:
        library.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)
        return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
    except (OSError, TypeError):  # a platform without a C library to ask
        return None
