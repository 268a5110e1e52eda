"""Packing a copy of the open study into one file, and opening such a file.

Both do their file access on a lane of the runner. Opening unpacks the study into a folder beside
the file, or opens that folder if it exists already.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.store.study import SUFFIX
from gui.session.dropping import free_path

if TYPE_CHECKING:
    from gui.session.state import State

CHANNEL = "packed study"


def save_copy(state: State, path: Path) -> None:
    """Write the open study into one file, and report when it is done."""
    study = state.study
    if study is None:
        state.message.emit("Open a study first: there is none to copy.", True)
        return

    def work(control: Any) -> int:
        from engine.store.packing import pack

        return pack(study, path, progress=lambda done, total: control.check())

    def done(size: int) -> None:
        text = "The study was copied to {name} ({size:.1f} MB)."
        state.message.emit(text.format(name=path.name, size=size / 1e6), False)

    state.message.emit(f"Copying the study to {path.name}.", False)
    state.runner.ask(CHANNEL, work, done, lambda text: _fail(state, text), long=True)


def open_packed(state: State, path: Path, opening: Callable[[Path], None]) -> None:
    """Call ``opening`` with the folder beside the file, unpacking the study there if needed."""

    def work(control: Any) -> Path:
        from engine.store.packing import unpack

        folder = path.with_suffix(SUFFIX)
        if (folder / "study.json").is_file():
            return folder
        if folder.exists():
            folder = free_path(path.parent, path.stem, SUFFIX)
        unpack(path, folder, progress=lambda done: control.check())
        return folder

    state.message.emit(f"Unpacking {path.name}.", False)
    state.runner.ask(CHANNEL, work, opening, lambda text: _fail(state, text), long=True)


def _fail(state: State, text: str) -> None:
    state.message.emit(text, True)
