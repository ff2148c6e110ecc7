"""When nothing is said, and what is still lacking."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from undertow.models.abstention import REASONS, directions, reasons, threshold, why_neutral
from undertow.models.certify import certify


def test_the_rule_of_costs_stays_and_a_certificate_only_adds_to_it() -> None:
    assert float(threshold(0.001, 0.02)) == pytest.approx(0.52)
    p = np.array([0.53, 0.515, 0.47, math.nan])
    assert directions(p, np.full(4, 0.001), np.full(4, 0.02)).tolist() == [1, 0, -1, 0]
    assert directions(p, np.full(4, 0.001), np.full(4, 0.02), at_least=0.525).tolist() == [1, 0, -1, 0]
    assert directions(p, np.full(4, 0.001), np.full(4, 0.02), at_least=0.54).tolist() == [0, 0, 0, 0]
    assert directions(p, np.full(4, 0.001), np.full(4, 0.02), at_least=float(p[0]))[0] == 1, "at the threshold is certified"
    assert not directions(p, np.full(4, 0.001), np.full(4, 0.02), at_least=math.inf).any()
    assert directions(p, np.full(4, 0.001), np.full(4, math.nan)).tolist() == [0, 0, 0, 0]


def test_every_decision_that_is_no_call_has_one_reason() -> None:
    p, cost, volatility = np.array([0.6, math.nan, 0.6, 0.51, 0.53, 0.4]), np.full(6, 0.001), np.full(6, 0.02)
    volatility[2] = math.nan
    told = reasons(p, cost, volatility, at_least=0.55)
    assert told.tolist() == [-1, 0, 1, 2, 3, -1]
    assert [REASONS[i] for i in told[1:5]] == list(REASONS)


def test_neutral_says_how_much_is_lacking() -> None:
    rng = np.random.default_rng(0)
    p = np.full(300, 0.53)
    few = certify(p, (np.arange(300) < 159).astype(float))
    assert why_neutral(0.53, 0.001, 0.02, few, certified=False) == ""
    assert why_neutral(0.53, 0.001, 0.02, few).startswith("probability 0.5300 would pay its costs, but is not certified; no call can be")
    assert why_neutral(0.53, 0.001, 0.02, None).endswith("so that none is certified")
    said = why_neutral(0.51, 0.001, 0.02, few)
    assert said.startswith("probability 0.5100 does not pay costs of 10.0 bp: 0.5200 would")
    assert f"about {few.lacking:,.0f} more outcomes" in said
    wrong = certify(p, (rng.random(300) < 0.4).astype(float))
    assert "not right more than 50.0% of the time" in why_neutral(0.51, 0.001, 0.02, wrong)
    many = certify(np.full(9000, 0.55), (rng.random(9000) < 0.55).astype(float))
    assert math.isfinite(many.threshold)
    assert why_neutral(0.51, 0.001, 0.02, many).endswith("0.5200 would")
    assert why_neutral(0.56, 0.001, 0.02, many) == ""
    strict = replace(many, threshold=0.54)
    assert why_neutral(0.53, 0.001, 0.02, strict).endswith("not certified; 0.5400 is")
    assert why_neutral(math.nan, 0.001, 0.02, None) == "no model has been trained yet"
    assert why_neutral(0.6, 0.001, math.nan, None) == "volatility is not known yet"
