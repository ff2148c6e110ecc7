"""The shelf: a page that came is found again, one that is torn is asked for again, and no key is on it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.sources.wire.vendor import CANARY, FakeClock, Script, ok, wire
from undertow.sources.wire.shelf import Shelf


def ask(script: Script, shelf: Shelf, path: str = "/v2/x?b=2", params: dict[str, str] | None = None) -> object:
    async def go() -> object:
        async with wire(script, FakeClock()) as asking:
            asking.shelf = shelf
            return (await asking.get(path, params)).json

    return asyncio.run(go())


def test_a_page_is_asked_for_once(tmp_path: Path) -> None:
    script, shelf = Script(ok({"results": [2**63 + 1, CANARY]})), Shelf(tmp_path / "unit")
    first = ask(script, shelf, params={"a": "1"})
    assert ask(script, Shelf(tmp_path / "unit"), "/v2/x?a=1&b=2") == first  # however the question is written
    assert len(script.asked) == 1
    (page,) = (tmp_path / "unit").iterdir()
    assert page.name == Shelf.name("/v2/x?b=2", {"a": "1"}) == Shelf.name("/v2/x?a=1&b=2", None)
    ask(script, shelf, params={"a": "2"})
    assert len(script.asked) == 2
    assert first["results"][0] == 2**63 + 1  # type: ignore[index]


def test_a_torn_page_is_asked_for_again(tmp_path: Path) -> None:
    script, shelf = Script(ok({"results": []})), Shelf(tmp_path / "unit")
    ask(script, shelf)
    (page,) = (tmp_path / "unit").iterdir()
    page.write_bytes(page.read_bytes()[:-9])
    assert ask(script, shelf) == {"results": []}
    assert len(script.asked) == 2


def test_broken_answers_and_keys_never_get_there(tmp_path: Path) -> None:
    import gzip

    shelf = Shelf(tmp_path / "unit")
    script = Script(ok({"echo": CANARY}))
    ask(script, shelf)
    assert all(CANARY.encode() not in gzip.decompress(page.read_bytes()) for page in (tmp_path / "unit").iterdir())
    shelf.clear()
    assert shelf.find("/v2/x?b=2", None) is None
