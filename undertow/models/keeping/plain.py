"""Objects as plain data and back: what a model learnt is numbers, arrays and text, and nothing else is ever read from a file.

A class under ``undertow.models`` is kept by ``pack()`` and the class method ``unpack(kept)`` where it has both, else by its fields or
attributes. Only classes under ``undertow.models`` are ever made from a file, and only by handing them such data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from importlib import import_module
from typing import Any

import numpy as np

from undertow.core.chunk import Array
from undertow.core.errors import BadData, NotSupported

ROOM = "undertow.models."
_MARK = "$"  # key that tells an encoded value from a plain one


@dataclass(frozen=True, slots=True)
class Plain:
    """An object taken apart."""

    tree: Any  #: what JSON can say; arrays and files by name
    arrays: dict[str, Array] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)  #: what a library wrote in a format of its own


def pack(value: Any) -> Plain:
    """Take an object apart; raises ``NotSupported`` naming the part that cannot be kept."""
    made = Plain(None)
    return Plain(_pack(value, "", made), made.arrays, made.files)


def unpack(plain: Plain) -> Any:
    """Put it together again, with the same bits; raises ``BadData`` for data that does not fit this version's classes."""
    try:
        return _unpack(plain.tree, plain)
    except (KeyError, TypeError, ValueError, AttributeError, ImportError) as error:
        raise BadData(f"what was kept does not fit this version ({type(error).__name__}: {error})") from error


def _pack(value: Any, path: str, made: Plain) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (np.bool_, int, np.integer)):
        return value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float):  # and numpy's float64
        return float(value) if math.isfinite(value) else {_MARK: "float", "is": repr(float(value))}
    if isinstance(value, (np.ndarray, np.generic)):
        made.arrays[path] = np.asarray(value)
        return {_MARK: "array" if isinstance(value, np.ndarray) else "scalar", "at": path}
    if isinstance(value, bytes):
        made.files[path] = value
        return {_MARK: "file", "at": path}
    if isinstance(value, (list, tuple)):
        parts = [_pack(one, _under(path, i), made) for i, one in enumerate(value)]
        return parts if isinstance(value, list) else {_MARK: "tuple", "of": parts}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {_MARK: "mapping", "of": {key: _pack(one, _under(path, key), made) for key, one in value.items()}}
    return _pack_object(value, path, made)


def _pack_object(value: Any, path: str, made: Plain) -> Any:
    cls = type(value)
    if not cls.__module__.startswith(ROOM) or "." in cls.__qualname__:
        raise NotSupported(f"{path or 'This'} is of {cls.__module__}.{cls.__qualname__}, which the model shelf does not keep.")
    if hasattr(cls, "pack") and hasattr(cls, "unpack"):
        way, parts = "packed", value.pack()
    elif is_dataclass(value):
        way, parts = "record", {one.name: getattr(value, one.name) for one in fields(value) if one.init}
    else:
        way, parts = "object", vars(value)
    return {_MARK: way, "class": f"{cls.__module__}:{cls.__qualname__}", "of": _pack(dict(parts), path, made)["of"]}


def _unpack(tree: Any, plain: Plain) -> Any:
    if isinstance(tree, list):
        return [_unpack(one, plain) for one in tree]
    if not isinstance(tree, dict):
        return tree
    way = tree[_MARK]
    if way == "float":
        return float(tree["is"])
    if way in ("array", "scalar"):
        return plain.arrays[tree["at"]] if way == "array" else plain.arrays[tree["at"]][()]
    if way == "file":
        return plain.files[tree["at"]]
    if way == "tuple":
        return tuple(_unpack(one, plain) for one in tree["of"])
    parts = {key: _unpack(one, plain) for key, one in tree["of"].items()}
    return parts if way == "mapping" else _made(way, tree["class"], parts)


def _made(way: str, of: str, parts: dict[str, Any]) -> Any:
    module, _, name = of.partition(":")
    if not module.startswith(ROOM):
        raise ValueError(f"{of} is no class of {ROOM.rstrip('.')}")
    cls = vars(import_module(module))[name]
    if not isinstance(cls, type) or cls.__module__ != module:
        raise ValueError(f"{of} is no class")
    if way == "packed":
        return cls.unpack(parts)  # type: ignore[attr-defined]
    if way == "record":
        return cls(**parts)
    if way != "object":
        raise ValueError(f"there is no way {way!r} to make one")
    made: Any = object.__new__(cls)
    vars(made).update(parts)
    return made


def _under(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)
