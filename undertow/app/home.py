"""Where data, models and runs live."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """``UNDERTOW_HOME``, or the platform's user data folder."""
    given = os.environ.get("UNDERTOW_HOME", "").strip()
    return Path(given).expanduser() if given else Path(platformdirs.user_data_dir("undertow", appauthor=False))
