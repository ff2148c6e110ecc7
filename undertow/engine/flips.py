"""What would change a call: the smallest change of one feature, within what it has been, that leads to another one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from undertow.core.chunk import F64, I8, I64
from undertow.core.orders import Flip
from undertow.engine.explain import CALLED, weighing_most
from undertow.engine.run import Desk, horizon_volatility, round_trip
from undertow.models.abstention import directions
from undertow.models.framework import Trained
from undertow.models.rows import Rows

#: features looked at, those that weigh most; values of each, evenly through what it has been
FEATURES, VALUES = 64, 13
#: halvings between the last value that changes nothing and the first that does
HALVINGS = 12
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """One row that a stage was asked about."""

    desk: Desk
    stage: Trained
    row: Rows  #: of length one

    @property
    def values(self) -> F64:
        """The row's features (features,)."""
        return np.asarray(self.row.X[0], np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """The nearest value on the grid at which the call changes, and the one before it at which it does not."""

    feature: int
    share: float
    before: float
    then: float


def flips(asked: Asked, direction: int) -> tuple[Flip, ...]:
    """The smallest changes of the row's features that change the call, the smallest first; at most three, of different features.

    A change is measured by the share of the feature's past values, a sample of what the stage was taught, that lie between now and then;
    a feature that is not known now, or has hardly been known, is passed over.
    """
    stage, row = asked.stage, asked.values
    found = _nearest(asked, direction)[:SHOWN]
    if not found:
        return ()
    feature = np.array([one.feature for one in found], np.int64)
    near, far = np.array([one.before for one in found]), np.array([one.then for one in found])
    for _ in range(HALVINGS):
        middle = (near + far) / 2.0
        changed = _calls(asked, feature, middle)[1] != direction
        near, far = np.where(changed, near, middle), np.where(changed, middle, far)
    p_up, called = _calls(asked, feature, far)
    names = asked.desk.framework.features
    out = [
        Flip(
            feature=names[j],
            now=float(row[j]),
            then=float(far[i]),
            share=abs(_place(stage, j, float(far[i])) - _place(stage, j, float(row[j]))),
            direction=CALLED[int(called[i])],
            p_up=float(p_up[i]),
        )
        for i, j in enumerate(feature)
    ]
    return tuple(sorted(out, key=lambda flip: (flip.share, flip.feature)))


def _nearest(asked: Asked, direction: int) -> list[_Found]:
    stage, row = asked.stage, asked.values
    grid = [(int(j), _grid(stage, int(j), float(row[j]))) for j in weighing_most(stage, FEATURES) if np.isfinite(row[j])]
    grid = [(j, values) for j, values in grid if len(values)]
    if not grid:
        return []
    feature = np.concatenate([np.full(len(values), j) for j, values in grid])
    value = np.concatenate([values for _, values in grid])
    changed = _calls(asked, feature, value)[1] != direction
    found = [one for j, _ in grid for one in _either_side(stage, j, float(row[j]), value[feature == j], changed[feature == j])]
    first: dict[int, _Found] = {}
    for one in sorted(found, key=lambda one: (one.share, one.feature)):
        first.setdefault(one.feature, one)
    return list(first.values())


def _either_side(stage: Trained, j: int, now: float, value: F64, changed: I8) -> list[_Found]:
    """The nearest change above and below the present value, of values (n,) and whether they change the call (n,)."""
    out = []
    for side in (value > now, value < now):
        order = np.flatnonzero(side)[np.argsort(np.abs(value[side] - now), kind="stable")]
        hit = np.flatnonzero(changed[order])
        if len(hit):
            at = int(hit[0])
            before = float(value[order[at - 1]]) if at else now
            then = float(value[order[at]])
            out.append(_Found(feature=j, share=abs(_place(stage, j, then) - _place(stage, j, now)), before=before, then=then))
    return out


def _past(stage: Trained, j: int) -> F64:
    values = stage.sample[:, j]
    return np.asarray(values[np.isfinite(values)], np.float64)


def _grid(stage: Trained, j: int, now: float) -> F64:
    past = _past(stage, j)
    if len(past) < VALUES:
        return np.empty(0)
    values = np.unique(np.quantile(past, np.linspace(0.0, 1.0, VALUES)))
    return np.asarray(values[values != now], np.float64)


def _place(stage: Trained, j: int, value: float) -> float:
    """The share of past values below a value, those equal to it counted half."""
    past = _past(stage, j)
    return float((past < value).mean() + (past == value).mean() / 2.0)


def _calls(asked: Asked, feature: I64, value: F64) -> tuple[F64, I8]:
    """Calibrated probability (n,) and call (n,) of the row with one feature changed, once for each change (n,)."""
    X = np.tile(asked.values, (len(feature), 1))
    X[np.arange(len(feature)), feature] = value
    rows = replace(asked.row[np.zeros(len(feature), np.int64)], X=X)
    stage = asked.stage
    p_up = stage.calibrator.predict(stage.score(rows, stage.odds(rows)))
    desk = asked.desk
    volatility = horizon_volatility(desk.framework.features, X[:, None, :])[:, 0]
    return p_up, directions(p_up, round_trip(desk.costs), volatility, desk.needed(np.array(stage.certified_from)))
