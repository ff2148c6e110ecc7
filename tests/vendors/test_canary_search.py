"""The search for a key finds it in every form that it is looked for in."""

from __future__ import annotations

import base64
import gzip
import sqlite3
import zipfile
from pathlib import Path
from urllib.parse import quote

import polars as pl
import pytest

from tests.vendors.canary import SECRETS, Searched, layers, leaks


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    secret = SECRETS["UNUSUAL_WHALES_API_KEY"]
    forms = [
        secret,
        f"Bearer {secret}",
        quote(secret, safe=""),
        *(base64.b64encode(f"{'x' * n}{secret}yz".encode()).decode() for n in range(4)),
    ]
    for form in forms:
        assert leaks(f"<{form}>".encode(), "here"), form
    folder = tmp_path / "found"
    folder.mkdir()
    (folder / "a.gz").write_bytes(gzip.compress(gzip.compress(secret.encode())))
    pl.DataFrame({"text": ["a", secret], "list": [["b"], ["c"]]}).write_parquet(folder / "b.parquet", compression="zstd")
    pl.DataFrame({"list": [["b"], [secret]]}).write_parquet(folder / "c.parquet")
    with zipfile.ZipFile(folder / "d.npz", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("x", secret * 100)
    _base(folder / "e.sqlite", secret)
    searched = Searched(folder)
    assert {leak.split(":")[0] for leak in searched.leaks()} == {f"the file {path.name}" for path in folder.iterdir()}
    assert searched.leaks() == []  # nothing is new
    (folder / secret[:12]).write_text("empty")
    assert searched.leaks()
    with pytest.raises(AssertionError, match="zstd"):
        list(layers(b"\x28\xb5\x2f\xfd"))


def _base(path: Path, secret: str) -> None:
    base = sqlite3.connect(path)
    base.execute("create table t (a text)")
    base.execute("insert into t values (?)", (f"x{secret}",))
    base.commit()
    base.close()
