"""``undertow adopt``: what an account holds is taken over by a person's phrase, and no answer of a broker shows its keys."""

from __future__ import annotations

from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from tests.end_to_end.harness import UNDERTOW, Done, environment, run
from tests.servers.alpaca_broker import KEY, SECRET, trading
from undertow.app.brokers import belongs
from undertow.core.calendar import nyse
from undertow.core.time import HOUR

OPEN = int(nyse().open[nyse().last_closed(1_795_348_800_000_000_000)]) + HOUR
PHRASE = "I have looked at my broker: KO 3. Trade from there."
CANARY = {"APCA_API_KEY_ID": "PKCNRY55b0x9Lt0fEw6R1", "APCA_API_SECRET_KEY": "cnryALPA6e28/c74d+Jt6Xr9h"}


def account(home: Path) -> Path:
    """A home with an Alpaca paper account that was never traded from here."""
    root = home / "trading" / "paper-PA1"
    root.mkdir(parents=True)
    belongs(root, real=False)
    return home


def test_positions_are_adopted_by_a_phrase_that_names_them(tmp_path: Path) -> None:
    with trading(OPEN) as server:
        server.broker.quote("KO", 70.0, 70.02)
        bought = server.http.post("/v2/orders", json={"symbol": "KO", "qty": "3", "side": "buy", "type": "market", "time_in_force": "day"})
        assert bought.status_code == httpx.codes.OK, bought.text
        server.wait(5)
        keys = {"APCA_API_KEY_ID": KEY, "APCA_API_SECRET_KEY": SECRET, "APCA_API_BASE_URL": server.base}
        adopt = partial(run, [*UNDERTOW, "adopt"], env=environment(account(tmp_path), **keys))
        wrong = adopt("--phrase", "yes")
        assert (wrong.code, "The broker holds 3 KO, the journal says 0" in wrong.out) == (2, True), wrong.err
        done = adopt("--phrase", PHRASE)
        assert (done.code, done.err) == (0, "")
        assert done.out.splitlines()[-1].startswith("Broker and journal are equal")
        assert adopt().out.startswith("Broker and journal are equal")


@pytest.mark.parametrize("status", [401, 403, 500])
def test_no_answer_shows_a_key(tmp_path: Path, status: int) -> None:
    class Parrot(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"<html>{dict(self.headers)}</html>".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Parrot)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        done: Done = run([*UNDERTOW, "adopt"], env=environment(account(tmp_path), **CANARY, APCA_API_BASE_URL=url))
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
    assert done.code in (1, 2)
    assert done.err.startswith("error: ")
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in CANARY.values():
        assert secret not in done.out + done.err
        assert secret.encode() not in kept


def test_without_an_account_or_keys_one_sentence_says_so(tmp_path: Path) -> None:
    none = run([*UNDERTOW, "adopt"], env=environment(tmp_path))
    assert (none.code, "There is no account" in none.err) == (2, True)
    keyless = run([*UNDERTOW, "adopt"], env=environment(account(tmp_path)))
    assert (keyless.code, "are not set" in keyless.err) == (2, True)
