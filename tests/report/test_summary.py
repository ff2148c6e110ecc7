"""The terminal's lines, to the letter."""

import re
from dataclasses import replace

import numpy as np
import pytest

from tests.report.factory import make, premarket
from undertow.core.orders import Direction
from undertow.report.summary import summary_lines
from undertow.report.words import count, day, decimal, moment, percent, span, usd

RESULT, _ = make(sessions=40)
REAL = replace(RESULT, simulated=False, signals=tuple(replace(s, simulated=False) for s in RESULT.signals))
RETURN = re.compile(r"(\S+): Return: -?\d{1,3}(,\d{3})*\.\d\d%")


def test_backtest_lines_are_exact() -> None:
    lines = summary_lines(REAL)
    assert lines[0] == "Results Summary:"
    for symbol, line, column in zip(RESULT.symbols, lines[1:], range(3), strict=False):
        assert RETURN.fullmatch(line), line
        assert line == f"{symbol}: Return: {(RESULT.equity[-1, column] / (RESULT.capital / 3) - 1) * 100:.2f}%"
    assert lines[4].startswith("Portfolio: Return: ")
    assert "buy and hold: " in lines[4]


def test_simulated_is_said_on_every_line_that_rests_on_it() -> None:
    for result in (RESULT, premarket(RESULT)):
        title, *lines = summary_lines(result)
        assert title == "Results Summary:"
        for line in lines:
            assert line.endswith("  [SIMULATED]") or line.startswith("  Note: "), line
    assert RETURN.match(summary_lines(RESULT)[1]).group() == summary_lines(REAL)[1]
    assert not any("SIMULATED" in line for line in summary_lines(REAL))


def test_premarket_and_trading_lines_are_exact() -> None:
    signals = tuple(replace(s, direction=Direction.BUY, confidence=0.851, abstain_reason="") for s in REAL.signals)
    for mode in ("premarket", "trading"):
        lines = summary_lines(replace(premarket(REAL), mode=mode, signals=signals))
        assert lines[:4] == ["Results Summary:", *(f"{s}: Direction: BUY, Confidence: 0.85" for s in RESULT.symbols)]
        assert lines[4] == "Signals: 3 BUY"


def test_why_there_is_no_call() -> None:
    lines = summary_lines(premarket(replace(REAL, signals=REAL.signals[:1])))
    assert re.fullmatch(r"AAPL: Direction: NEUTRAL, Confidence: 0\.\d\d  \(expected edge below costs\)", lines[1])
    assert lines[2] == "MSFT: Direction: NEUTRAL, Confidence: n/a  (no signal: nothing was known in time)"


def test_context_is_honest() -> None:
    text = "\n".join(summary_lines(REAL, trials=12))
    assert "daily session-end returns, × √252, risk-free rate 0" in text
    assert "12 settings tried" in text
    for word in ("buy and hold", "deflated Sharpe", "Deepest fall", "half-spread", "impact", "commission", "borrow", "judged calls"):
        assert word in text
    short = "\n".join(summary_lines(make(sessions=5)[0]))
    assert "Sharpe ratio: too short to annualise: 5 sessions, at least 20 needed (1 setting tried)" in short


def test_no_bars_is_not_zero() -> None:
    empty = replace(premarket(REAL), mode="backtest")
    assert summary_lines(empty)[1] == "AAPL: Return: n/a (no bars in the window)"


def test_hostile_names_cannot_drive_the_terminal() -> None:
    result, _ = make(symbols=("A\x1b[31m\nB",), sessions=3)
    result = replace(result, notes=("x\r\nAAPL: Return: 99.00%",), sources={"b\n": "c\x07"})
    for line in summary_lines(result):
        assert line.isprintable(), line


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (percent(0.1245), "12.45%"),
        (percent(-0.00001), "0.00%"),
        (percent(float("nan")), "–"),
        (percent(0.1, 1, sign=True), "+10.0%"),
        (percent(12.3456), "1,234.56%"),
        (decimal(-0.001), "0.00"),
        (usd(-1234.5, 2), "-$1,234.50"),
        (usd(12, sign=True), "+$12"),
        (day(None), "–"),
        (day(int(np.datetime64("2026-03-07T01:00", "ns").astype(int))), "2026-03-06"),
        (moment(int(np.datetime64("2026-07-01T19:55", "ns").astype(int))), "2026-07-01 15:55 ET"),
        (span(65 * 60 * 10**9), "65 minutes"),
        (span(86_400 * 10**9), "1 day"),
        (span(1_500_000_000), "1.5 seconds"),
        (count(3.6, "trial"), "3.6 trials"),
    ],
)
def test_words(shown: str, expected: str) -> None:
    assert shown == expected
