"""The machine: what it computes is what its operators' own push gives, whatever stands between, and memory is never read astray."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64, Chunk, chunk_of, empty_chunk
from undertow.core.errors import BadInput
from undertow.core.events import DailyBar
from undertow.core.time import DAY
from undertow.features.language import arithmetic, cross, samples, scans
from undertow.features.language.expressions import Column, Expr
from undertow.features.language.memory import Memory
from undertow.features.language.plan import Plan
from undertow.features.operators import edge, kalman, prints, regimes, relative_value, session_folds, sparse, tails
from undertow.features.vocabulary import clock, column

SYMBOLS = ("A", "B", "C")
ROWS = 700
CLOSE = column(DailyBar, "close") / 7.0
OPEN = column(DailyBar, "open") * 3.0
SESSION = clock(DailyBar, "session")
MINUTE = clock(DailyBar, "minute")


def bars() -> Chunk:
    rng, at = np.random.default_rng(5), np.repeat(nyse().close[5000 : 5000 + ROWS // 3], 3)[:ROWS]
    numbers = {name: rng.integers(90, 130, len(at)) for name in ("open", "high", "low", "close", "volume")}
    numbers["close"][::17] = -(2**63)  # not published
    return chunk_of(DailyBar, SYMBOLS, key=np.arange(len(at)) % 3, event_at=at, known_at=at + DAY // 24, columns=numbers)


CHUNK = bars()
TICKS: I64 = np.unique(CHUNK.known_at)[5::3] + 1


def run(wanted: list[Expr], cuts: tuple[int, ...] = ()) -> F64:
    """The plan's numbers (t, symbols, wanted), pushed in pieces that end at some ticks."""
    plan, parts, before = Plan(wanted, SYMBOLS, len(SYMBOLS), nyse()), [], 0
    for end in (*cuts, len(TICKS)):
        ticks = TICKS[before:end]
        low = 0 if before == 0 else int(np.searchsorted(CHUNK.known_at, TICKS[before - 1], side="right"))
        high = int(np.searchsorted(CHUNK.known_at, ticks[-1], side="right"))
        out = np.empty((len(ticks), len(SYMBOLS), len(wanted)))
        nothing = {kind: empty_chunk(kind, SYMBOLS) for kind in plan.kinds}
        plan.push(nothing | {DailyBar: CHUNK[low:high]}, ticks, out)
        parts.append(out)
        before = end
    return np.concatenate(parts)


@dataclass(frozen=True)
class Plain:
    """Another operator that the machine knows nothing of."""

    op: Any

    @property
    def memory(self) -> Memory:
        return Memory()

    def fresh(self, keys: int) -> Any:
        return self.op.fresh(keys)

    def push(self, *told: Any) -> Any:
        return self.op.push(*told)


FOLDS: list[tuple[Any, tuple[Any, ...]]] = [
    (scans.Lag(3), (CLOSE,)),
    *(
        (scans.Window(n, name, step), (CLOSE,))
        for name in ("mean", "deviation", "highest", "lowest", "rank", "slope")
        for n, step in ((4, 1), (9, 1), (5, 3))
    ),
    (scans.Regression(12, "slope", 2), (CLOSE, OPEN)),
    (scans.Smooth(8, 0.2, 2), (CLOSE,)),
    (scans.SessionSum(), (CLOSE, SESSION)),
    (scans.SessionFirst(), (CLOSE, SESSION)),
    (scans.SlotScore(4, "rank"), (CLOSE, MINUTE, SESSION)),
    (session_folds.SessionExtreme("lowest"), (CLOSE, SESSION)),
    (session_folds.SessionBefore(), (CLOSE, SESSION)),
    (edge.Edge(5), (OPEN.log(), CLOSE.log(), OPEN.log(), CLOSE.log())),
    (sparse.LastKnown(4, "mean", 9), (CLOSE,)),
    (regimes.TwoStates(20), ((CLOSE / CLOSE.lag()).log(),)),
    (relative_value.Unexplained(40), (CLOSE, OPEN, column(DailyBar, "high"), column(DailyBar, "low"))),
    (tails.PastSessions(30, "fine_tail"), (CLOSE, SESSION)),
    (prints.Upper(10, 0.2), (CLOSE,)),
]


@pytest.mark.parametrize(("op", "inputs"), FOLDS, ids=lambda one: repr(one)[:40] if hasattr(one, "fresh") else "")
def test_a_fold_in_the_machine_is_its_own_push(op: Any, inputs: tuple[Any, ...]) -> None:
    pair = [Column(DailyBar, one, inputs).last("9d") for one in (op, Plain(op))]
    got = run(pair, cuts=(1, 2, 40, 41))
    assert not np.isnan(got).all()
    np.testing.assert_array_equal(got[:, :, 0], got[:, :, 1])


@pytest.mark.parametrize("op", [kalman.LocalTrend(0.1, 0.01), relative_value.Reversion(30), kalman.Hedge(1e-3, 1.0)])
def test_a_fold_of_several_numbers(op: Any) -> None:
    from undertow.features.language.expressions import picked

    second = SESSION if isinstance(op, kalman.LocalTrend) else OPEN
    for j in range(2):
        pair = [picked(Column(DailyBar, one, (CLOSE, second)), j).last("9d") for one in (op, Plain(op))]
        got = run(pair, cuts=(7, 60))
        assert not np.isnan(got).all()
        np.testing.assert_array_equal(got[:, :, 0], got[:, :, 1])


SAMPLES = [
    samples.WindowSum(9 * DAY, 0.5),
    samples.Age(30 * DAY),
    samples.DecayedSum(3 * DAY),
    samples.LatestSum(5 * DAY),
    samples.Last(DAY),
]


@pytest.mark.parametrize("op", SAMPLES, ids=lambda one: type(one).__name__)
def test_a_sample_in_the_machine_is_its_own_push(op: Any) -> None:
    got = run([Expr(op, (CLOSE,)), Expr(Plain(op), (CLOSE,))], cuts=(1, 50, 51))
    assert not np.isnan(got).all()
    np.testing.assert_array_equal(got[:, :, 0], got[:, :, 1])


TWO = [np.add, np.subtract, np.multiply, arithmetic.divide, arithmetic.remainder, arithmetic.at_least, arithmetic.above, arithmetic.equal]
TWO += [arithmetic.where_true, arithmetic.only_where, arithmetic.known_where, arithmetic.filled, np.minimum, np.maximum]
ONE = [np.negative, np.abs, np.sign, arithmetic.safe_log, arithmetic.safe_sqrt, np.exp]


@pytest.mark.parametrize("function", [*TWO, *ONE], ids=lambda one: one.__name__)
def test_arithmetic_is_what_its_functions_say(function: Any) -> None:
    a, b = (CLOSE - 15.0).last("9d"), (column(DailyBar, "high") - 110.0).sign().last("9d")
    inputs: list[tuple[Any, ...]] = [(a,)] if function in ONE else [(a, b), (a, 0.0), (a, 1.0), (b, a)]
    for given in inputs:
        values = iter(np.moveaxis(run([one for one in given if isinstance(one, Expr)]), 2, 0))
        told = [next(values) if isinstance(one, Expr) else np.float64(one) for one in given]
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(run([Expr(function, given)])[:, :, 0], function(*told), rtol=1e-15, atol=0.0)


@pytest.mark.parametrize("statistic", ["mean", "deviation", "share_above", "rank", "score", "discoveries"])
def test_across_symbols_no_row_sees_another(statistic: Any) -> None:
    whole = run([CLOSE.last("9d").across(statistic)])
    np.testing.assert_array_equal(whole, run([CLOSE.last("9d").across(statistic)], cuts=tuple(range(1, len(TICKS)))))
    known = run([CLOSE.last("9d")])[:, :, 0]
    np.testing.assert_array_equal(whole[:, :, 0], cross.Across(statistic).bind(SYMBOLS, len(SYMBOLS))(known))


def test_what_is_not_compiled_stands_between() -> None:
    def twice(x: F64) -> F64:
        return x * 2.0

    through = Column(DailyBar, twice, (CLOSE.lag(),)).mean(4)
    again = Column(DailyBar, twice, (through - 1.0,)).ema(3)
    got = run([again.last("9d"), ((CLOSE.lag() * 2.0).mean(4) - 1.0).ema(3).last("9d") * 2.0], cuts=(3, 60))
    np.testing.assert_allclose(got[:, :, 0], got[:, :, 1], rtol=1e-12)


def test_a_view_that_an_operator_keeps_is_its_own() -> None:
    kept: list[F64] = []

    def keeps(x: F64) -> F64:
        kept.append(x)
        return x

    run([(Column(DailyBar, keeps, (CLOSE * 1.0,)) + OPEN * 5.0).last("9d"), (OPEN * 2.0).lag().last("9d")])
    np.testing.assert_array_equal(kept[0], CHUNK.numbers("close")[: len(kept[0])] / 7.0)


@pytest.mark.parametrize("wrong", [lambda x: x[:-1], lambda x: np.append(x, 0.0), lambda _: 3, lambda _: "many"])
def test_what_is_no_number_a_row_is_told_before_it_is_read(wrong: Any) -> None:
    with pytest.raises(BadInput, match="one number"):
        run([Column(DailyBar, wrong, (CLOSE,)).lag().last("9d")])


def test_a_class_that_overrides_push_is_asked_itself() -> None:
    class Zero(scans.Lag):
        def push(self, state: Any, key: I64, x: F64) -> F64:
            return np.zeros(len(x)) + 0.0 * len(state) * len(key)

    got = run([Column(DailyBar, Zero(2), (CLOSE,)).last("9d")])
    assert set(np.unique(got[~np.isnan(got)])) == {0.0}
