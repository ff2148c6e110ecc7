"""One file, nothing fetched, nothing injected, every section there, and small enough to send."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from tests.report.factory import make, premarket
from undertow.core.errors import StoreError
from undertow.report.charts import MOST_POINTS, thin
from undertow.report.glossary import GLOSSARY
from undertow.report.html import TEMPLATES, render, write_report

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}</style>"
RESULT, _ = make(sessions=40)
PAGE = render(RESULT, trials=7)


class Reader(HTMLParser):
    """Collects tags with their attributes, and the text outside scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.inside: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside.append(tag)

    def handle_endtag(self, tag):
        if tag in self.inside:
            del self.inside[len(self.inside) - 1 - self.inside[::-1].index(tag) :]

    def handle_data(self, data):
        if not {"script", "style"} & set(self.inside):
            self.text.append(data)

    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def test_nothing_is_fetched_from_anywhere() -> None:
    for tag, attributes in Reader(PAGE).tags:
        for name in ("src", "href", "srcset", "action", "data", "poster", "background", "formaction"):
            value = attributes.get(name) or ""
            assert not value or value.startswith(("#", "data:")), (tag, name, value)
    css = (TEMPLATES / "report.css").read_text("utf-8")
    assert "url(" not in css
    assert "@import" not in css
    policy = next(a["content"] for t, a in Reader(PAGE).tags if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]


def test_every_section_is_there() -> None:
    words = Reader(PAGE).words()
    for phrase in (
        "SIMULATED", "Backtest", "AAPL, MSFT, TSLA", "Against buy and hold", "Month by month", "Symbol by symbol", "Where the money went",
        "Luck or skill?", "deflated for 7 trials", "Minimum track record", "Do the probabilities mean what they say?", "Brier score",
        "Last signals", "What was trained, and when", "flow.put_call", "option trade", "stamped", "modelled", "Presidents' Day",
        "daily session-end returns, × √252, risk-free rate 0", "expected edge below costs",
        "Before you read on", "Honesty : not run", "undertow audit", "Which strategy, and when", "dark pool", "Costs, rounding and timing",
        "later than half an hour after the open", "Trades on the price", "Costs multiplied by", "Capacity", "Signals not taken, and why",
        "Does not pay its costs", "The last training was 9 sessions before the end.", "Newest known", "Decisions with a probability",
    ):  # fmt: skip
        assert phrase in words, phrase
    assert "SIMULATED" not in Reader(render(replace(RESULT, simulated=False, signals=()))).words()
    assert PAGE.count("plotly.js v") == 1


def test_every_tooltip_has_its_word() -> None:
    tags = Reader(PAGE).tags
    ids = {a.get("id") for _, a in tags}
    described = {a["aria-describedby"] for _, a in tags if "aria-describedby" in a}
    assert described <= ids
    assert {f"g-{key}" for key in GLOSSARY} <= ids


def test_hostile_input_stays_text() -> None:
    result, _ = make(symbols=(HOSTILE, "MSFT"), sessions=25)
    signals = tuple(
        replace(s, model=HOSTILE, abstain_reason=HOSTILE, contributions={HOSTILE: 0.1}, grades={HOSTILE: HOSTILE}) for s in result.signals
    )
    stages = tuple(replace(s, models=(HOSTILE,), meta=HOSTILE, calibrator=HOSTILE, importance={HOSTILE: 1.0}) for s in result.stages)
    judged = replace(result.judged, base={HOSTILE: result.judged.p_up})
    page = render(
        replace(
            result,
            mode=HOSTILE,
            timeframe=HOSTILE,
            notes=(HOSTILE,),
            sources={HOSTILE: HOSTILE},
            signals=signals,
            stages=stages,
            judged=judged,
            strategies=(HOSTILE, "b"),
            silence={HOSTILE: 3},
        ),
        badges={HOSTILE: ("passed", HOSTILE + "`" + HOSTILE)},
    )
    clean = Reader(PAGE)
    read = Reader(page)
    assert sum(t == "script" for t, _ in read.tags) == sum(t == "script" for t, _ in clean.tags) == 3
    assert sum(t == "style" for t, _ in read.tags) == 1
    assert not any(t == "img" for t, _ in read.tags)
    assert not any(name.startswith("on") for _, a in read.tags for name in a)
    assert read.words().count("{{7*7}}") >= 8
    assert "<script>alert" not in page


def test_figures_are_json_and_finite() -> None:
    data = re.search(r'id="figures">(.*?)</script>', PAGE, re.DOTALL)
    figures = json.loads(data[1], parse_constant=lambda c: pytest.fail(f"{c} in a figure"))
    assert set(figures) == {"equity", "waterfall", "reliability", "price-0", "price-1", "price-2"}
    for trace in figures["equity"]["data"]:
        assert len(set(trace["x"])) == len(trace["x"]) == len(trace["y"]) == len(RESULT.mark_at)
        assert sorted(trace["x"], key=lambda name: name.split(maxsplit=1)[1]) == trace["x"]
        assert trace["x"][0] == "Mon 2025-11-10 10:35"
    axis = figures["equity"]["layout"]["xaxis"]
    assert len(axis["tickvals"]) == len(axis["ticktext"]) <= 6
    for place, text in zip(axis["tickvals"], axis["ticktext"], strict=True):
        assert place % 6 == 0, "labels stand where sessions begin"
        assert figures["equity"]["data"][0]["x"][place].split()[1].endswith("-" + text[:2])


def test_long_runs_stay_small(tmp_path: Path) -> None:
    result, _ = make(symbols=("A", "B"), sessions=5)
    n = 120_000
    days = np.tile(result.mark_at[:1], n) + np.arange(n) * 300 * 10**9
    walk = 50_000 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 1e-3, (n, 2)), axis=0))
    flat = np.zeros((n, 2))
    big = replace(result, mark_at=days, equity=walk, hold=walk * 1.01, shares=flat, close=walk / 100)
    path = write_report(big, tmp_path / "deep" / "report.html")
    assert path.stat().st_size < 6_000_000
    wide, _ = make(symbols=tuple(f"S{i}" for i in range(30)), sessions=30, per_day=26)
    assert write_report(wide, path).stat().st_size < 6_000_000
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]


def test_thinning_keeps_the_extremes() -> None:
    values = np.cumsum(np.random.default_rng(1).normal(size=50_000))
    kept = thin(values)
    assert len(kept) <= MOST_POINTS <= 4_000
    assert {0, len(values) - 1, int(values.argmin()), int(values.argmax())} <= set(kept.tolist())
    assert thin(values[:100]).tolist() == list(range(100))


def test_runs_without_an_account_without_models_and_short_ones() -> None:
    early = Reader(render(premarket(RESULT))).words()
    assert "Pre-market signals" in early
    assert "Month by month" not in early
    j = RESULT.judged
    nothing = replace(j, decided_at=j.decided_at[:0], key=j.key[:0], p_up=j.p_up[:0], value=j.value[:0], base={})
    bare = render(replace(premarket(RESULT), judged=nothing, signals=(), stages=(), sources={}, notes=()))
    assert "No signal was given" in bare
    assert "plotly" not in bare
    assert "too short to annualise: 4 sessions" in render(make(sessions=4)[0])
    assert render(make(symbols=("ONE",), sessions=1, per_day=1)[0])


def test_badges_are_shown_as_they_are_given() -> None:
    given = {"Honesty": ("passed", "12 of 12 gates on 2026-01-05"), "Audit": ("failed", "see `undertow audit`")}
    page = render(RESULT, badges=given)
    words = Reader(page).words()
    assert "Honesty : passed 12 of 12 gates on 2026-01-05" in words
    assert "Audit : failed see undertow audit" in words
    assert "<code>undertow audit</code>" in page
    assert {"chip state-passed", "chip state-failed"} <= {a.get("class") for _, a in Reader(page).tags}
    assert "state-" not in render(RESULT, badges={}).split("</style>")[1]


def test_the_same_run_gives_the_same_bytes() -> None:
    assert render(RESULT, trials=7) == PAGE


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="could not be written"):
        write_report(RESULT, tmp_path / "file" / "report.html")
