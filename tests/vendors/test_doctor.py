"""``undertow doctor``: what it finds, what it says to do, and that no key is ever in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.end_to_end.harness import UNDERTOW, environment, run
from tests.vendors.conftest import MASSIVE_CANARY, WHALES_CANARY, Vendors
from undertow.app.vendors.access import FilesKey
from undertow.app.vendors.checks import skew
from undertow.core.time import SECOND
from undertow.sandbox.servers.faults import Fault
from undertow.sources.wire.key import Key

CANARIES = (MASSIVE_CANARY, WHALES_CANARY, "canary-files-id-77", "canary-files-secret-99")
DATE = "Sun, 22 Nov 2026 12:00:07 GMT"
STAMPED = 1_795_348_807 * SECOND

Found = dict[str, tuple[str, str]]


def doctor(env: Mapping[str, str], *more: str) -> tuple[int, Found]:
    """The exit status, and check -> its state and what it says."""
    done = run(UNDERTOW, "doctor", "--json", *more, env=env)
    assert not any(canary in done.out + done.err for canary in CANARIES)
    assert "Traceback" not in done.err
    checks = json.loads(done.out)
    found = {check["name"]: (check["state"], check["says"]) for check in checks}
    assert len(found) == len(checks)
    assert all(state in ("ok", "warn", "fail") and says.strip() for state, says in found.values())
    return done.code, found


def test_everything_is_there(vendors: Vendors, tmp_path: Path) -> None:
    home = tmp_path / "home"
    code, found = doctor(vendors.env(home, files=True))
    states = {name: state for name, (state, _) in found.items() if name != "disk"}
    assert states == dict.fromkeys(states, "ok"), found
    assert code == 0
    machine = ("Python", "packages", "home", "disk", "calendar", "tape")
    theirs = ("Massive", "Unusual Whales", "clock against Massive's", "clock against Unusual Whales's")
    plans = ("Massive: bar", "Massive: quote", "Unusual Whales: flow alert", "Massive's flat files: option trade, flow alert")
    assert found.keys() >= {*machine, *theirs, *plans}
    assert all("SIMULATED" in found[name][1] for name in theirs[:2])
    assert Key(MASSIVE_CANARY).name in found["Massive key"][1]
    assert Key("canary-files-id-77").name in found["flat files key"][1]
    assert vendors.url in found["address of massive"][1]
    assert vendors.url.replace("http", "ws") in found["address of massive socket"][1]


def test_a_table_with_a_refused_key_a_vendor_down_and_half_a_home(vendors: Vendors, tmp_path: Path) -> None:
    vendors.faults.plan(Fault(name="401", match="/stocks/v1/splits", times=-1))
    vendors.faults.plan(Fault(name="504", match="/api/news", times=-1))
    (tmp_path / "file").write_text("here")
    done = run(UNDERTOW, "doctor", "--home", str(tmp_path / "file" / "home"), env=vendors.env(tmp_path))
    assert done.code == 1, done.err
    assert "3 fail" in done.out.splitlines()[-1]  # the home and both vendors
    assert "does not accept the key" in done.out
    assert "cannot be written" in done.out
    assert not any(canary in done.out + done.err for canary in CANARIES)
    assert not any("/v2/aggs" in question for question in vendors.faults.asked)  # nothing more is asked of a vendor that refused


def test_without_a_key_it_works_and_says_so(tmp_path: Path) -> None:
    code, found = doctor(environment(tmp_path / "home"))
    assert code == 0
    missing = {name for name, (state, _) in found.items() if state == "warn" and name != "disk"}
    assert missing == {"Massive key", "Unusual Whales key", "flat files key"}
    assert "POLYGON_API_KEY" in found["Massive key"][1]
    assert "there is no key" in found["vendors"][1]
    assert "empty" in found["tape"][1]


@pytest.mark.parametrize(("sent", "took", "ahead", "off"), [(0.4, 0.2, 0.0, 0.6), (3.5, 0.0, 3.0, 0.5), (-2.0, 3.0, -1.0, 2.0)])
def test_the_clock_is_compared_within_what_whole_seconds_and_the_way_leave_open(sent: float, took: float, ahead: float, off: float) -> None:
    at = STAMPED + int(sent * SECOND)
    assert list(skew(DATE, at, at + int(took * SECOND))) == pytest.approx([ahead * SECOND, off * SECOND])
    with pytest.raises(ValueError, match=r".+"):
        skew("yesterday", at, at)


def test_the_names_of_keys_do_not_show_them() -> None:
    assert "canary" not in repr(FilesKey(id="canary-files-id-77", secret="canary-files-secret-99"))
