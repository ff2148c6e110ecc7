"""What the loop did, a JSON line each, in a file of the run's folder that is turned over as it grows; keys never reach it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, MutableMapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from undertow.core.errors import StoreError
from undertow.core.time import Instant, iso
from undertow.sources.wire.key import Key

NAME = "log.jsonl"
MOST_BYTES, KEPT = 10_000_000, 5  #: of one file, and how many older ones stay
Event = MutableMapping[str, Any]


class Log:
    """Lines of one run: ``log.info("order sent", order=…)``; a disk that refuses is counted in ``lost`` and hurts nobody. ``close`` it."""

    def __init__(self, folder: Path, keys: Iterable[Key], now: Callable[[], Instant], most_bytes: int = MOST_BYTES) -> None:
        """Raises ``StoreError`` where the file cannot be made."""
        import structlog

        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = _Quiet(folder / NAME, maxBytes=most_bytes, backupCount=KEPT, encoding="utf-8")
        except OSError as error:
            raise StoreError(f"{folder / NAME} could not be written ({error.strerror})") from error
        logger = logging.Logger("undertow.run")  # noqa: LOG001 - the run's own, which no other configuration reaches
        logger.addHandler(self._file)
        hidden = tuple(keys)

        def scrubbed(_: Any, __: str, line: Any) -> str:
            text = line.decode() if isinstance(line, bytes) else line
            for key in hidden:
                text = key.scrub(text)
            return text

        def stamped(_: Any, level: str, event: Event) -> Event:
            return {"at": iso(now()), "level": level, **event}

        self._log = structlog.wrap_logger(
            logger,
            processors=[stamped, structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str), scrubbed],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        )

    @property
    def lost(self) -> int:
        """Lines that the disk refused."""
        return self._file.lost

    def info(self, event: str, **more: object) -> None:
        """Something happened as it should."""
        self._log.info(event, **more)

    def warning(self, event: str, **more: object) -> None:
        """Something that a person should see one day."""
        self._log.warning(event, **more)

    def error(self, event: str, **more: object) -> None:
        """Something broke; within an ``except`` its traceback comes along by ``exc_info=True``."""
        self._log.error(event, **more)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class _Quiet(RotatingFileHandler):
    lost = 0

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Count a line that could not be written; the terminal is for other things."""
        self.lost += 1
