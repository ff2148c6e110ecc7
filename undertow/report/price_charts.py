"""Trades where they happened: each symbol's close with a mark a buy and a mark a sell, thin enough to be sent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.engine.result import RunResult
from undertow.report.attribution import middle_prices
from undertow.report.charts import Figure, moment_names, thin, time_ticks
from undertow.report.metrics import Scorecard, filled
from undertow.report.prices import split_factor
from undertow.report.trades import fills_of
from undertow.report.words import count, percent

MOST_CHARTS = 12
MOST_CLOSES = 600  #: points of one curve
MOST_FILLS = 150  #: marks of one chart


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChart:
    """One symbol's chart under its summary line; ``note`` says what is not drawn, where something is not."""

    id: str
    symbol: str
    summary: str
    note: str
    figure: Figure


def price_charts(result: RunResult, card: Scorecard) -> tuple[list[PriceChart], str]:
    """Charts of the symbols traded most, in the run's order, and a sentence on those left out."""
    traded = np.array([one.traded for one in card.symbols])
    chosen = np.sort(np.argsort(-traded, kind="stable")[:MOST_CHARTS]).tolist()
    factor = split_factor(result)
    charts = [_chart(result, card, column, factor[:, column]) for column in chosen if np.isfinite(result.close[:, column]).any()]
    left = len(card.symbols) - len(charts)
    return charts, f"{count(left, 'symbol')} traded less, or without a price, {'has' if left == 1 else 'have'} no chart." if left else ""


def _chart(result: RunResult, card: Scorecard, column: int, factor: F64) -> PriceChart:
    fills = fills_of(result, column)
    shares, (mark, _) = fills.numbers("shares"), middle_prices(result, column)
    value = np.abs(shares) * fills.numbers("price")
    largest = np.sort(np.argsort(-value, kind="stable")[:MOST_FILLS])
    performance = card.symbols[column]
    buys, sells = (count(int((sign * shares > 0).sum()), name) for sign, name in ((1, "buy"), (-1, "sell")))
    gain = percent(performance.curve.total_return, sign=True)
    left = len(shares) - len(largest)
    notes = [f"The {MOST_FILLS} largest of {len(shares):,} fills are marked."] if left else []
    if (factor != 1.0).any():
        notes.append("Prices before a split are shown on the basis after it.")
    return PriceChart(
        id=f"price-{column}",
        symbol=result.symbols[column],
        summary=f"{buys}, {sells}, purse {gain}",
        note=" ".join(notes),
        figure=_figure(result, filled(result.close[:, column] * factor, np.nan), _marks(result, column, largest, mark, factor)),
    )


@dataclass(frozen=True, slots=True)
class _Marks:
    at: I64  # marks' numbers
    price: F64  # USD, on the last mark's basis
    shares: F64
    text: list[str]


def _marks(result: RunResult, column: int, chosen: I64, mark: I64, factor: F64) -> _Marks:
    fills = fills_of(result, column)[chosen]
    shares, price = fills.numbers("shares"), fills.numbers("price")
    told = [f"{at}<br>{abs(n):,.0f} at ${p:,.2f}" for at, n, p in zip(moment_names(fills.event_at), shares, price, strict=True)]
    return _Marks(mark[chosen], price * factor[mark[chosen]], shares, told)


def _figure(result: RunResult, close: F64, marks: _Marks) -> Figure:
    at, text = time_ticks(result.mark_at)
    known = np.flatnonzero(np.isfinite(close))
    kept = known[thin(close[known], MOST_CLOSES)]
    data: list[Figure] = [
        {
            "type": "scatter",
            "mode": "lines" if len(kept) > 1 else "markers",
            "name": "Close",
            "x": kept.tolist(),
            "y": [round(float(v), 4) for v in close[kept]],
            "text": moment_names(result.mark_at[kept]),
            "line": {"color": "var(--soft)", "width": 1.3},
            "hovertemplate": "%{text}<br>close $%{y:,.2f}<extra></extra>",
        }
    ]
    for name, sign, shape, colour in (("Buy", 1, "triangle-up", "gain"), ("Sell", -1, "triangle-down", "loss")):
        own = np.flatnonzero(sign * marks.shares > 0)
        if len(own):
            data.append(_markers(marks, own, name, {"symbol": shape, "color": f"var(--{colour})"}))
    reach = [-0.5, len(result.mark_at) - 0.5]
    axis = {"range": reach, "showgrid": False, "zeroline": False, "tickangle": 0}
    layout = {
        "xaxis": axis | {"tickvals": at, "ticktext": text, "ticks": "outside", "ticklen": 4, "ticklabeloverflow": "allow"},
        "yaxis": {"tickprefix": "$", "nticks": 5, "zeroline": False},
        "hovermode": "closest",
        "showlegend": True,
    }
    return {"data": data, "layout": layout, "height": 260}


def _markers(marks: _Marks, own: I64, name: str, look: dict[str, str]) -> Figure:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "cliponaxis": False,
        "x": marks.at[own].tolist(),
        "y": [round(float(v), 4) for v in marks.price[own]],
        "text": [marks.text[i] for i in own],
        "marker": look | {"size": 9, "opacity": 0.9, "line": {"width": 1, "color": "var(--paper)"}},
        "hovertemplate": f"{name.lower()} %{{text}}<extra></extra>",
    }
