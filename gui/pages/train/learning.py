"""What a training does beside its scheme: augmentation, averaged weights, smoothed labels."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.specs import Glyphs, SmallCNN, Training
from engine.specs.schema import fields_of
from gui.widgets.forms.spec_form import SpecForm

NAMES = ("augmentation", "averaging", "label_smoothing", "precision")


class LearningFields(QWidget):
    """Edits the fields :data:`NAMES` of a training.

    Signals
    -------
    changed
        A field or the error message changed.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        others = {item.name for item in fields_of(Training)} - set(NAMES)
        self.form = SpecForm(Training, self, exclude=others, nested=True)
        # A training is not valid without these; what they are does not matter here.
        self.form.set_fixed("images", Glyphs())
        self.form.set_fixed("network", SmallCNN())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        self.form.changed.connect(self.changed)

    def error(self) -> str:
        """Return the error message, or ""."""
        return self.form.error()

    def values(self) -> dict[str, Any]:
        """Return the values by name; those by default while a field is invalid."""
        spec = self.form.spec()
        return {name: getattr(spec, name) for name in NAMES} if spec is not None else {}
