"""Where alerts are sent: addresses in apprise's form, each of which is a secret."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from undertow.app.alerts.desk import THREAD, Send
from undertow.core.errors import BadInput, StoreError

VARIABLE = "UNDERTOW_ALERT_URLS"
FILE = "alerts.urls"  #: below the home, an address a line
_LOUD = ("apprise", "urllib3", "urllib3.connectionpool", "requests", "requests_oauthlib", "charset_normalizer")


class Addresses:
    """Addresses that cannot be shown; ``len`` is all that one may see of them."""

    __slots__ = ("_urls",)

    def __init__(self, urls: tuple[str, ...]) -> None:
        self._urls = urls

    def __len__(self) -> int:
        return len(self._urls)

    def __repr__(self) -> str:
        return f"Addresses({len(self)})"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("addresses are not written down")

    def sender(self) -> Send:
        """What sends to all of them. Raises ``BadInput``, naming the place of an address that is none and never the address."""
        import apprise

        _hush()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what its many services load; an error there would be taken for a wrong address
            messengers = [_messenger(apprise, url) for url in self._urls]
        wrong = [str(place) for place, each in enumerate(messengers, 1) if each is None]
        if wrong:
            raise BadInput(f"of {len(self)} addresses for alerts number {', '.join(wrong)} is none that apprise knows")
        # one after the other, in the thread that calls: apprise itself would start others, whose logs nobody hushes
        return lambda title, text: _notified(messengers, title, text)


def addresses(home: Path, environment: Mapping[str, str] | None = None) -> Addresses:
    """From ``UNDERTOW_ALERT_URLS``, separated by spaces or lines, else from ``alerts.urls`` below the home; none is none."""
    told = (os.environ if environment is None else environment).get(VARIABLE, "")
    if not told.strip():
        try:
            told = (home / FILE).read_text("utf-8")
        except FileNotFoundError:
            told = ""
        except (OSError, ValueError) as error:
            raise StoreError(f"{home / FILE} could not be read ({type(error).__name__})") from None
    lines = (line for line in told.splitlines() if not line.lstrip().startswith("#"))
    return Addresses(tuple(url for line in lines for url in line.split()))


def _notified(messengers: list[Any], title: str, text: str) -> bool:
    got = [bool(each.notify(title=title, body=text)) for each in messengers]  # all of them, also after one that fails
    return bool(got) and all(got)


def _messenger(apprise: Any, url: str) -> Any:
    try:
        return apprise.Apprise.instantiate(url, suppress_exceptions=True)
    except Exception:  # noqa: BLE001 - whatever it says may hold the address
        return None


class _Silence(logging.Filter):
    """Nothing that is logged while alerts are sent: addresses are in it."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.threadName != THREAD and not record.name.startswith("apprise")


def _hush() -> None:
    silence: Any = _Silence("undertow")
    for name in _LOUD:
        logger = logging.getLogger(name)
        if not any(isinstance(each, _Silence) for each in logger.filters):
            logger.addFilter(silence)
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("apprise"):
            logging.getLogger(name).addFilter(silence)
