"""Secrets that nobody may ever read: the forms one can leak in, and a search of texts and of every byte below a folder."""

from __future__ import annotations

import base64
import io
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import quote, quote_plus

import polars as pl

#: variable or flag -> a secret of its own, with characters that look otherwise in an address
SECRETS: Mapping[str, str] = {
    "POLYGON_API_KEY": "cnryPOLY9c77/e1f3+aQ7zK2m==8d41w",
    "MASSIVE_API_KEY": "cnryMASS55b0/x9Lt+0fEw6R1==3c92v",
    "UNUSUAL_WHALES_API_KEY": "cnryWHAL08b2/d41f+6aYp3N5==7e60u",
    "MASSIVE_S3_ACCESS_KEY_ID": "CNRYFILEID7Q2XV9M4KD01",
    "MASSIVE_S3_SECRET_ACCESS_KEY": "cnryFSEC4d19/b83c+Hs5Wq8g==2a07t",
    "--polygon-key": "cnryFPOL6e28/c74d+Jt6Xr9h==1b18s",
    "--unusual-whales-key": "cnryFWHA7f39/d65e+Ku7Ys0j==0c29r",
    "--key": "cnrySERV8a40/e56f+Lv8Zt1k==9d30q",
}
EDGE = 12  #: characters at either end that give a secret away where it was cut


@cache
def forms() -> tuple[tuple[str, str, bytes], ...]:
    """Every secret in every form: its name, the form's name, the bytes."""
    return tuple((name, form, text.encode()) for name, secret in SECRETS.items() for form, text in _forms(secret).items())


def _forms(secret: str) -> dict[str, str]:
    found = {
        "as Bearer": f"Bearer {secret}",
        "plain": secret,
        "its beginning": secret[:EDGE],
        "its end": secret[-EDGE:],
        "URL-quoted": quote(secret, safe=""),
        "URL-quoted but for slashes": quote(secret),
        "as a form's field": quote_plus(secret),
        "backwards": secret[::-1],
        "hexadecimal": secret.encode().hex(),
    }
    for before in range(3):  # base64 of a text depends on where in it the secret begins
        raw = b" " * before + secret.encode()
        whole = raw[3 * bool(before) : len(raw) // 3 * 3]
        found[f"base64 at {before}"] = base64.b64encode(whole).decode()
        found[f"base64 for addresses at {before}"] = base64.urlsafe_b64encode(whole).decode()
    return found


def leaks(raw: bytes, place: str) -> list[str]:
    """What is wrong with some bytes; nothing where no secret is in them."""
    return [f"{place}: {name} {form}" for name, form, text in forms() if text in raw]


def layers(raw: bytes) -> Iterator[bytes]:
    """Some bytes, and what they hold packed. Raises ``AssertionError`` for a packing that cannot be looked into."""
    yield raw
    if raw[:2] == b"\x1f\x8b":
        yield from layers(_unzipped(raw))
    elif raw[:4] == b"PAR1":
        frame = pl.read_parquet(io.BytesIO(raw))
        yield repr(pl.read_parquet_metadata(io.BytesIO(raw))).encode()
        for column in frame.select(pl.selectors.by_dtype(pl.String, pl.Binary, pl.Categorical)).get_columns():
            told = column.unique().drop_nulls().to_list()
            yield b"\n".join(one if isinstance(one, bytes) else one.encode() for one in told)
        nested = frame.select(pl.selectors.nested())
        yield repr(nested.to_dicts() if nested.width else "").encode()
    elif raw[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            for name in packed.namelist():
                yield from layers(packed.read(name))
    elif raw[:16] == b"SQLite format 3\0":
        base = sqlite3.connect(":memory:")
        base.deserialize(raw[:18] + b"\x01\x01" + raw[20:])  # as one without a write-ahead log, which memory cannot hold
        yield "\n".join(base.iterdump()).encode()
        base.close()
    else:
        assert raw[:4] != b"\x28\xb5\x2f\xfd", "a zstd file: teach this search to unpack it"


def _unzipped(raw: bytes) -> bytes:
    """What can be read of a gzip file, which may have been cut short or gone wrong in the middle."""
    out = bytearray()
    while raw[:2] == b"\x1f\x8b":
        unpacking = zlib.decompressobj(wbits=31)
        try:
            out += unpacking.decompress(raw)
        except zlib.error:
            break
        raw = unpacking.unused_data
    return bytes(out)


@dataclass(slots=True)
class Searched:
    """Every file below a folder, each looked into once for each time that it was written."""

    folder: Path
    files: int = 0
    _seen: set[tuple[str, int, int, int]] = field(default_factory=set)

    def leaks(self) -> list[str]:
        """What is wrong with the names and bytes of files that are new or changed since the last call."""
        found = []
        for path in sorted(self.folder.rglob("*")):
            shown = str(path.relative_to(self.folder))
            found += leaks(shown.encode(), f"the name {shown}")
            if not path.is_file():
                continue
            stat = path.stat()
            mark = (shown, stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if mark not in self._seen:
                self._seen.add(mark)
                self.files += 1
                found += [leak for layer in layers(path.read_bytes()) for leak in leaks(layer, f"the file {shown}")]
        return found
