"""Many settings of strategies over one run's features and models: decided once, traded once a setting, and every setting is a trial."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from undertow.app.choose import Tell
from undertow.app.job import Job
from undertow.app.prepare import prepare
from undertow.app.retrade import Retrader
from undertow.app.runs import LEDGER, config_of
from undertow.app.seen import seen
from undertow.core.calendar import Calendar
from undertow.core.chunk import F64, Array
from undertow.core.errors import BadInput
from undertow.core.protocols import Strategy
from undertow.report.metrics import curve_of, session_ends
from undertow.report.sweep import Swept
from undertow.strategies.book import Book
from undertow.strategies.catalogue import strategies
from undertow.validation.ledger import attempted, market_hash
from undertow.validation.trials import Trial, TrialLedger, configuration_hash

MOST_SETTINGS = 5_000

Setting = Mapping[str, float]  #: "strategy.parameter" -> value


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Every setting, on the same days."""

    tried: tuple[Swept, ...]
    days: Array  #: datetime64[D] (sessions,)
    simulated: bool
    notes: tuple[str, ...]

    @property
    def returns(self) -> F64:
        """Daily returns (sessions, settings)."""
        return np.column_stack([one.curve.daily for one in self.tried])


def settings_of(vary: Sequence[str], names: Sequence[str]) -> list[Setting]:
    """Every combination of ``STRATEGY.PARAMETER=VALUES``; raises ``BadInput`` naming what is wrong.

    Values are separated by commas, or FROM:TO:COUNT, evenly spaced with both ends.
    """
    axes = dict(_axis(text, names) for text in vary)
    if not axes:
        raise BadInput("--vary is missing: name a parameter and its values, for example --vary meta.kelly=0.1:0.5:5")
    count = math.prod(len(values) for values in axes.values())
    if count > MOST_SETTINGS:
        raise BadInput(f"--vary: {count:,} settings are more than {MOST_SETTINGS:,}")
    return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]


def _axis(text: str, names: Sequence[str]) -> tuple[str, tuple[float, ...]]:
    key, _, given = text.partition("=")
    own, _, parameter = key.strip().partition(".")
    if own not in names:
        raise BadInput(f"--vary {text!r}: {own!r} is not among the strategies of this sweep ({', '.join(names)})")
    there = parameters(strategies((own,))[0])
    if parameter not in there:
        raise BadInput(f"--vary {text!r}: {own} has no parameter {parameter!r}; it has {', '.join(there) or 'none'}")
    values = _values(given)
    if not values or not np.isfinite(values).all():
        raise BadInput(f"--vary {text!r}: write {key}=1,2,3 or {key}=FROM:TO:COUNT")
    return key.strip(), values


def _values(text: str) -> tuple[float, ...]:
    try:
        if text.count(":") == 2:
            first, last, count = text.split(":")
            return tuple(float(v) for v in np.linspace(float(first), float(last), min(max(int(count), 1), MOST_SETTINGS + 1)))
        return tuple(float(v) for v in text.split(","))
    except ValueError:
        return ()


def parameters(strategy: Strategy) -> dict[str, float]:
    """A strategy's numbers that can be varied."""
    own = {name: getattr(strategy, name) for name in getattr(strategy, "__dataclass_fields__", ())}
    return {name: value for name, value in own.items() if isinstance(value, int | float) and not isinstance(value, bool)}


def strategy_of(names: Sequence[str], setting: Setting) -> Book:
    """The strategies with their parameters set; raises ``BadInput`` where one refuses a value."""
    made = []
    for own in strategies(names):
        there = parameters(own)
        changed = {key.partition(".")[2]: value for key, value in setting.items() if key.partition(".")[0] == own.name}
        whole = {name: int(value) if isinstance(there[name], int) else value for name, value in changed.items()}
        made.append(replace(own, **whole) if whole else own)  # type: ignore[type-var]
    return Book(tuple(made))


def sweep(job: Job, home: Path, calendar: Calendar, settings: Sequence[Setting], tell: Tell) -> Sweep:
    """Decide once, then trade every setting; each is noted in the ledger of trials."""
    made = prepare(job, home, calendar, int(calendar.midnight[job.last + 1]), tell)
    view, tried = seen(made, home, calendar, tell), []
    account = Retrader(made, calendar, view.ticks, made.desk.costs)
    for done, setting in enumerate(settings, start=1):
        got = account.trade(strategy_of(job.strategies, setting).targets(view))
        days, ends = session_ends(got.mark_at)
        tried.append(Swept(setting=setting, curve=curve_of(got.equity, job.capital, got.mark_at, ends), fills=got.fills))
        tell("Trading settings", done, len(settings))
    found = Sweep(tried=tuple(tried), days=days, simulated=made.market.source.simulated, notes=made.notes)
    _note(found, job, home)
    return found


def _note(found: Sweep, job: Job, home: Path) -> None:
    shared: dict[str, object] = {
        "symbols": list(job.symbols),
        "timeframe": job.timeframe,
        "strategies": list(job.strategies),
        "costs": job.costs,
        "certified": job.certified,
        "portfolio": config_of(job)["portfolio"],
        "window": [str(found.days[0]), str(found.days[-1])],
    }
    data, day = market_hash(found.simulated, job.seed), found.days.astype(np.int64)
    ledger, trials, returns = TrialLedger(home / LEDGER), [], []
    there = {trial.configuration for trial in ledger.trials("sweep")}
    for one in found.tried:
        digest = configuration_hash(shared | dict(one.setting))
        if digest in there:
            continue  # tried before: no new trial
        own = Trial(at=job.now, what="sweep", configuration=digest, data=data, seed=job.seed)
        attempt = attempted(own, day, one.curve.daily)
        trials.append(attempt.trial)
        returns.append((attempt.day, attempt.returns))
    if trials:
        ledger.note_all(trials, returns)
