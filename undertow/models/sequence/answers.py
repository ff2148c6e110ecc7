"""Answers to rows between teaching ticks: the window is the teaching rows before the row, and the row itself as the newest.

Rows that share their past, the five-minute ticks of an hour, run it through once and take one step each: the same bits as each alone.
So do rows that are asked about one after the other, where a ``Memory`` keeps what the past has left behind. All symbols and members of
a network are answered in one compiled call.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit
from undertow.core.errors import BadInput
from undertow.models.rows import Past, Rows
from undertow.models.sequence.network import Kernels, Network, RecurrentKernels, TcnKernels
from undertow.models.sequence.steps import add_product, head_of, layers_step, tcn_step
from undertow.models.sequence.windows import F32, scale


@dataclass(slots=True)
class Memory:
    """Of one network: each symbol's past that was run through last, every bit of it, and what it has left behind."""

    past: F64  #: (symbols, lookback - 1, k) its rows
    count: I64  #: (symbols,) how many rows it has; -1 before any
    left: tuple[F32, ...]  #: as ``Kernels.left`` makes room for it

    @classmethod
    def fresh(cls, network: Network, kernels: Kernels, symbols: int) -> Memory:
        """Of so many symbols, before any past."""
        size = symbols, network.shape.lookback - 1, len(network.scaler.centre)
        return cls(np.zeros(size), np.full(symbols, -1), kernels.left(symbols))


def answer(network: Network, kernels: Kernels, rows: Rows, columns: I64, memory: Memory | None = None) -> F64:
    """Log-odds of each row (n,) of the network that reads those columns of the features (k,); ``kernels`` are its own, laid out once.

    memory : of this network and of as many symbols as the past has; a past that is not the very same is run through anew, and answers
    are the same bits
    """
    out = np.empty(len(rows))
    if kernels.base_rate is not None:
        out[:] = kernels.base_rate
        return out
    if not len(rows):
        return out
    network.scaler.check(len(columns))
    symbols, features = rows.past.X.shape[1:]
    if rows.X.shape[1] != features:
        raise BadInput(f"Rows of {rows.X.shape[1]} features cannot follow rows of {features}.")
    kept = Memory.fresh(network, kernels, symbols) if memory is None else memory
    asked = np.take(rows.X, columns, axis=1), rows.key, rows.tick, rows.session
    past = rows.past.X, rows.past.tick, rows.past.session, columns
    window = network.shape.lookback, network.across, kernels.scaler, kept.past, kept.count
    if isinstance(kernels, RecurrentKernels):
        _recurrent_answers(kernels.is_lstm, asked, past, window, kept.left, kernels.weights, out)
    elif isinstance(kernels, TcnKernels):
        _tcn_answers(asked, past, window, kernels.primed, kept.left, kernels.weights, out)
    return out


def explain_rows(network: Network, kernels: Kernels, rows: Rows, columns: I64) -> F64:
    """Contributions (n, k + 1) of each column to the log-odds of each row, over its whole window; the last column the base.

    Columns are let in one after the other, in order and in reverse, and the two ways averaged: exact for effects of up to two together.
    """
    count, out = len(columns), np.zeros((len(rows), len(columns) + 1))
    begin = max(int(np.searchsorted(rows.past.tick, rows.tick.min(initial=0))) - network.shape.lookback, 0)
    whole = np.take(rows.past.X[begin:], columns, axis=2), np.take(rows.X, columns, axis=1)
    tick, session = rows.past.tick[begin:], rows.past.session[begin:]

    def score(past: F64, now: F64) -> F64:
        shown = replace(rows, X=now, past=Past(tick=tick, session=session, X=past))
        return answer(network, kernels, shown, np.arange(count))

    out[:, -1] = score(*(np.full_like(part, np.nan) for part in whole))
    if kernels.base_rate is not None:
        return out
    for order in (range(count), range(count - 1, -1, -1)):
        parts, was = [np.full_like(part, np.nan) for part in whole], out[:, -1].copy()
        for column in order:
            for part, full in zip(parts, whole, strict=True):
                part[..., column] = full[..., column]
            now = score(parts[0], parts[1])
            out[:, column] += 0.5 * (now - was)
            was = now
    return out


# Compiled code takes what belongs together as a tuple:
# asked  : the columns read of each row (n, k), its key, tick and session
# past   : X (t, symbols, features), tick and session of the teaching rows, and the columns read
# window : lookback, across, the scaler's arrays, and ``past`` and ``count`` of the memory


@njit(cache=True, error_model="numpy")
def _past(i: int, asked: Any, past: Any, window: Any, before: F32) -> tuple[bool, int]:
    """Whether row ``i`` has another past than the row of its symbol before it, and how many rows its past has.

    The past begins within the lookback and after the last hole in the sessions. Another one is noted, and its rows are put into the end
    of ``before`` (lookback - 1, width), scaled.
    """
    _, keys, ticks, sessions = asked
    X, tick, session, columns = past
    lookback, across, scaler, rows, counts = window
    place, symbol = np.searchsorted(tick, ticks[i]), keys[i]
    if not 0 <= symbol < X.shape[1]:
        raise IndexError("a row is of a symbol that the past does not have")
    first, after = place, sessions[i]
    while first > 0 and place - first < lookback - 1 and after - session[first - 1] <= across:
        first -= 1
        after = session[first]
    count = place - first
    other = counts[symbol] != count
    counts[symbol] = count
    for t in range(count):
        for j in range(len(columns)):
            value, was = np.float64(X[first + t, symbol, columns[j]]), np.float64(rows[symbol, t, j])
            # by their bits, for what is not known equals nothing, itself included
            other |= value.view(np.int64) != was.view(np.int64)
            rows[symbol, t, j] = value
    if other:
        for t in range(count):
            scale(rows[symbol, t], scaler, before[len(before) - count + t])
    return other, count


@njit(cache=True, error_model="numpy")
def _recurrent_answers(is_lstm: bool, asked: Any, past: Any, window: Any, left: Any, weights: Any, out: F64) -> None:
    """Windows of LSTM or GRU: the past of each row, padded in front, then the row itself; ``out`` (n,) is the mean log-odds."""
    h, c = left
    kernel, recurrent, bias, head, head_bias = weights
    members, layers, units, gates = recurrent.shape
    rows, keys, _, _ = asked
    lookback, _, scaler, _, _ = window
    width = len(scaler[0]) + len(scaler[2])
    before, now = np.empty((lookback - 1, width), np.float32), np.empty(width, np.float32)
    one_h, one_c = np.empty((layers, units), np.float32), np.empty((layers, units), np.float32)
    projected, room = np.empty(gates, np.float32), np.empty(gates, np.float32)
    for i in range(len(out)):
        symbol = keys[i]
        other, count = _past(i, asked, past, window, before)
        if other:
            h[symbol] = 0.0
            c[symbol] = 0.0
            for m in range(members):
                for row in range(lookback - 1):
                    projected[:] = bias[m, 0, 0]
                    if row >= lookback - 1 - count:
                        add_product(before[row], kernel[m, 0], projected)
                    layers_step(is_lstm, projected, kernel[m], recurrent[m], bias[m], h[symbol, m], c[symbol, m], room)
        scale(rows[i], scaler, now)
        total = 0.0
        for m in range(members):
            one_h[:] = h[symbol, m]
            one_c[:] = c[symbol, m]
            projected[:] = bias[m, 0, 0]
            add_product(now, kernel[m, 0], projected)
            layers_step(is_lstm, projected, kernel[m], recurrent[m], bias[m], one_h, one_c, room)
            total += head_of(one_h[-1], head[m], head_bias[m])
        out[i] = total / members


@njit(cache=True, error_model="numpy")
def _tcn_answers(asked: Any, past: Any, window: Any, primed: F32, left: Any, weights: Any, out: F64) -> None:
    """Windows of TCN, as for LSTM and GRU; ``primed`` are its rings after nothing but zeros."""
    ring = left[0]
    dilations, kernel, bias, skip, skip_bias, head, head_bias = weights
    members = head.shape[0]
    rows, keys, _, _ = asked
    lookback, _, scaler, _, _ = window
    width = len(scaler[0]) + len(scaler[2])
    before, now = np.empty((lookback - 1, width), np.float32), np.empty(width, np.float32)
    one, said = primed.copy(), np.empty(head.shape[1], np.float32)
    for i in range(len(out)):
        symbol = keys[i]
        other, count = _past(i, asked, past, window, before)
        if other:
            ring[symbol] = primed
            for m in range(members):
                for t in range(count):
                    row = before[lookback - 1 - count + t]
                    tcn_step(row, ring[symbol, m], t, dilations, kernel[m], bias[m], skip[m], skip_bias[m], said)
        scale(rows[i], scaler, now)
        one[:] = ring[symbol]
        total = 0.0
        for m in range(members):
            tcn_step(now, one[m], count, dilations, kernel[m], bias[m], skip[m], skip_bias[m], said)
            total += head_of(said, head[m], head_bias[m])
        out[i] = total / members
