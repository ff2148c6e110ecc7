"""Tree ensembles with defaults for weak signals: shallow, slow, many rows a leaf."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from undertow.core.chunk import F64
from undertow.models.forest import read_histogram, read_xgboost
from undertow.models.logistic import sigmoid


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
            # hessian of a fair coin is a quarter: a leaf holds at least one row in fifty
            "min_child_weight": max(rows / 200.0, 5.0),
            "nthread": 1,
            "seed": self.seed,
        }

    def fit(self, X: F64, y: F64, weight: F64) -> Self:
        """X (n, p) with NaN for not known, y (n,) in {0, 1}, weight (n,)."""
        import xgboost

        data = xgboost.QuantileDMatrix(X.astype(np.float32), label=y, weight=weight, max_bin=64, nthread=1)
        booster = xgboost.train(self._parameters(float(weight.sum())), data, num_boost_round=1 if self.forest else self.trees)
        return self._read(bytes(booster.save_raw("json")))

    def _read(self, native: bytes) -> Self:
        self.native_, self.forest_ = native, read_xgboost(native)
        return self

    def predict(self, X: F64) -> F64:
        """X (n, p) -> probability of up (n,)."""
        return sigmoid(self.forest_.score(X))

    def contributions(self, X: F64) -> F64:
        """X (n, p) -> (n, p + 1) log-odds by feature along the decision paths, the last column the base."""
        return self.forest_.contributions(X)

    def pack(self) -> dict[str, Any]:
        """What is kept of a fitted model: how it was made, and xgboost's own JSON."""
        made = {name: getattr(self, name) for name in ("trees", "depth", "rate", "seed", "forest")}
        return {"made": made, "native": self.native_}

    @classmethod
    def unpack(cls, kept: Mapping[str, Any]) -> Self:
        """The model that ``pack`` was called on; xgboost is not imported. Raises ``ValueError`` for another library's JSON."""
        return cls(**kept["made"])._read(kept["native"])


class HistogramBoosted:
    """scikit-learn's histogram gradient boosting."""

    def __init__(self, *, trees: int, leaves: int, rate: float, seed: int) -> None:
        self.trees, self.leaves, self.rate, self.seed = trees, leaves, rate, seed

    def fit(self, X: F64, y: F64, weight: F64) -> Self:
        """X (n, p) with NaN for not known, y (n,) in {0, 1}, weight (n,)."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        from undertow.models.training import one_core

        model = HistGradientBoostingClassifier(
            learning_rate=self.rate,
            max_iter=self.trees,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=max(len(y) // 50, 20),
            l2_regularization=10.0,
            max_features=0.5,
            max_bins=64,
            early_stopping=False,
            random_state=self.seed,
        )
        # equal weights change nothing but would cost a weighted quantile a bin and feature: ten times the training itself
        weights = None if np.ptp(weight) == 0.0 else weight
        with one_core()():
            self.forest_ = read_histogram(model.fit(X.astype(np.float32), y.astype(np.int64), sample_weight=weights))
        return self

    def predict(self, X: F64) -> F64:
        """X (n, p) -> probability of up (n,)."""
        return sigmoid(self.forest_.score(X))

    def contributions(self, X: F64) -> F64:
        """X (n, p) -> (n, p + 1) log-odds by feature along the decision paths, the last column the base."""
        return self.forest_.contributions(X)
