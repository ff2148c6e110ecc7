"""Panels of the page that stand for one thing: how good the probabilities were, what the record proves, a signal, a training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from undertow.core.orders import Signal
from undertow.core.time import SECOND
from undertow.engine.result import RunResult, Stage
from undertow.report.calibration import Calibration, base_models, verdict
from undertow.report.metrics import Performance, skill_verdict
from undertow.report.proof import Proof
from undertow.report.words import NONE, count, decimal, local, moment, percent
from undertow.validation.significance import SESSIONS_A_YEAR

Section = dict[str, Any]


def tone(value: float | None) -> str:
    """The colour of a number's sign: gain, loss or none."""
    return "" if not value else "gain" if value > 0 else "loss"


def calibration_panel(result: RunResult, c: Calibration) -> Section:
    """What the predictions were worth: verdict, numbers by glossary key, and the base models beside the whole."""
    b = c.brier
    parts = f"{decimal(b.reliability, 4)} reliability − {decimal(b.resolution, 4)} resolution + {decimal(b.uncertainty, 4)} uncertainty"
    if abs(b.within) >= 5e-5:
        parts += f" {'+' if b.within > 0 else '−'} {decimal(abs(b.within), 4)} within bins"
    return {
        "verdict": verdict(c),
        "numbers": [
            ("calibration", "Judged predictions", f"{c.judged:,}"),
            ("effective", "Effective outcomes", decimal(c.effective, 0)),
            ("coverage", "Coverage", percent(c.coverage, 1)),
            ("calibration", "Share that rose", percent(c.base_rate, 1)),
            ("brier", "Brier score", f"{decimal(b.brier, 4)} = {parts}"),
            ("logloss", "Log-loss", f"{decimal(c.log_loss, 4)} against {decimal(c.climatology, 4)} for the base rate"),
            (
                "slope",
                "Calibration slope",
                f"{decimal(c.line.slope)} ± {decimal(c.line.slope_error)} (intercept {decimal(c.line.intercept)})",
            ),
            ("ece", "Calibration error", f"{percent(c.ece)} less a floor of {percent(c.ece_floor)} = {percent(c.ece_excess, sign=True)}"),
        ],
        "models": [
            (name.replace("_", " "), percent(m.right, 1), decimal(m.brier.brier, 4), decimal(m.log_loss, 4), decimal(m.line.slope))
            for name, m in (("Undertow (together, calibrated)", c), *base_models(result).items())
        ],
    }


def proof_panel(whole: Proof, p: Performance) -> Section:
    """What the record proves; the two probabilities in percent, or None where nothing can be judged."""
    s, m = whole.record, whole.record.moments
    need = (
        "no length would do, the Sharpe ratio is not above zero"
        if math.isinf(s.least_sessions)
        else count(math.ceil(s.least_sessions), "session")
        if not s.why
        else NONE
    )
    have = f"{count(m.periods, 'session')}, {m.periods / SESSIONS_A_YEAR:.1f} years"
    rho = f"{decimal(s.sharpe_annual_autocorrelated)} with Lo's correction (autocorrelation {decimal(m.autocorrelation)})"
    tried = f"{whole.searched.settings:g}, {s.trials:.1f} of them independent; models were fitted {count(whole.searched.fits, 'time')}"
    return {
        "verdict": skill_verdict(s, p),
        "psr": None if s.why else _sure(s.psr),
        "dsr": None if s.why else _sure(s.dsr),
        "trials": count(s.trials, "trial"),
        "numbers": [
            ("sharpe", "Sharpe ratio", f"{decimal(s.sharpe_annual)}; {rho}" if not s.why else s.why),
            ("sortino", "Sortino ratio", p.curve.sortino.why or decimal(p.curve.sortino)),
            ("hold", "Sharpe ratio of buy and hold", p.hold.sharpe.why or decimal(p.hold.sharpe)),
            ("trials", "Strategies and settings tried", tried if whole.searched.returns.size else f"{s.trials:g}"),
            ("hurdle", "Luck's hurdle", decimal(s.hurdle_annual)),
            ("mintrl", "Minimum track record", f"{need} (this one: {have})"),
            (
                "minbtl",
                "Minimum backtest for so many trials",
                f"{s.least_years_for_trials:.1f} years" if s.trials > 1 else "none for a single trial",
            ),
            *_searches(whole),
            ("psr", "Shape of daily returns", f"skew {decimal(m.skew)}, kurtosis {decimal(m.kurtosis)} (3 for a normal)"),
        ],
        "symbols": [(one.symbol, decimal(one.p, 3), decimal(one.q, 3), "yes" if one.stands_out else "no") for one in whole.standings],
    }


def _searches(whole: Proof) -> list[tuple[str, str, str]]:
    """The tests of a whole search, or why they cannot be made."""
    out = []
    for name, found, label in (
        ("superior", whole.superior, "Better than staying out"),
        ("over_holding", whole.over_holding, "Better than buying and holding"),
    ):
        out.append(
            (
                "spa",
                label,
                f"p {decimal(found.p, 3)} ({decimal(found.lower, 3)} to {decimal(found.upper, 3)})" if found else whole.why[name],
            )
        )
    o = whole.overfitting
    told = (
        f"{decimal(o.pbo)}; searches among worthless trials show {decimal(o.low)} to {decimal(o.high)}" if o else whole.why["overfitting"]
    )
    return [*out, ("pbo", "Probability of overfitting", told)]


def _sure(probability: float) -> float:
    return min(99.9, max(0.1, round(probability * 100, 1)))  # a page never claims certainty


def _grades(grades: Mapping[str, str]) -> str:
    kinds: dict[str, list[str]] = {}
    for kind, grade in grades.items():
        kinds.setdefault(grade, []).append(kind.replace("_", " "))
    return "; ".join(f"{', '.join(k) if len(k) <= 3 else f'{len(k)} kinds'} {grade}" for grade, k in kinds.items()) or NONE


def signal_panel(s: Signal) -> Section:
    """One signal: the call, where its probability lies, and what pushed it which way."""
    parts = sorted(s.contributions.items(), key=lambda item: -abs(item[1]))
    widest = max([abs(v) for _, v in parts] or [0.0]) or 1.0
    shown = [{"name": n, "value": f"{v:+.3f}", "width": round(abs(v) / widest * 50, 1), "tone": tone(v)} for n, v in parts[:10]]
    return {
        "symbol": s.symbol,
        "direction": s.direction.value,
        "confidence": percent(s.confidence, 1),
        "p_up": percent(s.p_up, 1),
        "place": round(min(1.0, max(0.0, s.p_up)) * 100, 1) if math.isfinite(s.p_up) else None,
        "reason": s.abstain_reason,
        "parts": shown,
        "left_out": len(parts) - len(shown),
        "facts": [
            ("Decided", f"{moment(s.at)}, {s.phase}"),
            ("Horizon", count(s.horizon, "session")),
            ("Last fact used", f"{local(s.known_until):%Y-%m-%d %H:%M:%S} ET ({(s.at - s.known_until) / SECOND:,.0f} s before)"),
            ("Grades", _grades(s.grades)),
            ("Model", s.model),
            *_reasons(s),
        ],
        "simulated": s.simulated,
    }


def _reasons(s: Signal) -> list[tuple[str, str]]:
    """What each model said, and what would have changed the call, where that is known."""
    said = ", ".join(f"{one.model.replace('_', ' ')} {percent(one.p_up, 1)}" for one in s.said if math.isfinite(one.p_up))
    flip = "; ".join(
        f"{one.feature} at {one.then:.4g} instead of {one.now:.4g} ({percent(one.share, 0)} of its past values away): {one.direction.value}"
        for one in s.flips[:1]
    )
    return [(label, told) for label, told in (("Each model's rise", said), ("Smallest change of call", flip)) if told]


def stage_panel(s: Stage, sessions: int, newer: Stage | None = None) -> Section:
    """One training, ``sessions`` before the run's end; models that are the ``newer`` training's are not named again."""
    top = sorted(s.importance.items(), key=lambda item: -item[1])[:12]
    widest = max([v for _, v in top] or [0.0]) or 1.0
    names = ", ".join(name.replace("_", " ") for name in s.models)
    same = newer is not None and (newer.models, newer.notes) == (s.models, s.notes)
    return {
        "at": moment(s.trained_at),
        "age": f"{sessions:,}",
        "rows": f"{s.rows:,}",
        "models": "the same" if same else names or NONE,
        "notes": () if same else s.notes,
        "meta": s.meta,
        "calibrator": s.calibrator,
        "features": [{"name": n, "value": f"{v:.3f}", "width": round(v / widest * 100)} for n, v in top],
    }
