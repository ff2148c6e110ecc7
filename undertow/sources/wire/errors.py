"""What a vendor can answer instead of data.

WireError (UndertowError)
├── Unauthorised    the key is wrong or was not given
├── NotEntitled     the key is right and the plan does not include this; ``earliest`` where the vendor told it
├── NotFound        no such ticker, contract or path
├── BadRequest      the vendor refused a parameter: a fault of ours
├── RateLimited     too many requests, still after waiting as told
├── VendorDown      no connection, a timeout or 5xx, still after retries
├── BadAnswer       the answer is broken, cut short, no JSON or lacks what it must hold
└── DeadlinePassed  the time allowed for this request is over
"""

from __future__ import annotations

from undertow.core.errors import UndertowError


class WireError(UndertowError):
    """A vendor did not give what was asked. ``status`` is the HTTP status (0 where there was none), ``path`` what was asked."""

    retryable = False

    def __init__(self, message: str, *, path: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.path = path
        self.status = status


class Unauthorised(WireError):
    """The key is wrong, expired or was not given."""

    exit_code = 2


class NotEntitled(WireError):
    """The plan does not include this data. ``earliest`` is the first day it does include, YYYY-MM-DD, or empty if not told."""

    exit_code = 2

    def __init__(self, message: str, *, path: str = "", status: int = 0, earliest: str = "") -> None:
        super().__init__(message, path=path, status=status)
        self.earliest = earliest


class NotFound(WireError):
    """There is no such ticker, contract or path."""


class BadRequest(WireError):
    """The vendor refused a parameter; asking again would change nothing."""


class RateLimited(WireError):
    """Too many requests. ``retry_after`` is in ns, 0 where the vendor did not say."""

    retryable = True

    def __init__(self, message: str, *, path: str = "", status: int = 429, retry_after: int = 0) -> None:
        super().__init__(message, path=path, status=status)
        self.retry_after = retry_after


class VendorDown(WireError):
    """No connection, a timeout or a server's error. ``retry_after`` is in ns, 0 where the vendor did not say."""

    retryable = True

    def __init__(self, message: str, *, path: str = "", status: int = 0, retry_after: int = 0) -> None:
        super().__init__(message, path=path, status=status)
        self.retry_after = retry_after


class BadAnswer(WireError):
    """The answer is broken, cut short, no JSON, or lacks what it must hold. Never to be read as "nothing happened"."""


class DeadlinePassed(WireError):
    """The time allowed for the request is over; the last fault is the cause."""
