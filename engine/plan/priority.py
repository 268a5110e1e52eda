"""Threads that compute in the background, and give way to the one that draws the window.

With a computation on every core the window's thread would wait for a turn whenever it wakes up.
"""

from __future__ import annotations

import os
import sys
import threading

NICE = 10  # of 19: a tenth of the share of an ordinary thread, where there is one that wants it
BELOW_NORMAL = -1  # THREAD_PRIORITY_BELOW_NORMAL of Windows


def give_way() -> None:
    """Let the threads of ordinary priority go first, from now on; done by the thread itself.

    Elsewhere than on Linux and Windows, where a thread cannot be told apart from its process
    without a library, nothing is changed.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
    elif sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.GetCurrentThread.restype = ctypes.c_void_p
        kernel.SetThreadPriority(ctypes.c_void_p(kernel.GetCurrentThread()), BELOW_NORMAL)
