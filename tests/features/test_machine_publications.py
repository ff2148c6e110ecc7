"""The machine's folds over publications are their operators' own push, and a column that is the answer is not copied."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Chunk, empty_chunk
from undertow.core.events import ChainRow, DailyBar
from undertow.core.time import DAY, MINUTE
from undertow.features.language.expressions import Column, Expr
from undertow.features.language.memory import Memory
from undertow.features.language.plan import Plan
from undertow.features.language.publications import Publications, Reduce
from undertow.features.operators.american import CALL, PUT, early_exercise, tree
from undertow.features.operators.parity import implied_carry
from undertow.features.vocabulary import Chain, clock, column
from undertow.validation.planted_tape import planted_tape

SYMBOLS = ("A", "B", "C")
INPUTS = (Chain.price, Chain.strike, Chain.days_left, Chain.is_put, Chain.strike * 0.0 + 1e6, Chain.iv)


@dataclass(frozen=True)
class Plain:
    """An operator over rows that the machine knows nothing of."""

    op: Any
    of_rows: ClassVar[bool] = True

    @property
    def memory(self) -> Memory:
        return Memory()

    def fresh(self, keys: int) -> Any:
        return self.op.fresh(keys)

    def push(self, *told: Any) -> Any:
        return self.op.push(*told)


def chains(sessions: int) -> Chunk:
    """Chains of which some rows come a day or two late, when the next is there already."""
    whole = next(one for one in planted_tape([ChainRow], nyse(), symbols=SYMBOLS).chunks if one.kind is ChainRow)
    chunk = whole[: sessions * len(whole) // 696]
    late = np.random.default_rng(2).choice([0, MINUTE, DAY, 2 * DAY], len(chunk), p=[0.5, 0.3, 0.1, 0.1])
    later = replace(chunk, known_at=chunk.known_at + late)
    return later[np.argsort(later.known_at, kind="stable")]


def run(wanted: list[Expr], chunk: Chunk, cuts: tuple[int, ...]) -> F64:
    """Numbers (t, symbols, wanted) at every instant at which something becomes known, pushed in pieces of so many instants."""
    plan, ticks, parts, before = Plan(wanted, chunk.symbols, len(chunk.symbols), nyse()), np.unique(chunk.known_at), [], 0
    nothing = {kind: empty_chunk(kind, chunk.symbols) for kind in plan.kinds}
    for end in (*cuts, len(ticks)):
        low, high = (int(np.searchsorted(chunk.known_at, ticks[i])) if i < len(ticks) else len(chunk) for i in (before, end))
        out = np.empty((end - before, len(chunk.symbols), len(wanted)))
        plan.push(nothing | {chunk.kind: chunk[low:high]}, ticks[before:end], out)
        parts.append(out)
        before = end
    return np.concatenate(parts)


@pytest.mark.parametrize("op", [Reduce(implied_carry), Publications(5, "median")], ids=("reduced", "publications"))
def test_publications_in_the_machine_are_their_own_push(op: Any) -> None:
    inputs: Any = INPUTS if isinstance(op, Reduce) else (Chain.price, clock(ChainRow, "session"))
    pair = [Column(ChainRow, one, inputs).last() for one in (op, Plain(op))]
    chunk = chains(60)
    got = run(pair, chunk, cuts=(1, 2, 9, 10, 60))
    assert not np.isnan(got).all()
    np.testing.assert_array_equal(got[:, :, 0], got[:, :, 1])
    np.testing.assert_array_equal(got, run(pair, chunk, cuts=tuple(range(1, len(np.unique(chunk.known_at))))))


def test_the_band_where_a_put_is_held_is_worth_what_two_whole_trees_are() -> None:
    rng = np.random.default_rng(3)
    for steps in (1, 2, 3, 4, 5, 8, 37, 100, 300):
        for side in (*[PUT] * 20, CALL):
            rate, volatility, years = rng.choice([0.0, 1e-4, 0.04, 0.3]), rng.choice([0.011, 0.1, 0.5, 2.0, 4.9]), rng.uniform(0.003, 1.0)
            spot, strike = 100.0 * np.exp(rng.choice([0.03, 0.3]) * rng.standard_normal()), 100.0
            told = (side, spot, strike, rate, volatility, years)
            whole = tree(*told, steps, True) - tree(*told, steps, False)
            assert early_exercise(*told, steps) == pytest.approx(whole, rel=0.0, abs=1e-12 * strike), (told, steps)
    assert np.isnan(early_exercise(PUT, np.nan, 100.0, 0.04, 0.3, 0.1, 10))


def test_a_column_with_a_tick_a_row_is_read_where_it_lies() -> None:
    bars = next(one for one in planted_tape([DailyBar], nyse(), symbols=("A",)).chunks if one.kind is DailyBar)
    close = column(DailyBar, "close")

    def twice(x: F64) -> F64:
        return x * 2.0

    read = (close / 3.0).last()
    wanted = [read, Expr(twice, (read,)), read - close.last(), (Column(DailyBar, twice, (close,)) * 5.0).last()]
    assert len(np.unique(bars.known_at)) == len(bars)
    whole = run(wanted, bars, ())
    np.testing.assert_array_equal(whole[:, 0, 1], bars.numbers("close") / 3.0 * 2.0)
    np.testing.assert_array_equal(whole[:, 0, 2], bars.numbers("close") / 3.0 - bars.numbers("close"))
    np.testing.assert_array_equal(whole, run(wanted, bars, cuts=(1, 2, 300)))
