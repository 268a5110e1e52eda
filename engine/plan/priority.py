"""Lower the priority of worker threads below that of the thread that draws the window.

With a computation on every core, the window's thread would otherwise wait for a core each time it
wakes up.
"""

from __future__ import annotations

import os
import sys
import threading

NICE = 10  # of 19: a tenth of an ordinary thread's CPU share while the two compete
BELOW_NORMAL = -1  # THREAD_PRIORITY_BELOW_NORMAL of Windows


def give_way() -> None:
    """Lower the priority of the calling thread.

    Does nothing on systems other than Linux and Windows: they offer no way to set the priority of a
    single thread without another library.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
    elif sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.GetCurrentThread.restype = ctypes.c_void_p
        kernel.SetThreadPriority(ctypes.c_void_p(kernel.GetCurrentThread()), BELOW_NORMAL)
