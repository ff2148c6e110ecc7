"""One step of LSTM, GRU and TCN, compiled: a history is these steps in a loop, a live row one of them (laws 3 and 7).

The contract is the window: an answer depends on the last ``lookback`` rows of the stretch, zeros before it began. LSTM and GRU keep a
ring of projected rows and run it through from a zero state; TCN keeps a ring per convolution, and one new row costs one step.
"""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64, I64, Array
from undertow.core.compiled import njit
from undertow.models.sequence.windows import F32

ZERO, HALF, ONE, TWO = np.float32(0.0), np.float32(0.5), np.float32(1.0), np.float32(2.0)
LEAST, MOST = np.float32(-87.0), np.float32(87.0)  #: beyond these exp leaves float32
LOG2_E, LN2_HIGH, LN2_LOW = np.float32(1.44269504088896341), np.float32(0.693359375), np.float32(-2.12194440e-4)
C0, C1, C2 = np.float32(1.9875691500e-4), np.float32(1.3981999507e-3), np.float32(8.3334519073e-3)
C3, C4 = np.float32(4.1665795894e-2), np.float32(1.6666665459e-1)


@njit(cache=True, error_model="numpy")
def add_product(x: F32, matrix: F32, out: F32) -> None:
    """out (k,) += x (j,) @ matrix (j, k), summed in order of j: the same bits alone and in company."""
    for j in range(x.shape[0]):
        value = x[j]
        for k in range(out.shape[0]):
            out[k] += value * matrix[j, k]


@njit(cache=True, error_model="numpy")
def squash(x: F32, slope: np.float32, scale: np.float32, shift: np.float32) -> None:
    """x (n,) becomes scale / (1 + exp(-slope * x)) + shift, within 2e-7; the library's exp would take most of a step's time.

    exp is 2**n by its bits times a polynomial on [-ln 2 / 2, ln 2 / 2] (Cephes, expf.c): a loop without branches or calls.
    """
    for k in range(x.shape[0]):
        v = -slope * x[k]
        v = v if v > LEAST else LEAST
        v = v if v < MOST else MOST
        n = np.floor(v * LOG2_E + HALF)
        v = v - n * LN2_HIGH - n * LN2_LOW
        p = ((((C0 * v + C1) * v + C2) * v + C3) * v + C4) * v + HALF
        p = p * v * v + v + ONE
        power = np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)
        x[k] = scale / (ONE + p * power) + shift


@njit(cache=True, error_model="numpy")
def sigmoids(x: F32) -> None:
    """Logistic function of x (n,), in place."""
    squash(x, ONE, ONE, ZERO)


@njit(cache=True, error_model="numpy")
def tanhs(x: F32) -> None:
    """Hyperbolic tangent of x (n,), in place."""
    squash(x, TWO, TWO, -ONE)


@njit(cache=True, error_model="numpy")
def lstm_step(projected: F32, recurrent: F32, h: F32, c: F32, gates: F32) -> None:
    """Move h and c (units,) by one row; ``projected`` (4 units,) is row @ kernel + bias, gates in Keras's order i, f, c, o."""
    units = h.shape[0]
    gates[:] = projected
    add_product(h, recurrent, gates)
    sigmoids(gates[: 2 * units])
    tanhs(gates[2 * units : 3 * units])
    sigmoids(gates[3 * units :])
    for k in range(units):
        c[k] = gates[units + k] * c[k] + gates[k] * gates[2 * units + k]
    h[:] = c
    tanhs(h)
    for k in range(units):
        h[k] *= gates[3 * units + k]


@njit(cache=True, error_model="numpy")
def gru_step(projected: F32, recurrent: F32, bias: F32, h: F32, gates: F32) -> None:
    """Move h (units,) by one row; ``projected`` (3 units,) is row @ kernel + input bias, gates in Keras's order z, r, h (reset after)."""
    units = h.shape[0]
    gates[:] = bias
    add_product(h, recurrent, gates)
    for k in range(2 * units):
        gates[k] += projected[k]
    sigmoids(gates[: 2 * units])
    for k in range(units):
        gates[2 * units + k] = projected[2 * units + k] + gates[units + k] * gates[2 * units + k]
    tanhs(gates[2 * units :])
    for k in range(units):
        h[k] = gates[k] * h[k] + (ONE - gates[k]) * gates[2 * units + k]


@njit(cache=True, error_model="numpy")
def layers_step(is_lstm: bool, projected: F32, kernel: F32, recurrent: F32, bias: F32, h: F32, c: F32, gates: F32) -> None:
    """Move h and c (layers, units) by one row, given projected to the first layer's gates (gates,), which it overwrites."""
    for layer in range(h.shape[0]):
        if layer > 0:
            projected[:] = bias[layer, 0]
            add_product(h[layer - 1], kernel[layer], projected)
        if is_lstm:
            lstm_step(projected, recurrent[layer], h[layer], c[layer], gates)
        else:
            gru_step(projected, recurrent[layer], bias[layer, 1], h[layer], gates)


@njit(cache=True, error_model="numpy")
def _replay(is_lstm: bool, ring: F32, cursor: int, kernel: F32, recurrent: F32, bias: F32, h: F32) -> None:
    """Run one member's ring (lookback, gates) through its layers from zero; h (layers, units) is left at the last row."""
    c = np.zeros(h.shape, np.float32)
    gates, projected = np.empty(ring.shape[1], np.float32), np.empty(ring.shape[1], np.float32)
    h[:] = 0.0
    for step in range(ring.shape[0]):
        projected[:] = ring[(cursor + step) % ring.shape[0]]
        layers_step(is_lstm, projected, kernel, recurrent, bias, h, c, gates)


@njit(cache=True, error_model="numpy")
def recurrent_steps(
    is_lstm: bool,
    rows: F32,
    begins: Array,
    ring: F32,
    cursor: I64,
    kernel: F32,
    recurrent: F32,
    bias: F32,
    head: F32,
    head_bias: F32,
    out: F64,
) -> None:
    """Push rows (n, width) through LSTM or GRU members; ``out`` (n,) mean log-odds.

    ring (members, lookback, gates), cursor (1,) are the state; kernel (members, layers, most inputs, gates),
    recurrent (members, layers, units, gates), bias (members, layers, 2, gates), head (members, units), head_bias (members,).
    """
    members, lookback = ring.shape[:2]
    h = np.empty((recurrent.shape[1], recurrent.shape[2]), np.float32)
    for t in range(rows.shape[0]):
        if begins[t]:
            cursor[0] = 0
            for m in range(members):
                ring[m, :] = bias[m, 0, 0]
        total = 0.0
        slot = cursor[0] % lookback
        cursor[0] = (slot + 1) % lookback
        for m in range(members):
            ring[m, slot] = bias[m, 0, 0]
            add_product(rows[t], kernel[m, 0], ring[m, slot])
            _replay(is_lstm, ring[m], cursor[0], kernel[m], recurrent[m], bias[m], h)
            total += head_of(h[-1], head[m], head_bias[m])
        out[t] = total / members


@njit(cache=True, error_model="numpy")
def head_of(h: F32, weights: F32, bias: np.float32) -> float:
    """One member's log-odds from its last state (units,)."""
    total = float(bias)
    for k in range(h.shape[0]):
        total += float(h[k]) * float(weights[k])
    return total


@njit(cache=True, error_model="numpy")
def _convolve(ring: F32, t: int, kernel: F32, bias: F32, dilation: int, inputs: int, out: F32) -> None:
    """out (channels,) = relu of one causal convolution at row ``t`` over the ring (most rows, most inputs) of its inputs."""
    taps = kernel.shape[0]
    span = (taps - 1) * dilation + 1
    out[:] = bias
    for tap in range(taps):
        add_product(ring[(t - (taps - 1 - tap) * dilation) % span, :inputs], kernel[tap], out)
    for k in range(out.shape[0]):
        out[k] = max(out[k], ZERO)


@njit(cache=True, error_model="numpy")
def tcn_step(row: F32, ring: F32, t: int, dilations: I64, kernel: F32, bias: F32, skip: F32, skip_bias: F32, out: F32) -> None:
    """Push one row (width,) through one member; out (channels,) is the last block's answer at row ``t``.

    ring (convolutions, most rows, most inputs), kernel (convolutions, taps, most inputs, channels), skip (width, channels).
    """
    channels, taps = out.shape[0], kernel.shape[1]
    signal = np.empty(channels, np.float32)
    for block in range(dilations.shape[0]):
        dilation = dilations[block]
        slot = t % ((taps - 1) * dilation + 1)
        source, inputs = (row, row.shape[0]) if block == 0 else (out, channels)
        first, second = 2 * block, 2 * block + 1
        ring[first, slot, :inputs] = source
        _convolve(ring[first], t, kernel[first], bias[first], dilation, inputs, signal)
        ring[second, slot, :channels] = signal
        _convolve(ring[second], t, kernel[second], bias[second], dilation, channels, signal)
        if block == 0:
            out[:] = skip_bias
            add_product(row, skip, out)
        for k in range(channels):
            out[k] = max(out[k] + signal[k], ZERO)


@njit(cache=True, error_model="numpy")
def tcn_steps(
    rows: F32,
    begins: Array,
    ring: F32,
    cursor: I64,
    primed: F32,
    dilations: I64,
    kernel: F32,
    bias: F32,
    skip: F32,
    skip_bias: F32,
    head: F32,
    head_bias: F32,
    out: F64,
) -> None:
    """Push rows (n, width) through TCN members; ``out`` (n,) mean log-odds.

    ring (members, convolutions, most rows, most inputs), cursor (1,) are the state, ``primed`` the ring after zeros only, with
    the cursor at 0; kernel (members, convolutions, taps, most inputs, channels), bias (members, convolutions, channels),
    skip (members, width, channels), skip_bias and head (members, channels), head_bias (members,).
    """
    members = ring.shape[0]
    answer = np.empty(head.shape[1], np.float32)
    for t in range(rows.shape[0]):
        if begins[t]:
            ring[:] = primed
            cursor[0] = 0
        total = 0.0
        for m in range(members):
            tcn_step(rows[t], ring[m], cursor[0], dilations, kernel[m], bias[m], skip[m], skip_bias[m], answer)
            total += head_of(answer, head[m], head_bias[m])
        cursor[0] += 1
        out[t] = total / members
