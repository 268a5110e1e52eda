"""Refuse to begin in an address space in which a library would hang or end the process.

OpenBLAS, which NumPy and SciPy load, reserves memory for each of its threads when it is loaded.
Where the limit (``ulimit -v``) has no room for that, one of its versions prints words of its own
and ends the process, and another one tries for ever.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

# Measured with NumPy 2.4, SciPy 1.17 and h5py 3.16: 215 MB with one thread, 84 MB for each more.
# A figure is drawn from 400 MB on with one thread, from 500 MB on with two.
_LEAST = 400
_EACH = 100
_MOST_THREADS = 64  # of OpenBLAS as it is built for these
_NAMED_BY = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS")


def too_small(limit: int | None = None, environment: Mapping[str, str] = os.environ) -> str:
    """Return one sentence if the process may not use enough address space to begin, else "".

    Parameters
    ----------
    limit
        In bytes; None takes that of the process.
    environment
        Read for the number of threads of OpenBLAS.
    """
    limit = _limit() if limit is None else limit
    least = _LEAST + _EACH * _threads(environment)
    if limit >= least << 20:
        return ""
    return (
        f"the address space is limited to {limit >> 20} MB (ulimit -v), must be at least {least} MB"
    )


def _limit() -> int:
    if sys.platform == "win32":
        return sys.maxsize
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def _threads(environment: Mapping[str, str]) -> int:
    """Return how many threads OpenBLAS reserves memory for."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    for name in _NAMED_BY:
        text = environment.get(name, "").strip()
        if text.isdecimal() and len(text) < 10 and int(text) > 0:
            cores = min(cores, int(text))
            break
    return min(cores, _MOST_THREADS)
