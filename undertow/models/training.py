"""Teach several models at once, each on one core so that the numbers do not depend on how many there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from undertow.core.chunk import F64, I64, Array
from undertow.core.errors import UndertowError
from undertow.models.heap import few_arenas, give_back
from undertow.models.phases import PHASES
from undertow.models.sequence.choice import choose_columns
from undertow.models.sequence.models import SequenceNetwork
from undertow.models.sequence.windows import Panel
from undertow.models.stage import BaseModel
from undertow.models.uniqueness import average_uniqueness

#: weights that differ by less are all set to their mean: equal ones are an order of magnitude faster to learn from
NEARLY_EQUAL = 0.25
#: columns of a network, and rows of a symbol's session that teach it: the others end alike
NETWORK_COLUMNS, NETWORK_ROWS = 32, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A base model, unfitted or fitted, with the features it reads and the phases it speaks in."""

    name: str
    model: BaseModel
    reads: I64
    phases: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What all base models of a stage are taught on: rows (n,) whose outcome is known, in order of tick and symbol."""

    X: F64  #: (n, features)
    y: F64  #: (n,) in {0, 1}
    weight: F64  #: (n,) sums to the number of independent outcomes
    tick: I64
    session: I64
    phase: I64
    panel: Callable[[I64], tuple[Panel, F64]]  #: columns -> every remembered row of them, with y (rows,), NaN where it is not known


@cache
def one_core() -> Any:
    """A context in which OpenMP code of the calling thread keeps to one core: idle helpers would only spin beside the others.

    Call it after the library to be held has been imported.
    """
    from threadpoolctl import ThreadpoolController

    controller = ThreadpoolController().select(user_api="openmp")
    return lambda: controller.limit(limits=1)


def label_weights(tick: I64, until: I64, key: I64) -> F64:
    """Average uniqueness of each outcome (n,) among its symbol's, whose spans are ``tick`` to ``until``, counted in ticks of the rows.

    Where all are much the same they get their mean: that is what a fixed horizon leads to, but at the ends of the history.
    """
    out = np.ones(len(tick))
    for symbol in np.unique(key):
        mine = np.flatnonzero(key == symbol)
        ticks = np.unique(tick[mine])
        start = np.searchsorted(ticks, tick[mine])
        end = np.maximum(np.searchsorted(ticks, until[mine], side="left"), start + 1)
        out[mine] = average_uniqueness(start.astype(np.int64), end.astype(np.int64))
    low, high = np.quantile(out, [0.05, 0.95]) if len(out) else (1.0, 1.0)
    return np.full(len(out), out.mean()) if high - low < NEARLY_EQUAL * out.mean() else out


def fit_all(voices: Sequence[Voice], lesson: Lesson) -> tuple[list[Voice], list[str]]:
    """Voices taught on one lesson, in their order, and a sentence on each that could not be: it is left out."""
    from joblib import Parallel, delayed

    # the slow ones first, or a core would stand idle at the end
    order = sorted(range(len(voices)), key=lambda i: not isinstance(voices[i].model, SequenceNetwork))
    few_arenas()
    done = Parallel(n_jobs=-1, backend="threading")(delayed(_fit)(voices[i], lesson) for i in order)
    give_back()
    found = dict(zip(order, done, strict=True))
    results = [found[i] for i in range(len(voices))]
    return [one for one in results if isinstance(one, Voice)], [one for one in results if isinstance(one, str)]


def _fit(voice: Voice, lesson: Lesson) -> Voice | str:
    mine = np.isin(np.array(PHASES)[lesson.phase], voice.phases)
    y = lesson.y[mine]
    if not len(y) or y.min() == y.max():
        why = "all known outcomes were alike" if len(y) else f"no outcome of {' or '.join(voice.phases)} is known"
        return f"{voice.name} is left out: {why}."
    try:
        if isinstance(voice.model, SequenceNetwork):
            return _fit_network(voice, voice.model, lesson)
        X = lesson.X[:, voice.reads] if mine.all() else lesson.X[np.ix_(mine, voice.reads)]
        fitted = voice.model.fit(X, y, lesson.weight[mine])
        p = np.asarray(fitted.predict(X[-20:]))
    except Exception as error:  # noqa: BLE001 a model of one's own may fail in any way; it is left out and named, never passed over
        return f"{voice.name} is left out: {_sentence(error)}"
    if p.shape != (len(X[-20:]),) or not bool(((p >= 0.0) & (p <= 1.0)).all()):
        return f"{voice.name} is left out: it did not answer with one probability a row."
    return replace(voice, model=fitted)


def _sentence(error: Exception) -> str:
    if isinstance(error, UndertowError):
        return str(error)
    return f"it failed with {type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else 'no reason given'}"


def _fit_network(voice: Voice, network: SequenceNetwork, lesson: Lesson) -> Voice | str:
    sessions = np.unique(lesson.session)
    # neither the rows that stop it early nor those whose outcome lay among them choose its columns
    early = (
        lesson.session < sessions[int(len(sessions) * (1.0 - network.recipe.validation)) - 1] if len(sessions) > 1 else lesson.session < 0
    )
    if not early.any():
        return f"{voice.name} is left out: one session is too little for a network."
    columns = voice.reads[choose_columns(lesson.X[np.ix_(early, voice.reads)], lesson.y[early], NETWORK_COLUMNS)]
    if not len(columns):
        return f"{voice.name} is left out: no feature it reads ever changed."
    panel, y = lesson.panel(columns)
    taught = _spread(panel) & np.isfinite(y)
    weight = np.zeros(len(y))
    # rows that were left out give their share to those that teach
    weight[taught] = float(lesson.weight.sum()) / max(int(taught.sum()), 1)
    fitted = network.fit(panel, y, weight)
    # one that says the base rate to everything would only thin out the others
    return f"{voice.name} is left out: {fitted.note_}." if fitted.note_ else replace(voice, model=fitted, reads=columns)


def _spread(panel: Panel) -> Array:
    """Rows that teach a network, bool (rows,): some of each session, at other hours from session to session."""
    tick, place = np.unique(panel.tick, return_inverse=True)
    session = np.zeros(len(tick), np.int64)
    session[place] = panel.session
    begins = np.searchsorted(session, session)
    hour = np.arange(len(tick)) - begins
    step = max(round(len(tick) / max(len(np.unique(session)), 1) / NETWORK_ROWS), 1)
    return np.asarray(((hour + session) % step == 0)[place])
