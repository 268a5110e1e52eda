"""Settings kept between runs of the program: recent studies, window geometry, colours.

They are stored in ``isthmus.ini`` in the user's configuration folder, or in the folder named by
the environment variable ISTHMUS_CONFIG.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from platformdirs import user_cache_path, user_config_path
from PySide6.QtCore import QByteArray, QSettings, QStandardPaths

from engine import memory
from engine.devices.found import NAMES
from gui.look.theme import MODES, ThemeMode

RECENT_LIMIT = 10
CORES = tuple(range(1, 17))
IMAGE_PERCENTS = (10, 25, 50, 75)
SCALES = (100, 110, 125, 150, 175, 200)
COLORMAP = "blue_white_red"
# Keys that the settings dialog resets; the window geometry and recent studies are kept.
EPS_UNITS = ("255", "unit")
PREFERENCES = (
    "theme",
    "scale",
    "device",
    "jobs",
    "threads",
    "workers",
    "studies_folder",
    "colormap",
    "eps_unit",
    "image_percent",
    "notify",
    "tour_offered",
)


# Settings of forms, by their names here, that are yet to be written.
_unwritten: dict[str, str] = {}


def _store() -> QSettings:
    folder = os.environ.get("ISTHMUS_CONFIG") or user_config_path("isthmus", appauthor=False)
    return QSettings(str(Path(folder) / "isthmus.ini"), QSettings.Format.IniFormat)


def cache_folder() -> Path:
    """Return the folder for cached data, which can be recreated at any time."""
    chosen = os.environ.get("ISTHMUS_CONFIG")
    return Path(chosen) / "cache" if chosen else user_cache_path("isthmus", appauthor=False)


def recent_studies() -> list[Path]:
    """Return the recently opened studies, newest first; some may no longer exist."""
    found = _store().value("studies/recent", [])
    names = found if isinstance(found, list) else [found] if found else []
    return [Path(str(name)) for name in names]


def add_recent(path: Path) -> None:
    """Put a study first among the recent ones."""
    path = path.resolve()
    others = [known for known in recent_studies() if known != path]
    _write_recent([path, *others][:RECENT_LIMIT])


def remove_recent(path: Path) -> None:
    """Remove a study from the recent ones; the study itself is not changed."""
    _write_recent([known for known in recent_studies() if known != path])


def _write_recent(paths: list[Path]) -> None:
    _store().setValue("studies/recent", [str(path) for path in paths])


def theme_mode() -> ThemeMode:
    """Return the colours the user chose: "system", "light" or "dark"."""
    found = str(_store().value("window/theme", "system"))
    return next((mode for mode in MODES if mode == found), "system")


def set_theme_mode(mode: ThemeMode) -> None:
    """Remember the colours the user chose."""
    _store().setValue("window/theme", mode)


def last_folder() -> str:
    """Return the folder that a file dialog showed last, or an empty text."""
    return str(_store().value("window/folder", "") or "")


def set_last_folder(folder: Path) -> None:
    """Remember the folder that a file dialog showed."""
    _store().setValue("window/folder", str(folder))


def figure_folder(study: str) -> str:
    """Return the folder that a study's figures went to last, or an empty text."""
    return str(_store().value(_figures_of(study), "") or "")


def set_figure_folder(study: str, folder: Path) -> None:
    """Remember where a study's figures go; ``study`` is its path, or "" for none."""
    _store().setValue(_figures_of(study), str(folder))


def _figures_of(study: str) -> str:
    return f"figures/{hashlib.sha256(study.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def window_state(name: str) -> QByteArray:
    """Return what :func:`set_window_state` stored under this name, or nothing."""
    found = _store().value(f"window/{name}")
    return found if isinstance(found, QByteArray) else QByteArray()


def set_window_state(name: str, state: QByteArray) -> None:
    """Remember the geometry of a window or the sizes of a splitter."""
    _store().setValue(f"window/{name}", state)


def flag(name: str, default: bool) -> bool:
    """Return a boolean that :func:`set_flag` stored."""
    found = _store().value(f"window/{name}")
    return default if found is None else str(found).lower() == "true"


def set_flag(name: str, value: bool) -> None:
    """Store a boolean."""
    _store().setValue(f"window/{name}", value)


def text(name: str, default: str = "") -> str:
    """Return a text that :func:`set_text` stored."""
    return str(_store().value(f"window/{name}", default) or default)


def set_text(name: str, value: str) -> None:
    """Remember a text."""
    _store().setValue(f"window/{name}", value)


def form_state(study: Path, form: str) -> str:
    """Return the settings that a form had in a study, or ""."""
    name = _form(study, form)
    return _unwritten[name] if name in _unwritten else text(name)


def set_form_state(
    study: Path,
    form: str,
    state: str,
    aside: Callable[[Callable[[], None]], object] = lambda write: write(),
) -> None:
    """Remember the settings of a form in a study.

    Parameters
    ----------
    aside
        Is given what writes them. Qt has the disk confirm that, for which it waits half a second
        while another program, or the shelf of images, writes gigabytes.
    """
    name = _form(study, form)
    _unwritten[name] = state

    def write() -> None:
        set_text(name, state)
        if _unwritten.get(name) is state:
            del _unwritten[name]

    aside(write)


def _form(study: Path, form: str) -> str:
    return f"forms/{_mark(study)}/{form}"


@lru_cache(maxsize=64)  # a drive that does not answer later is not asked again
def _mark(path: Path) -> str:
    return hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:20]


def device() -> str:
    """Return the device for computations, of engine.devices.found.NAMES."""
    found = text("device", "auto")
    return found if found in NAMES else "auto"


def cores(name: str) -> int | None:
    """Return "jobs", computations side by side, or "threads", of each; None: as found."""
    found = number(name, 0)
    return found if found in CORES else None


def workers() -> str:
    """Return who computes: "" for the window, a number of processes, or a scheduler's address."""
    return text("workers")


def scale() -> int:
    """Return the scale of the user interface in percent; a change applies at the next start."""
    found = number("scale", 100)
    return found if found in SCALES else 100


def colormap() -> str:
    """Return the name of the initial colour map; it may be one that no longer exists."""
    return text("colormap", COLORMAP)


def eps_unit() -> str:
    """Return the unit to enter L-inf radii in: "255" ths, or the "unit" [0, 1]; both are shown."""
    found = text("eps_unit", "255")
    return found if found in EPS_UNITS else "255"


def image_percent() -> int:
    """Return the share of memory, in percent, that a set of images may take."""
    found = number("image_percent", memory.DEFAULT_PERCENT)
    return found if found in IMAGE_PERCENTS else memory.DEFAULT_PERCENT


def studies_folder() -> Path | None:
    """Return the folder the user chose for new studies, or None for the usual one."""
    found = text("studies_folder")
    return Path(found) if found else None


def documents() -> Path:
    """Return the folder in which new studies are created."""
    chosen = studies_folder()
    if chosen is not None:
        return chosen
    place = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    return Path(place or Path.home()) / "Isthmus"


def own_methods() -> dict[Path, str]:
    """Return the files with methods that the user allowed to run, each with its SHA-256."""
    found = _store().value("plugins/allowed", [])
    lines = found if isinstance(found, list) else [found] if found else []
    pairs = (str(line).partition(" ") for line in lines)
    return {Path(path): digest for digest, _, path in pairs if path}


def set_own_methods(allowed: Mapping[Path, str]) -> None:
    """Remember which files with methods the user allowed to run, in which content."""
    lines = [f"{digest} {path}" for path, digest in allowed.items()]
    _store().setValue("plugins/allowed", lines)


def reset_preferences() -> None:
    """Reset what the settings dialog sets; keep recent studies and the window geometry."""
    store = _store()
    for name in PREFERENCES:
        store.remove(f"window/{name}")


def number(name: str, default: int) -> int:
    """Return a whole number that :func:`set_number` stored."""
    found = str(_store().value(f"window/{name}", default))
    return int(found) if found.isdecimal() else default


def set_number(name: str, value: int) -> None:
    """Remember a whole number."""
    _store().setValue(f"window/{name}", value)
