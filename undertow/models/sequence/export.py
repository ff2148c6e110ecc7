"""From weights to an ONNX graph of fused operations, and to an .npz for the compiled steps; and back from the latter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from undertow.core.chunk import Array
from undertow.core.errors import BadInput, StoreError
from undertow.models.sequence import wire
from undertow.models.sequence.definitions import Architecture
from undertow.models.sequence.network import Network, Weights, shapes
from undertow.models.sequence.windows import Scaler

PARTS = {"kernel": 0, "recurrent": 1, "bias": -1}  #: where Keras keeps each in a layer's weights
FORMAT = 1


def weights_of(model: Any, shape: Architecture, width: int) -> Weights:
    """The weights of a keras.Model built by ``definitions``, by name."""
    found = {}
    for name in shapes(shape, width):
        layer, part = name.split("/")
        found[name] = np.asarray(model.get_layer(layer).get_weights()[PARTS[part]], np.float32)
    return found


def put_weights(model: Any, weights: Weights) -> None:
    """Give a keras.Model built by ``definitions`` these weights."""
    layers: dict[str, list[Array]] = {}
    for name, value in weights.items():  # in order of kernel, recurrent, bias
        layers.setdefault(name.split("/")[0], []).append(value)
    for layer, values in layers.items():
        model.get_layer(layer).set_weights(values)


def to_onnx(network: Network) -> bytes:
    """The graph: "window" (batch, lookback, width), already scaled -> "log_odds" (batch,), the mean of the members."""
    graph = _Graph()
    graph.constant("one", np.array([1], np.int64))
    graph.constant("zero", np.array([0], np.int64))
    recurrent = network.shape.kind != "tcn"
    # time first for the recurrent operations, channels before time for convolutions
    graph.add("Transpose", ["window"], ["entry"], {"perm": [1, 0, 2] if recurrent else [0, 2, 1]})
    write = _recurrent if recurrent else _tcn
    answers = [write(graph, network.shape, member, f"m{m}/") for m, member in enumerate(network.members)]
    graph.add("Mean", answers, ["mean"])
    graph.add("Squeeze", ["mean", "one"], ["log_odds"])
    given = wire.value_info("window", ["batch", network.shape.lookback, network.scaler.width])
    return wire.model(graph.nodes, graph.tensors, given, wire.value_info("log_odds", ["batch"]))


class _Graph:
    def __init__(self) -> None:
        self.nodes: list[bytes] = []
        self.tensors: list[bytes] = []

    def add(self, kind: str, inputs: list[str], outputs: list[str], attributes: dict[str, wire.Attribute] | None = None) -> None:
        self.nodes.append(wire.node(kind, inputs, outputs, attributes))

    def constant(self, name: str, value: Array) -> str:
        self.tensors.append(wire.tensor(name, value))
        return name


def _head(graph: _Graph, signal: str, weights: Weights, prefix: str) -> str:
    kernel = graph.constant(f"{prefix}head/kernel", weights["head/kernel"])
    bias = graph.constant(f"{prefix}head/bias", weights["head/bias"])
    graph.add("Gemm", [signal, kernel, bias], [f"{prefix}answer"])
    return f"{prefix}answer"


def _gates(kernel: Array, units: int) -> Array:
    """Keras's (..., gates) in order i, f, c, o -> ONNX's (gates, ...) in order i, o, f, c."""
    i, f, c, o = np.split(kernel, range(units, 4 * units, units), axis=-1)
    return np.concatenate([i, o, f, c], axis=-1)


def _recurrent(graph: _Graph, shape: Architecture, weights: Weights, prefix: str) -> str:
    signal, lstm, units = "entry", shape.kind == "lstm", shape.hidden
    for layer in range(shape.layers):
        name = f"{prefix}rnn{layer}"
        arrays = [weights[f"rnn{layer}/{part}"] for part in ("kernel", "recurrent", "bias")]
        if lstm:
            arrays = [_gates(each, units) for each in arrays]
            arrays[2] = np.stack([arrays[2], np.zeros_like(arrays[2])])
        W = graph.constant(f"{name}/W", arrays[0].T[None])
        R = graph.constant(f"{name}/R", arrays[1].T[None])
        B = graph.constant(f"{name}/B", arrays[2].reshape(1, -1))
        attributes: dict[str, wire.Attribute] = {"hidden_size": units}
        if not lstm:
            attributes["linear_before_reset"] = 1
        graph.add("LSTM" if lstm else "GRU", [signal, W, R, B], [f"{name}/all", f"{name}/last"], attributes)
        if layer < shape.layers - 1:
            graph.add("Squeeze", [f"{name}/all", "one"], [f"{name}/out"])  # drop the axis of directions
        else:
            graph.add("Squeeze", [f"{name}/last", "zero"], [f"{name}/out"])
        signal = f"{name}/out"
    return _head(graph, signal, weights, prefix)


def _tcn(graph: _Graph, shape: Architecture, weights: Weights, prefix: str) -> str:
    signal = "entry"
    for block, dilation in enumerate(shape.dilations):
        carried = signal
        for half in (0, 1):
            signal = _convolution(graph, weights, signal, (prefix, f"block{block}_conv{half}"), dilation)
            graph.add("Relu", [signal], [f"{signal}/relu"])
            signal = f"{signal}/relu"
        if block == 0:
            carried = _convolution(graph, weights, carried, (prefix, "block0_skip"), 1)
        out = f"{prefix}block{block}"
        graph.add("Add", [carried, signal], [f"{out}/sum"])
        graph.add("Relu", [f"{out}/sum"], [out])
        signal = out
    last = graph.constant(f"{prefix}last", np.array(shape.lookback - 1, np.int64))
    graph.add("Gather", [signal, last], [f"{prefix}newest"], {"axis": 2})
    return _head(graph, f"{prefix}newest", weights, prefix)


def _convolution(graph: _Graph, weights: Weights, signal: str, name: tuple[str, str], dilation: int) -> str:
    kernel, bias = (weights[f"{name[1]}/{part}"] for part in ("kernel", "bias"))
    full = "".join(name)
    inputs = [signal, graph.constant(f"{full}/W", kernel.transpose(2, 1, 0)), graph.constant(f"{full}/B", bias)]
    attributes: dict[str, wire.Attribute] = {
        "kernel_shape": [len(kernel)],
        "dilations": [dilation],
        "pads": [(len(kernel) - 1) * dilation, 0],  # before the first row only: causal
    }
    graph.add("Conv", inputs, [full], attributes)
    return full


def pack_network(network: Network) -> dict[str, Any]:
    """A network as plain arrays and one string of JSON, which ``unpack_network`` takes."""
    about = {"format": FORMAT, "members": len(network.members), "across": network.across, "shape": asdict(network.shape)}
    scaler = {"centre": network.scaler.centre, "spread": network.scaler.spread, "masked": network.scaler.masked}
    weights = {f"{m}/{name}": value for m, member in enumerate(network.members) for name, value in member.items()}
    return {"about": json.dumps(about), **scaler, **weights}


def unpack_network(packed: Mapping[str, Any]) -> Network:
    """The network that was packed; raises ``StoreError`` where something is missing, of another size or of another format."""
    try:
        about = json.loads(str(packed["about"]))
        if about["format"] != FORMAT:
            raise StoreError(f"It has format {about['format']}; this version reads {FORMAT}. Train the model again.")
        shape = Architecture(**about["shape"] | {"dilations": tuple(about["shape"]["dilations"])})
        scaler = Scaler(**{name: np.asarray(packed[name]) for name in ("centre", "spread", "masked")})
        expected = shapes(shape, scaler.width)
        members = tuple({name: np.asarray(packed[f"{m}/{name}"]) for name in expected} for m in range(about["members"]))
    except (KeyError, TypeError, ValueError, BadInput) as error:
        raise StoreError(f"It is incomplete or damaged ({error}); train the model again.") from error
    if any(member[name].shape != size for member in members for name, size in expected.items()):
        raise StoreError("It is damaged: an array has another size than its network; train the model again.")
    return Network(shape=shape, scaler=scaler, members=members, across=int(about["across"]))


def save(network: Network, folder: Path) -> None:
    """Write ``network.npz`` and ``network.onnx`` into a folder that exists; raises ``StoreError`` where the disk refuses."""
    packed = pack_network(network)
    try:
        (folder / "network.onnx").write_bytes(to_onnx(network))
        np.savez(folder / "network.npz", allow_pickle=False, **{name: np.asarray(value) for name, value in packed.items()})
    except OSError as error:
        raise StoreError(f"The model could not be written to {folder}: {error}.") from error


def load(folder: Path) -> Network:
    """The network that ``save`` wrote; raises ``StoreError`` where it is absent, cut short or of another format."""
    path = folder / "network.npz"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: np.asarray(stored[name]) for name in stored.files}
    except (OSError, EOFError, BadZipFile, KeyError, ValueError) as error:
        raise StoreError(f"{path} is absent, cut short or damaged ({error}); train the model again.") from error
    try:
        return unpack_network(arrays)
    except StoreError as error:
        raise StoreError(f"{path} cannot be used. {error}") from error
