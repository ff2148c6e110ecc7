"""A user's own class, from a file of theirs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from undertow.core.errors import BadInput


def own_class(where: str, base: type[Any], flag: str) -> Any:
    """The class at FILE.py:CLASS, which must extend ``base``."""
    path, _, name = where.rpartition(":")
    file = Path(path)
    if not path or not file.is_file():
        raise BadInput(f"{flag} {where!r}: write FILE.py:CLASS; there is no file {path or where!r}")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise BadInput(f"{flag}: {file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for the names in their annotations
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise BadInput(f"{flag}: {file} could not be loaded: {type(error).__name__}: {error}") from error
    found = getattr(module, name, None)
    if not (isinstance(found, type) and issubclass(found, base)):
        raise BadInput(f"{flag}: {file} has no class {name!r} that extends {base.__name__}")
    return found
