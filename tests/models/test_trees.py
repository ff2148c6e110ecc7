"""Tree ensembles answer with compiled arrays of nodes; the libraries that made them are the oracles."""

from __future__ import annotations

import numpy as np
import pytest

from undertow.core.chunk import F64
from undertow.models.classification import ClassificationModels
from undertow.models.forest import read_histogram, read_xgboost
from undertow.models.logistic import logit
from undertow.models.trees import Boosted, HistogramBoosted


def material(rows: int = 2000, features: int = 10, seed: int = 0) -> tuple[F64, F64, F64]:
    """X with holes and ties, outcomes that depend on two of its columns, and weights."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, features))
    X[:, 3] = np.round(X[:, 3], 1)
    X[rng.random(X.shape) < 0.2] = np.nan
    rise = 0.5 * np.nan_to_num(X[:, 0]) + 0.5 * np.nan_to_num(X[:, 3])
    return X, (rng.random(rows) < 1 / (1 + np.exp(-rise))).astype(np.float64), np.full(rows, 0.4)


def hard_rows(X: F64) -> F64:
    """The rows, and some that only bad data has."""
    return np.vstack(
        [X, np.full(X.shape[1], np.nan), np.full(X.shape[1], np.inf), np.full(X.shape[1], -np.inf), np.full(X.shape[1], 1e300)]
    )


@pytest.fixture(scope="module", params=["xgboost", "random_forest", "gradient_booster"])
def fitted(request: pytest.FixtureRequest) -> Boosted | HistogramBoosted:
    """Each of the shipped tree models, taught."""
    models = ClassificationModels()
    name = request.param.replace("booster", "boosting")
    return getattr(models, name)().fit(*material())


@pytest.mark.parametrize("forest", [False, True])
def test_xgboost_answers_the_same(forest: bool) -> None:
    import xgboost

    X, y, weight = material()
    model = Boosted(trees=40, depth=6, rate=0.1, seed=1, forest=forest).fit(X, y, weight)
    booster = xgboost.Booster()
    booster.load_model(bytearray(model.native_))
    rows = X.astype(np.float32)
    expected = booster.inplace_predict(rows, predict_type="margin")
    np.testing.assert_allclose(logit(model.predict(X)), expected, atol=3e-6)
    parts = booster.predict(xgboost.DMatrix(rows), pred_contribs=True, approx_contribs=True)
    np.testing.assert_allclose(model.contributions(X), parts, atol=3e-5)


def test_a_value_on_a_threshold_goes_where_the_library_sends_it() -> None:
    import xgboost

    X, y, weight = material()
    model = Boosted(trees=30, depth=4, rate=0.3, seed=2).fit(X, y, weight)
    booster = xgboost.Booster()
    booster.load_model(bytearray(model.native_))
    splits = model.forest_.column >= 0
    on = np.nextafter(model.forest_.threshold[splits].astype(np.float32), np.float32(np.inf))
    rows = np.zeros((len(on), X.shape[1]), np.float32)
    rows[np.arange(len(on)), model.forest_.column[splits]] = on
    assert len(on) > 100
    np.testing.assert_allclose(model.forest_.score(rows), booster.inplace_predict(rows, predict_type="margin"), atol=3e-6)


def test_scikit_learn_answers_the_same_bits() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    X, y, _ = material()
    rows = X.astype(np.float32)
    model = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=12, early_stopping=False, random_state=0).fit(rows, y)
    assert read_histogram(model).score(X).tobytes() == model.decision_function(rows).tobytes()


def test_contributions_sum_to_the_score(fitted: Boosted | HistogramBoosted) -> None:
    rows = hard_rows(material(seed=3)[0])
    parts = fitted.contributions(rows)
    assert parts.shape == (len(rows), rows.shape[1] + 1)
    np.testing.assert_allclose(parts.sum(axis=1), fitted.forest_.score(rows), atol=1e-12)
    assert np.abs(parts[:, [0, 3]]).mean() > 3 * np.abs(parts[:, [1, 2, 4, 5]]).mean()


def test_a_row_alone_has_the_same_bits(fitted: Boosted | HistogramBoosted) -> None:
    rows = hard_rows(material(rows=200, seed=4)[0])
    whole, parts = fitted.predict(rows), fitted.contributions(rows)
    assert np.isfinite(whole).all()
    for i, row in enumerate(rows):
        assert fitted.predict(row[None]).tobytes() == whole[i : i + 1].tobytes()
        assert fitted.contributions(row[None]).tobytes() == parts[i : i + 1].tobytes()


def test_two_trainings_give_the_same_bits() -> None:
    X, y, weight = material()
    models = ClassificationModels()
    for name in ("xgboost", "random_forest", "gradient_boosting"):
        one, two = (getattr(models, name)().fit(X, y, weight).predict(X) for _ in range(2))
        assert one.tobytes() == two.tobytes()


def test_json_of_another_model_is_refused() -> None:
    import xgboost

    X, y, _ = material(rows=200)
    data = xgboost.DMatrix(X, label=y)
    for parameters in ({"objective": "reg:squarederror"}, {"objective": "binary:logistic", "booster": "gblinear"}):
        other = xgboost.train(parameters, data, num_boost_round=1)
        with pytest.raises(ValueError, match="not a model of two classes"):
            read_xgboost(bytes(other.save_raw("json")))
