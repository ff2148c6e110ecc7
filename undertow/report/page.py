"""What the page shows, section by section, as plain words and numbers; the templates only place them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from undertow.engine.result import RunResult
from undertow.report.ages import age, newest_age
from undertow.report.attribution import attribution_panel, gains
from undertow.report.benchmark import Benchmark, also, benchmark_of
from undertow.report.calibration import Calibration, calibrate
from undertow.report.capacity import costs_panel
from undertow.report.caveats import caveats
from undertow.report.charts import Figure, equity_figure, reliability_figure, sparkline, waterfall_figure
from undertow.report.coverage import coverage_facts, source_rows
from undertow.report.metrics import SHARPE_BASIS, Performance, Scorecard, monthly_returns, scorecard, skill_verdict
from undertow.report.panels import Section, calibration_panel, proof_panel, signal_panel, stage_panel, tone
from undertow.report.price_charts import price_charts
from undertow.report.proof import prove
from undertow.report.silence import silence_panel
from undertow.report.words import NONE, count, day, decimal, moment, percent, usd
from undertow.validation.ledger import Searched
from undertow.validation.significance import Significance

MODES = {"backtest": "Backtest", "premarket": "Pre-market signals", "trading": "Trading"}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
ROW_HEADS = (  # glossary key and label of each cell that ``_row`` makes
    ("return", "Return"),
    ("hold", "Buy and hold"),
    ("sharpe", "Sharpe"),
    ("drawdown", "Deepest fall"),
    ("trip", "Trades"),
    ("tripwin", "Profitable"),
    ("calls", "Calls right"),
    ("turnover", "Turnover"),
    ("exposure", "Exposure gross / net"),
    ("spread", "Costs"),
)
FULL_HEAT = 0.08  #: a month of ±8 % has the deepest colour


@dataclass(frozen=True, slots=True)
class Number:
    """One figure on a card: its glossary key, the figure, and a line below it; ``tone`` is gain, loss or empty."""

    key: str
    label: str
    value: str
    below: str
    tone: str = ""


def page(result: RunResult, tried: float | Searched) -> tuple[Section, dict[str, Figure]]:
    """Everything the template needs, and the figures by the id of their place; ``tried`` as in ``prove``."""
    card, judged = scorecard(result), calibrate(result)
    whole = prove(card, tried)
    proof = whole.record
    traded, stages = len(result.mark_at) > 0, result.stages[::-1]
    held = benchmark_of(result)
    sections: Section = {
        "head": _head(result, card),
        "signals_first": result.mode != "backtest",
        "simulated": result.simulated,
        "lead": _lead(result, card, proof, held) if traded else _lead_of_signals(result),
        "signals": [signal_panel(s) for s in result.signals],
        "caveats": caveats(result, proof),
        "silence": silence_panel(result),
        "stages": [stage_panel(s, age(s, result), newer) for s, newer in zip(stages, (None, *stages), strict=False)],
        "last_training": count(newest_age(result) or 0, "session"),
        "sources": source_rows(result),
        "notes": result.notes,
        "sharpe_basis": f"{SHARPE_BASIS}; {count(whole.searched.settings, 'setting')} tried",
        "month_names": MONTHS,
        "row_heads": ROW_HEADS,
    }
    figures: dict[str, Figure] = {}
    if traded:
        p = card.portfolio
        charts, left = price_charts(result, card)
        sections |= {
            "numbers": _numbers(card, judged, proof, held),
            "benchmark": held.name if held else "",
            "months": _months(card),
            "rows": [_row(p) for p in (*card.symbols, *([p] if len(card.symbols) > 1 else []))],
            "waterfall": [(label, usd(v, 2, sign=True), percent(p.costs.percent(v), sign=True)) for label, v in p.costs.steps()],
            "proof": proof_panel(whole, p),
            "attribution": attribution_panel(gains(result), result.capital),
            "at_costs": costs_panel(result, p),
            "charts": charts,
            "charts_left": left,
        }
        figures |= {chart.id: chart.figure for chart in charts}
        figures["equity"] = equity_figure(p, result.capital, result.mark_at, held)
        figures["waterfall"] = waterfall_figure(p.costs)
    if judged.judged:
        sections["calibration"] = calibration_panel(result, judged)
        figures["reliability"] = reliability_figure(judged.bins)
    return sections, figures


def _head(result: RunResult, card: Scorecard) -> Section:
    first, last = (str(card.days[0]), str(card.days[-1])) if len(card.days) else (day(result.start), day(result.end))
    c = result.costs
    fee = f"${c.commission_per_share:g} a share" if c.commission_per_share else f"{c.commission_bp:g} bp" if c.commission_bp else "none"
    shown = ", ".join(result.symbols[:6]) + (f" and {len(result.symbols) - 6} more" if len(result.symbols) > 6 else "")
    return {
        "mode": MODES.get(result.mode, result.mode.capitalize()),
        "title": f"{MODES.get(result.mode, result.mode.capitalize())} · {shown}",
        "symbols": shown,
        "dates": first if first == last else f"{first} to {last}",
        "facts": [
            *coverage_facts(result),
            ("Sessions", f"{len(card.days):,}" if len(card.days) else NONE),
            ("Bars", result.timeframe),
            ("Horizon of a signal", count(result.horizon, "session")),
            ("Capital", f"{usd(result.capital)} in {count(len(result.symbols), 'purse')}"),
            (
                "Assumed costs",
                f"half-spread {c.half_spread_bp:g} bp, impact ×{c.impact:g}, commission {fee}, borrow {percent(c.borrow_rate)} a year",
            ),
        ],
    }


def _lead(result: RunResult, card: Scorecard, proof: Significance, benchmark: Benchmark | None) -> list[str]:
    p = card.portfolio
    gain, held = p.curve.total_return.value or 0.0, p.hold.total_return.value or 0.0
    did, other = _change(gain), f"would have {_change(held)}"
    if benchmark is not None:
        other += f", and {benchmark.name} {_change(benchmark.curve.total_return.value or 0.0)}"
    kind = "simulated account" if result.simulated else "account"
    return [f"Over {count(p.sessions, 'session')} the {kind} {did} after costs; buying and holding {other}.", skill_verdict(proof, p)]


def _change(gain: float) -> str:
    shown = percent(abs(gain))
    return "stayed where it was" if shown == "0.00%" else f"{'gained' if gain > 0 else 'lost'} {shown}"


def _lead_of_signals(result: RunResult) -> list[str]:
    if not result.signals:
        return ["No signal was given: nothing was known in time."]
    calls = [s for s in result.signals if s.direction.value != "NEUTRAL"]
    return [f"{count(len(calls), 'call')} for {count(len(result.symbols), 'symbol')}, as of {moment(max(s.at for s in result.signals))}."]


def _numbers(card: Scorecard, judged: Calibration, proof: Significance, held: Benchmark | None) -> list[Number]:
    p, c = card.portfolio, card.portfolio.costs
    gain, fall, sharpe, cagr = p.curve.total_return, p.curve.drawdown, p.curve.sharpe, p.curve.cagr
    yearly = cagr.why or f"{percent(cagr, 1)} a year, volatility {percent(p.curve.volatility, 1)}"
    beside = sharpe.why or f"deflated {decimal(proof.dsr)} for {count(proof.trials, 'trial')} · buy and hold {decimal(p.hold.sharpe)}"
    recovery = f"recovered {day(fall.recovered_at)}" if fall.recovered_at else "not recovered"
    when = f"{day(fall.peak_at)} to {day(fall.trough_at)}, {recovery}" if fall.depth < 0 else "never below its start"
    calls = p.called.rate.why or f"of {count(p.called.judged, 'judged call')} · {percent(judged.coverage, 0)} of ticks called"
    made = f"which made {percent(p.hold.total_return, sign=True)}"
    made += also(held, lambda curve: percent(curve.total_return, sign=True), " · ")
    turnover, rate = (p.turnover_in_window, "in the window") if p.turnover.why else (p.turnover, "a year")
    return [
        Number("return", "Return", percent(gain, sign=True), yearly, tone(gain.value)),
        Number("excess", "Against buy and hold", percent(p.excess, sign=True), made),
        Number("sharpe", "Sharpe ratio", decimal(sharpe), beside),
        Number("drawdown", "Deepest fall", percent(fall.depth), when),
        Number("calls", "Calls right", percent(p.called.rate, 1), calls),
        Number(
            "spread", "Trading costs", percent(c.percent(c.trading_costs)), f"of capital: {usd(c.trading_costs)} for {usd(p.traded)} traded"
        ),
        Number("turnover", "Turnover", f"{decimal(turnover, 1)}×", f"{rate} · {count(len(p.trips), 'round trip')}"),
        Number("exposure", "Exposure", percent(p.gross_exposure, 0), f"gross, mean · net {percent(p.net_exposure, 0, sign=True)}"),
    ]


def _months(card: Scorecard) -> list[Section]:
    cells = monthly_returns(card.days, card.portfolio.curve.daily)
    out = []
    for year in sorted({y for y, _ in cells}):
        values = [cells.get((year, month)) for month in range(1, 13)]
        whole = math.prod(1 + v for v in values if v is not None) - 1
        out.append({"year": year, "cells": [_cell(v) for v in values], "whole": _cell(whole)})
    return out


def _cell(value: float | None) -> Section:
    if value is None or not math.isfinite(value):
        return {"text": "", "tone": "", "heat": 0}
    return {"text": percent(value, 1, sign=True), "tone": tone(value), "heat": round(min(1.0, abs(value) / FULL_HEAT) * 62 + 8)}


def _row(p: Performance) -> Section:
    line, hold = sparkline(p.equity, p.hold_equity)
    turnover = p.turnover if p.turnover.value is not None else p.turnover_in_window
    return {
        "name": p.name,
        "line": line,
        "hold_line": hold,
        "tone": tone(p.curve.total_return.value),
        "cells": [
            percent(p.curve.total_return, sign=True),
            percent(p.hold.total_return, sign=True),
            decimal(p.curve.sharpe),
            percent(p.curve.drawdown.depth),
            f"{len(p.trips):,}",
            percent(p.trip_hits, 0),
            percent(p.called.rate, 0),
            f"{decimal(turnover, 1)}×" if turnover.value is not None else NONE,
            f"{percent(p.gross_exposure, 0)} / {percent(p.net_exposure, 0, sign=True)}",
            usd(p.costs.trading_costs),
        ],
    }
