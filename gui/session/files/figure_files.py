"""Where figures, tables and reports of a study go: one folder a study, remembered between runs."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from gui.look import settings
from gui.session.state import State


def folder_of(state: State) -> Path:
    """Return the folder to propose: where the study's figures went last, or any file did."""
    used = settings.figure_folder(_name(state)) or settings.last_folder()
    return Path(used or settings.documents())


def remember(state: State, folder: Path) -> None:
    """Propose this folder the next time, for this study and for studies without a folder."""
    settings.set_figure_folder(_name(state), folder)
    settings.set_last_folder(folder)


def ask_file(parent: QWidget, state: State, title: str, name: str, kinds: str) -> Path | None:
    """Let the user name a file of the study's figures; return None if they cancel.

    Parameters
    ----------
    name
        The proposed name, with its suffix.
    kinds
        As Qt's file dialog takes them, such as "PDF (*.pdf)".
    """
    chosen, _ = QFileDialog.getSaveFileName(parent, title, str(folder_of(state) / name), kinds)
    if not chosen:
        return None
    path = Path(chosen)
    remember(state, path.parent)
    return path


def _name(state: State) -> str:
    return "" if state.study is None else str(state.study.path.absolute())
