"""``undertow honesty --fast`` as a user runs it: fifty null markets, ten planted ones and every leak, and all gates hold."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.harness import UNDERTOW, environment, run

#: the run shares its cores with other tests
LONGEST = 1_200


@pytest.mark.slow
@pytest.mark.timeout(LONGEST + 60)
def test_the_fast_study_passes_and_says_what_it_saw(tmp_path: Path) -> None:
    command = [*UNDERTOW, "honesty", "--fast", "--jobs", "2", "--json", "--out", str(tmp_path / "page.html")]
    done = subprocess.run(command, env=environment(tmp_path), capture_output=True, timeout=LONGEST, check=False, stdin=subprocess.DEVNULL)
    said = json.loads(done.stdout)
    assert [gate for gate in said["gates"] if not gate["passed"]] == []
    assert done.returncode == 0, done.stderr.decode()
    assert said["arms"]["null"]["markets"] == 50
    assert said["arms"]["null"]["significant"] <= 5
    assert said["arms"]["planted 0.05"]["markets"] == 10
    assert said["arms"]["planted 0.05"]["recovery"] >= 0.75
    assert len(said["caught"]) == 9
    assert all(said["caught"].values())
    page = (tmp_path / "page.html").read_text("utf-8")
    assert all(gate["name"] in page.replace("&#39;", "'") for gate in said["gates"])
    assert b"null: 1 of" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--markets", "3"], "error: --markets 3: fewer than 10 null markets say nothing; give 10 or more"),
        (["--jobs", "0"], "error: --jobs 0: give at least 1"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(arguments: list[str], says: str, tmp_path: Path) -> None:
    done = run(UNDERTOW, "honesty", *arguments, env=environment(tmp_path))
    assert (done.code, done.out, done.err.splitlines()) == (2, "", [says])
