"""Checks, before any Qt library is loaded, whether a window can be opened on this system.

Qt itself would abort the process with a page of text; this module returns one sentence.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

COMMAND = Path(sys.executable).name if getattr(sys, "frozen", False) else "python main.py"
HEADLESS = f"the same work runs without a window: {COMMAND} run PLAN --study DIR"
# Shared library -> Debian and Ubuntu package: first for QtGui, then for its platform plugins.
GUI_LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libX11.so.6": "libx11-6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libdbus-1.so.3": "libdbus-1-3",
}
X11_LIBRARIES = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxcb.so.1": "libxcb1",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
WAYLAND_LIBRARIES = {
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
}


def refusal() -> str:
    """Return one sentence on why no window can be opened here, or an empty text."""
    try:
        import PySide6
    except ImportError:
        return f"the window needs PySide6, which is not installed; {HEADLESS}"
    if problem := unfit_pair(PySide6.__version__, sys.version_info[:2]):
        return problem
    if not sys.platform.startswith("linux"):
        return ""
    return unfit_system(os.environ, missing_packages)


def unfit_pair(pyside: str, python: tuple[int, ...]) -> str:
    """Refuse PySide6 6.12.0 below Python 3.12: it corrupts the reference count of None there."""
    if pyside.startswith("6.12.0") and python < (3, 12):
        version = ".".join(map(str, python))
        return (
            f"PySide6 is {pyside} with Python {version}, a pair that aborts after some minutes; "
            "it must be PySide6 6.11, or Python 3.12 or newer"
        )
    return ""


def unfit_system(
    environ: Mapping[str, str], missing: Callable[[Mapping[str, str]], list[str]]
) -> str:
    """Say which display or which system packages a Linux system lacks.

    Parameters
    ----------
    environ
        The environment variables.
    missing
        Takes a mapping library -> package; returns the packages that are not installed.
    """
    chosen = environ.get("QT_QPA_PLATFORM", "")
    x11, wayland = environ.get("DISPLAY"), environ.get("WAYLAND_DISPLAY")
    if not (chosen or x11 or wayland):
        return f"there is no display: DISPLAY and WAYLAND_DISPLAY are not set; {HEADLESS}"
    packages = missing(GUI_LIBRARIES)
    plugins = []
    if x11 and chosen in ("", "xcb"):
        plugins.append(missing(X11_LIBRARIES))
    if wayland and chosen in ("", "wayland"):
        plugins.append(missing(WAYLAND_LIBRARIES))
    if plugins and all(plugins):
        packages += plugins[0]
    if not packages:
        return ""
    return f"the window needs system libraries: sudo apt install {' '.join(packages)}"


def missing_packages(libraries: Mapping[str, str]) -> list[str]:
    """Return the packages of those libraries that cannot be loaded."""
    return [package for library, package in libraries.items() if not _loads(library)]


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
