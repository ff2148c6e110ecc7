"""Measurements on this machine: the product against the bare compiled floor of each workload, in one process and one run."""

import os

# One thread each, said here because it must be said before numpy is loaded.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
