"""Tree ensembles with defaults for weak signals: shallow, slow, many rows a leaf (field guide §12)."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from undertow.core.chunk import F64
from undertow.models.logistic import sigmoid
from undertow.models.training import one_core


class Boosted:
    """XGBoost: gradient-boosted trees, or a random forest when ``forest``; exact for a row alone and in company."""

    def __init__(self, *, trees: int, depth: int, rate: float, seed: int, forest: bool = False) -> None:
        self.trees, self.depth, self.rate, self.seed, self.forest = trees, depth, rate, seed, forest

    def _parameters(self, rows: float) -> dict[str, Any]:
        return {
            "objective": "binary:logistic",
            "tree_method": "hist",
            "max_bin": 64,
            "max_depth": self.depth,
            "learning_rate": 1.0 if self.forest else self.rate,
            "num_parallel_tree": self.trees if self.forest else 1,
            "subsample": 0.632 if self.forest else 0.7,
            "colsample_bynode": 0.3 if self.forest else 0.5,
            "reg_lambda": 10.0,
            # hessian of a fair coin is a quarter: a leaf holds at least one row in two hundred
            "min_child_weight": max(rows / 800.0, 5.0),
            "nthread": 1,
            "seed": self.seed,
        }

    def fit(self, X: F64, y: F64, weight: F64) -> Self:
        """X (n, p) with NaN for not known, y (n,) in {0, 1}, weight (n,)."""
        import xgboost

        data = xgboost.QuantileDMatrix(X.astype(np.float32), label=y, weight=weight, max_bin=64, nthread=1)
        self.booster_ = xgboost.train(self._parameters(float(weight.sum())), data, num_boost_round=1 if self.forest else self.trees)
        return self

    def predict(self, X: F64) -> F64:
        """X (n, p) -> probability of up (n,)."""
        margin = self.booster_.inplace_predict(X.astype(np.float32), predict_type="margin")
        return sigmoid(np.asarray(margin, np.float64))

    def contributions(self, X: F64) -> F64:
        """X (n, p) -> (n, p + 1) log-odds by feature along the decision paths, the last column the base."""
        import xgboost

        data = xgboost.DMatrix(X.astype(np.float32), nthread=1)
        return np.asarray(self.booster_.predict(data, pred_contribs=True, approx_contribs=True), np.float64)


class HistogramBoosted:
    """scikit-learn's histogram gradient boosting."""

    def __init__(self, *, trees: int, leaves: int, rate: float, seed: int) -> None:
        self.trees, self.leaves, self.rate, self.seed = trees, leaves, rate, seed

    def fit(self, X: F64, y: F64, weight: F64) -> Self:
        """X (n, p) with NaN for not known, y (n,) in {0, 1}, weight (n,)."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        model = HistGradientBoostingClassifier(
            learning_rate=self.rate,
            max_iter=self.trees,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=max(len(y) // 200, 20),
            l2_regularization=10.0,
            max_features=0.5,
            max_bins=64,
            early_stopping=False,
            random_state=self.seed,
        )
        # equal weights change nothing but would cost a weighted quantile a bin and feature: ten times the training itself
        weights = None if np.ptp(weight) == 0.0 else weight
        with one_core()():
            self.model_ = model.fit(X.astype(np.float32), y.astype(np.int64), sample_weight=weights)
        return self

    def predict(self, X: F64) -> F64:
        """X (n, p) -> probability of up (n,)."""
        with one_core()():
            return sigmoid(np.asarray(self.model_.decision_function(X.astype(np.float32)), np.float64))

    def contributions(self, X: F64) -> F64:
        """X (n, p) -> (n, p + 1) log-odds by feature along the decision paths, the last column the base."""
        rows = X.astype(np.float32).astype(np.float64)
        out = np.zeros((len(X), X.shape[1] + 1))
        out[:, -1] = float(np.ravel(self.model_._baseline_prediction)[0])
        for stage in self.model_._predictors:
            nodes = stage[0].nodes
            worth = _node_values(nodes)
            for i, row in enumerate(rows):
                _walk(nodes, worth, row, out[i])
        return out


def _node_values(nodes: Any) -> F64:
    """Value of every node: a leaf's own, a split's the mean of its children by their rows (children come after their parent)."""
    worth = np.array(nodes["value"], np.float64)
    count = np.array(nodes["count"], np.float64)
    for i in range(len(nodes) - 1, -1, -1):
        if not nodes["is_leaf"][i]:
            a, b = int(nodes["left"][i]), int(nodes["right"][i])
            worth[i] = (worth[a] * count[a] + worth[b] * count[b]) / (count[a] + count[b])
    return worth


def _walk(nodes: Any, worth: F64, row: F64, out: F64) -> None:
    at = 0
    out[-1] += worth[0]
    while not nodes["is_leaf"][at]:
        column = int(nodes["feature_idx"][at])
        value = row[column]
        left = bool(nodes["missing_go_to_left"][at]) if np.isnan(value) else value <= nodes["num_threshold"][at]
        after = int(nodes["left"][at] if left else nodes["right"][at])
        out[column] += worth[after] - worth[at]
        at = after
