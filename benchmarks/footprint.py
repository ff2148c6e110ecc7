"""What the engine costs beside time: its import, its first call on a warm cache, and the memory of W3, each in a process of its own."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.inputs import SWEEP_BARS, Inputs

IMPORT_SECONDS, OF_NUMBA, SWEEP_MEGABYTES, ROUNDS = 0.5, 1.5, 200.0, 5
COLUMNS = ("open", "close", "volume", "start")

IMPORT = """
import time
begin = time.process_time()
import numba
first = time.process_time()
import undertow.execution.fold, undertow.execution.panel, undertow.execution.events.sleeve
print(time.process_time() - begin, first - begin)
"""

CALL = """
import time
import numpy as np
from benchmarks.events import Ticks, compiled, EventSleeve, plain
sleeve = EventSleeve(1e6, plain(1.0, 1.0), compiled)
begin = time.process_time()
sleeve.push(Ticks(np.arange(10), np.ones(10), np.ones(10)))
print(time.process_time() - begin, sum(compiled.fold.stats.cache_misses.values()))
"""

SWEEP = """
import sys
from pathlib import Path
import numpy as np
from undertow.core.orders import Costs
from undertow.execution.fold import Sweep
from undertow.execution.tables import bars_of
load = lambda name: np.load(f"{sys.argv[1]}/{name}.npy")
bars, signals = bars_of(load("open"), load("close"), load("volume"), load("start")), load("signals")
peak = lambda: next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
before = peak()
variants = Sweep(signals.shape[1], 1e6, Costs(), size=100.0)
variants.push(bars, signals)
summaries = variants.summaries()
print(peak() * 1024, before * 1024)
"""


def said(script: str, *arguments: str) -> list[float]:
    """The numbers that a Python process of its own prints."""
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


def imports() -> bool:
    """Processor seconds to import the engine: the folds of bars, panels and events; on a busy machine numba alone may take as long."""
    runs = [said(IMPORT) for _ in range(ROUNDS)]
    took, ratio = statistics.median(run[0] for run in runs), statistics.median(run[0] / run[1] for run in runs)
    met = took < IMPORT_SECONDS or ratio < OF_NUMBA
    bound = f"bound {IMPORT_SECONDS} s or {OF_NUMBA} of numba alone: {'reached' if met else 'MISSED'}"
    print(f"{'importing the engine, processor time':<46} {took:>7.2f} s   {bound} ({ratio:.2f})", flush=True)
    return met


def first_call() -> bool:
    """Processor seconds of the first push through a compiled strategy whose code is on disk, and that nothing was compiled for it."""
    said(CALL)
    runs = [said(CALL) for _ in range(ROUNDS)]
    took, misses = statistics.median(run[0] for run in runs), max(run[1] for run in runs)
    print(f"{'first call of a compiled strategy, warm cache':<46} {took:>7.2f} s   functions compiled: {misses:.0f}", flush=True)
    return misses == 0


def sweep_memory(data: Inputs) -> bool:
    """Peak memory of a process that runs W3, its inputs included, as Linux counts it; what the parent held is not in it."""
    with tempfile.TemporaryDirectory() as folder:
        for name in COLUMNS:
            np.save(Path(folder) / f"{name}.npy", getattr(data, name)[:SWEEP_BARS])
        np.save(Path(folder) / "signals.npy", data.signals)
        said(SWEEP, folder)
        peak, before = said(SWEEP, folder)
    met = peak / 1e6 < SWEEP_MEGABYTES
    bound = f"bound {SWEEP_MEGABYTES:.0f} MB: {'reached' if met else 'MISSED'} ({before / 1e6:.0f} MB before the sweep)"
    print(f"{'peak memory of a process running W3':<46} {peak / 1e6:>7.0f} MB  {bound}", flush=True)
    return met
