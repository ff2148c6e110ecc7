"""A finished run made again: its job from its manifest, and where what came out differs from what was kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from undertow.app import clock
from undertow.app.job import Flags, Job, check
from undertow.core.calendar import nyse
from undertow.core.errors import BadData
from undertow.core.orders import PortfolioLimits
from undertow.engine.result import RunResult

if TYPE_CHECKING:
    import polars as pl


def job_of(manifest: Mapping[str, Any], polygon_key: str | None = None, unusual_whales_key: str | None = None) -> Job:
    """The job that a manifest tells of, with today's keys; raises ``BadData`` where the manifest does not tell it."""
    told = manifest["job"]
    try:
        own = {one.name: told[one.name] for one in fields(Flags) if one.name in told}
        own |= {"symbols": ",".join(told["symbols"]), "start_date": told["first"], "end_date": told["last"]}
        own |= {"live": False, "account": None, "broker": "auto"}  # nothing that is made again asks a broker for anything
        if "strategies" in told:
            own["strategy"] = ",".join(told["strategies"])
        limits = told.get("portfolio", {})  # a run from before there were any had none
        own["portfolio"] = PortfolioLimits(**limits | {"ladder": tuple(tuple(rung) for rung in limits.get("ladder", ()))})
        flags = Flags(**own, polygon_key=polygon_key, unusual_whales_key=unusual_whales_key, speed=1e12)
    except (KeyError, TypeError) as error:
        raise BadData(f"the run's manifest does not say what was asked: {error}") from error
    return replace(check(flags, nyse(), clock.now()), dated=bool(told["dated"]))


def since(manifest: Mapping[str, Any], result: RunResult) -> list[str]:
    """A sentence on each thing, but for the run itself, that is no longer what it was."""
    from importlib.metadata import version

    out = []
    if manifest.get("undertow") != version("undertow"):
        out.append(f"The run was made by version {manifest.get('undertow')}; this is {version('undertow')}.")
    for name, then in (manifest.get("libraries") or {}).items():
        if version(name) != then:
            out.append(f"{name} was {then} and is {version(name)}.")
    if dict(result.tables) != dict(manifest.get("tables") or {}):
        out.append("The tape has other versions of its tables now.")
    if dict(result.sources) != dict(manifest.get("sources") or {}):
        out.append("The data come from other sources now.")
    return out


def different(then: pl.DataFrame, now: pl.DataFrame) -> tuple[bool, str]:
    """Whether two tables are the same bit for bit, and a sentence that says so or names the first difference."""
    if then.columns != now.columns:
        return False, f"columns were {', '.join(then.columns)} and are {', '.join(now.columns)}"
    if then.equals(now, null_equal=True):
        return True, f"{len(now):,} rows, identical"
    rows = min(len(then), len(now))
    for i in range(rows):
        own, other = then.row(i, named=True), now.row(i, named=True)
        for column in now.columns:
            if not _same(own[column], other[column]):
                return False, f"row {i} differs, {_where(other)}: {column} was {own[column]} and is {other[column]} ({_more(then, now)})"
    return False, _more(then, now)


def _same(a: object, b: object) -> bool:
    return a == b or (a != a and b != b)


def _where(row: Mapping[str, Any]) -> str:
    return " ".join(str(row[name]) for name in ("at", "symbol") if name in row)


def _more(then: pl.DataFrame, now: pl.DataFrame) -> str:
    return f"{len(then):,} rows were kept, {len(now):,} came out now"
