"""Pages as they came, kept on disk: what was fetched once is not fetched again, whenever the work that asked for it was interrupted."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from undertow.core.errors import StoreError
from undertow.sources.wire.answer import Answer

if TYPE_CHECKING:
    from undertow.sources.wire.client import Params

#: headers worth keeping: the rest tells of the connection, not of the data
_HEADERS = ("x-market", "content-type", "date")


class Shelf:
    """The whole answers to one piece of work, a file each, under a folder of its own. The key is in none of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, path: str, params: Params | None) -> Answer | None:
        """The answer kept for this question, not decoded; None where there is none that is whole."""
        try:
            head, _, raw = gzip.decompress(self._file(path, params).read_bytes()).partition(b"\n")
            told = json.loads(head)
            return Answer(path=told["path"], status=200, headers=told["headers"], raw=raw, received_at=int(told["received_at"]))
        except (OSError, EOFError, ValueError, KeyError, TypeError):  # none, or torn by hand: ask the vendor
            return None

    def keep(self, path: str, params: Params | None, answer: Answer) -> None:
        """Write an answer, whole or not at all. Raises ``StoreError``."""
        whole = self._file(path, params)
        headers = {name: answer.headers[name] for name in _HEADERS if name in answer.headers}
        head = json.dumps({"path": answer.path, "received_at": answer.received_at, "headers": headers})
        part = whole.with_name(f"{whole.name}.{os.getpid()}.part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(gzip.compress(head.encode() + b"\n" + answer.raw, 1, mtime=0))
                file.flush()
                os.fsync(file.fileno())
            part.replace(whole)
        except OSError as error:
            raise StoreError(f"Cannot keep the page {whole} ({error.strerror}); nothing of it was used.") from error

    def clear(self) -> None:
        """Forget every answer: one of them cannot be used, and the next question begins anew."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def name(path: str, params: Params | None) -> str:
        """What the file of a question's answer is called, in whatever folder and however the question is written."""
        bare, _, query = path.partition("?")
        pairs = sorted(parse_qsl(query, keep_blank_values=True) + _pairs(params or {}))
        return hashlib.sha256(f"{bare}?{urlencode(pairs)}".encode()).hexdigest()[:32] + ".gz"

    def _file(self, path: str, params: Params | None) -> Path:
        return self.folder / self.name(path, params)


def _pairs(params: Mapping[str, object]) -> list[tuple[str, str]]:
    return [
        (name, str(value))
        for name, values in params.items()
        for value in (values if isinstance(values, Sequence) and not isinstance(values, str) else [values])
    ]
