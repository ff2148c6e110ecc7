"""Finished runs compared, made again and swept: what is said of them is what their folders hold."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.end_to_end.harness import CHEAPEST, LONGER, NOW, UNDERTOW, Done, environment, run, together
from undertow.app import rerun
from undertow.app.job import Flags, check
from undertow.app.sweeping import settings_of, strategy_of, sweep
from undertow.core.calendar import nyse
from undertow.core.errors import BadInput
from undertow.validation.trials import TrialLedger

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def home_of(done: Done) -> Path:
    return done.report.parents[2]


def test_two_runs_are_told_apart(small: Done, longer: Done, tmp_path: Path) -> None:
    a, b = small.report.parent, longer.report.parent
    said = run(UNDERTOW, "compare", str(a), str(b), env=environment(tmp_path))
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert lines[:2] == [f"A: {a.name}", f"B: {b.name}"]
    assert any(line.split() == ["job", "last", "2005-08-26", LONGER] for line in lines)
    rows = {len(pl.read_parquet(folder / "fills.parquet")) for folder in (a, b)}
    (fills,) = (line for line in lines if line.startswith("fills"))
    assert {int(cell) for cell in fills.split()[1:3]} == rows
    assert lines[-1].startswith("The runs share 2 sessions, too few to tell them apart")
    assert "SIMULATED" in lines[-1]


def test_a_run_differs_from_itself_in_nothing(longer: Done, tmp_path: Path) -> None:
    folder = str(longer.report.parent)
    said = run(UNDERTOW, "compare", folder, folder, env=environment(tmp_path))
    assert "the daily returns are the same" in said.out
    assert not any(line.startswith(("job ", "results")) for line in said.out.splitlines())


def test_a_run_made_again_is_the_same_and_a_changed_one_is_found(small: Done, tmp_path: Path) -> None:
    home = home_of(small)
    planted = tmp_path / "planted"
    shutil.copytree(small.report.parent, planted)
    table = pl.read_parquet(planted / "signals.parquet")
    row = len(table) - 1
    moved = table.with_row_index().with_columns(p_up=pl.when(pl.col("index") == row).then(pl.col("p_up") + 1e-12).otherwise(pl.col("p_up")))
    moved.drop("index").write_parquet(planted / "signals.parquet")
    before = sorted(path.name for path in (home / "runs").iterdir())
    whole, changed = together(
        lambda: run(UNDERTOW, "replay", small.report.parent.name, env=environment(home)),
        lambda: run(UNDERTOW, "replay", str(planted), env=environment(home)),
    )
    assert whole.code == 0, whole.out + whole.err
    assert whole.out.splitlines()[0] == f"{small.report.parent.name} was made again."
    assert {line.split(":")[0] for line in whole.out.splitlines() if line.endswith("identical")} == {"equity", "signals", "orders", "fills"}
    assert changed.code == 1
    (line,) = (line for line in changed.out.splitlines() if line.startswith("signals: "))
    assert line.startswith(f"signals: row {row} differs, 2005-08-26 13:00:00+00:00 AAPL: p_up was ")
    assert sorted(path.name for path in (home / "runs").iterdir()) == before, "a replay saves nothing"


@pytest.mark.parametrize(("name", "says"), [("no-such-run", "names no finished run"), ("", "finished run")])
def test_a_run_that_is_not_there_is_named(small: Done, name: str, says: str) -> None:
    done = run(UNDERTOW, "compare", name, "last", env=environment(home_of(small)))
    if name:
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"error: {name!r} {says}")


def test_a_home_without_runs_and_a_broken_manifest(small: Done, tmp_path: Path) -> None:
    done = run(UNDERTOW, "replay", "last", env=environment(tmp_path / "empty"))
    assert done.code == 2
    assert done.err.startswith("error: There is no finished run below ")
    broken = tmp_path / "broken"
    shutil.copytree(small.report.parent, broken)
    (broken / "manifest.json").write_text('{"job": ', "utf-8")
    done = run(UNDERTOW, "replay", str(broken), env=environment(tmp_path))
    assert done.err.startswith(f"error: {broken / 'manifest.json'} cannot be read")
    assert "Traceback" not in done.err


def test_tables_that_differ_in_length_or_columns() -> None:
    one = pl.DataFrame({"at": [1, 2], "x": [0.5, float("nan")]})
    assert rerun.different(one, one) == (True, "2 rows, identical")
    assert rerun.different(one, one.head(1)) == (False, "2 rows were kept, 1 came out now")
    assert rerun.different(one, one.rename({"x": "y"}))[1] == "columns were at, x and are at, y"


# --- sweeps ---------------------------------------------------------------------------------------------------------------------------

WINDOW = {"source": "simulated", "timeframe": "1d", "start_date": CHEAPEST[7], "end_date": LONGER, "certified": False}


def test_a_sweep_trades_what_the_run_traded_and_counts_every_setting_once(longer: Done) -> None:
    home, calendar = home_of(longer), nyse()
    job = check(Flags(symbols="AAPL", **WINDOW), calendar, NOW)  # type: ignore[arg-type]
    settings = settings_of(["meta.kelly=0.05:0.25:3", "meta.most=0.5,1"], job.strategies)
    assert len(settings) == 6
    found = sweep(job, home, calendar, settings, lambda *_: None)
    (own,) = (one for one in found.tried if one.setting == {"meta.kelly": 0.25, "meta.most": 1.0})
    equity = longer.table("equity")["AAPL"].to_numpy()
    assert own.curve.total_return.value == equity[-1] / 100_000.0 - 1.0
    assert own.fills == len(longer.table("fills")) > 0
    ledger = TrialLedger(home / "trials.sqlite")
    assert len(ledger.trials("sweep")) == 6
    sweep(job, home, calendar, settings[:2], lambda *_: None)
    assert len(ledger.trials("sweep")) == 6, "the same setting again is no new trial"


def test_the_sweep_command(longer: Done) -> None:
    of = [*CHEAPEST, "--end-date", LONGER, "--uncertified"]
    done = run(UNDERTOW, "sweep", "--vary", "meta.kelly=0.1,0.25", *of, env=environment(home_of(longer)))
    assert done.code == 0, done.err
    head, *rows = done.out.splitlines()
    assert head.split() == ["meta.kelly", "return", "Sharpe", "deepest", "fall", "fills"]
    assert all("SIMULATED" in row for row in rows)
    assert any(row.startswith("2 settings on ") for row in rows)


@pytest.mark.parametrize(
    ("vary", "says"),
    [
        ("kelly=1", "'kelly' is not among the strategies of this sweep (meta)"),
        ("meta.luck=1", "meta has no parameter 'luck'"),
        ("meta.kelly=much", "write meta.kelly=1,2,3 or meta.kelly=FROM:TO:COUNT"),
        ("meta.kelly=0:nan:3", "write meta.kelly="),
        ("meta.kelly=0:1:100000", "5,001 settings are more than 5,000"),
    ],
)
def test_a_wrong_axis_is_named(vary: str, says: str) -> None:
    with pytest.raises(BadInput, match="--vary") as caught:
        settings_of([vary], ("meta",))
    assert says in str(caught.value)


def test_a_setting_reaches_its_strategy_alone() -> None:
    book = strategy_of(("meta", "flat"), {"meta.kelly": 0.4})
    assert "kelly=0.4" in repr(book)
