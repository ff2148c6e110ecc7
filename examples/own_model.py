"""A base model of one's own: every feature votes by the side of its median on which it stands."""

import numpy as np

from undertow import ModelIntegrationFramework
from undertow.models.logistic import dot_rows, sigmoid
from undertow.models.register import model


class Vote:
    def fit(self, X, y, weight):
        self.median_ = np.nan_to_num(np.nanmedian(X, axis=0))
        side = np.nan_to_num(np.sign(X - self.median_))
        self.lean_ = (side * (2.0 * y - 1.0)[:, None]).mean(axis=0) / X.shape[1]
        return self

    def contributions(self, X):
        return np.column_stack([np.nan_to_num(np.sign(X - self.median_)) * self.lean_, np.zeros(len(X))])

    def predict(self, X):
        return sigmoid(dot_rows(self.contributions(X), np.ones(X.shape[1] + 1)))


class OwnFramework(ModelIntegrationFramework):
    @model
    def vote(self):
        """Each feature one vote."""
        return Vote()


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1_000, 5))
    y = (X[:, 0] + rng.standard_normal(1_000) > 0).astype(float)
    framework = OwnFramework(["AAPL"], [f"feature {j}" for j in range(5)], only=["vote", "ridge_logistic", "random_forest", "xgboost"])
    print("base models:", ", ".join(framework.names))
    for name, one in zip(framework.names, framework.fresh(), strict=True):
        p = one.fit(X[:800], y[:800], np.ones(800)).predict(X[800:])
        print(f"{name}: {((p > 0.5) == (y[800:] > 0.5)).mean():.1%} of 200 rows it had not seen")
