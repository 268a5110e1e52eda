"""A study as one file: saving a copy of the open one, and opening such a file.

Both read and write on a lane. A packed study is opened by unpacking it beside the file; a study
folder that was unpacked from it before is opened again rather than made anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.store.study import SUFFIX
from gui.session.dropping import free_path

if TYPE_CHECKING:
    from gui.session.workspace import Workspace

CHANNEL = "packed study"


def save_copy(workspace: Workspace, path: Path) -> None:
    """Write the open study into one file, and say when it is there."""
    study = workspace.study
    if study is None:
        workspace.message.emit("Open a study first: there is none to copy.", True)
        return

    def work(control: Any) -> int:
        from engine.store.packing import pack

        return pack(study, path, progress=lambda done, total: control.check())

    def done(size: int) -> None:
        text = "The study was copied to {name} ({size:.1f} MB)."
        workspace.message.emit(text.format(name=path.name, size=size / 1e6), False)

    workspace.message.emit(f"Copying the study to {path.name}.", False)
    workspace.runner.ask(CHANNEL, work, done, lambda text: _fail(workspace, text), long=True)


def open_packed(workspace: Workspace, path: Path) -> None:
    """Unpack a study beside its file, and open it; open it at once where that was done before."""
    folder = path.with_suffix(SUFFIX)
    if (folder / "study.json").is_file():
        workspace.importer.open_study(folder)
        return
    if folder.exists():
        folder = free_path(path.parent, path.stem, SUFFIX)

    def work(control: Any) -> None:
        from engine.store.packing import unpack

        unpack(path, folder, progress=lambda done: control.check())

    def done(_: None) -> None:
        workspace.importer.open_study(folder)

    workspace.message.emit(f"Unpacking {path.name}.", False)
    workspace.runner.ask(CHANNEL, work, done, lambda text: _fail(workspace, text), long=True)


def _fail(workspace: Workspace, text: str) -> None:
    workspace.message.emit(text, True)
