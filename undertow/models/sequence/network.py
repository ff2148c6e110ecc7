"""A trained network as plain arrays, and the fold that answers with it; needs neither Keras nor ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from undertow.core.chunk import F64, I64, Array
from undertow.core.errors import BadInput
from undertow.models.sequence.definitions import Architecture
from undertow.models.sequence.steps import recurrent_steps, tcn_steps
from undertow.models.sequence.windows import F32, Panel, Scaler, arrange

Weights = Mapping[str, F32]  #: "layer/what" -> array in Keras's layout


def shapes(shape: Architecture, width: int) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every array that one member has, in order of the layers."""
    units = shape.hidden
    found: dict[str, tuple[int, ...]] = {}
    if shape.kind == "tcn":
        for block in range(len(shape.dilations)):
            for half in (0, 1):
                inputs = width if block == half == 0 else units
                found |= {f"block{block}_conv{half}/kernel": (shape.kernel, inputs, units), f"block{block}_conv{half}/bias": (units,)}
        found |= {"block0_skip/kernel": (1, width, units), "block0_skip/bias": (units,)}
    else:
        gates = units * (4 if shape.kind == "lstm" else 3)
        for i in range(shape.layers):
            found |= {f"rnn{i}/kernel": (width if i == 0 else units, gates), f"rnn{i}/recurrent": (units, gates)}
            found[f"rnn{i}/bias"] = (gates,) if shape.kind == "lstm" else (2, gates)
    return found | {"head/kernel": (units, 1), "head/bias": (1,)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Members of one architecture, averaged in log-odds, behind one scaler."""

    shape: Architecture
    scaler: Scaler
    members: tuple[Weights, ...]
    across: int = 1  #: see ``windows.arrange``

    @property
    def base_rate(self) -> float | None:
        """The log-odds that are all it says where no member listens to its rows; None where one does."""
        if any(member["head/kernel"].any() for member in self.members):
            return None
        return sum(float(member["head/bias"][0]) for member in self.members) / len(self.members)

    def log_odds(self, panel: Panel) -> F64:
        """Score of each row (rows,), from its window alone."""
        return Stream(self).push(panel)


@dataclass(frozen=True, slots=True)
class State:
    """What one symbol's stretch has left behind."""

    ring: F32
    cursor: I64


class Kernels(Protocol):
    """The compiled steps with a network's weights laid out for them."""

    @property
    def scaler(self) -> tuple[F64, F64, I64]:
        """The scaler's arrays."""
        ...

    @property
    def base_rate(self) -> float | None:
        """That of the network."""
        ...

    def left(self, symbols: int) -> tuple[F32, ...]:
        """Room for what the past of each symbol leaves behind: of LSTM and GRU ``h`` and ``c``, of TCN its rings."""
        ...

    def fresh(self) -> State:
        """The state of a stretch that has not begun; the first row pushed must begin one."""
        ...

    def push(self, state: State, rows: F32, begins: Array) -> F64:
        """Rows (n, width) and where stretches begin, bool (n,) -> log-odds (n,); moves ``state``."""
        ...


def kernels_of(network: Network) -> Kernels:
    """Weights laid out for the compiled steps."""
    return TcnKernels(network) if network.shape.kind == "tcn" else RecurrentKernels(network)


class RecurrentKernels:
    """LSTM or GRU: each row replays the window, whose rows are projected once."""

    def __init__(self, network: Network) -> None:
        shape, members, width = network.shape, network.members, network.scaler.width
        self.is_lstm = shape.kind == "lstm"
        self.lookback, units = shape.lookback, shape.hidden
        self.gates = units * (4 if self.is_lstm else 3)
        most = max(width, units) if shape.layers > 1 else width
        self.kernel = np.zeros((len(members), shape.layers, most, self.gates), np.float32)
        self.bias = np.zeros((len(members), shape.layers, 2, self.gates), np.float32)
        for m, member in enumerate(members):
            for i in range(shape.layers):
                kernel = member[f"rnn{i}/kernel"]
                self.kernel[m, i, : len(kernel)] = kernel
                bias = np.atleast_2d(member[f"rnn{i}/bias"])
                self.bias[m, i, : len(bias)] = bias
        self.recurrent = np.stack([np.stack([m[f"rnn{i}/recurrent"] for i in range(shape.layers)]) for m in members])
        self.head, self.head_bias = _heads(network)
        self.scaler, self.base_rate = network.scaler.arrays(), network.base_rate

    @property
    def weights(self) -> tuple[F32, F32, F32, F32, F32]:
        """As the compiled steps take them."""
        return self.kernel, self.recurrent, self.bias, self.head, self.head_bias

    def left(self, symbols: int) -> tuple[F32, F32]:
        """Room for ``h`` and ``c`` (symbols, members, layers, units)."""
        members, layers, units, _ = self.recurrent.shape
        h = np.zeros((symbols, members, layers, units), np.float32)
        return h, np.zeros_like(h)

    def fresh(self) -> State:
        """An empty ring."""
        return State(np.zeros((len(self.head), self.lookback, self.gates), np.float32), np.zeros(1, np.int64))

    def push(self, state: State, rows: F32, begins: Array) -> F64:
        """Rows (n, width) and where stretches begin, bool (n,) -> log-odds (n,); moves ``state``."""
        out = np.empty(len(rows))
        recurrent_steps(self.is_lstm, rows, begins, state.ring, state.cursor, *self.weights, out)
        return out


class TcnKernels:
    """TCN: each row is one step through rings that hold what each convolution still needs."""

    def __init__(self, network: Network) -> None:
        shape, members, width = network.shape, network.members, network.scaler.width
        count, most = 2 * len(shape.dilations), max(width, shape.hidden)
        self.dilations = np.array(shape.dilations, np.int64)
        self.kernel = np.zeros((len(members), count, shape.kernel, most, shape.hidden), np.float32)
        self.bias = np.zeros((len(members), count, shape.hidden), np.float32)
        for m, member in enumerate(members):
            for i in range(count):
                name = f"block{i // 2}_conv{i % 2}"
                kernel = member[f"{name}/kernel"]
                self.kernel[m, i, :, : kernel.shape[1]] = kernel
                self.bias[m, i] = member[f"{name}/bias"]
        self.skip = np.stack([m["block0_skip/kernel"][0] for m in members])
        self.skip_bias = np.stack([m["block0_skip/bias"] for m in members])
        self.head, self.head_bias = _heads(network)
        self.scaler, self.base_rate = network.scaler.arrays(), network.base_rate
        rows = (shape.kernel - 1) * max(shape.dilations) + 1
        self.primed = np.zeros((len(members), count, rows, most), np.float32)
        self._prime(shape.reach, width)

    @property
    def weights(self) -> tuple[I64, F32, F32, F32, F32, F32, F32]:
        """As the compiled steps take them."""
        return self.dilations, self.kernel, self.bias, self.skip, self.skip_bias, self.head, self.head_bias

    def left(self, symbols: int) -> tuple[F32]:
        """Room for rings (symbols, members, convolutions, most rows, most inputs)."""
        return (np.zeros((symbols, *self.primed.shape), np.float32),)

    def _prime(self, reach: int, width: int) -> None:
        # a window is zeros before the stretch began: after `reach` rows of them every slot of every ring holds its resting value
        state = State(self.primed.copy(), np.zeros(1, np.int64))
        self.push(state, np.zeros((reach, width), np.float32), np.zeros(reach, np.bool_))
        self.primed[:] = state.ring

    def fresh(self) -> State:
        """Rings as zeros leave them."""
        return State(self.primed.copy(), np.zeros(1, np.int64))

    def push(self, state: State, rows: F32, begins: Array) -> F64:
        """Rows (n, width) and where stretches begin, bool (n,) -> log-odds (n,); moves ``state``."""
        out = np.empty(len(rows))
        tcn_steps(rows, begins, state.ring, state.cursor, self.primed, *self.weights, out)
        return out


def _heads(network: Network) -> tuple[F32, F32]:
    return np.stack([m["head/kernel"][:, 0] for m in network.members]), np.stack([m["head/bias"][0] for m in network.members])


class Stream:
    """A fold over rows: any cut into pushes gives the same bits; a history is one push."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._kernels = kernels_of(network)
        self._states: dict[int, State] = {}
        self._last: dict[int, tuple[int, int]] = {}  #: symbol -> tick and session of its last row

    def push(self, panel: Panel) -> F64:
        """Log-odds of each row (rows,); raises ``BadInput`` when a symbol's row is not later than its last."""
        out = np.empty(len(panel))
        order, begins = arrange(panel, self._network.across)
        rows = self._network.scaler.apply(panel.X)[order]
        key = panel.key[order]
        for cut in np.split(np.arange(len(order)), np.flatnonzero(key[1:] != key[:-1]) + 1) if len(order) else []:
            one = slice(int(cut[0]), int(cut[-1]) + 1)
            symbol, first, last = int(key[one.start]), int(order[one.start]), int(order[one.stop - 1])
            begins[one.start] = self._breaks(symbol, int(panel.tick[first]), int(panel.session[first]))
            if symbol not in self._states:
                self._states[symbol] = self._kernels.fresh()
            out[order[one]] = self._kernels.push(self._states[symbol], rows[one], begins[one])
            self._last[symbol] = (int(panel.tick[last]), int(panel.session[last]))
        return out

    def _breaks(self, symbol: int, tick: int, session: int) -> bool:
        if symbol not in self._last:
            return True
        before, at = self._last[symbol]
        if tick <= before:
            raise BadInput("Rows of a symbol must come in order of time; one came that is not later than the last.")
        return session - at > self._network.across
