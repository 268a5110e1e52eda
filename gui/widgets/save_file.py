"""The dialog in which the user names a file to write."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from engine.store.files import names_folder
from engine.store.outputs import agree


def ask_save(
    parent: QWidget, title: str, proposed: str, kinds: str, endings: Sequence[str]
) -> Path | None:
    """Let the user name a file to write; return None if they cancel.

    A name with none of the endings gets the first one. The dialog asks before a file is replaced,
    but knows only the name as it was typed: where a file has the whole name, or a slash at the end
    hides one, it is shown again. What it asked about is replaced whoever wrote it.

    Parameters
    ----------
    proposed
        A path.
    kinds
        As Qt's file dialog takes them, such as "PDF (*.pdf)".
    endings
        In lower case, with the dot.
    """
    while True:
        chosen, _ = QFileDialog.getSaveFileName(parent, title, proposed, kinds)
        if not chosen:
            return None
        path = Path(chosen)
        if names_folder(chosen):
            proposed = str(path)
            continue
        if path.suffix.lower() in endings:
            agree(path)
            return path
        whole = path.with_name(path.name + endings[0])
        if not os.path.lexists(whole):
            return whole
        proposed = str(whole)
