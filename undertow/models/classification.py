"""ClassificationModels: the tabular base models, by name."""

from __future__ import annotations

from undertow.core.protocols import Model
from undertow.models.logistic import RidgeLogistic
from undertow.models.register import model
from undertow.models.trees import Boosted, HistogramBoosted


class ClassificationModels:
    """Every method returns one unfitted model of direction: ``fit(X, y, weight)``, then ``predict(X)`` gives the probability of up."""

    seed = 0

    @model
    def ridge_logistic(self) -> Model:
        """Logistic regression with a ridge penalty: the floor."""
        return RidgeLogistic()

    @model
    def xgboost(self) -> Model:
        """XGBoost with eighty trees of two splits' depth."""
        return Boosted(trees=80, depth=2, rate=0.04, seed=self.seed)

    @model
    def random_forest(self) -> Model:
        """A random forest of sixty trees, trained by XGBoost (seventeen times faster than scikit-learn's)."""
        return Boosted(trees=60, depth=5, rate=1.0, seed=self.seed + 1, forest=True)

    @model
    def gradient_boosting(self) -> Model:
        """scikit-learn's histogram gradient boosting."""
        return HistogramBoosted(trees=40, leaves=4, rate=0.05, seed=self.seed + 2)
