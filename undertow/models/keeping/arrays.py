"""Named arrays in one file, in the safetensors format (github.com/huggingface/safetensors): a JSON header, then the numbers as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np

from undertow.core.chunk import Array
from undertow.core.errors import BadData

_NAMES = {
    "F64": "<f8",
    "F32": "<f4",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}
_KINDS = {np.dtype(kind): name for name, kind in _NAMES.items()}
_ALIGNED = 8  # bytes


def to_bytes(arrays: Mapping[str, Array]) -> bytes:
    """The file's content; equal arrays give equal bytes. Raises ``BadData`` for an array that is not of numbers."""
    header, parts, at = {}, [], 0
    # wide numbers first, so that each array begins where its numbers may lie in memory
    for name, value in sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0])):
        kind = value.dtype.newbyteorder("<")
        if kind not in _KINDS:
            raise BadData(f"The array {name} holds {value.dtype}, which is not kept: only plain numbers are.")
        content = np.ascontiguousarray(value, kind).tobytes()
        header[name] = {"dtype": _KINDS[kind], "shape": list(value.shape), "data_offsets": [at, at + len(content)]}
        parts.append(content)
        at += len(content)
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % _ALIGNED)
    return b"".join([len(head).to_bytes(8, "little"), head, *parts])


def from_bytes(content: bytes) -> dict[str, Array]:
    """The arrays of a file, each with memory of its own; raises ``BadData`` where the file does not hold what its header says."""
    try:
        size = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + size])
        body = memoryview(content)[8 + size :]
        return {name: _array(body, one) for name, one in header.items() if name != "__metadata__"}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadData(f"These are not arrays in the safetensors format ({error}).") from error


def _array(body: memoryview, about: Mapping[str, object]) -> Array:
    kind = np.dtype(_NAMES[str(about["dtype"])])
    begin, end = (int(place) for place in about["data_offsets"])  # type: ignore[attr-defined]
    shape = tuple(int(length) for length in about["shape"])  # type: ignore[attr-defined]
    if not 0 <= begin <= end <= len(body):
        raise ValueError(f"an array lies at {begin} to {end} of {len(body)} bytes")
    return np.frombuffer(body[begin:end], kind).reshape(shape).copy()
