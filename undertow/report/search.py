"""What a search for settings found, and what that is worth once the search itself is counted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.errors import BadInput
from undertow.report.words import SIMULATED, count, decimal
from undertow.validation.search import Found, Setting, Tried
from undertow.validation.significance import SESSIONS_A_YEAR, Overfitting, Search, Superiority, deflate, overfitting, superior

ALPHA = 0.05
MOST_BLOCKS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A search with its tests; one that cannot be made is None."""

    found: Found
    first: str  #: first and last day that settings were judged on
    last: str
    simulated: bool
    ledger: Path
    deflated: Search | None  #: the best setting's returns as the best of all
    better: Superiority | None  #: does any setting beat the one in use?
    overfitting: Overfitting | None

    @property
    def worth_it(self) -> bool:
        """Whether luck alone is an unlikely reason for the best setting's lead."""
        return self.found.best != 0 and self.better is not None and self.better.p <= ALPHA


def judge(found: Found, calendar: Calendar, simulated: bool, ledger: Path) -> Judged:
    """Deflate the best setting by all that were tried; ``ledger`` is where they are written down."""
    returns = found.returns
    blocks = min(MOST_BLOCKS, len(returns) // 4 // 2 * 2)
    return Judged(
        found=found,
        first=str(calendar.day[int(found.session[0])]),
        last=str(calendar.day[int(found.session[-1])]),
        simulated=simulated,
        ledger=ledger,
        deflated=_or_none(lambda: deflate(returns, found.best)),
        better=_or_none(lambda: superior(found.gains)),
        overfitting=_or_none(lambda: overfitting(returns, blocks)),
    )


def _or_none(test: Any) -> Any:
    try:
        return test()
    except BadInput:
        return None


def lines(judged: Judged) -> list[str]:
    """For the terminal."""
    found = judged.found
    mark = f"  {SIMULATED}" if judged.simulated else ""
    fits = len(found.tried) * len(found.folds)
    out = [
        f"Settings of {found.model}, judged on {judged.first} to {judged.last} in {count(len(found.folds), 'fold')};"
        f" nothing later was looked at.{mark}",
        f"{count(len(found.tried), 'setting')} tried, {count(fits, 'fit')}, all noted in {judged.ledger}.",
        f"  in use: {_described(found.tried[0])}{mark}",
        f"  best:   {_described(found.tried[found.best])}{mark}",
    ]
    out += [f"  {line}{mark}" for line in _tests(judged)]
    return [*out, _verdict(judged)]


def _described(one: Tried) -> str:
    ic = f"information coefficient {decimal(one.correlation, 4)}"
    return f"{_setting(one.setting)}: log-loss {one.log_loss:.5f} nats, {ic}"


def _setting(setting: Setting) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in setting.items())


def _tests(judged: Judged) -> list[str]:
    out = []
    if judged.deflated is not None:
        d, year = judged.deflated, math.sqrt(SESSIONS_A_YEAR)
        out.append(
            f"The best's Sharpe ratio before costs is {decimal(d.moments.sharpe * year)} a year; luck's hurdle for"
            f" {decimal(d.effective, 1)} independent settings is {decimal(d.hurdle * year)}, deflated Sharpe {decimal(d.dsr)}"
        )
    if judged.overfitting is not None:
        out.append(judged.overfitting.says)
    if judged.better is not None:
        out.append(f"p {decimal(judged.better.p, 3)} that none beats the setting in use by more than luck")
    return out


def _verdict(judged: Judged) -> str:
    if judged.found.best == 0:
        return "Keep the setting in use: none was better."
    if judged.worth_it:
        return f"Luck is an unlikely reason for the lead of {_setting(judged.found.tried[judged.found.best].setting)}: worth a backtest."
    why = "too few sessions to tell" if judged.better is None else "the best of so many may lead by luck"
    return f"Keep the setting in use: {why}."


def plainly(judged: Judged) -> dict[str, Any]:
    """As JSON can tell it; what is not known is null."""
    found, d, o = judged.found, judged.deflated, judged.overfitting
    return {
        "model": found.model,
        "from": judged.first,
        "to": judged.last,
        "folds": len(found.folds),
        "fits": len(found.tried) * len(found.folds),
        "simulated": judged.simulated,
        "ledger": str(judged.ledger),
        "settings": [
            dict(one.setting) | {"log_loss": one.log_loss, "information_coefficient": _known(one.correlation)} for one in found.tried
        ],
        "best": found.best,
        "effective": _known(d.effective) if d else None,
        "sharpe_annual": _known(d.moments.sharpe * float(np.sqrt(SESSIONS_A_YEAR))) if d else None,
        "deflated_sharpe": _known(d.dsr) if d else None,
        "overfitting": [o.pbo, o.low, o.high] if o else None,
        "p_against_in_use": judged.better.p if judged.better else None,
        "worth_it": judged.worth_it,
        "verdict": _verdict(judged),
    }


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
