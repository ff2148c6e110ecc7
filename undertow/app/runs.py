"""A run's folder: what was asked, on which data and code, and what came of it."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import shutil
from dataclasses import asdict, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from undertow.app.job import Job
from undertow.core.calendar import nyse
from undertow.core.errors import StoreError
from undertow.core.time import iso
from undertow.engine.result import RunResult
from undertow.report.html import write_report
from undertow.report.metrics import scorecard
from undertow.report.proof import prove
from undertow.validation.ledger import Attempt, Searched, attempted, fit_of, market_hash, note, searched
from undertow.validation.trials import Trial, TrialLedger, configuration_hash

LEDGER = "trials.sqlite"  #: below the home


def require_writable(root: Path) -> None:
    """Raise StoreError before any work is done where a run could not be saved; leaves nothing behind."""
    try:
        there = next(folder for folder in (root, *root.parents) if folder.exists())
        with TemporaryDirectory(prefix=".undertow-", dir=there):
            pass
    except OSError as error:
        raise StoreError(
            f"UNDERTOW_HOME {root} cannot be written to ({error.strerror or error}): nothing was run, set it to a folder of yours"
        ) from error


def attempt_of(result: RunResult, job: Job) -> Attempt:
    """The run as the ledger of trials knows it: its setting, its daily returns and the trainings that it needed."""
    from importlib.metadata import version

    card, calendar = scorecard(result), nyse()
    models = result.stages[-1].models if result.stages else ()
    shared: dict[str, object] = {"symbols": list(result.symbols), "timeframe": result.timeframe, "undertow": version("undertow")}
    window = [str(calendar.day[job.first]), str(calendar.day[job.last])]
    setting = configuration_hash(shared | {"models": list(models), "capital": result.capital, "window": window})
    own = Trial(at=job.now, what="undertow", configuration=setting, data=market_hash(result.simulated, job.seed), seed=job.seed)
    fits = [fit_of(name, stage.trained_at, shared | {"model": name}, own) for stage in result.stages for name in stage.models]
    return attempted(own, card.days.astype(np.int64), card.portfolio.curve.daily, fits)


def tried_so_far(result: RunResult, job: Job, root: Path) -> Searched:
    """Everything that was tried on the run's market, the run included; nothing is written."""
    return searched(TrialLedger(root / LEDGER), attempt_of(result, job))


def save_run(result: RunResult, job: Job, root: Path, tried: Searched | None = None) -> Path:
    """Write report, manifest, equity, signals and fills to a folder of their own under ``root/runs``, all of them or nothing.

    Then the run is noted in the ledger of trials, ``root/trials.sqlite``. Raises StoreError if the disk refuses either.
    """
    from polars.exceptions import PolarsError

    tried = tried if tried is not None else tried_so_far(result, job, root)
    stamp = iso(job.now - job.now % 10**9).replace(":", "").replace("-", "")
    folder = root / "runs" / f"{stamp}-{job.mode}-{_digest(_config(job))}"
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        unfinished.mkdir(parents=True, exist_ok=True)
        (unfinished / "manifest.json").write_text(json.dumps(_manifest(result, job, tried), indent=2) + "\n", encoding="utf-8")
        _tables(result, unfinished)
        write_report(result, unfinished / "report.html", tried)
        saved = _named(unfinished, folder)
    except (OSError, PolarsError) as error:  # a full disk is a ComputeError to polars
        why = getattr(error, "strerror", None) or error
        raise StoreError(f"the run could not be written to {folder}: {why}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    note(TrialLedger(root / LEDGER), attempt_of(result, job))
    return saved


def _named(unfinished: Path, folder: Path) -> Path:
    """The finished run under its name; a run of the same second keeps its own."""
    name, n = folder, 1
    while True:
        try:
            return unfinished.rename(name)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        n += 1
        name = folder.with_name(f"{folder.name}-{n}")


def _config(job: Job) -> dict[str, Any]:
    kept = {one.name: getattr(job, one.name) for one in fields(job) if one.name not in ("now", "access", "notes", "speed")}
    calendar = nyse()
    return kept | {"first": str(calendar.day[job.first]), "last": str(calendar.day[job.last])}


def _digest(config: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:8]


def _significance(result: RunResult, tried: Searched) -> dict[str, Any]:
    """What the report says about luck, as numbers; null where there is none."""
    proof = prove(scorecard(result), tried)
    found = {
        "sessions": proof.record.moments.periods,
        "settings": proof.searched.settings,
        "effective": proof.searched.effective,
        "fits": proof.searched.fits,
        "psr": proof.record.psr,
        "dsr": proof.record.dsr,
        "least_sessions": proof.record.least_sessions,
        "p_against_nothing": proof.superior.p if proof.superior else None,
        "p_against_holding": proof.over_holding.p if proof.over_holding else None,
        "overfitting": [proof.overfitting.pbo, proof.overfitting.low, proof.overfitting.high] if proof.overfitting else None,
    }
    known = {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in found.items()}
    return known | {"q_values": {one.symbol: one.q for one in proof.standings if math.isfinite(one.q)}}


def _manifest(result: RunResult, job: Job, tried: Searched) -> dict[str, Any]:
    from importlib.metadata import version

    config = _config(job)
    libraries = ("numpy", "numba", "scikit-learn", "TA-Lib", "exchange_calendars")
    return {
        "job": config,
        "config": _digest(config),
        "window": [iso(result.start), iso(result.end)],
        "tables": dict(result.tables),
        "sources": dict(result.sources),
        "simulated": result.simulated,
        "notes": list(result.notes),
        "costs": asdict(result.costs),
        "stages": [
            {"trained_at": iso(s.trained_at), "rows": s.rows, "meta": s.meta, "calibrator": s.calibrator, "notes": list(s.notes)}
            for s in result.stages
        ],
        "results": hashlib.sha256(np.ascontiguousarray(result.equity).tobytes() + np.ascontiguousarray(result.p_up).tobytes()).hexdigest(),
        "significance": _significance(result, tried),
        "undertow": version("undertow"),
        "libraries": {name: version(name) for name in libraries},
    }


def _tables(result: RunResult, folder: Path) -> None:
    import polars as pl

    width = len(result.symbols)

    def stamps(at: Any, repeat: int = 1) -> pl.Series:
        return pl.Series("at", np.repeat(at, repeat)).cast(pl.Datetime("ns", "UTC"))

    names = list(result.symbols)
    pl.DataFrame([stamps(result.mark_at)]).with_columns([pl.Series(s, result.equity[:, k]) for k, s in enumerate(names)]).write_parquet(
        folder / "equity.parquet"
    )
    pl.DataFrame(
        [
            stamps(result.ticks, width),
            pl.Series("symbol", names * len(result.ticks)),
            pl.Series("p_up", result.p_up.ravel()),
            pl.Series("direction", result.direction.ravel()),
            pl.Series("target", result.targets.ravel()),
        ]
    ).write_parquet(folder / "signals.parquet")
    fills = result.fills
    pl.DataFrame(
        [stamps(fills.event_at), pl.Series("symbol", [names[k] for k in fills.key], dtype=pl.String)]
        + [pl.Series(n, c) for n, c in fills.columns.items()]
    ).write_parquet(folder / "fills.parquet")
