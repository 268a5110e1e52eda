"""Locks on files that the system releases when a process ends, however it ends."""

from __future__ import annotations

import os
import sys

_LOCKED_BYTE = 1 << 40  # beyond the content: under Windows a locked byte cannot be read


def lock(descriptor: int) -> bool | None:
    """Lock a file for as long as it is open.

    Returns
    -------
    False if another process has locked it, None on a network drive that has no locks.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return None
    return True
