"""Alerts: telling one never waits, a person is not told the same thing twice, and no address is ever shown."""

from __future__ import annotations

import json
import logging
import pickle
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from undertow.app.alerts.desk import Alerts
from undertow.app.alerts.messengers import FILE, VARIABLE, addresses
from undertow.app.alerts.words import Alert, Level, Policy
from undertow.core.errors import BadInput

QUICK = Policy(digest=0.05, window=60.0, heartbeat=60.0)
SECRET = "tkn7f3Qm29xLw4"


class Inbox:
    """Keeps what is sent, and can be slow, broken or deaf."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        self.free = threading.Event()
        self.free.set()
        self.fails = 0

    def __call__(self, title: str, text: str) -> bool:
        assert self.free.wait(20.0)
        if self.fails:
            self.fails -= 1
            raise ConnectionError(f"https://hook.example/{SECRET} does not answer")
        self.got.append((title, text))
        return True


def until(what: object, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)


def test_alerts_come_as_a_digest_and_the_same_only_once() -> None:
    inbox = Inbox()
    alerts = Alerts(inbox, QUICK)
    for number in range(30):
        assert alerts.tell(Alert(key="stale", text=f"quotes are silent {number}"))
    alerts.tell(Alert(key="fill", text="AAPL bought", level=Level.INFO))
    until(lambda: inbox.got)
    assert inbox.got == [("Undertow: 2 messages", "[WARNING] quotes are silent 0\n[INFO] AAPL bought")]
    alerts.close()
    assert inbox.got[1:] == [("Undertow", "[WARNING] 29 more like it: quotes are silent 29")]
    assert (alerts.counts.told, alerts.counts.repeated, alerts.counts.sent, alerts.counts.dropped) == (31, 29, 2, 0)


def test_after_the_window_the_same_is_told_again() -> None:
    inbox = Inbox()
    alerts = Alerts(inbox, Policy(digest=0.02, window=0.1))
    alerts.tell(Alert(key="a", text="first"))
    until(lambda: len(inbox.got) == 1)
    alerts.tell(Alert(key="a", text="second"))
    until(lambda: len(inbox.got) == 2)
    assert inbox.got[1][1] in ("[WARNING] 1 more like it: second", "[WARNING] second")
    alerts.close()


def test_an_urgent_one_does_not_wait() -> None:
    inbox = Inbox()
    alerts = Alerts(inbox, Policy(digest=30.0))
    alerts.tell(Alert(key="a", text="a fill", level=Level.INFO))
    alerts.tell(Alert(key="b", text="HALTED", level=Level.URGENT))
    until(lambda: inbox.got, 5.0)
    assert inbox.got[0][1] == "[INFO] a fill\n[URGENT] HALTED"
    alerts.close()


def test_a_messenger_that_hangs_costs_trading_nothing() -> None:
    inbox = Inbox()
    inbox.free.clear()
    alerts = Alerts(inbox, Policy(room=10, digest=0.01))
    alerts.tell(Alert(key="first", text="x", level=Level.URGENT))
    time.sleep(0.1)
    began = time.monotonic()
    told = [alerts.tell(Alert(key=str(number), text="x" * 1000)) for number in range(5_000)]
    assert time.monotonic() - began < 2.0
    assert (sum(told), alerts.counts.dropped) == (10, 4_990)
    began = time.monotonic()
    alerts.close(0.1)
    assert time.monotonic() - began < 2.0, "whoever closes does not wait either"
    inbox.free.set()
    until(lambda: any("4990 alerts were dropped" in text or "cut short" in text for _, text in inbox.got))


def test_what_fails_is_tried_again_a_few_times_and_raises_nowhere() -> None:
    inbox = Inbox()
    inbox.fails = 2
    alerts = Alerts(inbox, QUICK)
    alerts.tell(Alert(key="a", text="HALTED", level=Level.URGENT))
    until(lambda: inbox.got)
    assert inbox.got == [("Undertow", "[URGENT] HALTED")]
    assert (alerts.counts.failed, alerts.counts.sent) == (2, 1)
    inbox.fails = 10**6
    alerts.tell(Alert(key="b", text="again", level=Level.URGENT))
    until(lambda: alerts.counts.failed >= 5)
    inbox.fails = 0
    alerts.tell(Alert(key="c", text="later", level=Level.URGENT))
    until(lambda: len(inbox.got) > 1)
    alerts.close()


def test_a_sign_of_life_comes_by_itself() -> None:
    inbox = Inbox()

    def alive() -> str:
        if len(inbox.got) == 1:
            raise ValueError(SECRET)
        return "ACTIVE, 3 positions."

    alerts = Alerts(inbox, Policy(digest=0.02, heartbeat=0.05), alive)
    until(lambda: len(inbox.got) >= 3)
    alerts.close()
    assert [text for _, text in inbox.got][:2] == [
        "Undertow is running: ACTIVE, 3 positions.",
        "Undertow is running: how things stand could not be told (ValueError)",
    ]


@contextmanager
def receiver(status: int = 200) -> Iterator[tuple[str, list[dict[str, str]]]]:
    got: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))) | {"path": self.path})
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"json://127.0.0.1:{server.server_port}/{SECRET}", got
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("status", [200, 500])
def test_apprise_posts_and_no_log_shows_the_address(status: int, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with receiver(status) as (url, got):
        alerts = Alerts(addresses(tmp_path, {VARIABLE: f"{url} {url}"}).sender(), Policy(digest=0.01, tries=1))
        alerts.tell(Alert(key="a", text="AAPL bought", level=Level.URGENT))
        until(lambda: alerts.counts.sent + alerts.counts.failed)
        alerts.close()
    assert [(each["title"], each["message"], each["path"]) for each in got] == [("Undertow", "[URGENT] AAPL bought", f"/{SECRET}")] * 2
    assert (alerts.counts.sent, alerts.counts.failed) == ((1, 0) if status == 200 else (0, 1))
    assert SECRET not in caplog.text


def test_addresses_are_secrets(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert len(addresses(tmp_path, {})) == 0
    (tmp_path / FILE).write_text(f"# mine\njson://127.0.0.1:9/{SECRET}\n\nnonsense-{SECRET}\n")
    found = addresses(tmp_path, {})
    assert repr(found) == "Addresses(2)"
    with pytest.raises(BadInput, match="number 2 is none that apprise knows") as error:
        found.sender()
    with pytest.raises(TypeError):
        pickle.dumps(found)
    assert SECRET not in str(error.value) + caplog.text
