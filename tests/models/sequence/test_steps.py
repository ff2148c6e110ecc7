"""The compiled steps: equal to a plain window in float64, the same bits for any cut, and blind to what comes later."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.models.sequence.worlds import network, panel, small
from undertow.core.chunk import F64
from undertow.core.errors import BadInput
from undertow.models.sequence.definitions import Architecture
from undertow.models.sequence.network import Network, Stream, Weights
from undertow.models.sequence.windows import Panel, Windows, arrange

KINDS = ("lstm", "gru", "tcn")


def sigmoid(x: F64) -> F64:
    return 1.0 / (1.0 + np.exp(-x))


def recurrent(shape: Architecture, member: Weights, x: F64) -> float:
    for i in range(shape.layers):
        kernel, state, bias = (member[f"rnn{i}/{part}"].astype(np.float64) for part in ("kernel", "recurrent", "bias"))
        h = c = np.zeros(shape.hidden)
        out = []
        for row in x:
            if shape.kind == "lstm":
                into, forget, fresh, show = np.split(row @ kernel + h @ state + bias, 4)
                c = sigmoid(forget) * c + sigmoid(into) * np.tanh(fresh)
                h = sigmoid(show) * np.tanh(c)
            else:
                a, b = np.split(row @ kernel + bias[0], 3), np.split(h @ state + bias[1], 3)
                z, r = sigmoid(a[0] + b[0]), sigmoid(a[1] + b[1])
                h = z * h + (1.0 - z) * np.tanh(a[2] + r * b[2])
            out.append(h)
        x = np.array(out)
    return float((x[-1] @ member["head/kernel"] + member["head/bias"]).item())


def convolve(x: F64, kernel: F64, bias: F64, dilation: int) -> F64:
    padded = np.vstack([np.zeros(((len(kernel) - 1) * dilation, x.shape[1])), x])
    return bias + sum(padded[tap * dilation : tap * dilation + len(x)] @ kernel[tap] for tap in range(len(kernel)))


def convolutional(shape: Architecture, member: Weights, x: F64) -> float:
    for block, dilation in enumerate(shape.dilations):
        inner = x
        for half in (0, 1):
            name = f"block{block}_conv{half}"
            inner = np.maximum(convolve(inner, member[f"{name}/kernel"].astype(np.float64), member[f"{name}/bias"], dilation), 0.0)
        carried = convolve(x, member["block0_skip/kernel"].astype(np.float64), member["block0_skip/bias"], 1) if block == 0 else x
        x = np.maximum(carried + inner, 0.0)
    return float((x[-1] @ member["head/kernel"] + member["head/bias"]).item())


def oracle(of: Network, data: Panel) -> F64:
    """Log-odds (rows,) by a plain window in float64, in the panel's own order."""
    order, begins = arrange(data, of.across)
    windows = Windows.over(of.scaler.apply(data.X[order]), begins, of.shape.lookback).gather(np.arange(len(data)))
    plain = convolutional if of.shape.kind == "tcn" else recurrent
    out = np.empty(len(data))
    out[order] = [np.mean([plain(of.shape, m, window.astype(np.float64)) for m in of.members]) for window in windows]
    return out


def holey(rows: int = 40, seed: int = 1) -> Panel:
    """Two symbols with values that are not known, one session missing and one symbol's rows gone for a while; shuffled."""
    of = panel(rows=rows, symbols=2, seed=seed)
    rng = np.random.default_rng(seed)
    of.X[rng.random(of.X.shape) < 0.1] = np.nan
    of.session[of.tick > rows // 3] += 1
    kept = (of.key == 0) | (of.tick < rows // 2) | (of.tick > rows // 2 + 5)
    return of[rng.permutation(np.flatnonzero(kept))]


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_steps_equal_plain_windows(kind: str, layers: int) -> None:
    of, data = network(kind, layers=layers), holey()
    score = of.log_odds(data)
    assert score.std() > 0.05
    np.testing.assert_allclose(score, oracle(of, data), rtol=0.0, atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(KINDS), st.lists(st.integers(1, 39), max_size=6, unique=True))
def test_any_cut_gives_the_same_bits(kind: str, cuts: list[int]) -> None:
    of, data = network(kind), holey()
    whole, stream, parts = of.log_odds(data), Stream(of), np.empty(len(data))
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), 40], strict=True):
        rows = np.flatnonzero((data.tick >= begin) & (data.tick < end))
        parts[rows] = stream.push(data[rows])
    assert np.array_equal(whole, parts)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_knows_neither_other_symbols_nor_later_rows_nor_earlier_than_its_window(kind: str) -> None:
    of, data = network(kind), panel(rows=30, symbols=2)
    whole = of.log_odds(data)
    seen = np.flatnonzero((data.key == 1) & (data.tick > 20 - of.shape.lookback) & (data.tick <= 20))
    alone = of.log_odds(data[seen])
    assert alone[-1] == whole[seen[-1]]
    reach = data[seen[-of.shape.reach :]]
    reach.X[0] += 3.0
    assert of.log_odds(reach)[-1] != alone[-1]  # and the window's first row does count


@pytest.mark.parametrize("kind", KINDS)
def test_a_missed_session_begins_anew(kind: str) -> None:
    of, data = network(kind), panel(rows=20, symbols=1)
    data.session[10:] += 1
    assert np.array_equal(of.log_odds(data)[10:], of.log_odds(data[10:]))
    data.session[10:] -= 1
    assert not np.array_equal(of.log_odds(data)[10:], of.log_odds(data[10:]))


def test_rows_that_go_back_in_time_are_refused() -> None:
    stream, data = Stream(network("gru")), panel(rows=3, symbols=1)
    stream.push(data[1:2])
    with pytest.raises(BadInput, match="not later than the last"):
        stream.push(data[:1])


def test_no_rows_give_no_answers() -> None:
    assert network("tcn").log_odds(panel(rows=0)).shape == (0,)


def test_a_window_too_short_for_its_convolutions_is_refused() -> None:
    assert small("tcn").reach == 7
    with pytest.raises(BadInput, match="looks 7 rows back"):
        small("tcn", lookback=6)
    with pytest.raises(BadInput, match="there are lstm, gru, tcn"):
        small("transformer")
