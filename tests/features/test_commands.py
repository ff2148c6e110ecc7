"""``undertow features``: the catalogue, one feature in words, the matrix as a file and as a picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from undertow.app.cli import app
from undertow.app.main_job import guarded
from undertow.core.calendar import nyse
from undertow.core.events import Bar, DailyBar
from undertow.engine.ticks import decision_ticks
from undertow.features.engineering import FeatureEngineering
from undertow.sources.simulated import SimulatedSource

WHEN = ("--symbols", "AAPL,MSFT", "--start-date", "2026-10-05", "--end-date", "2026-10-09", "--source", "simulated")


def undertow(*words: str) -> int:
    return guarded(app, ["features", *words], "undertow")


def test_the_catalogue_says_what_every_feature_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert undertow("list", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in rows} == set(FeatureEngineering(("ANY",)).features)
    assert all(row["about"] and row["unit"] and row["family"] for row in rows)


def test_one_family(capsys: pytest.CaptureFixture[str]) -> None:
    assert undertow("list", "--family", "off-exchange", "--json") == 0
    assert {row["family"] for row in json.loads(capsys.readouterr().out)} == {"off-exchange"}
    assert undertow("list", "--family", "astrology") == 2
    assert "--family 'astrology' is not one of " in capsys.readouterr().err


def test_one_feature_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert undertow("show", "off_exchange_share_score", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["formula"].startswith("last((")
    assert set(told["memory"]) == {"daily_bar", "off_exchange_volume"}
    assert told["known"]["off_exchange_volume"] == "at least 1s after it happened"
    assert undertow("show", "rsi_14_1") == 2
    assert "no feature named 'rsi_14_1'; near it: rsi_14_1" in capsys.readouterr().err


def test_the_matrix_as_a_table_is_what_the_engine_computes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, names = tmp_path / "x.parquet", ["return_1", "rsi_14_1d", "vwap_distance"]
    assert undertow("compute", *WHEN, "--out", str(out), "--home", str(tmp_path), "--only", ",".join(names)) == 0
    said = capsys.readouterr().out
    table = pl.read_parquet(out)
    assert said == f"{len(table):,} rows of 3 features from simulated  [SIMULATED]: {out}\n"
    assert table.columns == ["at", "symbol", *sorted(names)]
    sessions = nyse().sessions(np.datetime64("2026-10-05"), np.datetime64("2026-10-09"))
    ticks = decision_ticks(nyse(), range(sessions.start, sessions.stop), 300 * 10**9)
    assert (table["at"].to_physical().to_numpy()[::2] == ticks).all()
    features = FeatureEngineering(("AAPL", "MSFT"), only=names)
    # as much history as anybody could ask for, at once
    source = SimulatedSource(kinds=(*SimulatedSource.kinds[:1], Bar, DailyBar))
    chunks = list(source.history(("AAPL", "MSFT"), int(nyse().midnight[sessions.start - 600]), int(ticks[-1])))
    whole = features.push(chunks, ticks)
    for j, name in enumerate(features.features):
        np.testing.assert_allclose(table[name].to_numpy(), whole[:, :, j].ravel(), rtol=1e-9)


def test_the_matrix_as_text(tmp_path: Path) -> None:
    out = tmp_path / "x.csv"
    assert undertow("compute", *WHEN, "--out", str(out), "--home", str(tmp_path), "--timeframe", "1d", "--only", "rsi_14_1d") == 0
    table = pl.read_csv(out)
    assert table.shape == (10, 3)
    assert table["rsi_14_1d"].is_between(0, 100).all()


def test_a_picture_opens_without_a_network(tmp_path: Path) -> None:
    out = tmp_path / "rsi.html"
    assert undertow("plot", "rsi_14_1d", *WHEN, "--out", str(out), "--home", str(tmp_path)) == 0
    page = out.read_text("utf-8")
    assert "rsi_14_1d" in page
    assert '<script src="http' not in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("compute", "--out", "x.txt"), "--out x.txt must end in .parquet or .csv"),
        (("compute", "--out", "nowhere/x.csv"), "--out nowhere/x.csv: there is no folder nowhere"),
        (("compute", "--out", "x.csv", "--only", "moon"), "no feature named moon; see `undertow features list`"),
        (("compute", "--out", "x.csv", "--symbols", "no such"), "--symbols: 'NO SUCH' is not a US ticker, such as AAPL or BRK.B"),
        (("plot", "rsi_14_1d", "--out", "x.pdf"), "--out x.pdf must end in .html"),
    ],
)
def test_what_is_asked_wrongly_is_said(
    words: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert undertow(*words) == 2
    assert capsys.readouterr().err.strip().splitlines()[-1] == f"error: {said}"
    assert not list(tmp_path.iterdir())
