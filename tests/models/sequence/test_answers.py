"""Answers between teaching ticks are those of the window, bit for bit; what was packed answers alike, without Keras."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.models.sequence.worlds import network, panel
from undertow.core.chunk import F64, I64
from undertow.core.errors import BadInput, StoreError
from undertow.models.rows import Past, Rows
from undertow.models.sequence.answers import Memory, answer, explain_rows
from undertow.models.sequence.choice import choose_columns
from undertow.models.sequence.export import pack_network, unpack_network
from undertow.models.sequence.models import SequenceNetwork, explain
from undertow.models.sequence.network import kernels_of
from undertow.models.sequence.windows import Panel

KINDS = ["lstm", "gru", "tcn"]
COLUMNS = np.array([4, 1, 2])
TICKS, SYMBOLS = 30, 2


def world(seed: int = 0, session: I64 | None = None) -> Past:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((TICKS, SYMBOLS, 5))
    X[rng.random(X.shape) < 0.1] = np.nan
    return Past(tick=np.arange(TICKS) * 10, session=np.arange(TICKS) // 4 if session is None else session, X=X)


def rows_at(past: Past, tick: I64, X: F64, session: I64) -> Rows:
    flat = np.repeat(tick, SYMBOLS)
    key = np.tile(np.arange(SYMBOLS), len(tick))
    return Rows(
        X=X.reshape(len(flat), -1), tick=flat, key=key, session=np.repeat(session, SYMBOLS), phase=np.zeros(len(flat), np.int64), past=past
    )


def panel_of(past: Past, columns: I64) -> Panel:
    count = len(past.tick)
    return Panel(
        X=past.X[:, :, columns].reshape(count * SYMBOLS, -1),
        key=np.tile(np.arange(SYMBOLS), count),
        tick=np.repeat(past.tick, SYMBOLS),
        session=np.repeat(past.session, SYMBOLS),
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("holes", [False, True])
def test_a_teaching_row_is_answered_as_in_its_panel(kind: str, holes: bool) -> None:
    # sessions are missed before rows 8 and 20, or none is
    session = np.arange(TICKS) // 4 + (5 * (np.arange(TICKS) >= 8) + 3 * (np.arange(TICKS) >= 20) if holes else 0)
    past = world(session=session)
    of = network(kind)
    rows = rows_at(past, past.tick, past.X, past.session)
    np.testing.assert_array_equal(answer(of, kernels_of(of), rows, COLUMNS), of.log_odds(panel_of(past, COLUMNS)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_between_ticks_comes_last_in_its_window_and_changes_no_other(kind: str) -> None:
    past, of = world(), network(kind)
    tick = np.array([0, 3, 47, 48, 49, 50, 290, 291, 299])
    session = past.session[np.minimum(tick // 10, TICKS - 1)]
    X = np.random.default_rng(9).standard_normal((len(tick), SYMBOLS, 5))
    rows = rows_at(past, tick, X, session)
    found = answer(of, kernels_of(of), rows, COLUMNS).reshape(len(tick), SYMBOLS)
    for i, at in enumerate(tick):
        earlier = past.tick < at
        whole = Past(
            tick=np.append(past.tick[earlier], at),
            session=np.append(past.session[earlier], session[i]),
            X=np.concatenate([past.X[earlier], X[i : i + 1]]),
        )
        np.testing.assert_array_equal(found[i], of.log_odds(panel_of(whole, COLUMNS))[-SYMBOLS:])
    # in any company and order
    mixed = np.random.default_rng(1).permutation(len(rows))
    np.testing.assert_array_equal(answer(of, kernels_of(of), rows[mixed], COLUMNS), found.ravel()[mixed])


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_past_has_left_behind_is_taken_up_where_it_is_the_very_same_alone(kind: str) -> None:
    of = network(kind)
    kernels = kernels_of(of)
    memory = Memory.fresh(of, kernels, SYMBOLS)
    other = world(seed=5)
    for past, count in ((world(), 12), (world(), 12), (world(), 13), (other, 13), (world(session=np.arange(TICKS) * 3), 14), (world(), 0)):
        known = Past(tick=past.tick[:count], session=past.session[:count], X=past.X[:count])
        tick = np.array([10 * count - 5, 10 * count - 3])
        X = np.random.default_rng(count).standard_normal((len(tick), SYMBOLS, 5))
        rows = rows_at(known, tick, X, np.full(len(tick), known.session[-1] if count else 0))
        for asked in (rows[:SYMBOLS], rows[SYMBOLS:], rows):
            np.testing.assert_array_equal(answer(of, kernels, asked, COLUMNS, memory), answer(of, kernels, asked, COLUMNS))
    assert memory.count.tolist() == [0] * SYMBOLS


@pytest.mark.parametrize("kind", KINDS)
def test_a_past_that_differs_in_one_bit_is_another(kind: str) -> None:
    of, past = network(kind), world()
    kernels = kernels_of(of)
    memory = Memory.fresh(of, kernels, SYMBOLS)
    tick = np.array([10 * TICKS - 5])
    X = np.random.default_rng(2).standard_normal((1, SYMBOLS, 5))
    past.X[-3:, 0, 1] = 0.0, np.nan, 1.0
    for row, value in ((-3, -0.0), (-2, 0.5), (-1, np.nextafter(1.0, 2.0)), (-1, np.inf)):
        answer(of, kernels, rows_at(past, tick, X, past.session[-1:]), COLUMNS, memory)
        past.X[row, 0, 1] = value
        rows = rows_at(past, tick, X, past.session[-1:])
        left = memory.past.copy()
        np.testing.assert_array_equal(answer(of, kernels, rows, COLUMNS, memory), answer(of, kernels, rows, COLUMNS))
        assert (left[0].view(np.int64) != memory.past[0].view(np.int64)).sum() == 1
        assert np.array_equal(left[1].view(np.int64), memory.past[1].view(np.int64))


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_do_not_belong_to_their_past_are_refused(kind: str) -> None:
    of, past = network(kind), world()
    rows = rows_at(past, past.tick, past.X, past.session)
    with pytest.raises(BadInput, match="taught on 3 features and got 2"):
        answer(of, kernels_of(of), rows, COLUMNS[:2])
    with pytest.raises(BadInput, match="Rows of 4 features cannot follow rows of 5"):
        answer(of, kernels_of(of), replace(rows, X=rows.X[:, :4]), np.array([3, 1, 2]))
    for key in (SYMBOLS, -1):
        with pytest.raises(IndexError, match="a symbol that the past does not have"):
            answer(of, kernels_of(of), replace(rows, key=np.full(len(rows), key)), COLUMNS)
    with pytest.raises(IndexError):
        answer(of, kernels_of(of), rows, COLUMNS + 3)
    with pytest.raises(IndexError):
        kernels_of(replace(of, scaler=replace(of.scaler, masked=np.array([3]))))


@pytest.mark.parametrize("kind", KINDS)
def test_contributions_are_those_of_the_panel_and_sum_to_the_answer(kind: str) -> None:
    past, of = world(), network(kind)
    rows = rows_at(past, past.tick, past.X, past.session)
    parts = explain_rows(of, kernels_of(of), rows[-6:], COLUMNS)
    np.testing.assert_allclose(parts, explain(of, panel_of(past, COLUMNS))[-6:], atol=1e-12)
    np.testing.assert_allclose(parts.sum(axis=1), answer(of, kernels_of(of), rows[-6:], COLUMNS), atol=1e-12)
    deaf = replace(of, members=tuple({**m, "head/kernel": 0.0 * m["head/kernel"]} for m in of.members))
    silent = explain_rows(deaf, kernels_of(deaf), rows[-6:], COLUMNS)
    assert not silent[:, :-1].any()
    np.testing.assert_allclose(silent[:, -1], deaf.log_odds(panel_of(past, COLUMNS))[-6:], atol=1e-7)


ASK = """
import sys, numpy as np
from undertow.models.sequence.models import SequenceNetwork
with np.load(sys.argv[1]) as stored:
    one = SequenceNetwork.unpack({name: stored[name] for name in stored.files if name != "asked"})
    print(one.log_odds(stored["asked"], np.arange(3)).tobytes().hex())
print(sorted({"keras", "tensorflow", "torch", "jax", "onnxruntime"} & set(sys.modules)))
"""


def test_what_was_packed_answers_with_the_same_bits_in_a_process_without_keras(tmp_path: Path) -> None:
    of, asked = network("gru"), panel(rows=4).X
    packed = {**pack_network(of), "note": ""}
    np.savez(tmp_path / "one.npz", allow_pickle=False, asked=asked, **{name: np.asarray(value) for name, value in packed.items()})
    done = subprocess.run([sys.executable, "-c", ASK, str(tmp_path / "one.npz")], capture_output=True, text=True, check=True, timeout=120)
    bits, loaded = done.stdout.split("\n")[:2]
    assert bits == SequenceNetwork.unpack(packed).log_odds(asked, np.arange(3)).tobytes().hex()
    assert loaded == "[]"


def test_what_is_damaged_is_refused() -> None:
    packed = pack_network(network("tcn"))
    with pytest.raises(StoreError, match="incomplete or damaged"):
        unpack_network({name: value for name, value in packed.items() if name != "0/head/bias"})
    with pytest.raises(StoreError, match="another size"):
        unpack_network({**packed, "0/head/bias": np.zeros(2)})
    with pytest.raises(StoreError, match="has format 0"):
        unpack_network({**packed, "about": str(packed["about"]).replace('"format": 1', '"format": 0')})


def test_columns_that_move_with_the_outcome_are_chosen_once() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2000, 8))
    X[:, 1] = X[:, 0] + 0.01 * rng.standard_normal(2000)
    X[:, 2], X[:, 3] = 7.0, np.nan
    X[::9, 5] = np.inf
    y = (X[:, 0] - X[:, 4] + rng.standard_normal(2000) > 0.0).astype(np.float64)
    assert choose_columns(X, y, 2).tolist() in ([0, 4], [1, 4])
    assert set(choose_columns(X, y, 8)) in ({0, 4, 5, 6, 7}, {1, 4, 5, 6, 7})
    assert len(choose_columns(X[:, 2:4], y, 2)) == 0
