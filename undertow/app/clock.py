"""The wall clock: the one place that asks the machine what time it is."""

from __future__ import annotations

import time

from undertow.core.time import Instant


def now() -> Instant:
    """The present, ns UTC."""
    return time.time_ns()
