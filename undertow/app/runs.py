"""A run's folder: what was asked, on which data and code, and what came of it."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from undertow.app.checked import badges
from undertow.app.job import Job
from undertow.core.calendar import nyse
from undertow.core.errors import StoreError
from undertow.core.time import iso
from undertow.engine.result import RunResult
from undertow.report.benchmark import benchmark_of
from undertow.report.html import write_report
from undertow.report.metrics import scorecard
from undertow.report.proof import prove
from undertow.validation.ledger import Attempt, Searched, attempted, fit_of, market_hash, note, searched
from undertow.validation.trials import Trial, TrialLedger, configuration_hash

if TYPE_CHECKING:
    import polars as pl

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
    told = {"strategies": list(job.strategies), "costs": job.costs, "certified": job.certified, "portfolio": config_of(job)["portfolio"]}
    setting = configuration_hash(shared | told | {"models": list(models), "capital": result.capital, "window": window})
    own = Trial(at=job.now, what="undertow", configuration=setting, data=market_hash(result.simulated, job.seed), seed=job.seed)
    fits = [fit_of(name, stage.trained_at, shared | {"model": name}, own) for stage in result.stages for name in stage.models]
    return attempted(own, card.days.astype(np.int64), card.portfolio.curve.daily, fits)


def tried_so_far(result: RunResult, job: Job, root: Path) -> Searched:
    """Everything that was tried on the run's market, the run included; nothing is written."""
    return searched(TrialLedger(root / LEDGER), attempt_of(result, job))


def name_of(job: Job) -> str:
    """What a job's folder below ``runs`` is called: when it was asked, its mode and a digest of what was asked."""
    stamp = iso(job.now - job.now % 10**9).replace(":", "").replace("-", "")
    return f"{stamp}-{job.mode}-{config_digest(job)}"


def config_digest(job: Job) -> str:
    """Eight hexadecimal digits of what was asked for, the same at any time."""
    return _digest(config_of(job))


def save_run(result: RunResult, job: Job, root: Path, tried: Searched | None = None, finished: Sequence[Path] = ()) -> Path:
    """Write report, manifest, equity, signals and fills to a folder of their own under ``root/runs``, all of them or nothing.

    Before it gets its name the run is noted in the ledger of trials, ``root/trials.sqlite``: no run is shown that is not counted.
    ``finished`` are runs of this job that were whole when they were killed: where one has the same results it is kept, and given back.
    Raises StoreError if the disk refuses either.
    """
    from polars.exceptions import PolarsError

    tried = tried if tried is not None else tried_so_far(result, job, root)
    folder, manifest = root / "runs" / name_of(job), _manifest(result, job, tried)
    if (same := _same(finished, manifest)) is not None:
        return same
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        unfinished.mkdir(parents=True, exist_ok=True)
        (unfinished / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        for name, table in tables_of(result).items():
            table.write_parquet(unfinished / f"{name}.parquet")
        write_report(result, unfinished / "report.html", tried, badges(root))
        note(TrialLedger(root / LEDGER), attempt_of(result, job))
        saved = _named(unfinished, folder)
    except (OSError, PolarsError) as error:  # a full disk is a ComputeError to polars
        why = getattr(error, "strerror", None) or error
        raise StoreError(f"the run could not be written to {folder}: {why}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return saved


def _same(finished: Sequence[Path], manifest: Mapping[str, Any]) -> Path | None:
    """Of runs that are whole, the first that says of itself what this manifest says."""
    for folder in finished:
        try:
            if json.loads((folder / "manifest.json").read_text("utf-8")) == json.loads(json.dumps(manifest)):
                return folder
        except (OSError, ValueError):
            continue
    return None


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


def config_of(job: Job) -> dict[str, Any]:
    """What was asked for, as JSON keeps it; neither keys nor when it was asked."""
    kept = {one.name: getattr(job, one.name) for one in fields(job) if one.name not in ("now", "access", "notes", "speed")}
    calendar = nyse()
    limits = asdict(job.portfolio) | {"ladder": [list(rung) for rung in job.portfolio.ladder]}
    return kept | {"portfolio": limits} | {"first": str(calendar.day[job.first]), "last": str(calendar.day[job.last])}


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


def _performance(result: RunResult) -> dict[str, Any]:
    """What the account made, and what holding would have made, as fractions of the capital; null where nothing was traded on."""
    whole, beside = scorecard(result).portfolio, benchmark_of(result)
    held = {"symbol": beside.name, "return": beside.curve.total_return.value} if beside else None
    return {"return": whole.curve.total_return.value, "buy_and_hold": whole.hold.total_return.value, "benchmark": held}


def _manifest(result: RunResult, job: Job, tried: Searched) -> dict[str, Any]:
    from importlib.metadata import version

    config = config_of(job)
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
        "performance": _performance(result),
        "significance": _significance(result, tried),
        "undertow": version("undertow"),
        "libraries": {name: version(name) for name in libraries},
    }


def tables_of(result: RunResult) -> dict[str, pl.DataFrame]:
    """What a run's folder keeps as Parquet: equity by mark, signals (a row a decision), orders (a row a change), fills, the benchmark."""
    import polars as pl

    width, names = len(result.symbols), list(result.symbols)

    def stamps(at: Any, repeat: int = 1) -> pl.Series:
        return pl.Series("at", np.repeat(at, repeat)).cast(pl.Datetime("ns", "UTC"))

    equity = pl.DataFrame([stamps(result.mark_at), *(pl.Series(s, result.equity[:, k]) for k, s in enumerate(names))])
    signals = pl.DataFrame(
        [
            stamps(result.ticks, width),
            pl.Series("symbol", names * len(result.ticks)),
            pl.Series("p_up", result.p_up.ravel()),
            pl.Series("direction", result.direction.ravel()),
            pl.Series("target", result.targets.ravel()),
        ]
    )
    fills = result.fills
    filled = pl.DataFrame(
        [stamps(fills.event_at), pl.Series("symbol", [names[k] for k in fills.key], dtype=pl.String)]
        + [pl.Series(n, c) for n, c in fills.columns.items()]
    )
    told = {"equity": equity, "signals": signals, "orders": _orders(signals), "fills": filled}
    if result.benchmark and len(result.benchmark_equity):
        told["benchmark"] = pl.DataFrame([stamps(result.mark_at), pl.Series("equity", result.benchmark_equity)])
    return told


def _orders(signals: pl.DataFrame) -> pl.DataFrame:
    """What the broker was told: each target, a share of the symbol's part of the equity, that differs from the one before it."""
    import polars as pl

    said = signals.filter(pl.col("target").is_not_nan()).with_columns(before=pl.col("target").shift(1, fill_value=0.0).over("symbol"))
    return said.filter(pl.col("target") != pl.col("before")).select("at", "symbol", "before", "target")
