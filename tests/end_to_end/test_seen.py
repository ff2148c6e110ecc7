"""What a sweep looks at is computed once: the next one finds it, gives the same bits, and notices where it no longer holds."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.end_to_end.harness import CHEAPEST, LONGER, NOW, Done
from undertow.app import seen as own
from undertow.app.job import Flags, Job, check
from undertow.app.prepare import Prepared, prepare, rest
from undertow.app.retrade import Retrader
from undertow.app.sweeping import settings_of, sweep
from undertow.app.wiring import build_broker
from undertow.core.calendar import nyse
from undertow.core.events import CorporateAction
from undertow.core.orders import Costs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
CALENDAR = nyse()
FLAGS = {"symbols": "AAPL", "source": "simulated", "timeframe": "1d", "start_date": CHEAPEST[7], "end_date": LONGER, "certified": False}


def job_of(**more: object) -> Job:
    return check(Flags(**FLAGS | more), CALENDAR, NOW)  # type: ignore[arg-type]


@pytest.fixture
def home(longer: Done, tmp_path: Path) -> Path:
    """A home with the models of that job, and no more."""
    shutil.copytree(longer.report.parents[2] / "models", tmp_path / "models")
    return tmp_path


def made(home: Path, **more: object) -> Prepared:
    job = job_of(**more)
    return prepare(job, home, CALENDAR, int(CALENDAR.midnight[job.last + 1]), lambda *_: None)


def views(home: Path) -> list[Path]:
    return sorted((home / own.VIEWS).glob("[!.]*"))


def test_the_second_sweep_decides_nothing_and_finds_the_same(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(["meta.kelly=0.1,0.25,1"], ("meta",))
    first = sweep(job_of(), home, CALENDAR, settings, lambda *_: None)
    monkeypatch.setattr(own, "walked", lambda *_: pytest.fail("it was decided again"))
    second = sweep(job_of(), home, CALENDAR, settings, lambda *_: None)
    assert first.returns.tobytes() == second.returns.tobytes()
    assert first.returns.any(), "nothing was traded: the test says nothing"
    assert len(views(home)) == 1


def test_a_broken_view_is_made_again(home: Path) -> None:
    settings = settings_of(["meta.kelly=0.25"], ("meta",))
    first = sweep(job_of(), home, CALENDAR, settings, lambda *_: None)
    (folder,) = views(home)
    (folder / own.FILE).write_bytes((folder / own.FILE).read_bytes()[:-7])
    assert own._read(folder) is None
    assert first.returns.tobytes() == sweep(job_of(), home, CALENDAR, settings, lambda *_: None).returns.tobytes()
    assert own._read(folder) is not None


def test_what_decides_the_view_is_in_its_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = own._name(made(home), CALENDAR)
    assert usual == own._name(made(home, capital=5_000.0), CALENDAR), "capital is only traded with"
    others = [own._name(made(home, **more), CALENDAR) for more in ({"costs": 2.0}, {"certified": True}, {"end_date": "2005-09-29"})]
    monkeypatch.setattr(own, "_code", lambda: "other")
    others.append(own._name(made(home), CALENDAR))
    assert len({usual, *others}) == 5
    monkeypatch.setattr(own, "state_of", lambda *_: None)
    assert own._name(made(home), CALENDAR) == "", "a source of which nobody knows its state is not kept"


def test_the_oldest_go(tmp_path: Path) -> None:
    for i in range(5):
        (tmp_path / f"view{i}").mkdir()
    (tmp_path / ".unfinished").mkdir()
    own._let_go(tmp_path, 3)
    assert len(list(tmp_path.iterdir())) == 4
    assert (tmp_path / ".unfinished").is_dir()


def test_an_account_that_goes_on_is_one_that_began_at_the_beginning(home: Path) -> None:
    """Any targets, traded on from a copy, twice, give the marks and fills of one broker that was pushed everything."""
    one = made(home)
    rng, first = np.random.default_rng(1), int(CALENDAR.open[one.job.first])
    ticks = first + np.arange(20) * 86_400 * 10**9
    account, costs = Retrader(one, CALENDAR, ticks, Costs()), Costs()
    chunks = [c for c in one.market.chunks if c.kind in (one.market.bars, CorporateAction)]
    for _ in range(2):
        targets = rng.uniform(-1, 1, (len(ticks), 1))
        whole = build_broker(one.job, one.market, CALENDAR, costs)
        parts = [whole.push([c.between(-(2**63), int(ticks[-1])) for c in chunks], ticks, targets)]
        parts.append(whole.push(rest(chunks, ticks).chunks, ticks[:0], targets[:0]))
        at, equity = (np.concatenate([getattr(part, name) for part in parts]) for name in ("at", "equity"))
        got = account.trade(targets)
        assert got.fills == sum(len(part.fills) for part in parts) > 5
        assert got.mark_at.tolist() == at[at > ticks[0]].tolist()
        assert got.equity.tobytes() == equity[at > ticks[0]].tobytes()
