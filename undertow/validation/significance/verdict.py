"""Could luck have done this? One track record judged, in numbers and in one plain sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass

from undertow.core.chunk import F64
from undertow.validation.significance.sharpe import (
    Moments,
    annual_factor,
    dsr,
    hurdle,
    min_backtest_years,
    min_track_record,
    moments,
    psr,
)

SESSIONS_A_YEAR = 252
LEAST_SESSIONS = 20  #: fewer daily returns than this are not annualised and not judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Significance:
    """How much a track record proves; ``why`` is empty unless it is too short or does not move, and then numbers are NaN."""

    moments: Moments
    trials: float  #: strategies and settings tried before this one was chosen, itself included
    sharpe_annual: float  #: per-period Sharpe times sqrt(252)
    sharpe_annual_autocorrelated: float  #: the same with Lo's (2002) correction for autocorrelation
    psr: float  #: probability that the true Sharpe is above zero, as if nothing else had been tried
    dsr: float  #: the same against the best of ``trials`` worthless strategies
    hurdle_annual: float  #: the annual Sharpe that the best of ``trials`` worthless strategies is expected to show
    least_sessions: float  #: minimum track record length; infinite where the Sharpe is not above zero
    least_years_for_trials: float  #: minimum backtest length for that many trials
    verdict: str  #: one plain sentence
    why: str = ""


def assess(returns: F64, trials: float = 1, variance: float | None = None, confidence: float = 0.95) -> Significance:
    """Judge daily session-end returns (sessions,), chosen as the best of ``trials`` attempts (see ``dsr`` for ``variance``)."""
    m = moments(returns)
    why = ""
    if m.periods < LEAST_SESSIONS:
        why = f"too short to judge: {m.periods} session{'' if m.periods == 1 else 's'}, at least {LEAST_SESSIONS} needed"
    elif math.isnan(m.sharpe):
        why = "nothing to judge: the equity did not move"
    if why:
        nan = math.nan
        return Significance(
            moments=m,
            trials=trials,
            sharpe_annual=nan,
            sharpe_annual_autocorrelated=nan,
            psr=nan,
            dsr=nan,
            hurdle_annual=nan,
            least_sessions=nan,
            least_years_for_trials=min_backtest_years(trials),
            verdict=_capital(why) + ".",
            why=why,
        )
    year = math.sqrt(SESSIONS_A_YEAR)
    deflated, need = dsr(m, trials, variance), min_track_record(m, confidence=confidence)
    return Significance(
        moments=m,
        trials=trials,
        sharpe_annual=m.sharpe * year,
        sharpe_annual_autocorrelated=m.sharpe * annual_factor(SESSIONS_A_YEAR, m.autocorrelation),
        psr=psr(m),
        dsr=deflated,
        hurdle_annual=hurdle(trials, 1 / (m.periods - 1) if variance is None else variance) * year,
        least_sessions=need,
        least_years_for_trials=min_backtest_years(trials),
        verdict=_verdict(m, deflated, need, confidence),
    )


def _verdict(m: Moments, deflated: float, need: float, confidence: float) -> str:
    if m.sharpe <= 0:
        return "There is no edge to test: the Sharpe ratio is not above zero."
    if deflated >= confidence:
        return f"Luck alone is an unlikely explanation (deflated Sharpe {deflated:.2f}); the market may still change."
    if m.periods < need:
        return (
            "This track record is too short to tell skill from luck: "
            f"{m.periods:,} sessions, and a Sharpe ratio like this one needs about {math.ceil(need):,}."
        )
    return "Not enough once the number of trials is counted: the best of so many tries may look this good by luck."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
