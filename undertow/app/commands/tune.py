"""``undertow tune``: search a model's settings, count every fit, and say what the best is worth after that."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from undertow.app.errors import one_sentence
from undertow.app.main_job import END, POLYGON, SEED, SOURCE, START, SYMBOLS, TIMEFRAME, WHALES

if TYPE_CHECKING:
    from undertow.app.choose import Tell
    from undertow.app.job import Flags, Job
    from undertow.core.calendar import Calendar
    from undertow.models.memory import Taught
    from undertow.report.search import Judged
    from undertow.validation.search import Tried

MODEL = typer.Argument(metavar="MODEL", help="gradient_boosting, random_forest, ridge_logistic or xgboost.")
SETTINGS = typer.Option(20, "--settings", min=2, max=1000, help="How many settings are tried, the one in use included.")
FOLDS = typer.Option(4, "--folds", min=1, max=12, help="Blocks of 42 sessions that each setting is judged on.")
JSON = typer.Option(False, "--json", help="Print as JSON.")


commands = typer.Typer()


@commands.command("tune")
def tune_command(
    model: Annotated[str, MODEL],
    settings: int = SETTINGS,
    folds: int = FOLDS,
    symbols: str = SYMBOLS,
    start_date: str | None = START,
    end_date: str | None = END,
    source: str = SOURCE,
    timeframe: str = TIMEFRAME,
    polygon_key: str | None = POLYGON,
    unusual_whales_key: str | None = WHALES,
    seed: int = SEED,
    as_json: bool = JSON,
) -> None:
    """Search for a model's settings on what was known before the job's first session, and say what the best is worth.

    The job's own sessions are not looked at: a backtest of them can still judge what was found. Nothing is changed by itself.
    """
    from undertow.app.job import Flags
    from undertow.validation.search import in_use

    with one_sentence():
        in_use(model)
        flags = Flags(
            symbols=symbols,
            start_date=start_date,
            end_date=end_date,
            source=source,
            timeframe=timeframe,
            polygon_key=polygon_key,
            unusual_whales_key=unusual_whales_key,
            seed=seed,
        )
        judged, notes = _tuned(flags, model, settings, folds)
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    _show(judged, as_json)


def _tuned(flags: Flags, model: str, settings: int, folds: int) -> tuple[Judged, tuple[str, ...]]:
    import numpy as np
    from rich.console import Console

    from undertow.app import clock
    from undertow.app.home import home
    from undertow.app.job import check
    from undertow.app.runs import LEDGER, require_writable
    from undertow.app.show import progress
    from undertow.core.calendar import nyse
    from undertow.models.framework import Schedule
    from undertow.report.search import judge
    from undertow.validation.search import Budget, search
    from undertow.validation.search import folds as split_of
    from undertow.validation.trials import TrialLedger

    calendar, root, schedule = nyse(), home(), Schedule()
    job = check(flags, calendar, clock.now())
    require_writable(root)
    ledger = TrialLedger(root / LEDGER)
    with progress(Console(stderr=True)) as tell:
        taught, simulated, notes = _lessons(job, root, calendar, tell)
        session = np.asarray(calendar.position(taught.tick), np.int64)
        split = split_of(taught, session, folds, schedule.every, schedule.at_most)
        book = _Book(ledger=ledger, job=job, calendar=calendar, model=model, simulated=simulated)
        done = 0

        def each(tried: Tried) -> None:
            nonlocal done
            done += 1
            book.write(tried, split, session)
            tell("Trying settings", done, settings)

        found = search(model, taught, session, split, Budget(settings=settings, seed=job.seed), each)
    return judge(found, calendar, simulated, root / LEDGER), notes


class _Book:
    """Writes each setting into the ledger of trials as soon as it was tried."""

    def __init__(self, *, ledger: Any, job: Job, calendar: Calendar, model: str, simulated: bool) -> None:
        from undertow.validation.ledger import market_hash

        self._ledger, self._job, self._calendar, self._model = ledger, job, calendar, model
        self._data = market_hash(simulated, job.seed)

    def write(self, tried: Tried, split: Any, session: Any) -> None:
        """One setting, its returns by session and its fits."""
        import numpy as np

        from undertow.validation.ledger import attempted, fit_of, note
        from undertow.validation.trials import Trial, configuration_hash

        job, asked = self._job, np.unique(np.concatenate([session[fold.asked] for fold in split]))
        day = self._calendar.day[asked].astype("datetime64[D]").astype(np.int64)
        own: dict[str, object] = {"model": self._model, "symbols": list(job.symbols), "timeframe": job.timeframe, **tried.setting}
        window = {"from": int(day[0]), "to": int(day[-1]), "folds": len(split)}
        trial = Trial(
            at=job.now, what=f"tune {self._model}", configuration=configuration_hash(own | window), data=self._data, seed=job.seed
        )
        fits = [fit_of(self._model, fold.at, own, trial) for fold in split]
        note(self._ledger, attempted(trial, day, tried.returns, fits))


def _lessons(job: Job, home: Path, calendar: Calendar, tell: Tell) -> tuple[Taught, bool, tuple[str, ...]]:
    """Rows whose outcome was known before the job's first session, whether they are simulated, and what has to be said of them."""
    from undertow.app.choose import choose_source
    from undertow.app.learning import batches
    from undertow.app.wiring import load, needs
    from undertow.engine.ticks import decision_ticks
    from undertow.features.engineering import FeatureEngineering
    from undertow.features.labels import Labels
    from undertow.models.framework import Schedule
    from undertow.models.memory import Lessons

    span = needs(job, calendar, int(calendar.midnight[job.last + 1]))
    chosen = choose_source(job, home, span, tell)
    tell("Reading the market", 0, 1)
    market = load(job, chosen.source, calendar, span)
    tell("Reading the market", 1, 1)
    features = FeatureEngineering(job.symbols, only=market.features, calendar=calendar)
    labels = Labels(job.symbols, calendar, kind=market.bars)
    lessons = Lessons(len(job.symbols), len(features.features), 0)
    ticks = decision_ticks(calendar, range(market.first, job.first), market.every)
    pieces = list(batches(market.chunks, ticks[Schedule().teaching(ticks, calendar)], calendar))
    for done, piece in enumerate(pieces, start=1):
        lessons.add(piece.ticks, features.push(piece.chunks, piece.ticks))
        lessons.learn(labels.push(piece.chunks, piece.ticks))
        tell("Computing features", done, len(pieces))
    taught = lessons.taught(int(calendar.midnight[job.first]))
    return taught, chosen.source.simulated, (*job.notes, *chosen.notes, *market.notes)


def _show(judged: Judged, as_json: bool) -> None:
    import json

    from undertow.report.search import lines, plainly

    print(json.dumps(plainly(judged), indent=2, allow_nan=False) if as_json else "\n".join(lines(judged)))
