"""What strategies look at around the job's symbols: SPY and the VIX are there in every mode, and models never meet them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from tests.end_to_end.harness import NOW
from tests.end_to_end.shelf_job import bits, quick, run
from undertow.app.context import needs_around
from undertow.app.job import Flags, Job, check
from undertow.app.modes import walked
from undertow.app.prepare import Prepared, prepare
from undertow.app.seen import seen
from undertow.app.trading.again import made_again
from undertow.app.trading.folder import session_of
from undertow.app.vendors import gather as gathering
from undertow.app.vendors.download import Account
from undertow.app.vendors.gather import Wanted, gather
from undertow.app.vendors.plan import Unit
from undertow.core.calendar import nyse
from undertow.core.chunk import F64
from undertow.core.events import Bar, ChainRow, CorporateAction, DailyBar, IndexLevel
from undertow.core.protocols import View
from undertow.features.engineering import FeatureEngineering
from undertow.sandbox.market import Market
from undertow.tape.store import Tape

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
CALENDAR = nyse()
ONLY = ("ridge_logistic",)
STATE = ("market_turbulence", "vix_term_far")
DAYS = {"start_date": "2006-06-01", "end_date": "2006-07-14"}  #: of a market whose SPY has its 250 returns by then
WITH, WITHOUT = "technical_flow,market_structure", "technical_flow"
FLAGS = {"symbols": "AAPL,MSFT", "source": "simulated", "timeframe": "1d", "strategy": WITH, "certified": False, **DAYS}
IMPORTED = {"symbols": "OLDCO", "source": "imported", "start_date": "2023-11-01", "end_date": "2023-11-30"}


def job_of(**more: object) -> Job:
    return check(Flags(**FLAGS | more), CALENDAR, NOW)  # type: ignore[arg-type]


def made(home: Path, **more: object) -> Prepared:
    job = job_of(**more)
    with quick(ONLY):
        return prepare(job, home, CALENDAR, int(CALENDAR.midnight[job.last + 1]), lambda *_: None)


def view_of(home: Path, **more: object) -> View:
    with quick(ONLY):
        return seen(made(home, **more), home, CALENDAR, lambda *_: None)


def directly(view: View, name: str) -> F64:
    """A feature of the simulated market, from all of it and without a job."""
    features = FeatureEngineering(view.symbols, only=[name])
    first = CALENDAR.position(int(view.ticks[-1]))
    market, kinds = Market(seed=0), tuple(features.kinds | {CorporateAction})
    found = market.events((*view.symbols, *features.context), slice(market.sessions.start, int(first) + 1), kinds)
    return features.push(found.values(), view.ticks)[:, :, 0]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("context")


@pytest.mark.parametrize("timeframe", ["1d", "5m"])
def test_a_strategy_sees_the_market_as_the_features_tell_of_it(home: Path, timeframe: str) -> None:
    view = view_of(home, timeframe=timeframe)
    for name in STATE:
        assert np.isfinite(view.feature(name)).all()
        assert view.feature(name).tobytes() == np.ascontiguousarray(directly(view, name)).tobytes()


def test_models_and_all_they_say_are_the_same_with_and_without_it(home: Path, tmp_path: Path) -> None:
    """Taught twice, each in a home of its own, and decided twice in the one."""
    said: list[str] = []
    alone = run(tmp_path, only=ONLY, **FLAGS | {"strategy": WITHOUT})
    among = run(home, only=ONLY, **FLAGS)
    again = run(home, said.append, only=ONLY, **FLAGS | {"strategy": WITHOUT})
    assert bits(alone) == bits(again)
    assert "Learning from history" not in said, "another strategy taught the same models anew"
    same = ("p_up", "direction", "judged", "stages", "hold", "silence", "sources", "symbols")
    assert {name: bits(among)[name] for name in same} == {name: bits(alone)[name] for name in same}
    assert among.notes == alone.notes == ()
    one, two = made(home), made(home, strategy=WITHOUT)
    rows = [np.concatenate([step.X for step in walked(of, CALENDAR, lambda *_: None)]) for of in (one, two)]
    assert rows[0].tobytes() == rows[1].tobytes()


def test_nobody_but_the_features_is_told(home: Path) -> None:
    market = made(home).market
    assert {chunk.symbols for chunk in market.chunks} == {("AAPL", "MSFT")}
    assert {(chunk.kind, chunk.symbols) for chunk in market.around} == {(DailyBar, ("SPY",)), (IndexLevel, ("VIX", "VIX3M"))}
    assert not set(STATE) & set(market.features)
    assert made(home, strategy="meta").market.around == ()


def test_a_symbol_of_the_job_is_nothing_around_it(home: Path) -> None:
    job = job_of(symbols="SPY,AAPL")
    assert [one.symbols for one in needs_around(job, CALENDAR, 0)] == [("VIX", "VIX3M")]
    view = view_of(home, symbols="SPY,AAPL")
    own = view_of(home).feature(STATE[0])[:, :1]
    assert (view.feature(STATE[0]) == own).all()


def test_all_modes_decide_alike_and_a_session_is_made_again_the_same(home: Path) -> None:
    day = {"start_date": DAYS["end_date"], "timeframe": "5m", "symbols": "AAPL"}
    backtest, traded, early = (run(home, only=ONLY, **FLAGS | day | {"mode": mode}) for mode in ("backtest", "trading", "premarket"))
    assert backtest.targets.tobytes() == traded.targets.tobytes()
    assert backtest.targets[:1].tobytes() == early.targets.tobytes()
    with quick(ONLY):
        parity = made_again(session_of(home, DAYS["end_date"]), home, CALENDAR, lambda *_: None)
    assert parity.lines()[0].startswith("Identical: 79 inputs, 79 signal")


def told(of: Prepared) -> str:
    """The note on who is not told of."""
    (found,) = (note for note in of.notes if "VIX" in note)
    return found


@pytest.fixture
def tape(imported_home: Path, tmp_path: Path) -> Path:
    """A tape of OLDCO alone."""
    bars = Tape(imported_home).frame(DailyBar).collect().filter(pl.col("symbol") == "OLDCO")
    Tape(tmp_path).append(DailyBar, bars)
    return tmp_path


def test_a_tape_without_the_market_is_traded_as_before_and_says_so(tape: Path) -> None:
    before = made(tape, **IMPORTED)
    assert told(before) == "No data of SPY, VIX, VIX3M: 2 features that need it are left out."
    assert before.market.looked_at
    assert not set(STATE) & set(before.market.looked_at)
    without = run(tape, only=ONLY, **FLAGS | IMPORTED)
    bars = Tape(tape).frame(DailyBar).collect().with_columns(symbol=pl.lit("SPY"))
    october = int(CALENDAR.midnight[CALENDAR.session_on_or_before(np.datetime64("2023-10-02"))])
    Tape(tape).append(DailyBar, bars.filter(pl.col("event_at") < october))
    assert told(made(tape, **IMPORTED)) == told(before), "who has not been told of for a month is not told of"
    Tape(tape).append(DailyBar, bars)
    after = made(tape, **IMPORTED)
    assert told(after) == "No data of VIX, VIX3M: 1 feature that needs it is left out."
    assert STATE[0] in after.market.looked_at
    assert run(tape, only=ONLY, **FLAGS | IMPORTED).p_up.tobytes() == without.p_up.tobytes()


def test_the_vendors_are_asked_for_what_they_have_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Unit] = []
    kinds = frozenset({CorporateAction, Bar, DailyBar, ChainRow})
    plans = SimpleNamespace(open_to=lambda: {"massive": kinds}, earliest=dict)
    monkeypatch.setattr(gathering, "plans_of", lambda *_: plans)
    monkeypatch.setattr(gathering, "fetch", lambda _desk, _tape, units, _tell: asked.extend(units) or Account())
    until = int(CALENDAR.midnight[job_of().last + 1])
    around = needs_around(job_of(), CALENDAR, until)
    beside = tuple(Wanted(kinds=one.kinds, symbols=one.symbols, until=until) for one in around)
    wanted = Wanted(kinds={Bar: until - 1}, symbols=("AAPL",), until=until, beside=beside)
    desk = SimpleNamespace(root=tmp_path, clock=SimpleNamespace(now=lambda: NOW))
    got = gather(desk, tmp_path, wanted)  # type: ignore[arg-type]
    assert {(unit.kinds, unit.symbols) for unit in asked} == {((Bar,), ("AAPL",)), ((CorporateAction,), ("SPY",)), ((DailyBar,), ("SPY",))}
    assert set(got.told_by) == {Bar}, "what stands in for the job's own data does not depend on what is beside it"
