"""LSTM, GRU and TCN in Keras 3, the same on every backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

from undertow.core.errors import BadInput, NotSupported

Kind = Literal["lstm", "gru", "tcn"]
HOW_TO_INSTALL = "Sequence models need the extra `deep`, which is not installed: pip install 'undertow[deep]'."


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """The shape of a network; small by default, as weak signals want it (20 to 60 rows back, 32 to 64 units, one or two layers)."""

    kind: Kind
    lookback: int = 32  #: rows of a window
    hidden: int = 32  #: units of a layer, or channels
    layers: int = 1  #: of LSTM and GRU
    kernel: int = 3  #: of TCN: rows that a convolution looks at
    dilations: tuple[int, ...] = (1, 2, 4)  #: of TCN: one residual block each
    dropout: float = 0.2

    def __post_init__(self) -> None:
        if self.kind not in BUILDERS:
            raise BadInput(f"There is no sequence model {self.kind!r}; there are {', '.join(BUILDERS)}.")
        if self.kind == "tcn" and self.lookback < self.reach:
            raise BadInput(f"This TCN looks {self.reach} rows back and needs a lookback of at least that; it has {self.lookback}.")

    @property
    def reach(self) -> int:
        """Rows that an answer can depend on, the row itself included."""
        if self.kind != "tcn":
            return self.lookback
        return 1 + 2 * (self.kernel - 1) * sum(self.dilations)


def lstm(shape: Architecture, width: int) -> Any:
    """Unfitted keras.Model: windows (batch, lookback, width) -> log-odds (batch, 1) by long short-term memory."""
    return _recurrent(import_keras().layers.LSTM, shape, width)


def gru(shape: Architecture, width: int) -> Any:
    """Unfitted keras.Model: windows (batch, lookback, width) -> log-odds (batch, 1) by gated recurrent units."""
    return _recurrent(import_keras().layers.GRU, shape, width)


def tcn(shape: Architecture, width: int) -> Any:
    """Unfitted keras.Model: windows (batch, lookback, width) -> log-odds (batch, 1) by causal, dilated, residual convolutions."""
    layers = import_keras().layers
    entry = signal = import_keras().Input((shape.lookback, width))
    for block, dilation in enumerate(shape.dilations):
        carried = signal
        for half in (0, 1):
            name = f"block{block}_conv{half}"
            conv = layers.Conv1D(shape.hidden, shape.kernel, padding="causal", dilation_rate=dilation, activation="relu", name=name)
            signal = layers.Dropout(shape.dropout)(conv(signal))
        if block == 0:
            carried = layers.Conv1D(shape.hidden, 1, name="block0_skip")(carried)
        signal = layers.ReLU()(layers.Add()([carried, signal]))
    # a crop, not an index: an index becomes a Python-level slice on some backends
    last = layers.Flatten()(layers.Cropping1D((shape.lookback - 1, 0))(signal))
    return import_keras().Model(entry, layers.Dense(1, name="head")(last))


def _recurrent(layer: Any, shape: Architecture, width: int) -> Any:
    layers = import_keras().layers
    entry = signal = import_keras().Input((shape.lookback, width))
    for i in range(shape.layers):
        signal = layer(shape.hidden, return_sequences=i < shape.layers - 1, name=f"rnn{i}")(signal)
        signal = layers.Dropout(shape.dropout)(signal)
    return import_keras().Model(entry, layers.Dense(1, name="head")(signal))


BUILDERS: dict[str, Callable[[Architecture, int], Any]] = {"lstm": lstm, "gru": gru, "tcn": tcn}


def has_extra() -> bool:
    """Whether Keras is there; imports nothing."""
    return find_spec("keras") is not None


def require_extra() -> None:
    """Raises ``NotSupported``, with how to install it, where Keras is absent; imports nothing."""
    if not has_extra():
        raise NotSupported(HOW_TO_INSTALL)


def import_keras() -> Any:
    """The keras module on the backend that KERAS_BACKEND names; raises ``NotSupported`` where it or its backend is absent."""
    try:
        import keras
    except ImportError as error:
        raise NotSupported(f"{HOW_TO_INSTALL} ({error})") from error
    if keras.backend.backend() == "tensorflow":
        _one_thread()
    return keras


@cache
def _one_thread() -> None:
    # several networks are taught side by side, and sums do not depend on the number of cores then
    threading = import_module("tensorflow").config.threading
    try:
        threading.set_intra_op_parallelism_threads(1)
        threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        return  # whoever began to use it before has settled that already
