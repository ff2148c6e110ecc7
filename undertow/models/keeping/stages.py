"""A trained stage as a handful of files, and what a manifest says of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from undertow.core.errors import BadData
from undertow.core.time import iso
from undertow.models.keeping.arrays import from_bytes, to_bytes
from undertow.models.keeping.plain import Plain, pack, unpack
from undertow.models.stage import Trained

TREE, ARRAYS, NATIVE = "stage.json", "arrays.safetensors", "native."


def to_files(stage: Trained) -> dict[str, bytes]:
    """File name -> content: ``stage.json``, ``arrays.safetensors`` and, of libraries with a format of their own, ``native.*``.

    Equal stages give equal bytes. Raises ``NotSupported`` for a model that cannot be kept.
    """
    plain = pack(stage)
    native = {f"{NATIVE}{name}": content for name, content in plain.files.items()}
    tree = json.dumps(plain.tree, indent=1, allow_nan=False).encode()
    return {TREE: tree, ARRAYS: to_bytes(plain.arrays), **native}


def from_files(files: Mapping[str, bytes]) -> Trained:
    """The stage of such files, with the same bits; raises ``BadData`` where they do not make one."""
    try:
        tree, arrays = json.loads(files[TREE]), from_bytes(files[ARRAYS])
    except (KeyError, ValueError) as error:
        raise BadData(f"a file of the stage is missing or is not JSON ({error})") from error
    stage = unpack(Plain(tree, arrays, {n.removeprefix(NATIVE): content for n, content in files.items() if n.startswith(NATIVE)}))
    if not isinstance(stage, Trained):
        raise BadData(f"the files hold a {type(stage).__name__}, not a trained stage")
    return stage


def summary(stage: Trained) -> dict[str, Any]:
    """What a manifest tells a person of a stage: plain values only."""
    return {
        "trained_for": iso(stage.at),
        "rows": stage.rows,
        "models": list(stage.names),
        "columns": len(stage.columns),
        "weights": {name: float(w) for name, w in zip(stage.names, stage.stack.weights, strict=True)},
        "meta": stage.stack.method,
        "calibrator": stage.calibrator.method,
        "certificate": stage.certificate.says if stage.certificate is not None else "",
        "notes": list(stage.notes),
    }
