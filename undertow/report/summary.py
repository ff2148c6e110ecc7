"""The terminal's summary: a line a symbol in the fixed format, then the portfolio and what a careful reader would ask next."""

from __future__ import annotations

import numpy as np

from undertow.core.orders import Direction, Signal
from undertow.engine.result import RunResult
from undertow.models.abstention import UNCERTIFIED
from undertow.report.benchmark import Benchmark, also, benchmark_of
from undertow.report.calibration import calibrate
from undertow.report.metrics import SHARPE_BASIS, Performance, Scorecard, scorecard, skill_verdict
from undertow.report.proof import FDR, Proof, prove
from undertow.report.silence import main_reason
from undertow.report.words import SIMULATED, count, day, decimal, percent, plain, usd
from undertow.validation.ledger import Searched

TITLE = "Results Summary:"


def summary_lines(result: RunResult, trials: float | Searched = 1) -> list[str]:
    """Lines for the terminal; ``trials`` is how many strategies and settings were tried, this one included, or the record of them all.

    Every line that rests on simulated data ends with ``[SIMULATED]``: print without markup, or rich takes it for a style.
    """
    card = scorecard(result)
    trades = len(result.mark_at) > 0
    body = [_return_line(p) for p in card.symbols] if result.mode == "backtest" else signal_lines(result)
    if result.mode != "backtest":
        body.append(_directions(result))
    if trades:
        body.append(_portfolio_line(card.portfolio, benchmark_of(result)))
        body += ["  " + line for line in _context(result, card, trials)]
    body.append(f"  Data: {plain(_sources(result)) or 'none'}")
    mark = f"  {SIMULATED}" if result.simulated else ""
    return [TITLE, *(line + mark for line in body), *(f"  Note: {plain(note)}" for note in result.notes)]


def _return_line(p: Performance) -> str:
    gain = p.curve.total_return
    return f"{plain(p.name)}: Return: {percent(gain) if gain.value is not None else f'n/a ({gain.why})'}"


def signal_lines(result: RunResult) -> list[str]:
    """A line a symbol: its newest signal, and why it is NEUTRAL where it is."""
    by_symbol = {s.symbol: s for s in result.signals}
    return [_signal_line(symbol, by_symbol.get(symbol), result.simulated) for symbol in result.symbols]


def _signal_line(symbol: str, signal: Signal | None, marked: bool) -> str:
    if signal is None:
        return f"{plain(symbol)}: Direction: NEUTRAL, Confidence: n/a  (no signal: nothing was known in time)"
    confidence = f"{signal.confidence:.2f}" if signal.confidence == signal.confidence else "n/a"
    line = f"{plain(symbol)}: Direction: {signal.direction.value}, Confidence: {confidence}"
    if signal.direction is Direction.NEUTRAL and signal.abstain_reason:
        line += f"  ({plain(signal.abstain_reason)})"
    return line + (f"  {SIMULATED}" if signal.simulated and not marked else "")


def _directions(result: RunResult) -> str:
    called = [s.direction for s in result.signals]
    silent = len(result.symbols) - len(called)
    counts = {d: called.count(d) + (silent if d is Direction.NEUTRAL else 0) for d in Direction}
    return "Signals: " + ", ".join(f"{n} {d.value}" for d, n in counts.items() if n)


def _sources(result: RunResult) -> str:
    by_source: dict[str, list[str]] = {}
    for kind, source in result.sources.items():
        by_source.setdefault(source, []).append(kind.replace("_", " "))
    return "; ".join(f"{source}: {', '.join(kinds)}" for source, kinds in by_source.items())


def _portfolio_line(p: Performance, held: Benchmark | None) -> str:
    line = f"Portfolio: Return: {percent(p.curve.total_return)}, buy and hold: {percent(p.hold.total_return)}"
    return line + (f", {plain(held.name)}: {percent(held.curve.total_return)}" if held else "")


def _context(result: RunResult, card: Scorecard, trials: float | Searched) -> list[str]:
    p, whole, held = card.portfolio, prove(card, trials), benchmark_of(result)
    proof, tried = whole.record, _tried(whole.searched)
    lines = []
    if p.curve.sharpe.value is None:
        lines.append(f"Sharpe ratio: {p.curve.sharpe.why} ({tried})")
    else:
        own = f"{decimal(p.curve.sharpe)} ({SHARPE_BASIS}); buy and hold {decimal(p.hold.sharpe)}"
        own += also(held, lambda curve: decimal(curve.sharpe))
        lines.append(f"Sharpe ratio: {own}; deflated Sharpe {decimal(proof.dsr)} ({tried})")
    fall, other = p.curve.drawdown, f"buy and hold {percent(p.hold.drawdown.depth)}"
    other += also(held, lambda curve: percent(curve.drawdown.depth))
    when = f" ({day(fall.peak_at)} to {day(fall.trough_at)}, {_recovery(fall.recovered_at)})" if fall.depth < 0 else ""
    lines.append(f"Deepest fall: {percent(fall.depth)}{when}; {other}")
    c = p.costs
    parts = f"half-spread {usd(-c.half_spread, 2)}, impact {usd(-c.impact, 2)}, commission {usd(-c.commission, 2)}"
    lines.append(
        f"Costs: {usd(c.trading_costs, 2)}, {percent(c.percent(c.trading_costs))} of capital ({parts});"
        f" borrow and dividends {usd(c.carry, 2, sign=True)}"
    )
    calls = calibrate(result)
    right = f"right {percent(p.called.rate, 1)} of {p.called.judged:,} judged calls" if p.called.judged else "no call has been judged yet"
    lines.append(f"Signals: called {percent(calls.coverage, 1)} of ticks; {right}")
    if not result.direction.any() and np.isfinite(result.p_up).any():
        surest = float(np.nanmax(np.abs(result.p_up - 0.5))) + 0.5
        most = main_reason(result)
        why = f", {percent(most.share, 0)} of them because: {most.why}" if most else ""
        lines.append(f"Every signal was NEUTRAL{why} (the surest probability was {percent(surest, 1)})")
        if most and most.why == UNCERTIFIED and not len(result.fills):
            lines.append("To see trades: --uncertified follows such calls, --strategy all adds strategies whose rules need no certificate")
    return [*lines, *_significance(whole), skill_verdict(proof, p)]


def _tried(searched: Searched) -> str:
    shown = f"{count(searched.settings, 'setting')} tried"
    return shown if searched.effective == searched.settings else f"{shown}, {decimal(searched.effective, 1)} of them independent"


def _significance(proof: Proof) -> list[str]:
    """One line of what the tests of luck say, where any could be made."""
    says = [] if proof.record.why else [f"probabilistic Sharpe {decimal(proof.record.psr)}"]
    if proof.superior is not None:
        says.append(f"p {decimal(proof.superior.p, 3)} against staying out")
    if proof.over_holding is not None:
        says.append(f"p {decimal(proof.over_holding.p, 3)} against holding")
    judged = [one for one in proof.standings if np.isfinite(one.q)]
    if judged:
        found = sum(one.stands_out for one in judged)
        says.append(f"{found} of {count(len(judged), 'symbol')} stand out at a false-discovery rate of {percent(FDR, 0)}")
    if proof.overfitting is not None:
        band = f"{decimal(proof.overfitting.low)} to {decimal(proof.overfitting.high)}"
        says.append(f"overfitting {decimal(proof.overfitting.pbo)} (worthless searches: {band})")
    return [f"Significance: {'; '.join(says)}"] if says else []


def _recovery(at: int | None) -> str:
    return "not recovered" if at is None else f"recovered {day(at)}"
