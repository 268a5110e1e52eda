"""Loading compiled libraries without Python's lock, so that the window goes on meanwhile.

Python holds its lock while the system reads and links a library, for torch's half a second, in
which no other thread of Python runs: the window neither draws nor answers.
"""

from __future__ import annotations

import ctypes
import sys
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from types import ModuleType

# Only packages that were tried: a library whose own constructors call Python would need the lock.
PACKAGES = frozenset({"torch", "numpy", "scipy", "PIL", "h5py"})
NOW = 2  # RTLD_NOW of Linux


class _FreeLoader:
    """Links a library, through a call that gives Python's lock away, before Python loads it."""

    def __init__(self) -> None:
        program = ctypes.CDLL(None)
        self._link = program.dlopen
        self._link.restype = ctypes.c_void_p
        self._link.argtypes = [ctypes.c_char_p, ctypes.c_int]
        self._create = ExtensionFileLoader.create_module
        self._open = ctypes.CDLL.__init__

    def install(self) -> None:
        """Take the place of the two ways in which Python loads a library."""
        link, create, open_library = self._link, self._create, self._open

        def create_module(loader: ExtensionFileLoader, spec: ModuleSpec) -> ModuleType:
            if spec.origin and spec.name.partition(".")[0] in PACKAGES:
                # What cannot be linked is loaded by Python again, which then says why.
                link(spec.origin.encode(), sys.getdlopenflags() | NOW)
            return create(loader, spec)

        def open_one(self: ctypes.CDLL, name: str | None, mode: int = 0, *rest: object) -> None:
            if isinstance(name, str) and _is_of_torch(name):
                link(name.encode(), mode | NOW)
            open_library(self, name, mode, *rest)  # type: ignore[arg-type]

        ExtensionFileLoader.create_module = create_module  # type: ignore[method-assign,assignment]
        ctypes.CDLL.__init__ = open_one  # type: ignore[method-assign,assignment]


def _is_of_torch(path: str) -> bool:
    """Whether a library lies beside torch's, among which are those of CUDA."""
    return "/torch/lib/" in path or "/nvidia/" in path


_installed: list[_FreeLoader] = []


def load_without_lock() -> None:
    """Make Python load the libraries of the engine without its lock, from now on.

    On Linux only: the loaders of other systems were not tried.
    """
    if sys.platform == "linux" and not _installed:
        _installed.append(_FreeLoader())
        _installed[0].install()
