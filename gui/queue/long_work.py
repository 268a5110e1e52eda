"""The question before work of more than a day is queued."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from engine.jobs.durations import duration
from gui.widgets.label import Question


def ask_before(
    parent: QWidget, count: int, seconds: float, queue: Callable[[], object]
) -> QMessageBox:
    """Show the question, and call ``queue`` if the answer is yes; does not block the caller."""
    what = "1 computation" if count == 1 else f"{count:,} computations"
    box = Question(
        "Queue this?",
        f"{what}: about {duration(seconds)} of work on this machine.",
        "What finishes is kept, and it can be cancelled and continued at any time.",
        parent,
    )
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    yes = box.addButton("Queue it", QMessageBox.ButtonRole.AcceptRole)
    no = box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(no)
    box.setEscapeButton(no)

    def answered() -> None:
        if box.clickedButton() is yes:
            queue()

    box.finished.connect(answered)
    box.open()
    return box
