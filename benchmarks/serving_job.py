"""`python -m benchmarks.serving_job MODE HOME`: the main job in this process, sampled while it runs; prints one line of JSON.

A sampler looks at every thread's stack a hundred times a second. A sample counts as training where some thread is inside a training
library below ``undertow.models.training``; all others by what the main thread is at.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.pop(_name, None)  # said by the package; here a user's own run is measured

LIBRARIES = ("xgboost", "sklearn", "keras", "tensorflow", "jax", "torch")
END = "2024-06-28"  #: of the job's thirty days
PERIOD = 0.01
FAST = 1e9  #: nothing is waited for


class Sampler(threading.Thread):
    """Counts what threads are at until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.where: Counter[str] = Counter()
        self._main = threading.main_thread().ident
        self._stop_now = threading.Event()

    def run(self) -> None:
        """Sample until stopped."""
        while not self._stop_now.wait(PERIOD):
            frames = {ident: frame for ident, frame in sys._current_frames().items() if ident != self.ident}
            self.where["training" if any(map(_trains, frames.values())) else _at(frames.get(self._main or 0))] += 1

    def stop(self) -> dict[str, float]:
        """Share of the samples by place."""
        self._stop_now.set()
        self.join()
        total = max(sum(self.where.values()), 1)
        return {name: count / total for name, count in self.where.items()}


def _files(frame: FrameType | None) -> list[str]:
    files = []
    while frame is not None:
        files.append(frame.f_code.co_filename)
        frame = frame.f_back
    return files


def _trains(frame: FrameType) -> bool:
    files = _files(frame)
    at = next((i for i, name in enumerate(files) if name.endswith("undertow/models/training.py")), None)
    return at is not None and any(f"site-packages/{library}/" in name for name in files[:at] for library in LIBRARIES)


def _at(frame: FrameType | None) -> str:
    files = _files(frame)
    if any("/numba/" in name for name in files):
        return "numba (compiling, loading)"
    own = next((name.split("/undertow/")[-1] for name in files if "/undertow/" in name), "python")
    return "/".join(own.split("/")[:2])


def main(arguments: Sequence[str]) -> int:
    """Run ``backtest``, the same ``again`` or ``trading`` with its home in a folder."""
    mode, home = arguments
    begin = time.perf_counter()
    sampler = Sampler()
    sampler.start()
    from undertow.app import modes
    from undertow.app.job import Flags, check
    from undertow.app.trading.mode import trading
    from undertow.core.calendar import nyse
    from undertow.features.engineering import FeatureEngineering
    from undertow.models.framework import ModelIntegrationFramework

    calendar = nyse()
    now = int(calendar.midnight[calendar.session_on_or_before(_day(END))]) + 23 * 3600 * 10**9
    played = Flags(mode="trading" if mode == "trading" else "backtest", end_date=END, source="simulated", networks=True, speed=FAST)
    job = check(played, calendar, now)
    framework, features = _clocked(ModelIntegrationFramework), _clocked(FeatureEngineering)

    def silent(what: str, done: int, of: int) -> None:
        pass

    def silent_step(session: Any, step: Any) -> None:
        pass

    if mode == "trading":
        result = trading(job, Path(home), calendar, silent, silent_step)
    else:
        result = modes.backtest(job, Path(home), calendar, silent)
    where = sampler.stop()
    pairs = [(f, m) for (n, f), (ones, m) in zip(features, framework, strict=True) if n == ones == 1]
    told = {
        "seconds": time.perf_counter() - begin,
        "training": where.pop("training", 0.0),
        "where": where,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "models": list(result.stages[-1].models) if result.stages else [],
        "models_ms": [m * 1e3 for _, m in pairs[1:]],
        "both_ms": [(f + m) * 1e3 for f, m in pairs[1:]],
    }
    print(json.dumps(told))
    return 0


def _day(text: str) -> Any:
    import numpy as np

    return np.datetime64(text)


def _clocked(kind: Any) -> list[tuple[int, float]]:
    """(ticks, processor seconds) of each push of a class from now on."""
    took: list[tuple[int, float]] = []
    push = kind.push

    def clocked(self: Any, first: Any, second: Any, *rest: Any) -> Any:
        ticks = first if rest else second
        begin = time.process_time()
        out = push(self, first, second, *rest)
        took.append((len(ticks), time.process_time() - begin))
        return out

    kind.push = clocked
    return took


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
