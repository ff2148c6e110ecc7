"""Which of the incoming option-flow alerts are worth looking at: a fold that ranks each by what earlier ones like it were worth.

Alerts and labels go in as they become known; out comes, for each alert, the probability that the share goes the alert's way until the
label's horizon, and what each attribute adds to it. An alert's outcome is the first label of its symbol that begins at or after it was
known; nothing is learnt from it before that label is known (law 8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from undertow.core.calendar import Calendar, nyse
from undertow.core.chunk import F64, I64, Chunk
from undertow.core.errors import LawBroken
from undertow.core.time import DAY, HOUR, MINUTE, Duration, Instant
from undertow.models.calibration import Calibrator, calibrate
from undertow.models.flow_attributes import ATTRIBUTES, FlowAttributes
from undertow.models.logistic import logit
from undertow.models.trees import Boosted
from undertow.models.uniqueness import average_uniqueness

WAIT: Duration = 4 * DAY  #: a label that begins later than this after the alert is another's outcome: a hole in the data
SURE = 1.645  #: standard errors by which later outcomes have to be foretold better than by a coin: one in twenty by chance
HELD_BACK = 0.3  #: share of the outcomes, the latest, on which is judged whether there is anything to say


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingSchedule:
    """When the ranking is learnt anew, in sessions of the calendar, and from how many alerts."""

    every: int = 21
    at_least: int = 300  #: alerts whose outcome is known
    at_most: int = 252  #: sessions it looks back


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingStage:
    """What was learnt at one instant; ``note`` says why where it says nothing."""

    at: Instant
    rows: int
    model: Boosted | None
    calibrator: Calibrator
    note: str

    def predict(self, X: F64) -> F64:
        """Attributes (n, 13) -> probability that the share goes the alert's way (n,): a half where there is nothing to say."""
        return np.full(len(X), 0.5) if self.model is None else self.calibrator.predict(logit(self.model.predict(X)))

    def contributions(self, X: F64) -> F64:
        """Attributes (n, 13) -> (n, 14) log-odds by attribute, the last column the base; a row sums to the log-odds of ``predict``."""
        if self.model is None:
            return np.zeros((len(X), X.shape[1] + 1))
        parts = self.model.contributions(X) * self.calibrator.slope
        parts[:, -1] += self.calibrator.intercept
        return parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """Alerts (n,) of one push, in the order in which they became known."""

    attributes: F64  #: (n, 13) by ``ATTRIBUTES``; NaN for not known
    way: F64  #: (n,) +1 where the alert says up: calls bought or puts sold
    p: F64  #: (n,) that the share goes that way; NaN before a first stage
    contributions: F64  #: (n, 14) log-odds of ``p`` by attribute, the last column the base; NaN before a first stage

    def order(self) -> I64:
        """Positions from the best alert to the worst; what is as good comes by time, what is not known last."""
        return np.argsort(-self.p, kind="stable").astype(np.int64)


class FlowRanking:
    """Takes alerts as they come, with the labels known by then; learns on a grid of the calendar, so that no cut changes a bit."""

    def __init__(
        self, symbols: Sequence[str], *, schedule: RankingSchedule | None = None, calendar: Calendar | None = None, seed: int = 0
    ) -> None:
        self.symbols, self.schedule, self.seed = tuple(symbols), schedule or RankingSchedule(), seed
        self.stages: list[RankingStage] = []
        self._calendar = calendar or nyse()
        self._attributes = FlowAttributes(self._calendar, len(self.symbols))
        self._known, self._key, self._way = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
        self._X = np.empty((0, len(ATTRIBUTES)))
        self._label_key, self._label_at, self._label_until, self._label_known = (np.empty(0, np.int64) for _ in range(4))
        self._label_value = np.empty(0)
        self._due: Instant | None = None

    def push(self, alerts: Chunk, labels: Chunk) -> Ranked:
        """Take FlowAlert and LabelKnown rows that became known since the last push; rank the alerts.

        Raises ``LawBroken`` for alerts known before some that were ranked already.
        """
        if len(alerts) and len(self._known) and alerts.known_at[0] < self._known[-1]:
            raise LawBroken("flow alerts came after later ones had been ranked: hand them in as they became known")
        X, way = self._attributes.push(alerts)
        self._learn(labels)
        p, parts = np.full(len(alerts), np.nan), np.full((len(alerts), len(ATTRIBUTES) + 1), np.nan)
        grid = self._calendar.position(alerts.known_at - 2 * HOUR) // self.schedule.every
        for part in np.split(np.arange(len(alerts)), np.flatnonzero(np.diff(grid)) + 1):
            if not len(part):
                continue
            self._keep_up(self._calendar.at_time(int(grid[part[0]]) * self.schedule.every, 2 * HOUR))
            if self.stages:
                p[part], parts[part] = self.stages[-1].predict(X[part]), self.stages[-1].contributions(X[part])
            self._remember(alerts, X, way, part)
        return Ranked(attributes=X, way=way, p=p, contributions=parts)

    def _remember(self, alerts: Chunk, X: F64, way: F64, rows: I64) -> None:
        self._known = np.concatenate([self._known, alerts.known_at[rows]])
        self._key = np.concatenate([self._key, alerts.key[rows]])
        self._way, self._X = np.concatenate([self._way, way[rows]]), np.concatenate([self._X, X[rows]])

    def _learn(self, labels: Chunk) -> None:
        self._label_key = np.concatenate([self._label_key, labels.key])
        self._label_at = np.concatenate([self._label_at, labels.event_at])
        self._label_until = np.concatenate([self._label_until, labels.event_at + labels.columns["horizon"]])
        self._label_known = np.concatenate([self._label_known, labels.known_at])
        self._label_value = np.concatenate([self._label_value, labels.numbers("value")])

    def _keep_up(self, at: Instant) -> None:
        if self._due == at:
            return
        self._due = at
        self._forget(at)
        rows, label = self._outcomes(at)
        if len(rows) >= self.schedule.at_least:
            self.stages.append(self._taught(at, rows, label))

    def _forget(self, at: Instant) -> None:
        before = int(self._calendar.midnight[max(int(self._calendar.position(at)) - self.schedule.at_most, 0)])
        keep = self._known >= before
        self._known, self._key, self._way, self._X = self._known[keep], self._key[keep], self._way[keep], self._X[keep]
        recent = self._label_at >= before
        self._label_key, self._label_at = self._label_key[recent], self._label_at[recent]
        self._label_until, self._label_known = self._label_until[recent], self._label_known[recent]
        self._label_value = self._label_value[recent]

    def _outcomes(self, at: Instant) -> tuple[I64, I64]:
        """Alerts whose outcome was known by ``at``, and the labels that tell it."""
        alerts, labels = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for key in range(len(self.symbols)):
            told = np.flatnonzero((self._label_key == key) & (self._label_known <= at))
            told = told[np.argsort(self._label_at[told], kind="stable")]
            mine = np.flatnonzero(self._key == key)
            place = np.searchsorted(self._label_at[told], self._known[mine], side="left")
            some = place < len(told)
            found = told[place[some]]
            soon = self._label_at[found] - self._known[mine[some]] <= WAIT
            alerts.append(mine[some][soon])
            labels.append(found[soon])
        rows, label = np.concatenate(alerts), np.concatenate(labels)
        order = np.argsort(rows, kind="stable")
        return rows[order], label[order]

    def _taught(self, at: Instant, rows: I64, label: I64) -> RankingStage:
        """Judged on the latest outcomes by what the earlier ones teach; if that is worth something, all of them teach."""
        X, y = self._X[rows], (self._way[rows] * self._label_value[label] > 0.0).astype(np.float64)
        weight = _uniqueness(self._key[rows], self._label_at[label], self._label_until[label])
        cut = self._known[rows[int((1.0 - HELD_BACK) * len(rows))]]
        early, late = self._label_known[label] <= cut, self._known[rows] > cut
        nothing = calibrate(np.empty(0), np.empty(0), 0.0)
        if early.sum() < 20 or late.sum() < 20 or len(np.unique(y[early])) < 2:
            return RankingStage(at=at, rows=len(rows), model=None, calibrator=nothing, note="too few outcomes of either sort")
        score = logit(self._fresh().fit(X[early], y[early], weight[early]).predict(X[late]))
        gain, error = _gain(score, y[late], weight[late], self._calendar.position(self._known[rows[late]]))
        if not gain > SURE * error:
            note = f"nothing to say: {gain:+.5f} nats an alert on later ones, which chance gives too (standard error {error:.5f})"
            return RankingStage(at=at, rows=len(rows), model=None, calibrator=nothing, note=note)
        calibrator = calibrate(score, y[late], float(weight[late].sum()))
        model = self._fresh().fit(X, y, weight)
        return RankingStage(at=at, rows=len(rows), model=model, calibrator=calibrator, note=f"{gain:+.5f} nats an alert on later ones")

    def _fresh(self) -> Boosted:
        return Boosted(trees=80, depth=3, rate=0.05, seed=self.seed)


def _uniqueness(key: I64, begin: I64, end: I64) -> F64:
    """How much of its own each alert's outcome says, among those of its symbol; alerts with one label share it."""
    out = np.empty(len(key))
    origin = int(begin.min())
    first = (begin - origin) // MINUTE
    last = np.maximum((end - origin) // MINUTE, first + 1)
    for one in np.unique(key):
        mine = key == one
        out[mine] = average_uniqueness(first[mine], last[mine])
    return out


def _gain(score: F64, y: F64, weight: F64, session: I64) -> tuple[float, float]:
    """Nats by which half the score beats a coin, and the standard error, for which alerts of one session are one observation."""
    p = 1.0 / (1.0 + np.exp(-0.5 * score))
    one = np.log(2.0) + np.where(y > 0.0, np.log(p), np.log1p(-p))
    _, at = np.unique(session, return_inverse=True)
    total, size = np.bincount(at, weight * one), np.bincount(at, weight)
    mean = float(total.sum() / size.sum())
    return mean, float(np.sqrt(np.sum((total - mean * size) ** 2)) / size.sum())
