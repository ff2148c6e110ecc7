"""Flat files over S3: which there are, and fetching them whole, each once, again only where the vendor published it again.

A file comes into the folder under its key. While it is under way it is called ``….<etag>.part``, and a later run goes on where an earlier
one was stopped. A file that the vendor has since published again has another ETag and is fetched anew.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.errors import BadInput, StoreError
from undertow.core.time import DAY, HOUR, SECOND, Instant
from undertow.sources.wire.errors import BadAnswer, NotEntitled, NotFound, VendorDown
from undertow.sources.wire.key import Key
from undertow.sources.wire.stamps import new_york_midnight

if TYPE_CHECKING:
    from obstore.store import S3Store

ENDPOINT = "https://files.massive.com"
BUCKET = "flatfiles"
PUBLISHED = DAY + 11 * HOUR  #: after New York's midnight of the session: 11:00 on the next day
ATTEMPTS = 3  #: connections that may break in one fetch
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)\.csv\.gz$")
_MD5 = re.compile(r"[0-9a-f]{32}")
_REFUSED = re.compile(r"\b40[13] (Forbidden|Unauthorized)")
_PIECE = 1 << 20


class State(StrEnum):
    """What became of one day's file."""

    FETCHED = "fetched"
    HELD = "held"  #: in the folder already, and the vendor has no newer one
    CLOSED = "closed"  #: none: the exchange was closed
    NOT_YET = "not yet published"  #: none: it appears at 11:00 New York of the day after
    HOLE = "hole"  #: none, and there should be one


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One file at the vendor."""

    key: str
    day: np.datetime64
    size: int  #: bytes
    etag: str
    modified_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What became of one day's file, and where it lies; no path where there is none."""

    key: str
    state: State
    path: Path | None = None
    etag: str = ""
    resumed: int = 0  #: bytes that an earlier run had brought


class Access:
    """The S3 access key and its secret, which are not the API key: shown to nobody."""

    def __init__(self, access_key: str, secret: str) -> None:
        """Raises ``BadInput`` for one that is empty or cannot be a key."""
        self._keys = tuple(Key(given, header="key", scheme="") for given in (access_key, secret))

    def config(self) -> tuple[str, str]:
        """The two, for the client that signs with them."""
        first, second = (key.headers()["key"] for key in self._keys)
        return first, second

    def scrub(self, text: str) -> str:
        """The text without them."""
        for key in self._keys:
            text = key.scrub(text)
        return text

    def __repr__(self) -> str:
        return f"Access({self._keys[0].name})"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("an Access is not written down")


class FlatFiles:
    """Massive's bucket, and a folder that files of it come into."""

    def __init__(self, access: Access, folder: Path, *, endpoint: str = ENDPOINT, bucket: str = BUCKET) -> None:
        """``endpoint`` without encryption is taken for this machine only; raises ``BadInput`` for another."""
        from datetime import timedelta
        from urllib.parse import urlsplit

        from obstore.store import S3Store

        parts = urlsplit(endpoint)
        plain = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
        if parts.scheme != "https" and not plain:
            raise BadInput(f"The flat files' address {endpoint} is not encrypted, and the key would be seen by others: use https.")
        name, secret = access.config()
        self.folder = folder
        self._access = access
        self._shown = f"{endpoint.rstrip('/')}/{bucket}"
        self._store: S3Store = S3Store(
            bucket,
            endpoint=endpoint.rstrip("/"),
            access_key_id=name,
            secret_access_key=secret,
            region="us-east-1",
            virtual_hosted_style_request=False,
            client_options={"allow_http": plain, "connect_timeout": timedelta(seconds=10), "timeout": timedelta(minutes=10)},
            retry_config={
                "max_retries": 3,
                "retry_timeout": timedelta(seconds=60),
                "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=10), "base": 2.0},
            },
        )

    def __repr__(self) -> str:
        return f"FlatFiles({self._shown}, {self._access!r})"

    def list(self, dataset: str, month: str = "") -> Iterator[Listed]:
        """The files of a dataset (``us_stocks_sip/trades_v1``), of one month (``2026-03``) or all, by day. Raises ``WireError``."""
        import obstore

        prefix = f"{dataset}/{month.replace('-', '/')}/" if month else f"{dataset}/"
        pages = iter(obstore.list(self._store, prefix))
        while True:
            with self._meant(prefix):
                page = next(pages, None)
            if page is None:
                return
            for found in page:
                if match := _DAY.search(found["path"]):
                    yield Listed(
                        key=found["path"],
                        day=np.datetime64(match[1], "D"),
                        size=found["size"],
                        etag=_plain(found["e_tag"]),
                        modified_at=int(found["last_modified"].timestamp()) * SECOND,
                    )

    def fetch(self, dataset: str, day: np.datetime64, now: Instant) -> Fetched:
        """The file of one day, whole, in the folder; or why there is none, by the exchange's calendar.

        Raises ``NotEntitled``, ``VendorDown``, ``BadAnswer`` for a file that came broken, ``StoreError``; what came stays for the next run.
        """
        key = key_of(dataset, day)
        for attempt in range(ATTEMPTS):
            try:
                return self._fetched(key)
            except NotFound:
                return Fetched(key=key, state=_absent(day, now))
            except VendorDown:
                if attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def has(self, dataset: str, day: np.datetime64) -> bool:
        """Whether the vendor has the file of a day. Raises ``NotEntitled`` where the plan does not include it, ``VendorDown``."""
        try:
            self._head(key_of(dataset, day))
        except NotFound:
            return False
        return True

    def path(self, key: str) -> Path:
        """Where a file lies, or would lie."""
        return self.folder / key

    def _fetched(self, key: str) -> Fetched:
        path = self.path(key)
        size, etag = self._head(key)
        if self._holds(path, size, etag):
            return Fetched(key=key, state=State.HELD, path=path, etag=etag)
        part = path.with_name(f"{path.name}.{etag[:32]}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            for old in path.parent.glob(f"{path.name}.*.part"):
                if old != part:
                    old.unlink()
            had = part.stat().st_size if part.exists() else 0
            if had > size:
                part.unlink()
                had = 0
            if had < size:
                self._bring(key, part, had, etag)
            self._checked(part, size, etag)
            _mark(path).unlink(missing_ok=True)  # so that no mark ever vouches for bytes it was not made of
            part.replace(path)
            _mark(path).write_text(etag, "ascii")
        except OSError as error:
            why = error.strerror or str(error)
            raise StoreError(f"Cannot keep {path} ({why}); free the disk and run it again, it goes on from there.") from error
        return Fetched(key=key, state=State.FETCHED, path=path, etag=etag, resumed=had)

    def _head(self, key: str) -> tuple[int, str]:
        import obstore

        with self._meant(key):
            meta = obstore.head(self._store, key)
        return int(meta["size"]), _plain(meta["e_tag"])

    def _bring(self, key: str, part: Path, had: int, etag: str) -> None:
        import obstore

        with part.open("ab") as out:
            options: Any = {"if_match": f'"{etag}"'} | ({"range": {"offset": had}} if had else {})
            with self._meant(key):
                pieces = iter(obstore.get(self._store, key, options=options).stream(min_chunk_size=_PIECE))
            while True:
                with self._meant(key):
                    piece = next(pieces, None)
                if piece is None:
                    return
                out.write(piece)

    def _checked(self, part: Path, size: int, etag: str) -> None:
        """Raises ``VendorDown`` where bytes are missing, ``BadAnswer`` where they are others; then they are gone."""
        came = part.stat().st_size
        if came < size:
            told = f"Massive closed the connection after {came:,} of {size:,} bytes of {part.name[:17]}"
            raise VendorDown(f"{told}; run again, it goes on from there.")
        if came > size or (_MD5.fullmatch(etag) and _digest(part) != etag):
            part.unlink()
            raise BadAnswer(f"What came of {part.name[:17]} is not what Massive published (size or checksum differ); run again.")

    def _holds(self, path: Path, size: int, etag: str) -> bool:
        if not path.is_file() or path.stat().st_size != size:
            return False
        if _mark(path).is_file():
            return _mark(path).read_text("ascii") == etag
        return bool(_MD5.fullmatch(etag)) and _digest(path) == etag  # stopped between the file and its mark

    @contextmanager
    def _meant(self, key: str) -> Iterator[None]:
        """Turn the S3 client's errors into ours; what it says may quote the request, so the keys are taken out of it."""
        from obstore import exceptions as s3

        try:
            yield
        except (FileNotFoundError, s3.NotFoundError):
            raise NotFound(f"Massive has no flat file {key}.", path=key, status=404) from None
        except (PermissionError, s3.PermissionDeniedError, s3.UnauthenticatedError):
            raise _not_entitled(key) from None
        except s3.PreconditionError:
            raise VendorDown(f"Massive published {key} again while it was being fetched; run again.", path=key, status=412) from None
        except (s3.BaseError, OSError, ValueError) as error:
            if _REFUSED.search(str(error)):  # of a listing the client makes no kind of its own
                raise _not_entitled(key) from None
            why = self._access.scrub(" ".join(str(error).split()))[:160].rstrip(".")
            raise VendorDown(f"The flat file {key} could not be fetched ({why}).", path=key) from None


def key_of(dataset: str, day: np.datetime64) -> str:
    """A file's name in the bucket.

    >>> key_of("us_stocks_sip/trades_v1", np.datetime64("2024-04-05"))
    'us_stocks_sip/trades_v1/2024/04/2024-04-05.csv.gz'
    """
    text = str(day.astype("datetime64[D]"))
    return f"{dataset}/{text[:4]}/{text[5:7]}/{text}.csv.gz"


def _not_entitled(key: str) -> NotEntitled:
    told = f"Massive does not let these keys read {key}: the plan does not include it, or they are not the S3 keys of its dashboard"
    return NotEntitled(f"{told} (the API key is another).", path=key, status=403)


def _absent(day: np.datetime64, now: Instant) -> State:
    if not nyse().is_session(day):
        return State.CLOSED
    return State.NOT_YET if now < new_york_midnight(day) + PUBLISHED else State.HOLE


def _plain(etag: str | None) -> str:
    return re.sub(r"[^0-9A-Za-z_-]", "", etag or "")


def _mark(path: Path) -> Path:
    return path.with_name(path.name + ".etag")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
