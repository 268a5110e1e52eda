"""Where figures, tables and reports of a study go: one folder a study, remembered between runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtWidgets import QWidget

from gui.look import settings
from gui.session.state import State
from gui.widgets.save_file import ask_save


def folder_of(state: State) -> Path:
    """Return the folder to propose: where the study's figures went last, or any file did."""
    used = settings.figure_folder(_name(state)) or settings.last_folder()
    return Path(used or settings.documents())


def remember(state: State, folder: Path) -> None:
    """Propose this folder the next time, for this study and for studies without a folder."""
    settings.set_figure_folder(_name(state), folder)
    settings.set_last_folder(folder)


def ask_file(
    parent: QWidget, state: State, title: str, name: str, kinds: str, endings: Sequence[str]
) -> Path | None:
    """Let the user name a file of the study's figures; return None if they cancel.

    Parameters
    ----------
    name
        The proposed name, with its suffix.
    kinds
        As Qt's file dialog takes them, such as "PDF (*.pdf)".
    endings
        As :func:`gui.widgets.save_file.ask_save`.
    """
    path = ask_save(parent, title, str(folder_of(state) / name), kinds, endings)
    if path is not None:
        remember(state, path.parent)
    return path


def _name(state: State) -> str:
    return "" if state.study is None else str(state.study.path.absolute())
