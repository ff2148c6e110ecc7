"""Answers to rows between teaching ticks: the window is the teaching rows before the row, and the row itself as the newest.

Rows that share their past, the five-minute ticks of an hour, run it through once and take one step each: the same bits as each alone.
So do rows that are asked about one after the other, where a ``Memory`` keeps what the past has left behind.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit
from undertow.models.rows import Past, Rows
from undertow.models.sequence.network import Kernels, Network, RecurrentKernels, TcnKernels
from undertow.models.sequence.steps import add_product, head_of, layers_step, tcn_step
from undertow.models.sequence.windows import F32

Left = tuple[Any, ...]  #: what a past has left behind: of LSTM and GRU ``h`` and ``c``, of TCN its rings
Memory = dict[int, tuple[bytes, Left | None]]  #: symbol -> the past that was run through last, every bit of it, and what it has left behind


@dataclass(frozen=True, slots=True)
class Asked:
    """One symbol's rows (n,) and where the window of each lies in its past."""

    before: F32  #: (past rows, width)
    now: F32  #: (n, width)
    place: I64  #: (n,) where each window's past ends
    first: I64  #: (n,) where it begins

    def past(self, row: int) -> bytes:
        """The past of a row's window, every bit of it."""
        return self.before[int(self.first[row]) : int(self.place[row])].tobytes()

    def out(self) -> F64:
        """Room for the answers."""
        return np.empty(len(self.now))


def answer(network: Network, kernels: Kernels, rows: Rows, columns: I64, memory: Memory | None = None) -> F64:
    """Log-odds of each row (n,) of the network that reads those columns of the features (k,); ``kernels`` are its own, laid out once.

    memory : of this network's, of one symbol each; a past that is not the very same is run through anew. Answers are the same bits
    """
    out = np.empty(len(rows))
    if network.is_deaf:
        out[:] = sum(float(member["head/bias"][0]) for member in network.members) / len(network.members)
        return out
    if not len(rows):
        return out
    order = np.lexsort((rows.tick, rows.key))
    place = np.searchsorted(rows.past.tick, rows.tick[order], side="left").astype(np.int64)
    begin, end = max(int(place.min()) - network.shape.lookback, 0), int(place.max())
    place -= begin
    first = _first(rows.past.session[begin:end], rows.session[order], place, network)
    past = rows.past.X[begin:end][:, :, columns]
    before = network.scaler.apply(past.reshape(-1, len(columns))).reshape(*past.shape[:2], network.scaler.width)
    now = network.scaler.apply(rows.X[np.ix_(order, columns)])
    key = rows.key[order]
    bounds = np.flatnonzero(np.diff(key, prepend=-1, append=-1))
    for start, stop in pairwise(bounds):
        one, symbol = slice(int(start), int(stop)), int(key[start])
        own = Asked(np.ascontiguousarray(before[:, symbol]), now[one], place[one], first[one])
        out[order[one]] = _run(kernels, own) if memory is None else _remembered(kernels, own, memory, symbol)
    return out


def explain_rows(network: Network, kernels: Kernels, rows: Rows, columns: I64) -> F64:
    """Contributions (n, k + 1) of each column to the log-odds of each row, over its whole window; the last column the base.

    Columns are let in one after the other, in order and in reverse, and the two ways averaged: exact for effects of up to two together.
    """
    count, out = len(columns), np.zeros((len(rows), len(columns) + 1))
    begin = max(int(np.searchsorted(rows.past.tick, rows.tick.min(initial=0))) - network.shape.lookback, 0)
    whole = rows.past.X[begin:][:, :, columns], rows.X[:, columns]
    tick, session = rows.past.tick[begin:], rows.past.session[begin:]

    def score(past: F64, now: F64) -> F64:
        shown = replace(rows, X=now, past=Past(tick=tick, session=session, X=past))
        return answer(network, kernels, shown, np.arange(count))

    out[:, -1] = score(*(np.full_like(part, np.nan) for part in whole))
    if network.is_deaf:
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


def _first(session: I64, now: I64, place: I64, network: Network) -> I64:
    """Index (n,) of the oldest past row in each window: within the lookback, and after the last hole in the sessions."""
    holes = np.flatnonzero(np.diff(session) > network.across) + 1
    stretch = np.append(0, holes)[np.searchsorted(holes, place - 1, side="right")]
    first = np.maximum(stretch, place - (network.shape.lookback - 1))
    last = np.append(session, np.int64(-(2**40)))[place - 1]
    return np.where((place == 0) | (now - last > network.across), place, first).astype(np.int64)


def _remembered(kernels: Kernels, own: Asked, memory: Memory, symbol: int) -> F64:
    """Answers that begin where the symbol's last past ended, if it is that of the first row; the last row's past is remembered."""
    past, left = memory.pop(symbol, (b"", None))  # taken out, for what was left is moved on
    out = own.out()
    left = _run_into(kernels, own, left if past == own.past(0) else None, out)
    memory[symbol] = own.past(-1), left
    return out


def _run(kernels: Kernels, own: Asked) -> F64:
    out = own.out()
    _run_into(kernels, own, None, out)
    return out


def _run_into(kernels: Kernels, own: Asked, left: Left | None, out: F64) -> Left:
    """Fill ``out`` (n,); ``left`` is what the first row's past has left behind, None where it is to be run through."""
    known = left is not None
    if isinstance(kernels, RecurrentKernels):
        if left is None:
            members, layers, units, _ = kernels.recurrent.shape
            left = np.zeros((members, layers, units), np.float32), np.zeros((members, layers, units), np.float32)
        h, c = left
        weights = (h, c, kernels.kernel, kernels.recurrent, kernels.bias, kernels.head, kernels.head_bias)
        _recurrent_answers(kernels.is_lstm, kernels.lookback, own.before, own.now, own.place, own.first, known, *weights, out)
    elif isinstance(kernels, TcnKernels):
        (ring,) = left = (kernels.primed.copy(),) if left is None else left
        layers_of = (kernels.dilations, kernels.kernel, kernels.bias, kernels.skip, kernels.skip_bias, kernels.head, kernels.head_bias)
        _tcn_answers(own.before, own.now, own.place, own.first, known, kernels.primed, ring, *layers_of, out)
    return left or ()


@njit(cache=True, error_model="numpy")
def _recurrent_answers(
    is_lstm: bool,
    lookback: int,
    before: F32,
    now: F32,
    place: I64,
    first: I64,
    known: bool,
    h: F32,
    c: F32,
    kernel: F32,
    recurrent: F32,
    bias: F32,
    head: F32,
    head_bias: F32,
    out: F64,
) -> None:
    """Windows of LSTM or GRU: rows ``first[i]`` to ``place[i]`` of ``before``, padded in front, then ``now[i]``.

    ``h`` and ``c`` (members, layers, units) end as the last row's past leaves them; where ``known`` they begin as the first row's does.
    ``out`` (n,) is the mean log-odds.
    """
    members, layers, units, gates = recurrent.shape
    one_h, one_c = np.empty((layers, units), np.float32), np.empty((layers, units), np.float32)
    projected, room = np.empty(gates, np.float32), np.empty(gates, np.float32)
    for i in range(now.shape[0]):
        if (i == 0 and not known) or (i > 0 and (place[i] != place[i - 1] or first[i] != first[i - 1])):
            h[:] = 0.0
            c[:] = 0.0
            for m in range(members):
                for row in range(place[i] - lookback + 1, place[i]):
                    projected[:] = bias[m, 0, 0]
                    if row >= first[i]:
                        add_product(before[row], kernel[m, 0], projected)
                    layers_step(is_lstm, projected, kernel[m], recurrent[m], bias[m], h[m], c[m], room)
        total = 0.0
        for m in range(members):
            one_h[:] = h[m]
            one_c[:] = c[m]
            projected[:] = bias[m, 0, 0]
            add_product(now[i], kernel[m, 0], projected)
            layers_step(is_lstm, projected, kernel[m], recurrent[m], bias[m], one_h, one_c, room)
            total += head_of(one_h[-1], head[m], head_bias[m])
        out[i] = total / members


@njit(cache=True, error_model="numpy")
def _tcn_answers(
    before: F32,
    now: F32,
    place: I64,
    first: I64,
    known: bool,
    primed: F32,
    ring: F32,
    dilations: I64,
    kernel: F32,
    bias: F32,
    skip: F32,
    skip_bias: F32,
    head: F32,
    head_bias: F32,
    out: F64,
) -> None:
    """Windows of TCN, as for LSTM and GRU; ``primed`` are its rings after nothing but zeros, ``ring`` those of the past."""
    members = head.shape[0]
    one, answer = primed.copy(), np.empty(head.shape[1], np.float32)
    for i in range(now.shape[0]):
        if (i == 0 and not known) or (i > 0 and (place[i] != place[i - 1] or first[i] != first[i - 1])):
            ring[:] = primed
            for m in range(members):
                for row in range(first[i], place[i]):
                    t = row - first[i]
                    tcn_step(before[row], ring[m], t, dilations, kernel[m], bias[m], skip[m], skip_bias[m], answer)
        one[:] = ring
        total = 0.0
        for m in range(members):
            t = place[i] - first[i]
            tcn_step(now[i], one[m], t, dilations, kernel[m], bias[m], skip[m], skip_bias[m], answer)
            total += head_of(answer, head[m], head_bias[m])
        out[i] = total / members
