"""Keras, the ONNX graph and the compiled steps say the same; a stored network comes back whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.models.sequence.worlds import network, panel
from undertow.core.errors import StoreError
from undertow.models.sequence.definitions import BUILDERS, import_keras
from undertow.models.sequence.export import load, put_weights, save, to_onnx, weights_of
from undertow.models.sequence.serving import WindowServer
from undertow.models.sequence.windows import Windows, arrange

WHY = "needs the extra `deep`"
CASES = [("lstm", 1), ("lstm", 2), ("gru", 1), ("gru", 2), ("tcn", 1)]


@pytest.mark.parametrize(("kind", "layers"), CASES)
def test_onnx_keras_and_steps_say_the_same(kind: str, layers: int) -> None:
    pytest.importorskip("onnxruntime", reason=WHY)
    pytest.importorskip("keras", reason=WHY)
    of, data = network(kind, layers=layers), panel(rows=40, symbols=1)
    order, begins = arrange(data, of.across)
    windows = Windows.over(of.scaler.apply(data.X[order]), begins, of.shape.lookback).gather(order)
    model, members = BUILDERS[kind](of.shape, of.scaler.width), []
    for member in of.members:
        put_weights(model, member)
        members.append(np.asarray(model.predict_on_batch(windows), np.float64)[:, 0])
        assert all(np.array_equal(member[name], value) for name, value in weights_of(model, of.shape, of.scaler.width).items())
    keras, onnx, steps = np.mean(members, axis=0), WindowServer(to_onnx(of)).log_odds(windows), of.log_odds(data)
    assert keras.std() > 0.05
    np.testing.assert_allclose(onnx, keras, rtol=0.0, atol=1e-5)
    np.testing.assert_allclose(steps, keras, rtol=0.0, atol=1e-6)
    assert onnx.shape == (40,)
    assert WindowServer(to_onnx(of)).log_odds(windows[:1]).shape == (1,)


@pytest.mark.parametrize("kind", ["lstm", "gru", "tcn"])
def test_a_stored_network_answers_the_same_bits(kind: str, tmp_path: Path) -> None:
    of, data = network(kind), panel(rows=20)
    save(of, tmp_path)
    back = load(tmp_path)
    assert back.shape == of.shape
    assert np.array_equal(back.log_odds(data), of.log_odds(data))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_file_cut_short_is_refused(share: float, tmp_path: Path) -> None:
    save(network("gru"), tmp_path)
    path = tmp_path / "network.npz"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(StoreError, match="train the model again"):
        load(tmp_path)


def test_an_absent_file_and_a_broken_graph_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="absent"):
        load(tmp_path)
    with pytest.raises(StoreError, match="could not be written"):
        save(network("gru"), tmp_path / "nowhere")
    pytest.importorskip("onnxruntime", reason=WHY)
    with pytest.raises(StoreError, match="cannot be read"):
        WindowServer(to_onnx(network("gru"))[:500])


def test_answers_need_neither_keras_nor_its_backends(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason=WHY)
    save(network("lstm"), tmp_path)
    program = (
        "import sys, pathlib, numpy as np\n"
        "from undertow.models.sequence.export import load\n"
        "from undertow.models.sequence.models import TimeSeriesModels\n"
        "from undertow.models.sequence.serving import WindowServer\n"
        "from undertow.models.sequence.network import Stream\n"
        f"folder = pathlib.Path({str(tmp_path)!r}); of = load(folder); Stream(of)\n"
        "WindowServer(folder / 'network.onnx').log_odds(np.zeros((1, of.shape.lookback, of.scaler.width), np.float32))\n"
        "assert not {'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_definitions_are_neutral_to_the_backend() -> None:
    pytest.importorskip("keras", reason=WHY)
    import_keras()
    text = "".join(path.read_text("utf-8") for path in Path(BUILDERS["lstm"].__code__.co_filename).parent.glob("*.py"))
    assert not any(f"import {name}" in text for name in ("tensorflow", "jax", "torch", "onnx\n"))
