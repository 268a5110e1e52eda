"""The window's file dialogs. They all start in the folder that was used last."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from engine.store.study import SUFFIX
from gui.look import settings
from gui.session.dropping import PACKED, WEIGHTS
from gui.session.files.packed import save_copy
from gui.session.importer import Importer
from gui.session.state import State
from gui.widgets.save_file import ask_save

IMAGE_FILES = (
    "*.png *.jpg *.jpeg *.bmp *.gif *.tif *.tiff *.webp *.avif *.heic *.heif *.ppm *.pgm "
    "*.zip *.tar *.tar.gz *.tgz *.tar.bz2 *.tar.xz"
)


def _start(folder: Path | None = None) -> str:
    return settings.last_folder() or str(folder or Path.home())


def _kept(path: Path) -> Path:
    settings.set_last_folder(path.parent)
    return path


def ask_study(parent: QWidget) -> Path | None:
    """Let the user choose the folder of a study; return None if they cancel."""
    chosen = QFileDialog.getExistingDirectory(parent, "Open study", _start(settings.documents()))
    return _kept(Path(chosen)) if chosen else None


def ask_new_study(parent: QWidget) -> Path | None:
    """Let the user name a new study; return None if they cancel."""
    start = str(Path(_start(settings.documents())) / f"study{SUFFIX}")
    chosen, _ = QFileDialog.getSaveFileName(parent, "New study", start, f"*{SUFFIX}")
    if not chosen:
        return None
    path = Path(chosen)
    return _kept(path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX))


def ask_copy(parent: QWidget, name: str) -> Path | None:
    """Let the user name the file to copy a study into; return None if they cancel."""
    start = str(Path(_start(settings.documents())) / f"{name}.h5")
    path = ask_save(parent, "Save a copy as one file", start, "*.h5", PACKED)
    return None if path is None else _kept(path)


def ask_image_folder(parent: QWidget) -> Path | None:
    """Let the user choose a folder of images; return None if they cancel."""
    chosen = QFileDialog.getExistingDirectory(parent, "Open image folder", _start())
    return _kept(Path(chosen)) if chosen else None


def ask_image_files(parent: QWidget) -> list[Path]:
    """Let the user choose image files or archives of them."""
    kinds = f"{'Images and archives'} ({IMAGE_FILES});;{'All files'} (*)"
    chosen, _ = QFileDialog.getOpenFileNames(parent, "Open images", _start(), kinds)
    paths = [Path(name) for name in chosen]
    if paths:
        _kept(paths[0])
    return paths


def new_study(parent: QWidget, importer: Importer) -> None:
    """Let the user name a new study, and open it."""
    path = ask_new_study(parent)
    if path is not None:
        importer.open_study(path, create=True)


def open_study(parent: QWidget, importer: Importer) -> None:
    """Let the user choose a study, and open it."""
    path = ask_study(parent)
    if path is not None:
        importer.open_study(path)


def save_study_copy(parent: QWidget, state: State) -> None:
    """Let the user name a file, and copy the open study into it."""
    study = state.study
    path = None if study is None else ask_copy(parent, study.path.stem)
    if study is None or path is not None:
        save_copy(state, path or Path())


def open_image_folder(parent: QWidget, importer: Importer) -> None:
    """Let the user choose a folder of images, and take it as if it had been dropped."""
    path = ask_image_folder(parent)
    if path is not None:
        importer.take([path])


def open_image_files(parent: QWidget, importer: Importer) -> None:
    """Let the user choose image files, and take them as if they had been dropped."""
    paths = ask_image_files(parent)
    if paths:
        importer.take(paths)


def open_network(parent: QWidget, importer: Importer) -> None:
    """Let the user choose a weights file of any suffix, and find out what it holds."""
    kinds = f"Weights ({' '.join('*' + suffix for suffix in WEIGHTS)});;All files (*)"
    chosen, _ = QFileDialog.getOpenFileName(parent, "Open network", _start(), kinds)
    if chosen:
        importer.take_weights(_kept(Path(chosen)))
