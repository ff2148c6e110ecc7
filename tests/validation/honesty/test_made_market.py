"""The made markets: an effect of the strength that was asked for, none without, and stamps that no audit objects to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from undertow.core.calendar import nyse
from undertow.core.events import PRICE_SCALE, DailyBar
from undertow.validation.audit_stamps import audit_stamps
from undertow.validation.honesty.clues import COUNT, WANTED, Clue, Clues
from undertow.validation.honesty.market import WEIGHTS, Settings, draw, make

SMALL = Settings(seed=1, symbols=30, sessions=600)


@pytest.mark.parametrize("ic", [0.0, 0.03, 0.05, 0.2])
def test_the_effect_has_the_strength_that_was_asked_for(ic: float) -> None:
    drawn = draw(replace(SMALL, ic=ic))
    moved = drawn.returns / drawn.volatility
    error = 1.0 / np.sqrt(moved.size)
    assert np.corrcoef(moved.ravel(), drawn.latent.ravel())[0, 1] == pytest.approx(ic, abs=3 * error)
    assert moved.std() == pytest.approx(1.0, abs=0.05)
    assert abs(drawn.returns.mean()) < 4 * drawn.returns.std() * error


def test_five_numbers_foretell_by_their_weights_and_the_others_do_not() -> None:
    drawn = draw(replace(SMALL, ic=0.3, sessions=1_500))
    moved = (drawn.returns / drawn.volatility).ravel()
    seen = np.array([np.corrcoef(moved, drawn.clues[:, :, j].ravel())[0, 1] for j in range(COUNT)])
    expected = np.append(0.3 * WEIGHTS, np.zeros(COUNT - len(WEIGHTS)))
    np.testing.assert_allclose(seen, expected, atol=4.0 / np.sqrt(len(moved)))


def test_without_an_effect_nothing_known_foretells() -> None:
    drawn = draw(SMALL)
    moved = drawn.returns / drawn.volatility
    known = np.concatenate([drawn.clues[1:], moved[:-1, :, None], drawn.volatility[1:, :, None]], axis=2)
    z = [np.corrcoef(known[:, :, j].ravel(), moved[1:].ravel())[0, 1] * np.sqrt(moved[1:].size) for j in range(known.shape[2])]
    assert np.abs(z).max() < 4.0


def test_symbols_move_together_only_where_that_is_asked_for() -> None:
    def together(common: float) -> float:
        drawn = draw(replace(SMALL, common=common))
        return float(np.corrcoef((drawn.returns / drawn.volatility).T)[np.triu_indices(30, 1)].mean())

    assert together(0.0) == pytest.approx(0.0, abs=0.02)
    assert together(0.25) == pytest.approx(0.25, abs=0.06)


def test_a_seed_is_a_market() -> None:
    one, same, other = (make(replace(SMALL, seed=seed), nyse()) for seed in (1, 1, 2))
    for a, b, c in zip(one.chunks, same.chunks, other.chunks, strict=True):
        name = next(iter(a.columns))
        np.testing.assert_array_equal(a.columns[name], b.columns[name])
        assert not np.array_equal(a.columns[name], c.columns[name])


def test_an_effect_changes_returns_and_nothing_else() -> None:
    null, planted = (draw(replace(SMALL, ic=ic)) for ic in (0.0, 0.05))
    np.testing.assert_array_equal(null.clues, planted.clues)
    np.testing.assert_array_equal(null.volatility, planted.volatility)
    assert np.corrcoef(null.day.ravel(), planted.day.ravel())[0, 1] > 0.99


def test_events_say_what_was_drawn_when_it_could_be_known() -> None:
    made = make(SMALL, nyse())
    assert audit_stamps(made.chunks, nyse()) == []
    bars, clues = made.chunks
    assert (bars.kind, clues.kind) == (DailyBar, Clue)
    opened = bars.numbers("open").reshape(-1, 30) / PRICE_SCALE
    np.testing.assert_allclose(opened[1:] / opened[:-1] - 1.0, made.drawn.returns[: len(opened) - 1], atol=1e-4)
    X = Clues(made.symbols, only=WANTED, calendar=nyse()).push(made.chunks, made.ticks)
    np.testing.assert_array_equal(X[:, :, :COUNT], made.drawn.clues)
