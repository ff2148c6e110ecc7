"""What the models learn: an effect only order shows, nothing from noise; runs repeat; bad input gets an answer or a sentence."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from tests.models.sequence.worlds import auc, network, panel, planted, small
from undertow.core.errors import BadInput, NotSupported
from undertow.models.logistic import logit
from undertow.models.sequence import definitions
from undertow.models.sequence.models import SequenceNetwork, TimeSeriesModels, explain
from undertow.models.sequence.training import Recipe

KINDS = ["lstm", "gru", "tcn"]
QUICK = Recipe(seeds=(1,), epochs=20, patience=3, batch=128, rate=2e-2)


@pytest.fixture
def deep() -> None:
    pytest.importorskip("keras", reason="needs the extra `deep`")


@pytest.mark.usefixtures("deep")
@pytest.mark.parametrize("kind", KINDS)
def test_an_effect_that_no_single_row_shows_is_learnt(kind: str) -> None:
    data = panel(rows=600)
    y = planted(data, strength=1.0)
    earlier, later = data.tick < 450, data.tick >= 450
    fitted = SequenceNetwork(small(kind), QUICK).fit(data[earlier], y[earlier], np.ones(earlier.sum()))
    assert abs(auc(data.X[later, 0], y[later]) - 0.5) < 0.07
    assert auc(fitted.predict(data)[later], y[later]) > 0.65
    assert fitted.note_ == ""


@pytest.mark.usefixtures("deep")
@pytest.mark.parametrize("kind", KINDS)
def test_noise_teaches_nothing(kind: str) -> None:
    data = panel(rows=1000)
    y = np.random.default_rng(5).integers(0, 2, len(data)).astype(np.float64)
    earlier, later = data.tick < 400, data.tick >= 400
    fitted = SequenceNetwork(small(kind), QUICK).fit(data[earlier], y[earlier], np.ones(earlier.sum()))
    p = fitted.predict(data)[later]
    assert abs(auc(p, y[later]) - 0.5) < 0.05
    assert p.std() < 0.06


@pytest.mark.usefixtures("deep")
@pytest.mark.parametrize("kind", KINDS)
def test_two_trainings_with_the_same_seeds_give_the_same_bits_and_other_seeds_others(kind: str) -> None:
    data = panel(rows=200)
    y, ones = planted(data, strength=4.0), np.ones(len(data))
    once, again = (SequenceNetwork(small(kind), replace(QUICK, epochs=6, seeds=s)).fit(data, y, ones) for s in ((1, 2), (2, 1)))
    assert all(once.epochs_)
    # neither what was taught before nor the place among the members matters
    assert once.epochs_ == again.epochs_[::-1]
    assert np.array_equal(once.predict(data), again.predict(data))
    for mine, other in zip(once.network_.members, again.network_.members[::-1], strict=True):
        assert all(np.array_equal(mine[name], other[name]) for name in mine)
    first, second = once.network_.members
    assert not any(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.usefixtures("deep")
def test_nothing_of_the_validation_part_or_of_rows_without_label_reaches_the_scaler_or_the_lessons() -> None:
    data = panel(rows=200)
    y, ones = planted(data, strength=2.0), np.ones(len(data))
    once = replace(QUICK, epochs=1)
    first = SequenceNetwork(small("gru"), once).fit(data, y, ones).network_
    later = data.tick > 160
    changed = data.with_features(np.where(later[:, None], 50.0, data.X))
    second = SequenceNetwork(small("gru"), once).fit(changed, y, ones).network_
    assert np.array_equal(first.scaler.centre, second.scaler.centre)
    # labels in the purged gap and of weight zero train nothing
    idle = (data.tick > 156) & (data.tick <= 159)
    weight = np.where(data.key == 2, 0.0, ones)
    lessons = [np.where(idle | (data.key == 2), label, y) for label in (0.0, 1.0)]
    members = [SequenceNetwork(small("gru"), once).fit(data, each, weight).network_.members[0] for each in lessons]
    assert all(np.array_equal(members[0][name], members[1][name]) for name in members[0])
    assert any(np.any(members[0][name] != first.members[0][name]) for name in members[0])


@pytest.mark.parametrize("kind", KINDS)
def test_contributions_sum_to_the_score_and_the_tail_is_enough(kind: str) -> None:
    of, data = network(kind), panel(rows=20, symbols=2)
    data.X[5, 1] = np.nan
    parts, score = explain(of, data), of.log_odds(data)
    assert parts.shape == (40, 4)
    np.testing.assert_allclose(parts.sum(axis=1), score, atol=1e-12)
    tail = data.tail(of.shape.lookback)
    last = explain(of, tail)[tail.tick == 19]
    assert np.array_equal(last, parts[data.tick == 19])
    deaf = [{**m, "head/kernel": 0.0 * m["head/kernel"]} for m in of.members]
    assert not explain(replace(of, members=tuple(deaf)), data)[:, :-1].any()


@pytest.mark.usefixtures("deep")
def test_input_that_cannot_teach_is_answered_with_the_base_rate_and_a_note() -> None:
    data, recipe = panel(rows=200), QUICK
    ones = np.ones(len(data))
    one_class = SequenceNetwork(small("gru"), recipe).fit(data, ones, ones)
    assert "ended the same way" in one_class.note_
    assert np.ptp(one_class.predict(data)) == 0.0
    few = panel(rows=10, symbols=1)
    ten = SequenceNetwork(small("gru"), recipe).fit(few, (np.arange(10) % 2).astype(float), np.ones(10))
    assert "too few" in ten.note_
    np.testing.assert_allclose(ten.predict(few), 0.5, atol=0.1)
    nothing = SequenceNetwork(small("gru"), recipe).fit(data, np.full(len(data), np.nan), ones)
    assert "too few" in nothing.note_


@pytest.mark.usefixtures("deep")
def test_classes_can_be_given_the_same_weight_and_rows_without_label_have_no_say() -> None:
    data = panel(rows=200)
    y = (np.random.default_rng(2).random(len(data)) < 0.2).astype(np.float64)
    y[(data.tick < 100) & (data.key == 0)] = np.nan
    plain, even = (
        SequenceNetwork(small("gru"), replace(QUICK, epochs=1, balanced=balanced)).fit(data, y, np.ones(len(data)))
        for balanced in (False, True)
    )
    assert plain.predict(data).mean() == pytest.approx(np.nanmean(y), abs=0.05)
    assert even.predict(data).mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.usefixtures("deep")
def test_constant_unknown_and_infinite_features_are_borne() -> None:
    data = panel(rows=150, features=4)
    y = planted(data, strength=2.0)
    data.X[:, 1], data.X[:, 2], data.X[::7, 3], data.X[3, 0] = 7.0, np.nan, np.inf, -np.inf
    fitted = SequenceNetwork(small("tcn"), replace(QUICK, epochs=2)).fit(data, y, np.ones(len(data)))
    assert np.isfinite(fitted.predict(data)).all()
    np.testing.assert_allclose(fitted.contributions(data).sum(axis=1), logit(fitted.predict(data)), atol=1e-9)
    with pytest.raises(BadInput, match="taught on 4 features and got 3"):
        fitted.predict(panel(rows=5))


@pytest.mark.usefixtures("deep")
def test_a_panel_that_cannot_be_fitted_is_refused() -> None:
    data = panel(rows=10)
    with pytest.raises(BadInput, match="label_known_at"):
        TimeSeriesModels().gru().fit(replace(data, label_known_at=None), np.ones(30), np.ones(30))
    with pytest.raises(BadInput, match="as many labels"):
        TimeSeriesModels().gru().fit(data, np.ones(29), np.ones(30))


@pytest.mark.usefixtures("deep")
def test_the_models_by_name() -> None:
    models = TimeSeriesModels()
    made = [models.lstm(), models.gru(), models.tcn()]
    assert [each.shape.kind for each in made] == KINDS
    assert len({seed for each in made for seed in each.recipe.seeds}) == 6


def test_without_the_extra_a_sentence_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions, "find_spec", lambda name: None)
    with pytest.raises(NotSupported, match=r"pip install 'undertow\[deep\]'"):
        TimeSeriesModels().lstm()
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(NotSupported, match=r"pip install 'undertow\[deep\]'"):
        definitions.lstm(small("lstm"), 3)
