"""The C library's memory: kept between steps, given back between runs.

glibc gives the memory of large freed blocks back to the system and obtains it anew, page by page.
A training frees its activations at every step; on the paper's CIFAR-10 network, batch 100, that
costs up to 20,000 page faults a step. Elsewhere than under glibc nothing here does anything.
"""

from __future__ import annotations

import ctypes
import platform
from functools import cache
from typing import Any

# Names of glibc's malloc.h, which ctypes does not know.
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8

# Whole data sets stay out of the pool: their memory is returned as soon as they are freed.
LARGEST_KEPT = 64 * 2**20
# What glibc accepts where it limits that to half of an arena.
LARGEST_ACCEPTED = 32 * 2**20
NEVER = 2**31 - 1


@cache
def _glibc() -> Any:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


@cache
def keep_freed_memory() -> None:
    """Let the process keep the memory of freed activations, from now on, for all threads alike.

    Threads share one pool: of their own they would get arenas of 64 MB, which one batch overflows,
    and what one thread keeps another could not use.
    """
    library = _glibc()
    if library is None:
        return
    library.mallopt(M_TRIM_THRESHOLD, NEVER)
    if not library.mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT):
        library.mallopt(M_MMAP_THRESHOLD, LARGEST_ACCEPTED)
    library.mallopt(M_ARENA_MAX, 1)


def give_back_memory() -> None:
    """Return to the system what is kept and not in use; called when nothing is left to compute."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)
