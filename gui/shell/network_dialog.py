"""The dialog that asks which network a weights file belongs to."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from engine.specs import NetworkSpec
from gui.widgets.forms.spec_form import SpecForm
from gui.widgets.label import Label


class NetworkDialog(QDialog):
    """Asks which network a weights file belongs to.

    Show it with ``open()``, which does not block the caller.
    """

    def __init__(self, path: Path, parent: QWidget | None = None):
        super().__init__(parent)
        self.path = path
        self.setWindowTitle("Import weights")
        self.setModal(True)
        text = f"Which network do the weights in {path.name} belong to?"
        question = Label(text)
        question.setWordWrap(True)
        self.form = SpecForm(NetworkSpec, self)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.accept_button = buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.accept_button.setText("Import")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.form.changed.connect(self._on_changed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        for widget in (question, self.form, buttons):
            layout.addWidget(widget)
        layout.addStretch(1)
        self.setMinimumWidth(420)

    def network(self) -> NetworkSpec | None:
        """Return the chosen network, or None while a field is invalid."""
        found = self.form.spec()
        return found if isinstance(found, NetworkSpec) else None

    def _on_changed(self) -> None:
        self.accept_button.setEnabled(self.network() is not None)
