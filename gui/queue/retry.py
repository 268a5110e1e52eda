"""The dialog that asks for the batch size of a computation that failed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QDialogButtonBox, QVBoxLayout, QWidget

from engine.plan.retry import batch_field, with_batch_size
from engine.specs.schema import Spec
from gui.widgets.dialog import Dialog
from gui.widgets.forms.number_edit import WholeEdit
from gui.widgets.forms.side_panel import labelled_rows
from gui.widgets.label import Label

SMALLER = 2


class RetryDialog(Dialog):
    """Asks for the batch size with which to retry a failed computation.

    Show it with ``open()``, which does not block the caller.
    """

    def __init__(self, failed: Spec, dropped: Sequence[Spec], parent: QWidget | None = None):
        super().__init__(parent)
        self._failed, self._dropped = failed, dropped
        self.setWindowTitle("Retry with another batch size")
        self.setModal(True)
        title = Label(failed.title)
        title.setProperty("role", "heading")
        title.setWordWrap(True)
        item = batch_field(failed)
        present = int(failed.parameters()["batch_size"])
        self.batch_size = WholeEdit(low=item.low if item else 1, high=item.high if item else None)
        self.batch_size.setValue(max(int(item.low or 1) if item else 1, present // SMALLER))
        self.note = Label()
        self.note.setWordWrap(True)
        self.note.setProperty("role", "muted")
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.accept_button = buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.accept_button.setText("Retry")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.batch_size.valueChanged.connect(self._say)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addWidget(title)
        layout.addLayout(labelled_rows(("Retry with batch size", self.batch_size)))
        layout.addWidget(self.note)
        layout.addWidget(buttons)
        self.setMinimumWidth(420)
        self._present = present
        self._say()

    def specs(self) -> list[Spec]:
        """Return what is to be queued."""
        return with_batch_size(self._failed, self._dropped, self.batch_size.number())[0]

    def _say(self) -> None:
        size = self.batch_size.number()
        self.accept_button.setEnabled(size != self._present)
        queued, left_out = with_batch_size(self._failed, self._dropped, size)
        words = [
            f"It failed with {self._present}. Another batch size is another computation, with a "
            "record of its own."
        ]
        if len(queued) > 1:
            words.append(f"{len(queued) - 1:,} that need it are queued with it.")
        if left_out:
            words.append(f"{left_out:,} that need it as it was are not queued again.")
        self.note.setText(" ".join(words))
