"""What a run adds to the ledger of trials, and against how many others it has to be judged.

Trials are counted by the market that they were made on: real data are one, each simulated market is one of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.time import Instant
from undertow.validation.significance import effective_trials, moments
from undertow.validation.trials import Trial, TrialLedger, configuration_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One strategy with one setting, and what it earned; fits are the trainings of models that it needed."""

    trial: Trial
    day: I64  #: (n,) days since 1970, rising
    returns: F64  #: (n,) of each day; NaN where the account was empty
    fits: tuple[Trial, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """All that was tried on one market, the attempt that is judged included."""

    settings: float  #: different settings with a record
    effective: float  #: independent ones among them, at least one
    fits: int = 0  #: trainings of models, of every setting
    returns: F64 = field(default_factory=lambda: np.empty((0, 0)))  #: (days, settings) on the days of the attempt; it is column 0

    @staticmethod
    def counted(trials: float) -> Searched:
        """So many independent trials, of which nothing else is known."""
        return Searched(settings=trials, effective=max(float(trials), 1.0))


def market_hash(simulated: bool, seed: int) -> str:
    """The name of a market in the ledger: a seed tells simulated ones apart."""
    return configuration_hash({"simulated": simulated, "seed": seed if simulated else 0})


def attempted(trial: Trial, day: I64, returns: F64, fits: Sequence[Trial] = ()) -> Attempt:
    """A strategy's setting with its returns (n,) on days (n,), rising; its Sharpe ratio follows from them."""
    sharpe = moments(returns).sharpe
    known = None if np.isnan(sharpe) else float(sharpe)
    return Attempt(trial=replace(trial, sharpe=known), day=day, returns=returns, fits=tuple(fits))


def fit_of(model: str, at: Instant, setting: dict[str, object], like: Trial) -> Trial:
    """One training of a model, made at an instant of the market with what was known then."""
    return Trial(at=at, what=model, configuration=configuration_hash(setting), data=like.data, seed=like.seed)


def searched(ledger: TrialLedger, own: Attempt) -> Searched:
    """What was tried on the attempt's market so far, the attempt counted once even if the ledger has it already.

    Raises ``StoreError`` if the disk refuses.
    """
    before = [trial for trial in ledger.trials() if trial.data == own.trial.data]
    latest = {_setting(trial): trial.returns for trial in before if trial.returns is not None}
    latest.pop(_setting(own.trial), None)
    series = [(own.day, own.returns), *(ledger.series(digest) for digest in latest.values())]
    fits = {(*_setting(fit), fit.at) for fit in (*before, *own.fits) if fit.returns is None}
    beside = [_on(own.day, *one) for one in series]
    whole = [column for i, column in enumerate(beside) if i == 0 or bool(np.isfinite(column).all())]
    return Searched(settings=len(series), effective=effective_trials(_together(series)), fits=len(fits), returns=np.column_stack(whole))


def note(ledger: TrialLedger, own: Attempt) -> None:
    """Add an attempt and those of its fits that are not there yet; raises ``StoreError`` if the disk refuses.

    A run made again, or one that uses models of the shelf, is no new trial: what is the same in everything is written down once.
    """
    there = {(*_setting(trial), trial.at) for trial in ledger.trials()}
    fits = {(*_setting(fit), fit.at): fit for fit in own.fits}
    fresh = [fit for name, fit in fits.items() if name not in there]
    again = any(_setting(trial) == _setting(own.trial) and trial.sharpe == own.trial.sharpe for trial in ledger.trials(own.trial.what))
    if len(own.day) and not again:
        ledger.note_all([own.trial, *fresh], [(own.day, own.returns)])
    elif fresh:
        ledger.note_all(fresh)


def _setting(trial: Trial) -> tuple[str, str, str, int]:
    return trial.what, trial.configuration, trial.data, trial.seed


def _together(series: Sequence[tuple[I64, F64]]) -> F64:
    """Returns (days, trials) over all days of any of them, NaN where one has none."""
    days = np.unique(np.concatenate([day for day, _ in series]))
    return np.column_stack([_on(days, day, value) for day, value in series])


def _on(days: I64, day: I64, value: F64) -> F64:
    out = np.full(len(days), np.nan)
    if len(day) and len(days):
        place = np.minimum(np.searchsorted(days, day), len(days) - 1)
        there = days[place] == day
        out[place[there]] = value[there]
    return out
