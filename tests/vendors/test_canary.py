"""No key gets out: every command, every fault, loud logs and tracebacks, at a vendor that repeats keys wherever it can."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import httpx
import pytest
from websockets.sync.client import connect

from tests.docs.reference import commands
from tests.end_to_end.harness import UNDERTOW
from tests.vendors.canary import SECRETS
from tests.vendors.conftest import Vendors
from tests.vendors.parrot import Parrot
from tests.vendors.sweep import Sweep
from tests.vendors.test_record import AT, Fast
from undertow.app.clock import WallClock
from undertow.app.vendors import access, keeper, recorder
from undertow.core.events import OffExchangePrint, Quote, Trade
from undertow.core.time import DAY as A_DAY
from undertow.core.time import SECOND
from undertow.execution import arming
from undertow.sandbox.servers.build import build
from undertow.sandbox.servers.faults import REST, SOCKET, Fault, Faults
from undertow.sandbox.servers.serve import Serving
from undertow.sandbox.servers.unusual_whales.plan import Plan
from undertow.sources.massive import flatfiles
from undertow.sources.unusual_whales import connect as whales
from undertow.sources.wire import client
from undertow.tape.journal.entry import Draft, Kind
from undertow.tape.journal.journal import NAME as JOURNAL
from undertow.tape.journal.journal import Journal

DAYS = ("--start-date", "2026-03-12", "--end-date", "2026-03-13")
OF = ("--symbols", "AAPL", *DAYS)
LONG = ("--symbols", "AAPL", "--start-date", "2025-01-02", "--end-date", "2026-10-30")
DAY = ("--symbols", "AAPL", "--timeframe", "1d", "--start-date", "2026-10-30", "--end-date", "2026-10-30")
FLAGS = tuple(part for flag in ("--polygon-key", "--unusual-whales-key") for part in (flag, SECRETS[flag]))
RECORD = ("--symbols", "AAPL", "--for", "1s", "--kinds", "trade,bar,off_exchange_print")
#: command -> what it is given, in an order in which each finds what it needs; {…} are places of the sweep
TABLE: Mapping[str, tuple[str, ...]] = {
    "undertow data download": (*LONG, "--kinds", "daily_bar,insider_trade,news_item", *FLAGS),
    "undertow data import": ("{root}/bars.csv", "--mapping", "{root}/bars.toml"),
    "undertow data coverage": (),
    "undertow data latency": (),
    "undertow data indicators": LONG,
    "undertow data record": RECORD,
    "undertow doctor": (),
    "undertow features list": (),
    "undertow audit": ("--home", "{root}/nothing", "--features", "{root}/few.py:Few"),
    "undertow run": (*DAY, *FLAGS),
    "undertow replay": ("last", *FLAGS),
    "undertow compare": ("last", "last"),
    "undertow sweep": ("--vary", "meta.kelly=0.1,0.2", *DAY, *FLAGS),
    "undertow explain": ("AAPL", *DAY[:4], "--date", DAY[-1], *FLAGS),
    "undertow tune": ("ridge_logistic", "--settings", "2", "--folds", "1", *DAY, "--source", "simulated", *FLAGS),
    "undertow models list": (),
    "undertow models show": ("AAPL-1d",),
    "undertow models promote": ("AAPL-1d",),
    "undertow models rollback": ("AAPL-1d",),
    "undertow honesty": ("--fast", "--markets", "10", "--no-leaks", "--jobs", "1", "--out", "{root}/honesty.html"),
    "undertow features show": ("atr_14_1d",),
    "undertow features compute": (*DAY, "--only", "atr_14_1d", "--out", "{root}/table.parquet", *FLAGS),
    "undertow features plot": ("atr_14_1d", "--symbols", "AAPL", *DAY[4:], "--out", "{root}/page.html"),
    "undertow journal verify": (),
    "undertow journal export": ("--out", "{root}/journal.csv"),
    "undertow halt": ("--why", "a test"),
    "undertow cancel": (),
    "undertow flatten": (),
    "undertow status": (),
    "undertow rearm": ("--phrase", "I have read why: stopped. Trade again."),
    "undertow arm": ("--account", "A1"),
    "undertow disarm": (),
    "undertow adopt": ("--help",),  # it asks a broker: tests/vendors/test_adopt.py
    "undertow sandbox serve": ("--port", "0", "--key", SECRETS["--key"]),
}
#: command that asks vendors -> errors that it meets
ERRORS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "undertow data download": (("401", "/v2/aggs"),),
    "undertow data indicators": (("500-html", "/v1/indicators"),),
    "undertow data record": (("auth-failed", "/stocks"), ("auth-failed", "/socket")),
    "undertow doctor": (("500-html", "/v2/aggs"), ("403", "/api/"), ("auth-failed", "/stocks"), ("403", "/flatfiles/")),
    "undertow run": (("401", "/v2/aggs"),),
    "undertow replay": (("401", "/v2/aggs"),),
    "undertow sweep": (("401", "/v2/aggs"),),
    "undertow explain": (("401", "/v2/aggs"),),
    "undertow features compute": (("403", "/v2/aggs"),),
    "undertow features plot": (("504", "/v2/aggs"),),
}
#: a kind of request -> part of its path, what is downloaded over it, and the keys without which that road is taken
ROADS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "Massive's REST": ("/v2/aggs", "daily_bar", (access.WHALES_KEY, *access.FILES_KEYS)),
    "Unusual Whales' REST": ("/api/insider", "insider_trade", (*access.MASSIVE_KEYS, *access.FILES_KEYS)),
    "flat files": ("/flatfiles/", "chain_row", (access.WHALES_KEY,)),
}
SILENT = logging.Logger("silent", logging.CRITICAL + 1)  # noqa: LOG001 - the server's other client

#: one feature to audit: all of them take a minute, and none of them meets a key
FEW = """
from undertow.features.engineering import FeatureEngineering
class Few(FeatureEngineering):
    def __init__(self, symbols, **more):
        super().__init__(symbols, **{**more, "only": ("atr_14",)})
"""


@pytest.fixture(scope="module")
def parrot(served: Vendors) -> Iterator[tuple[Parrot, Vendors]]:
    """The vendors of the session, but for what they repeat."""
    faults = Faults()
    app = Parrot(build(served.world, faults, plan=Plan(per_minute=100_000, per_day=10_000_000)))
    with Serving(cast(Any, app)) as url:
        yield app, Vendors(url, served.world, faults)


@pytest.fixture
def sweep(
    parrot: tuple[Parrot, Vendors], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Sweep]:
    """A folder with a home, a place to work in and one for temporary files; every logger at its loudest; waits that are short."""
    app, vendors = parrot
    vendors.faults.clear()
    app.repeated.clear()
    for name in ("work", "tmp"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    found = Sweep(tmp_path, vendors, monkeypatch, capfd, app)
    heard, root, compiler = logging.StreamHandler(found.logs), logging.getLogger(), logging.getLogger("numba")
    levels = root.level, compiler.level
    root.addHandler(heard)
    root.setLevel(logging.DEBUG)
    compiler.setLevel(logging.WARNING)  # its every step is a line, and none of them meets a key
    yield found
    root.removeHandler(heard)
    root.setLevel(levels[0])
    compiler.setLevel(levels[1])


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits for a vendor's limit are cut short, and a slow answer is given up soon."""

    async def sleep(_: WallClock, span: int) -> None:
        await asyncio.sleep(min(span / SECOND, 0.005))

    monkeypatch.setattr(WallClock, "sleep", sleep)
    monkeypatch.setattr(client.Policy.__init__, "__kwdefaults__", {**(client.Policy.__init__.__kwdefaults__ or {}), "attempt": SECOND})
    monkeypatch.setattr(flatfiles, "ATTEMPTS", 1)
    monkeypatch.setattr(whales, "POLICY", replace(whales.POLICY, attempt=SECOND))


def test_the_sweep_knows_every_command_and_every_secret() -> None:
    known = dict(commands())
    assert set(TABLE) == set(known), "a command was added or removed: say in TABLE what the sweep is to give it"
    named = {*access.MASSIVE_KEYS, access.WHALES_KEY, *access.FILES_KEYS}
    for command in known.values():
        for option in command.params:
            variables = [option.envvar] if isinstance(option.envvar, str) else list(option.envvar or ())
            named |= {
                one for one in (*option.opts, *variables) if any(word in one.lower() for word in ("key", "secret", "token", "password"))
            }
    assert named == set(SECRETS), "a secret was added or removed: give it a canary"


def test_no_command_shows_or_keeps_a_key(sweep: Sweep) -> None:
    (sweep.root / "bars.csv").write_text("date,symbol,open,high,low,close,volume\n2026-03-12,AAPL,1,1,1,1,1\n")
    columns = ", ".join(f'{name} = "{name}"' for name in ("open", "high", "low", "close", "volume"))
    kinds = 'source = "bars"\n[[event]]\nkind = "daily_bar"\nevent_at = { date = "date", at = "close" }\nknown_at = { same = "event_at" }\n'
    (sweep.root / "bars.toml").write_text(f"{kinds}columns = {{ {columns} }}\n")
    (sweep.root / "few.py").write_text(FEW)
    with Journal.to_write(sweep.root / "home" / JOURNAL) as journal:
        journal.append(Draft(at=1, kind=Kind.NOTE, id="one"))
    sweep.patch.setattr(arming, "end_of_day", lambda _, at: at + A_DAY)  # this day may be a Sunday
    asking = set()
    for command, arguments in TABLE.items():
        if command == "undertow sandbox serve":
            continue  # it ends by a signal: a test of its own
        before = sum(sweep.vendors.faults.asked.values())
        code, shown = sweep.run(command, *arguments, env=sweep.env())
        assert code == 0, f"{command}: {shown}"
        if sum(sweep.vendors.faults.asked.values()) > before:
            asking.add(command)
    assert asking == set(ERRORS), "ERRORS names the commands that ask vendors, with errors that they are to meet"
    assert sweep.searched.files > 20
    repeated = set(sweep.parrot.repeated)
    unused = {"MASSIVE_API_KEY", "MASSIVE_S3_SECRET_ACCESS_KEY", "--key"}  # the second name; what only signs; the sandbox's own
    assert repeated == {secret for name, secret in SECRETS.items() if name not in unused}


def test_no_help_and_no_wrong_flag_shows_a_key(sweep: Sweep) -> None:
    secret = SECRETS["--polygon-key"]
    for command in (*TABLE, "run_ml_trading"):
        assert sweep.run(command, "--help", env=sweep.env())[0] == 0
        for wrong in ((f"--polygon-keys={secret}",), ("--polygon", secret), (f"-k={secret}",)):
            assert sweep.run(command, *wrong, env=sweep.env(), fault="a wrong flag")[0] == 2
    broken = sweep.env(without=("MASSIVE_S3_SECRET_ACCESS_KEY",)) | {"UW_BASE_URL": "ftp://x"}
    for command in (*ERRORS, "run_ml_trading"):
        assert (
            sweep.run(command, *(() if "doctor" in command else OF if "ru" in command else TABLE[command]), env=broken, fault="half a key")[
                0
            ]
            > 0
        )


@pytest.mark.parametrize("command", ERRORS)
def test_no_error_of_a_command_shows_a_key(sweep: Sweep, hasty: None, command: str) -> None:
    if command == "undertow replay":  # of what was run before
        assert sweep.run("undertow run", *TABLE["undertow run"], env=sweep.env())[0] == 0
    faults = [Fault(name=name, match=match, times=-1) for name, match in ERRORS[command]]
    for fault in faults:
        sweep.vendors.faults.plan(fault)
    what = ", ".join(f"{fault.name} at {fault.match}" for fault in faults)
    code, shown = sweep.run(command, *TABLE[command], env=sweep.env(), fault=what)
    assert code in (0, 1, 2), shown
    assert all(fault.times < -1 for fault in faults), f"{command} does not meet {what}"


@pytest.mark.parametrize("road", ROADS)
def test_no_fault_of_a_request_shows_a_key(sweep: Sweep, hasty: None, road: str) -> None:
    match, kind, without = ROADS[road]
    for name in REST:
        sweep.vendors.faults.clear()
        fault = Fault(name=name, match=match, times=1 if name == "slow" else -1, seconds=1.5 if road != "flat files" else 0.2)
        sweep.vendors.faults.plan(fault)
        code, shown = sweep.run(
            "undertow data download", *OF, "--kinds", kind, env=sweep.env(name, without=without), fault=f"{name} at {road}"
        )
        assert code in (0, 1, 2), shown
        assert fault.times in (0, *range(-100, -1)), f"{name} at {road} was not met: {shown}"


@pytest.fixture(scope="module")
def streaming(served: Vendors) -> Iterator[tuple[Parrot, Vendors]]:
    """The same market in the middle of a session, which runs fast."""
    clock, faults = Fast(), Faults()
    world = served.world.at(clock())
    world.now = clock
    world.minutes("AAPL", slice(AT, AT + 1))
    for kind in (Trade, Quote):
        world.rows(kind, "AAPL", slice(AT, AT + 1))
    for symbol in world.listed:
        world.rows(OffExchangePrint, symbol, slice(AT, AT + 1))
    app = Parrot(build(world, faults))
    with Serving(cast(Any, app)) as url:
        clock.began = time.monotonic()
        yield app, Vendors(url, world, faults)


@pytest.mark.parametrize("name", SOCKET)
def test_no_fault_of_a_stream_shows_a_key(
    sweep: Sweep, streaming: tuple[Parrot, Vendors], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    parrot, vendors = streaming
    vendors.faults.clear()
    parrot.repeated.clear()
    monkeypatch.setattr(recorder, "_LEAVE", 2.0)
    for module in (keeper, recorder):
        monkeypatch.setattr(module, "LINGER", SECOND // 4)
    faults = [Fault(name=name, match=match, times=-1, seconds=0.1) for match in ("/stocks", "/socket")]
    for fault in faults:
        vendors.faults.plan(fault)
    env = sweep.env(url=vendors.url)
    with _rival(env) if name == "evict" else nullcontext():
        code, shown = sweep.run("undertow data record", *RECORD, env=env, fault=f"{name} of both streams")
    assert code in (0, 1, 2), shown
    assert all(fault.times < -1 for fault in faults), f"{name} was not met: {shown}"
    assert {SECRETS["POLYGON_API_KEY"], SECRETS["UNUSUAL_WHALES_API_KEY"]} <= set(parrot.repeated)


@contextmanager
def _rival(env: Mapping[str, str]) -> Iterator[None]:
    """Another that connects to Unusual Whales with the same key again and again, so that the vendor has whom to throw off."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(0.05):
            with suppress(Exception), connect(f"{env['UW_WS_URL']}?token={quote(env[access.WHALES_KEY], safe='')}", logger=SILENT):
                over.wait(0.1)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _unexpected(*_: Any, **__: Any) -> Any:
    raise RuntimeError("nobody expected this")


#: where something breaks that nobody thought of -> the command that goes through there
SEAMS: Mapping[str, tuple[str, ...]] = {
    "httpx.AsyncClient.get": ("undertow data indicators", *LONG),
    "undertow.sources.wire.client.Wire.__init__": ("undertow data record", *RECORD),
    "undertow.sources.wire.key.Key.headers": ("undertow doctor",),
    "undertow.sources.massive.flatfiles.FlatFiles.__init__": ("undertow doctor",),
    "undertow.sources.wire.client.decoded": ("undertow data download", *OF, *FLAGS),
    "undertow.app.vendors.desk.Desk.ask": ("undertow data download", *OF, "--kinds", "daily_bar", *FLAGS),
    "undertow.app.choose._from_vendors": ("undertow run", *DAY, *FLAGS),
    "undertow.app.vendors.handshake.opened": ("undertow data record", *RECORD),
    "undertow.app.vendors.access._hosts": ("run_ml_trading", *DAY, *FLAGS),
}


@pytest.mark.parametrize("seam", SEAMS)
def test_no_traceback_shows_a_key(sweep: Sweep, monkeypatch: pytest.MonkeyPatch, seam: str) -> None:
    monkeypatch.setattr(seam, _unexpected)
    code, shown = sweep.run(SEAMS[seam][0], *SEAMS[seam][1:], env=sweep.env(), fault=f"an unexpected exception in {seam}")
    assert code == 99, f"{seam} was not met: {shown}"
    assert shown.count("nobody expected this") >= 2  # as a user sees it, and as Python shows it


#: a program that writes every log of every library, and the arguments of whatever it starts
LOUD = """
import logging, sys
logging.basicConfig(level=logging.DEBUG)
logging.getLogger("numba").setLevel(logging.WARNING)
starts = ("subprocess.Popen", "os.posix_spawn", "os.exec", "os.spawn", "os.system")
sys.addaudithook(lambda event, told: print("started", event, told[:2], file=sys.stderr) if event in starts else None)
{more}
from undertow.app.cli import main
main()
"""
BREAK = "import httpx\ndef get(*_, **__): raise RuntimeError('nobody expected this')\nhttpx.AsyncClient.get = get"


@pytest.mark.parametrize(
    ("more", "arguments", "code", "heard"),
    [
        ("", ("data", "download", *OF, "--kinds", "daily_bar,insider_trade", *FLAGS), 0, "httpcore.http11"),
        ("", ("data", "record", *RECORD), 0, "httpcore.http11"),
        (BREAK, ("data", "download", *OF), 1, "RuntimeError: nobody expected this"),
    ],
)
def test_no_library_logs_a_key_to_a_user_who_listens(sweep: Sweep, more: str, arguments: tuple[str, ...], code: int, heard: str) -> None:
    env = sweep.env() | {"RUST_LOG": "trace", "PYTHONASYNCIODEBUG": "1"}
    command = [sys.executable, "-c", LOUD.format(more=more), *arguments]
    done = subprocess.run(command, env=env, capture_output=True, timeout=300, check=False, text=True, cwd=sweep.root / "work")
    sweep.check(f"{' '.join(arguments[:2])} with loud logs", {"standard output": done.stdout, "standard error": done.stderr})
    assert (done.returncode, heard in done.stderr) == (code, True), done.stderr[-2000:]


def test_the_sandbox_shows_no_key(sweep: Sweep) -> None:
    command = "undertow sandbox serve"
    env = sweep.env() | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*UNDERTOW, *command.split()[1:], *TABLE[command]],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=sweep.root,
    ) as process:
        assert process.stdout is not None
        said = list(takewhile(lambda line: "Ctrl-C ends it" not in line, iter(process.stdout.readline, "")))
        port = next(line for line in said if "POLYGON_BASE_URL=" in line).split("POLYGON_BASE_URL=")[1].split()[0]
        replies = [
            httpx.get(f"{port}/v1/marketstatus/now", headers={"Authorization": f"Bearer {key}"})
            for key in (SECRETS["--key"], SECRETS["POLYGON_API_KEY"])
        ]
        account = httpx.get(f"{port}/sandbox/account").text
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert [reply.status_code for reply in replies] == [200, 401]
    told = "".join(f"{reply.headers} {reply.text}" for reply in replies)
    sweep.check(command, {"standard output": "".join(said) + out, "standard error": err, "answers": told + account})
