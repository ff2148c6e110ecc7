"""``limits.toml``: one reader for the gate and the portfolio; what it says is a setting of the run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.report.factory import make
from undertow.app.job import Flags, Job, check
from undertow.app.rerun import job_of
from undertow.app.runs import attempt_of, config_digest, config_of
from undertow.app.trading.limits import limits_of
from undertow.core.calendar import nyse
from undertow.core.errors import BadInput
from undertow.core.orders import LADDER, PortfolioLimits

NOW = 1_795_348_800_000_000_000
WHOLE = """
loss_halt = 0.05
quote_age = 5

[portfolio]
name = 0.25
sector = 0.5
volatility = 0.2
ladder = true

[sectors]
AAPL = "technology"
MSFT = "technology"
XOM = "energy"
"""


def job(home: Path) -> Job:
    flags = Flags(symbols="AAPL,MSFT,TSLA", start_date="2025-11-10", end_date="2026-01-07", home=home)
    return check(flags, nyse(), NOW)


def said(home: Path, text: str) -> Job:
    (home / "limits.toml").write_text(text)
    return job(home)


def test_without_a_file_nothing_binds(tmp_path: Path) -> None:
    made = job(tmp_path)
    assert made.portfolio == PortfolioLimits()
    own = limits_of(made, tmp_path)
    assert (own.name, own.sector, own.gross) == (0.5, 1.5, 1.5)


def test_one_file_for_the_gate_and_the_portfolio(tmp_path: Path) -> None:
    made = said(tmp_path, WHOLE)
    sectors = {"AAPL": "technology", "MSFT": "technology"}
    assert made.portfolio == PortfolioLimits(name=0.25, sector=0.5, volatility=0.2, ladder=LADDER, sectors=sectors)
    own = limits_of(made, tmp_path)
    assert (own.loss_halt, own.quote_age) == (0.05, 5 * 10**9)
    assert (own.name, own.sector, own.gross) == (0.375, 0.75, 1.5)  # half as much again as the portfolio may hold


def test_limits_are_a_setting_that_counts_and_comes_back(tmp_path: Path) -> None:
    plain, limited = job(tmp_path), said(tmp_path, WHOLE)
    assert config_digest(plain) != config_digest(limited)
    result, _ = make(sessions=20)
    assert attempt_of(result, plain).trial.configuration != attempt_of(result, limited).trial.configuration
    manifest = json.loads(json.dumps({"job": config_of(limited)}))
    again = job_of(manifest)
    assert again.portfolio == limited.portfolio
    assert config_digest(replace(again, account=limited.account)) == config_digest(limited)
    del manifest["job"]["portfolio"]
    assert job_of(manifest).portfolio == PortfolioLimits()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[portfolio]\ngross = 1.5", "gross is a share of equity between 0 and 1, not 1.5"),
        ("[portfolio]\nname = '5 %'", "name must be a number, not '5 %'"),
        ("[portfolio]\nnames = 0.1", "there is no limit names in \\[portfolio\\]; there are gross, ladder, name, sector, volatility"),
        ("[portfolio]\nladder = 0.1", "ladder must be true, false or pairs"),
        ("[portfolio]\nladder = [[0.1, 0.5], [0.05, 0.0]]", "falls ascending"),
        ("[portfolio]\nvolatility = -1", "volatility, a year's, must be above 0"),
        ("portfolio = 1", "portfolio must be a table"),
        ("[sectors]\nAAPL = 3", "AAPL needs a word"),
        ("loss_hault = 0.1", "there is no limit loss_hault"),
        ("loss_halt = true", "loss_halt must be a number"),
        ("account = 1", "account must be a word"),
        ("name = ", "cannot be read"),
    ],
)
def test_a_bad_value_gets_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        said(tmp_path, text)
    assert "limits.toml" in str(caught.value)
    assert "\n" not in str(caught.value).strip()
