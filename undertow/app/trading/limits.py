"""How far an account may go: from the job's capital, and from ``limits.toml`` below the home where there is one.

The file's own keys are the gate's, which asks each order; its table ``[portfolio]`` is for the targets, which orders come from; and
``[sectors]`` names each symbol's sector for both.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from undertow.app.job import LIMITS, Job
from undertow.core.errors import BadInput
from undertow.core.orders import LADDER, PortfolioLimits
from undertow.core.time import SECOND
from undertow.execution.portfolio import MOST
from undertow.execution.risk.limits import Limits

GROWN = 1.5  #: an account that has grown by half may still be invested in full
TURN = 2.0  #: an order that turns a full position around
#: limits that are written in seconds
SPANS = ("clock_skew", "quote_age")
PORTFOLIO, SECTORS = "portfolio", "sectors"  #: tables


def limits_of(job: Job, home: Path) -> Limits:
    """The gate's limits for a job. Raises ``BadInput`` naming what is wrong in the file."""
    portfolio = job.portfolio
    fold = GROWN * (1.0 if portfolio.volatility is None else MOST)  # calm symbols are held more than their part
    part = job.capital / len(job.symbols)
    own = Limits(
        order_value=part * fold * TURN,
        position_value=part * fold,
        name=min(fold / len(job.symbols), GROWN * portfolio.name),
        sector=GROWN * portfolio.sector if portfolio.sectors else GROWN,  # no sector is known: all of them are one
        gross=GROWN * portfolio.gross,
        order_shares=part * fold / GROWN,  # no share costs less than a dollar
        orders_per_minute=max(20, 4 * len(job.symbols)),
        orders_per_day=max(200, 40 * len(job.symbols)),
    )
    path = home / LIMITS
    return replace(own, **_gate(path, _told(path))) if path.exists() else own


def portfolio_of(path: Path, symbols: Sequence[str]) -> PortfolioLimits:
    """The portfolio's limits in a file, with the sectors of these symbols. Raises ``BadInput`` naming what is wrong."""
    told = _told(path)
    table, sectors = _table(path, told, PORTFOLIO), _table(path, told, SECTORS)
    _gate(path, told)
    valid = {one.name for one in fields(PortfolioLimits)} - {SECTORS}
    if unknown := sorted(set(table) - valid):
        raise BadInput(f"{path}: there is no limit {unknown[0]} in [{PORTFOLIO}]; there are {', '.join(sorted(valid))}")
    for symbol, sector in sectors.items():
        if not isinstance(sector, str) or not sector:
            raise BadInput(f'{path}: in [{SECTORS}] {symbol} needs a word, such as "technology", not {sector!r}')
    numbers = {name: _number(path, name, value) for name, value in table.items() if name != "ladder"}
    named = {symbol: sector for symbol, sector in sectors.items() if symbol in symbols}
    try:
        return PortfolioLimits(**numbers, ladder=_ladder(path, table.get("ladder", False)), sectors=named)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error


def _told(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error


def _table(path: Path, told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = told.get(name, {})
    if not isinstance(table, Mapping):
        raise BadInput(f"{path}: {name} must be a table, [{name}] with a line for each value below it, not {table!r}")
    return table


def _gate(path: Path, told: Mapping[str, Any]) -> dict[str, Any]:
    own = {name: value for name, value in told.items() if name not in (PORTFOLIO, SECTORS)}
    valid = {one.name for one in fields(Limits) if one.name not in ("rules", "channels")}
    if unknown := sorted(set(own) - valid):
        raise BadInput(f"{path}: there is no limit {unknown[0]}; there are {', '.join(sorted(valid))}, and the table [{PORTFOLIO}]")
    for name, value in own.items():
        if name not in ("account", "broker"):
            _number(path, name, value)
        elif not isinstance(value, str):
            raise BadInput(f"{path}: {name} must be a word, not {value!r}")
    return {name: int(value * SECOND) if name in SPANS else value for name, value in own.items()}


def _number(path: Path, name: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise BadInput(f"{path}: {name} must be a number, not {value!r}")
    return float(value)


def _ladder(path: Path, told: object) -> tuple[tuple[float, float], ...]:
    if isinstance(told, bool):
        return LADDER if told else ()
    pairs = [rung for rung in told if isinstance(rung, list) and len(rung) == 2] if isinstance(told, list) else []
    if not isinstance(told, list) or len(pairs) < len(told):
        raise BadInput(f"{path}: ladder must be true, false or pairs of fall and share left, [[0.05, 0.5], [0.10, 0.0]], not {told!r}")
    return tuple((_number(path, "ladder", rung[0]), _number(path, "ladder", rung[1])) for rung in pairs)
