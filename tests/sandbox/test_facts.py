"""Stylised facts and the planted effect, measured on published rows."""

from __future__ import annotations

import numpy as np
import pytest

from tests.sandbox.panel import FACTS, TEN, Panel, correlation, days, lagged
from undertow.core.calendar import nyse
from undertow.core.chunk import F64
from undertow.core.events import PRICE_SCALE, Bar
from undertow.sandbox.market import Market

SESSIONS = FACTS


def test_returns_look_like_returns(planted: list[Panel]) -> None:
    facts = []
    for panel in planted:
        r = panel.returns
        size = np.abs(r)
        kurtosis = np.median(((r - r.mean(0)) ** 4).mean(0) / r.var(0) ** 2 - 3.0)
        volume = np.log(panel.volume / panel.ratio)[1:]
        busy = np.mean([np.corrcoef(volume[:, i], size[:, i])[0, 1] for i in range(len(TEN))])
        correlations: F64 = np.asarray(np.corrcoef(r.T))
        pairs = correlations[np.triu_indices(len(TEN), 1)].mean()
        vol = np.median(r.std(0)) * np.sqrt(252)
        facts.append((kurtosis, lagged(r, 1).mean(), lagged(size, 1).mean(), lagged(size, 10).mean(), vol, pairs, busy))
        assert abs(facts[-1][1]) < 0.1
    kurtosis, _, near, far, vol, pairs, busy = np.median(facts, axis=0)
    assert kurtosis > 3.0
    assert near > 0.08
    assert far > 0.04
    assert 0.2 < vol < 0.5
    assert 0.1 < pairs < 0.5
    assert busy > 0.3


def test_the_day_is_u_shaped() -> None:
    bars = Market(2).events(TEN, days("2024-01-02", "2024-06-28"), (Bar,))[Bar]
    calendar = nyse()
    at = calendar.position(bars.event_at)
    number = (bars.event_at - calendar.open[at]) // bars.columns["span"] - 1
    full = ~calendar.half_days()[at]
    log_return = np.log(bars.columns["close"] / bars.columns["open"])
    volume = np.bincount(number[full], bars.columns["volume"][full], 78)
    moved = np.sqrt(np.bincount(number[full], log_return[full] ** 2, 78) / np.bincount(number[full]))
    for profile, ratio in ((volume, 1.5), (moved, 1.2)):
        middle = profile[30:48].mean()
        assert profile[:6].mean() / middle > ratio
        assert profile[-6:].mean() / middle > ratio


def test_no_hour_of_a_null_market_foretells_another(null: list[Panel]) -> None:
    # one common factor: what many symbols did together counts as one observation a session
    observations = {"day to night": 999, "night to day": 998, "morning to afternoon": 247, "own morning": 247, "next bar": 247 * 77}
    pairs: dict[str, list[float]] = {name: [] for name in observations}
    calendar = nyse()
    for panel in null:
        volatility = panel.oracle("volatility")
        day = np.log(panel.close / panel.open)[:-1] / volatility[:-1]
        night = np.log(panel.open[1:] / panel.close[:-1]) / volatility[:-1]
        pairs["day to night"].append(correlation(day.mean(1), night.mean(1)))
        pairs["night to day"].append(correlation(night[:-1].mean(1), day[1:].mean(1)))
        bars = panel.market.events(TEN, slice(SESSIONS.start, SESSIONS.start + 250), (Bar,))[Bar]
        at = calendar.position(bars.event_at)
        number = (bars.event_at - calendar.open[at]) // bars.columns["span"] - 1
        moved = np.full((250, len(TEN), 78), np.nan)
        moved[at - SESSIONS.start, bars.key, number] = np.log(bars.columns["close"] / bars.columns["open"])
        moved = moved[np.isfinite(moved[:, 0, 77])]
        moved = moved / np.sqrt((moved[:, :, :39] ** 2).sum(2, keepdims=True))
        morning, afternoon = moved[:, :, :39].sum(2), moved[:, :, 39:].sum(2)
        pairs["morning to afternoon"].append(correlation(morning.mean(1), afternoon.mean(1)))
        pairs["own morning"].append(correlation(morning, afternoon))
        pairs["next bar"].append(correlation(moved[:, :, :-1], moved[:, :, 1:]))
    for name, found in pairs.items():
        assert abs(np.mean(found)) < 3.0 / np.sqrt(observations[name] * len(found)), name


def test_levels_stay_within_reach() -> None:
    market = Market(5)
    panel = Panel(market, TEN, market.sessions, ())
    price = panel.close / panel.ratio / PRICE_SCALE
    assert price.min() > 5.0
    assert price.max() < 5000.0


@pytest.mark.parametrize("target", [0.05, 0.0])
def test_realised_coefficient_is_what_was_asked(planted: list[Panel], null: list[Panel], target: float) -> None:
    panels = planted if target else null
    found = [correlation(p.oracle("latent")[:-2], p.ahead / p.oracle("volatility")[:-2]) for p in panels]
    n = panels[0].ahead.size
    assert all(abs(f - target) < 3.0 / np.sqrt(n) for f in found)
    assert abs(np.mean(found) - target) < 3.0 / np.sqrt(n * len(found))


def test_a_stronger_effect_and_its_sign() -> None:
    for target in (0.3, -0.3):
        panel = Panel(Market(0, target), TEN, SESSIONS, ())
        latent, volatility = panel.oracle("latent")[:-2], panel.oracle("volatility")[:-2]
        assert abs(correlation(latent, panel.ahead / volatility) - target) < 3.0 / np.sqrt(latent.size)
        assert np.allclose(panel.oracle("expected")[:-2], target * latent * volatility)


def test_the_latent_is_a_slow_unit_variable(planted: list[Panel]) -> None:
    latent = np.hstack([p.oracle("latent") for p in planted])
    assert abs(latent.std() - 1.0) < 0.03
    assert abs(latent.mean()) < 0.05
    flow = np.column_stack([p.market.oracle(s, SESSIONS).parts["flow"] for p in planted for s in TEN])
    assert abs(lagged(flow, 3).mean() - 0.5) < 0.05


def test_every_feature_sees_a_piece_of_the_latent_and_earns_nothing_in_a_null_market(planted: list[Panel], null: list[Panel]) -> None:
    least = {"volume": 0.5, "premium": 0.35, "opening": 0.1, "off_exchange": 0.15, "tone": 0.2, "reversal": 0.2}
    n = planted[0].ahead.size * len(planted)
    seen = [p.features for p in planted]
    idle = [p.features for p in null]
    for name, floor in least.items():
        kept = np.mean([correlation(f[name], p.oracle("latent")) for f, p in zip(seen, planted, strict=True)])
        gained = np.mean([correlation(f[name][:-2], p.ahead / p.oracle("volatility")[:-2]) for f, p in zip(seen, planted, strict=True)])
        wasted = np.mean([correlation(f[name][:-2], p.ahead / p.oracle("volatility")[:-2]) for f, p in zip(idle, null, strict=True)])
        assert kept > floor, name
        assert abs(gained - 0.05 * kept) < 3.0 / np.sqrt(n), name
        assert abs(wasted) < 3.0 / np.sqrt(n), name
