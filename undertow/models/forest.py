"""Trees as arrays of nodes, walked by compiled code: one row is answered in microseconds, and alike alone and in company (law 7)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from undertow.core.chunk import F64, I64, Array
from undertow.core.compiled import njit
from undertow.models.logistic import logit

SPLIT_KIND = 0  #: xgboost's number of an ordinary split; others are of categories, which no feature here is
NOWHERE = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """Score = base + the sum over trees, in their order, of the leaf that a row falls into; nodes (n,) of all trees one after the other."""

    base: float  #: log-odds before any tree
    roots: I64  #: (trees,) where each tree begins
    column: I64  #: (n,) the feature that is looked at; -1 in a leaf
    threshold: F64  #: (n,) a row goes left where its float32 value is not above it
    left: I64  #: (n,)
    right: I64  #: (n,)
    missing_left: Array  #: (n,) bool, where a row goes whose value is not known
    value: F64  #: (n,) log-odds of a leaf; of a split the mean of its leaves over the training rows

    def score(self, X: F64) -> F64:
        """X (n, p) with NaN for not known -> log-odds (n,)."""
        out = np.full(len(X), self.base)
        _score(_rows(X), self.roots, self._nodes(), out)
        return out

    def contributions(self, X: F64) -> F64:
        """X (n, p) -> (n, p + 1) log-odds by feature along the decision paths, the last column the base; a row sums to its score."""
        out = np.zeros((len(X), X.shape[1] + 1))
        out[:, -1] = self.base
        _contributions(_rows(X), self.roots, self._nodes(), out)
        return out

    def _nodes(self) -> tuple[Any, ...]:
        return self.column, self.threshold, self.left, self.right, self.missing_left, self.value


def _rows(X: F64) -> F64:
    return np.ascontiguousarray(X, np.float64)


@njit(cache=True)
def _score(X: Any, roots: I64, nodes: Any, out: F64) -> None:
    column, threshold, left, right, missing_left, value = nodes
    for i in range(X.shape[0]):
        for at in roots:
            while column[at] >= 0:
                x = np.float32(X[i, column[at]])  # beyond float32 is infinite: the same to a tree as very large
                goes_left = missing_left[at] if np.isnan(x) else x <= threshold[at]
                at = left[at] if goes_left else right[at]
            out[i] += value[at]


@njit(cache=True)
def _contributions(X: Any, roots: I64, nodes: Any, out: F64) -> None:
    column, threshold, left, right, missing_left, value = nodes
    last = X.shape[1]
    for i in range(X.shape[0]):
        for at in roots:
            out[i, last] += value[at]
            while column[at] >= 0:
                x = np.float32(X[i, column[at]])  # beyond float32 is infinite: the same to a tree as very large
                goes_left = missing_left[at] if np.isnan(x) else x <= threshold[at]
                after = left[at] if goes_left else right[at]
                out[i, column[at]] += value[after] - value[at]
                at = after


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """One tree, its places counted from its own root: as ``Forest``, with how many rows (or how much weight) each node saw."""

    column: I64
    threshold: F64
    left: I64
    right: I64
    missing_left: Array
    value: F64
    weight: F64


def forest(trees: Sequence[Tree], base: float) -> Forest:
    """All trees in one; a split's value becomes the mean of its children's by their weights."""
    sizes = np.array([len(t.column) for t in trees], np.int64)
    roots = np.cumsum(sizes) - sizes

    def joined(name: str) -> Any:
        return np.concatenate([getattr(t, name) for t in trees])

    shift = np.repeat(roots, sizes)
    column = joined("column")
    return Forest(
        base=base,
        roots=roots,
        column=column,
        threshold=joined("threshold"),
        left=np.where(column >= 0, joined("left") + shift, NOWHERE),
        right=np.where(column >= 0, joined("right") + shift, NOWHERE),
        missing_left=joined("missing_left"),
        value=np.concatenate([_means(t) for t in trees]),
    )


def _means(tree: Tree) -> F64:
    worth = tree.value.copy()
    for i in range(len(worth) - 1, -1, -1):  # children come after their parent
        if tree.column[i] >= 0:
            a, b = int(tree.left[i]), int(tree.right[i])
            worth[i] = (worth[a] * tree.weight[a] + worth[b] * tree.weight[b]) / (tree.weight[a] + tree.weight[b])
    return worth


def read_xgboost(native: bytes) -> Forest:
    """A forest from xgboost's own JSON, without importing xgboost; raises ``ValueError`` for another model."""
    learner = json.loads(native)["learner"]
    if learner["objective"]["name"] != "binary:logistic" or learner["gradient_booster"]["name"] != "gbtree":
        raise ValueError("not a model of two classes made of trees")
    given = np.atleast_1d(np.array(json.loads(learner["learner_model_param"]["base_score"]), np.float64))
    return forest([_xgboost_tree(t) for t in learner["gradient_booster"]["model"]["trees"]], float(logit(given)[0]))


def _xgboost_tree(tree: dict[str, Any]) -> Tree:
    left = np.array(tree["left_children"], np.int64)
    leaf = left < 0
    if any(kind != SPLIT_KIND for kind in tree["split_type"]):
        raise ValueError("its trees split categories")
    conditions = np.array(tree["split_conditions"], np.float32)
    return Tree(
        column=np.where(leaf, NOWHERE, np.array(tree["split_indices"], np.int64)),
        # it asks for "below" in float32: not above the number before
        threshold=np.nextafter(conditions, np.float32(-np.inf), dtype=np.float32).astype(np.float64),
        left=left,
        right=np.array(tree["right_children"], np.int64),
        missing_left=np.array(tree["default_left"], np.bool_),
        value=np.where(leaf, conditions, 0.0).astype(np.float64),
        weight=np.array(tree["sum_hessian"], np.float64),
    )


def read_histogram(model: Any) -> Forest:
    """A forest from a fitted ``HistGradientBoostingClassifier`` of two classes; its thresholds are float64 and its rows float32."""
    trees = []
    for (stage,) in model._predictors:
        nodes = stage.nodes
        trees.append(
            Tree(
                column=np.where(nodes["is_leaf"], NOWHERE, nodes["feature_idx"]).astype(np.int64),
                threshold=nodes["num_threshold"].astype(np.float64),
                left=nodes["left"].astype(np.int64),
                right=nodes["right"].astype(np.int64),
                missing_left=nodes["missing_go_to_left"].astype(np.bool_),
                value=nodes["value"].astype(np.float64),
                weight=nodes["count"].astype(np.float64),
            )
        )
    return forest(trees, float(np.ravel(model._baseline_prediction)[0]))
