"""Charts as plain plotly figures: colours are names of the page's own, so that a figure follows light, dark and print."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.time import MINUTE
from undertow.report.benchmark import Benchmark
from undertow.report.calibration import Bins
from undertow.report.costs import Waterfall
from undertow.report.metrics import Performance, session_ends, underwater
from undertow.report.words import local, percent, plain

Figure = dict[str, Any]
MOST_POINTS = 1_600  #: of one curve; all curves share their places
MOST_TICKS = 6


def thin(values: F64, most: int = MOST_POINTS) -> I64:
    """Indices that keep a curve's look: first, last, lowest and highest of each of ``most / 4`` stretches."""
    n = len(values)
    if n <= most:
        return np.arange(n)
    edges = np.linspace(0, n, most // 4 + 1).astype(np.int64)
    kept = [(a, a + int(np.argmin(values[a:b])), a + int(np.argmax(values[a:b])), b - 1) for a, b in pairwise(edges.tolist())]
    return np.unique(np.array(kept))


def equity_figure(p: Performance, start: float, mark_at: I64, benchmark: Benchmark | None = None) -> Figure:
    """Growth in percent beside buy-and-hold and the benchmark, and below it how far each stands under its high.

    Nights and weekends take no room.
    """
    at, text = time_ticks(mark_at)
    curves = [("Undertow", p.equity, "accent", 2.0), ("Buy and hold", p.hold_equity, "hold", 1.4)]
    if benchmark is not None:
        curves.append((plain(benchmark.name), benchmark.equity, "bench", 1.4))
    kept = np.unique(np.concatenate([*(thin(equity) for _, equity, _, _ in curves), np.array(at, np.int64)]))
    names = moment_names(mark_at[kept])
    data = [_line(name, names, (e / start - 1)[kept], (colour, width), "y") for name, e, colour, width in curves]
    for name, e, colour, width in curves:
        trace = _line(name, names, underwater(e, start)[kept], (colour, width * 0.7), "y2")
        data.append(trace | {"showlegend": False} | ({"fill": "tozeroy", "fillcolor": "var(--accent-wash)"} if colour == "accent" else {}))
    axis = {"type": "category", "anchor": "y2", "range": [0, max(1, len(kept) - 1)], "showgrid": False, "zeroline": False}
    ticks = {"tickvals": np.searchsorted(kept, at).tolist(), "ticktext": text, "ticks": "outside", "ticklen": 4, "tickangle": 0}
    layout = {
        "xaxis": axis | ticks | {"ticklabeloverflow": "allow"},
        "yaxis": {"domain": [0.36, 1], "tickformat": "+.1~%", "zeroline": True},
        "yaxis2": {"domain": [0, 0.27], "tickformat": ".1~%", "nticks": 4, "rangemode": "tozero", "zeroline": True},
        "hovermode": "x unified",
        "showlegend": True,
        "annotations": [_caption("Growth", 1.0), _caption("Drawdown", 0.27)],
    }
    return {"data": data, "layout": layout, "height": 460}


def moment_names(at: I64) -> list[str]:
    """Instants (n,) on New York's clock, to the second where one of them needs it."""
    look = "%a %Y-%m-%d %H:%M:%S" if (at % MINUTE).any() else "%a %Y-%m-%d %H:%M"
    return [f"{local(int(t)):{look}}" for t in at]


def _line(name: str, x: list[str], y: F64, style: tuple[str, float], axis: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines" if len(x) > 1 else "markers",
        "name": name,
        "x": x,
        "y": [round(float(v), 6) for v in y],
        "yaxis": axis,
        "line": {"color": f"var(--{style[0]})", "width": style[1]},
        "hovertemplate": "%{y:+.2%}" if axis == "y" else "under its high %{y:.2%}",
    }


def _caption(text: str, y: float) -> Figure:
    return {
        "text": text,
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": y,
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 3,
        "showarrow": False,
    }


def time_ticks(mark_at: I64) -> tuple[list[int], list[str]]:
    """Places (marks' numbers) and words of at most ``MOST_TICKS`` labels: times of one day, days, or months."""
    days, ends = session_ends(mark_at)
    first = np.append(0, ends[:-1] + 1)
    if len(days) < 2:
        at = np.unique(np.linspace(0, len(mark_at) - 1, min(MOST_TICKS, len(mark_at))).astype(np.int64))
        return at.tolist(), [f"{local(int(t)):%H:%M}" for t in mark_at[at]]
    months = days.astype("datetime64[M]")
    begins = np.flatnonzero(np.append(False, months[1:] != months[:-1]))
    chosen, look = (begins, "%b %Y") if len(begins) >= 4 else (np.arange(len(days)), "%d %b")
    chosen = chosen[:: -(-len(chosen) // MOST_TICKS)]
    return first[chosen].tolist(), [f"{local(int(t)):{look}}" for t in mark_at[first[chosen]]]


def waterfall_figure(costs: Waterfall) -> Figure:
    """From the gross result to the net one, a step a cost, in USD with percent of the capital beside each bar."""
    steps = costs.steps()
    last = len(steps) - 1
    ends = np.cumsum([value for _, value in steps[:-1]] + [0.0])
    low, high = min(0.0, float(ends.min())), max(0.0, float(ends.max()))
    room = 0.3 * ((high - low) or 1.0)
    small = max(high, -low) < 1_000
    trace = {
        "type": "waterfall",
        "orientation": "h",
        "y": [label.replace(", at mid prices", "").replace("Borrow and dividends", "Borrow, dividends") for label, _ in steps],
        "x": [round(value, 2) for _, value in steps],
        "measure": ["absolute", *["relative"] * (last - 1), "total"],
        "hoverinfo": "skip",
        "increasing": {"marker": {"color": "var(--gain)"}},
        "decreasing": {"marker": {"color": "var(--loss)"}},
        "totals": {"marker": {"color": "var(--accent)"}},
        "connector": {"line": {"color": "var(--line)", "width": 1}},
    }
    layout = {
        "xaxis": {
            "tickformat": "$,.2~f" if small else "$~s",
            "zeroline": True,
            "nticks": 6,
            "range": [low - room * (low < 0), high + room],
        },
        "yaxis": {"type": "category", "autorange": "reversed", "showgrid": False, "ticklabelstandoff": 6},
        "waterfallgap": 0.42,
        "annotations": [_beside(i, float(end), costs.percent(value)) for i, (end, (_, value)) in enumerate(zip(ends, steps, strict=True))],
    }
    return {"data": [trace], "layout": layout, "height": 320}


def _beside(row: int, end: float, share: float) -> Figure:
    """Percent at the end of a bar, on the page's ground so that no line runs through it."""
    side = ("left", 4) if share >= 0 else ("right", -4)
    place = {"x": round(end, 2), "y": row, "xanchor": side[0], "xshift": side[1], "showarrow": False}
    return place | {"text": percent(share, sign=True), "bgcolor": "var(--paper)", "borderpad": 1}


def reliability_figure(bins: Bins) -> Figure:
    """What was said against what came, with the band in which it should lie; dots grow with the bin's mass."""
    low, high = _reach(bins.said)
    bottom, top = _reach(np.concatenate([bins.said, bins.came, bins.low, bins.high]))
    size = 9 + 9 * np.sqrt(bins.count / max(1, int(bins.count.max())))
    data = [
        {
            "type": "scatter",
            "x": [*bins.said.tolist(), *bins.said[::-1].tolist()],
            "y": [*bins.high.tolist(), *bins.low[::-1].tolist()],
            "fill": "toself",
            "fillcolor": "var(--accent-wash)",
            "line": {"width": 0},
            "mode": "lines",
            "name": "95% band if right",
            "hoverinfo": "skip",
        },
        {
            "type": "scatter",
            "x": [low, high],
            "y": [low, high],
            "mode": "lines",
            "line": {"color": "var(--soft)", "width": 1, "dash": "dot"},
            "name": "Said = came",
            "hoverinfo": "skip",
        },
        {
            "type": "scatter",
            "x": bins.said.tolist(),
            "y": bins.came.tolist(),
            "mode": "lines+markers",
            "line": {"color": "var(--accent)", "width": 1.2},
            "marker": {"color": "var(--accent)", "size": size.tolist(), "opacity": 1, "line": {"width": 0}},
            "customdata": bins.count.tolist(),
            "name": "Observed",
            "hovertemplate": "said %{x:.1%}, came %{y:.1%}<br>%{customdata:,} predictions<extra></extra>",
        },
    ]
    axis = {"tickformat": ".1~%", "zeroline": False, "nticks": 7}
    layout = {
        "xaxis": axis | {"title": {"text": "Probability of a rise that was shown"}, "range": [low, high]},
        "yaxis": axis | {"title": {"text": "Share that rose"}, "range": [bottom, top]},
        "showlegend": True,
    }
    return {"data": data, "layout": layout, "height": 400}


def _reach(values: F64) -> tuple[float, float]:
    room = 0.06 * float(np.ptp(values)) + 0.01
    return max(0.0, float(values.min()) - room), min(1.0, float(values.max()) + room)


def sparkline(equity: F64, hold: F64, width: int = 132, height: int = 34) -> tuple[str, str]:
    """Points of two svg polylines, equity and buy-and-hold, on one scale within ``width`` x ``height``."""
    kept = np.unique(np.linspace(0, len(equity) - 1, min(len(equity), 90)).astype(np.int64)) if len(equity) else np.empty(0, np.int64)
    if len(kept) < 2:
        return "", ""
    both = np.concatenate([equity[kept], hold[kept]])
    low, spread = float(both.min()), float(np.ptp(both)) or 1.0
    x = np.linspace(1, width - 1, len(kept))

    def points(values: F64) -> str:
        y = height - 2 - (values[kept] - low) / spread * (height - 4)
        return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))

    return points(equity), points(hold)
