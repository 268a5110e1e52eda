"""PyInstaller runtime hook: prepares the packaged app before its own code runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from platformdirs import user_cache_path, user_log_path


def _keep_fonts() -> None:
    """Let matplotlib keep its list of fonts in the program's cache folder."""
    chosen = os.environ.get("ISTHMUS_CONFIG")
    cache = Path(chosen) / "cache" if chosen else user_cache_path("isthmus", appauthor=False)
    os.environ.setdefault("MPLCONFIGDIR", str(cache / "matplotlib"))


def _restore_library_path() -> None:
    """Let programs that are started from here, such as a browser, load their own libraries."""
    if not sys.platform.startswith("linux"):
        return
    original = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    if original is not None:
        os.environ["LD_LIBRARY_PATH"] = original
    else:
        os.environ.pop("LD_LIBRARY_PATH", None)


def _replace_streams() -> None:
    """Write console output to a file if there is no console, as in a Windows program."""
    missing = [name for name in ("stdout", "stderr") if getattr(sys, name) is None]
    if not missing:
        return
    chosen = os.environ.get("ISTHMUS_CONFIG")
    folder = Path(chosen) / "log" if chosen else user_log_path("isthmus", appauthor=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = open(folder / "console.log", "w", encoding="utf-8", buffering=1)  # noqa: SIM115
    except OSError:
        stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for name in missing:
        setattr(sys, name, stream)


_keep_fonts()
_restore_library_path()
_replace_streams()
