"""Questions before work of more than a day is queued, and before what runs is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QMessageBox, QWidget

from engine.jobs.durations import duration
from engine.specs.schema import Spec
from engine.texts import shortened
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
    box.offer("Queue it", queue)
    return box


def ask_to_leave(
    parent: QWidget, name: str, pending: Sequence[Spec], leave: Callable[[], object]
) -> QMessageBox:
    """Ask whether what runs and waits may stop, as undo opens the study of this name again."""
    others = len(pending) - 1
    what = f"“{pending[0].title}”"
    what += f" and {others:,} more" if others else ""
    box = Question(
        f"Open “{shortened(name)}” again?",
        f"{what} would stop.",
        "What has finished is kept; the rest goes on once this study is open again and Resume is "
        "chosen.",
        parent,
    )
    box.offer("Stop and open", leave)
    return box
