"""Asking again for what failed, as it was or with another batch size."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from engine.specs.schema import Field, Spec, SpecError, fields_of
from engine.specs.substitution import dependants, substituted
from gui.widgets.forms.number_edit import WholeEdit
from gui.widgets.forms.side_panel import labelled_rows

SMALLER = 2


def batch_field(spec: Spec) -> Field | None:
    """Return the field of a spec that holds its batch size, or None."""
    return next((item for item in fields_of(type(spec)) if item.name == "batch_size"), None)


def again(failed: Sequence[Spec], dropped: Sequence[Spec]) -> list[Spec]:
    """Return what is to be queued again: what failed, and what was dropped because of it."""
    found = {spec.key: spec for spec in failed}
    for spec in failed:
        found.update((other.key, other) for other in dependants(spec, dropped))
    return list(found.values())


def with_batch_size(
    failed: Spec, dropped: Sequence[Spec], batch_size: int
) -> tuple[list[Spec], int]:
    """Return what failed with another batch size and what needs it, and how much is left out.

    Left out is what can only use the result as it was asked for first.
    """
    smaller = failed.replace("batch_size", batch_size)
    needing = dependants(failed, dropped)
    rebuilt = [found for other in needing if (found := _rebuilt(other, failed, smaller))]
    return [smaller, *rebuilt], len(needing) - len(rebuilt)


def _rebuilt(spec: Spec, failed: Spec, smaller: Spec) -> Spec | None:
    try:
        found = substituted(spec, failed, smaller)
    except SpecError:
        return None
    return None if dependants(failed, [found]) else found


class RetryDialog(QDialog):
    """Asks for the batch size of a computation that failed; it does not hold up the window."""

    def __init__(self, failed: Spec, dropped: Sequence[Spec], parent: QWidget | None = None):
        super().__init__(parent)
        self._failed, self._dropped = failed, dropped
        self.setWindowTitle("Retry with another batch size")
        self.setModal(True)
        title = QLabel(failed.title)
        title.setProperty("role", "heading")
        title.setWordWrap(True)
        item = batch_field(failed)
        present = int(failed.parameters()["batch_size"])
        self.batch_size = WholeEdit(low=item.low if item else 1, high=item.high if item else None)
        self.batch_size.setValue(max(int(item.low or 1) if item else 1, present // SMALLER))
        self.note = QLabel()
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
            (f"It failed with {self._present}. Another batch size is another computation, with a "
                "record of "
                "its own.")
        ]  # fmt: skip
        if len(queued) > 1:
            words.append(f"{len(queued) - 1:,} that need it are queued with it.")
        if left_out:
            words.append(f"{left_out:,} that need it as it was are not queued again.")
        self.note.setText(" ".join(words))
