"""A market that remembers tells the same bytes, makes them once, and trusts nothing that it finds but what it left."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.sandbox.panel import days
from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk
from undertow.core.errors import BadInput
from undertow.core.events import Bar, ChainRow, CorporateAction, Event, FlowAlert, OffExchangePrint, OptionTrade, Quote, Trade
from undertow.core.time import HOUR, MINUTE
from undertow.sandbox import cache
from undertow.sandbox.cache import Cached
from undertow.sandbox.halts import Halt
from undertow.sandbox.market import KINDS, TICKS, Market
from undertow.sandbox.outages import Outage
from undertow.sandbox.part import Rows
from undertow.sandbox.servers.world import World
from undertow.sources.simulated import SimulatedSource

ROOT = Path(cache.__file__).parents[2]
SESSION = nyse().session_on_or_before(np.datetime64("2024-11-26"))
ELEVEN = int(nyse().midnight[SESSION]) + 11 * HOUR
OUTAGE = Outage(begin=ELEVEN, end=ELEVEN + 20 * MINUTE)
HALT = Halt(symbol="KO", begin=ELEVEN, end=ELEVEN + 15 * MINUTE)
SPLIT = {"KO": ("2024-11-25", 2.0)}
NAMES = ("KO", "QRST")
RANGE = days("2024-11-26", "2024-12-03")  # over the turn of a month


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that has the ticks and minutes of ``RANGE`` in it."""
    folder = tmp_path_factory.mktemp("kept")
    kept = Cached(Market(1), folder)
    kept.events(NAMES, RANGE, TICKS)
    kept.minutes(NAMES, RANGE)
    return folder


@pytest.fixture(scope="module")
def minutes() -> Chunk:
    return Market(1).minutes(NAMES, RANGE)


def assert_same(a: Chunk, b: Chunk) -> None:
    assert (a.kind, a.symbols, a.sources, list(a.columns)) == (b.kind, b.symbols, b.sources, list(b.columns))
    for name in ("key", "event_at", "known_at", "seq", "grade"):
        x, y = getattr(a, name), getattr(b, name)
        assert (x.dtype, x.tobytes()) == (y.dtype, y.tobytes()), (a.kind, name)
    for name, x in a.columns.items():
        y = b.columns[name]
        assert x.dtype == y.dtype
        assert x.tolist() == y.tolist() if x.dtype == object else x.tobytes() == y.tobytes(), (a.kind, name)


def idle(kept: Cached, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the market makes nothing that is dear."""

    def none(*_: object) -> dict[type[Event], Rows]:
        raise AssertionError("made again")

    monkeypatch.setattr(kept.market, "rows", none)
    monkeypatch.setattr(kept.market, "minute_rows", none)


def test_the_bytes_are_the_same_at_the_first_call_and_at_the_second(tmp_path: Path) -> None:
    market = Market(2, 0.0, splits=SPLIT, halts=(HALT,), outages=(OUTAGE,))
    kept = Cached(market, tmp_path / "new")
    ranges = (RANGE, slice(SESSION + 1, SESSION + 2), slice(SESSION, SESSION))
    for sessions in (*ranges, *ranges):
        whole, again = market.events(NAMES, sessions, (*KINDS, *TICKS)), kept.events(NAMES, sessions, (*KINDS, *TICKS))
        assert list(whole) == list(again)
        for kind, chunk in whole.items():
            assert_same(chunk, again[kind])
        assert_same(market.minutes(NAMES, sessions), kept.minutes(NAMES, sessions))
    assert kept.sessions == market.sessions
    assert len(list((tmp_path / "new").iterdir())) == 2 * 2 * (len(TICKS) + 1)  # symbols, months, kinds and minutes


def test_what_was_made_is_not_made_again(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Cached(Market(1), shelf)
    plain = Market(1).events(NAMES[1:], slice(SESSION + 1, SESSION + 3), (Quote, FlowAlert))
    idle(kept, monkeypatch)
    found = kept.events(NAMES[1:], slice(SESSION + 1, SESSION + 3), (Quote, FlowAlert))
    for kind in (Quote, FlowAlert):
        assert_same(plain[kind], found[kind])
    assert len(kept.minutes(NAMES, RANGE)) > 1_000
    with pytest.raises(AssertionError, match="made again"):
        kept.minutes(NAMES, days("2024-10-30", "2024-11-04"))


def test_only_kinds_that_are_dear_are_kept(tmp_path: Path) -> None:
    Cached(Market(1), tmp_path).events(NAMES, RANGE, KINDS)
    assert list(tmp_path.iterdir()) == []


def test_markets_that_differ_share_nothing_and_those_that_differ_elsewhere_share(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for market in (Market(2), Market(1, 0.03), Market(1, splits=SPLIT), Market(1, halts=(HALT,))):
        kept = Cached(market, shelf)
        assert_same(
            market.events(NAMES[:1], RANGE, (OptionTrade,))[OptionTrade], kept.events(NAMES[:1], RANGE, (OptionTrade,))[OptionTrade]
        )
        idle(kept, monkeypatch)
        kept.events(NAMES[:1], RANGE, (OptionTrade,))
    elsewhere = Cached(Market(1, splits=SPLIT, halts=(HALT,), outages=(OUTAGE,)), shelf)  # all of it in KO, but the outage
    idle(elsewhere, monkeypatch)
    assert ((elsewhere.minutes(NAMES[1:], RANGE).known_at == OUTAGE.end).sum()) == 20


def test_another_program_makes_its_own(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Cached(Market(1), shelf)
    assert len(cache.version()) == 32
    sources = {path.relative_to(ROOT).as_posix() for path in cache.sources()}
    loaded = [name.replace(".", "/") + ".py" for name in sys.modules if name.startswith(("undertow.sandbox.", "undertow.core."))]
    assert {name for name in loaded if (ROOT / name).exists() and "/servers/" not in name} <= sources
    assert {"undertow/sandbox/tape/lit.py", "undertow/sandbox/daily/walk.py", "undertow/sandbox/options/chains.py"} <= sources
    assert not any("/servers/" in name for name in sources)
    idle(kept, monkeypatch)
    monkeypatch.setattr(cache, "version", lambda: "another")
    with pytest.raises(AssertionError, match="made again"):
        kept.minutes(NAMES, RANGE)


def flipped(content: bytes, _: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


HARM: Sequence[Callable[[bytes, bytes], bytes]] = (
    lambda content, other: b"",
    lambda content, other: content[:-1],
    lambda content, other: b"{}\n" * 100,
    flipped,
    lambda content, other: other,
)


@pytest.mark.parametrize("harm", HARM, ids=["empty", "cut", "foreign", "flipped", "of another block"])
def test_a_file_that_is_not_what_was_left_is_made_anew(
    shelf: Path, minutes: Chunk, tmp_path: Path, harm: Callable[[bytes, bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "kept"
    shutil.copytree(shelf, folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    kept = Cached(Market(1), folder)
    contents = list(before.values())
    for (path, content), other in zip(before.items(), [*contents[1:], contents[0]], strict=True):
        path.write_bytes(harm(content, other))
    assert_same(minutes, kept.minutes(NAMES, RANGE))
    idle(kept, monkeypatch)
    assert_same(minutes, kept.minutes(NAMES, RANGE))
    healed = [path for path, content in before.items() if path.read_bytes() == content]
    assert len(healed) == 4  # two symbols, two months; the ticks were not asked for


def test_what_is_asked_wrongly_is_said_as_the_market_says_it(tmp_path: Path) -> None:
    kept = Cached(Market(1), tmp_path)
    for ask in (kept.minutes, lambda s, r: kept.events(s, r, TICKS)):
        with pytest.raises(BadInput, match="2005-01-03"):
            ask(NAMES, slice(kept.sessions.start - 1, kept.sessions.start + 1))


def test_the_oracle_is_the_market_s(tmp_path: Path) -> None:
    kept, market = Cached(Market(1), tmp_path), Market(1)
    assert (kept.oracle("KO", RANGE).latent == market.oracle("KO", RANGE).latent).all()
    assert (kept.hands("KO", slice(SESSION, SESSION + 1), Trade).side == market.hands("KO", slice(SESSION, SESSION + 1), Trade).side).all()


def test_a_source_with_a_folder_tells_the_same(shelf: Path) -> None:
    kinds = (CorporateAction, ChainRow, Trade, OffExchangePrint)
    begin, end = (int(nyse().midnight[SESSION + k]) for k in (0, 2))
    plain, kept = (
        list(s.history(NAMES, begin, end)) for s in (SimulatedSource(Market(1), kinds), SimulatedSource(Market(1), kinds, shelf))
    )
    assert len(plain) == len(kept) == 4
    for a, b in zip(plain, kept, strict=True):
        assert_same(a, b)


def test_a_server_s_world_takes_it_for_a_market(shelf: Path) -> None:
    now = int(nyse().close[SESSION + 1])
    worlds = [World(market, lambda: now) for market in (Market(1), Cached(Market(1), shelf))]
    for ask in (lambda w: w.rows(Trade, "KO", slice(SESSION, SESSION + 2)), lambda w: w.minutes("KO", slice(SESSION, SESSION + 2))):
        a, b = (ask(world) for world in worlds)
        assert a.kind in (Trade, Bar)
        assert_same(a, b)


def test_a_server_s_world_makes_the_minutes_it_lacks_in_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    market, asked = Market(1), []
    make = market.minutes
    monkeypatch.setattr(market, "minutes", lambda symbols, part: asked.append((part.start, part.stop)) or make(symbols, part))
    world = World(market, lambda: int(nyse().close[SESSION + 9]))
    for a, b in ((4, 5), (2, 8), (0, 8), (0, 8), (0, 0)):
        world.minutes("KO", slice(SESSION + a, SESSION + b))
    assert [(a - SESSION, b - SESSION) for a, b in asked] == [(4, 5), (2, 8), (0, 2)]
    assert_same(make(["KO"], slice(SESSION, SESSION + 8)), world.minutes("KO", slice(SESSION, SESSION + 8)))


def test_what_it_keeps_is_the_same_market_by_name(tmp_path: Path) -> None:
    market = Market(1, splits=SPLIT)
    assert (Cached(market, tmp_path).name, Cached(market, tmp_path).settings) == (market.name, market.settings)
