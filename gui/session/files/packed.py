"""Packing a copy of the open study into one file, and opening such a file.

Both do their file access on a lane of the runner. Opening unpacks the study into a folder beside
the file, or opens that folder if it exists already, and says so.
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

    words = f"Copying the study to {path.name}"
    state.message.emit(f"{words}.", False)
    state.underway.ask(f"{CHANNEL} {path}", words, work, done)


def open_packed(state: State, path: Path, opening: Callable[[Path], None]) -> None:
    """Call ``opening`` with the folder beside the file, unpacking the study there if needed."""

    def work(control: Any) -> tuple[Path, str]:
        from engine.store.packing import lacking, unpack

        folder = path.with_suffix(SUFFIX)
        if (folder / "study.json").is_file():
            return folder, _not_unpacked(path, folder, lacking(path, folder))
        if folder.exists():
            folder = free_path(path.parent, path.stem, SUFFIX)
        unpack(path, folder, progress=lambda done: control.check())
        return folder, ""

    def done(found: tuple[Path, str]) -> None:
        folder, said = found
        opening(folder)
        if said:
            state.message.emit(said, "lacks" in said)

    words = f"Unpacking {path.name}"
    state.message.emit(f"{words}.", False)
    state.underway.ask(f"{CHANNEL} {path}", words, work, done)


def _not_unpacked(path: Path, folder: Path, lacks: int) -> str:
    """Return that a folder was opened in place of a file, ``lacks`` records of which it lacks."""
    said = (
        f"The folder {folder.name} beside {path.name} was opened; the file was not unpacked again"
    )
    if not lacks:
        return f"{said}."
    records = "1 record" if lacks == 1 else f"{lacks:,} records"
    return f"{said}, and the folder lacks {records} of it. Move the folder to unpack the file."
