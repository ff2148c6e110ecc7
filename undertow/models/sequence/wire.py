"""The few ONNX messages we write, in protobuf's wire format: no library is needed for it (github.com/onnx/onnx, onnx.proto3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from undertow.core.chunk import Array

Attribute = int | float | str | Sequence[int]
FLOAT, INT64 = 1, 7  #: TensorProto.DataType
IR_VERSION, OPSET = 8, 17


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # a negative int64 is sent as its two's complement
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _block(field: int, value: bytes | str) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(raw)) + raw


def tensor(name: str, value: Array) -> bytes:
    """TensorProto of a float32 or int64 array."""
    kind, dtype = (INT64, "<i8") if value.dtype.kind == "i" else (FLOAT, "<f4")
    dims = b"".join(_number(1, size) for size in value.shape)
    return dims + _number(2, kind) + _block(8, name) + _block(9, np.ascontiguousarray(value, dtype).tobytes())


def _attribute(name: str, value: Attribute) -> bytes:
    head = _block(1, name)
    if isinstance(value, str):
        return head + _block(4, value) + _number(20, 3)
    if isinstance(value, int):
        return head + _number(3, value) + _number(20, 2)
    if isinstance(value, float):
        return head + _varint(2 << 3 | 5) + np.float32(value).tobytes() + _number(20, 1)
    return head + b"".join(_number(8, each) for each in value) + _number(20, 7)


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str], attributes: Mapping[str, Attribute] | None = None) -> bytes:
    """NodeProto: one operation; an empty name is an input or output left out."""
    parts = [_block(1, each) for each in inputs] + [_block(2, each) for each in outputs] + [_block(3, outputs[-1]), _block(4, kind)]
    return b"".join(parts + [_block(5, _attribute(name, value)) for name, value in (attributes or {}).items()])


def value_info(name: str, sizes: Sequence[int | str]) -> bytes:
    """ValueInfoProto of a float32 array; a size is a number or the name of one that is free."""
    dims = b"".join(_block(1, _block(2, size) if isinstance(size, str) else _number(1, size)) for size in sizes)
    return _block(1, name) + _block(2, _block(1, _number(1, FLOAT) + _block(2, dims)))


def model(nodes: Sequence[bytes], tensors: Sequence[bytes], given: bytes, answer: bytes) -> bytes:
    """ModelProto with one graph: nodes in order of use, weights, one input, one output."""
    graph = b"".join(_block(1, each) for each in nodes) + _block(2, "undertow") + b"".join(_block(5, each) for each in tensors)
    graph += _block(11, given) + _block(12, answer)
    return _number(1, IR_VERSION) + _block(2, "undertow") + _block(7, graph) + _block(8, _block(1, "") + _number(2, OPSET))
