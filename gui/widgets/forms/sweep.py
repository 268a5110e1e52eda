"""Choosing the threat models of a sweep: one or both norms, each with a list of radii."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QGridLayout, QWidget

from engine.specs import AttackSpec
from engine.specs.attacks import radius_fault
from engine.specs.schema import fields_of
from gui.look.plain import plain_tip
from gui.widgets.forms.field_edit import CHOICE_NAMES
from gui.widgets.forms.form_row import error_label, say
from gui.widgets.forms.number_edit import NumbersEdit, mark_invalid
from gui.widgets.label import Label

_FIELDS = {item.name: item for item in fields_of(AttackSpec)}
NORMS = _FIELDS["norm"].choices
LARGEST_EPS = _FIELDS["eps"].high or 0.0


class SweepEdit(QWidget):
    """Edits the norms and radii for which networks are trained.

    Radii are typed as a list "0.05, 0.1, 8/255" or a range "first:last:count", and shown back in
    [0, 1] units and in 255ths.

    Signals
    -------
    changed
        The sweep or its error changed.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._boxes: dict[str, QCheckBox] = {}
        self._edits: dict[str, NumbersEdit] = {}
        self._fault = error_label(self)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        grid.addWidget(Label("Radii eps, by norm", self), 0, 0, 1, 2)
        for row, norm in enumerate(NORMS, start=1):
            self._add_norm(grid, norm, row)
        grid.addWidget(self._fault, len(NORMS) + 1, 0, 1, 2)
        self._boxes[NORMS[0]].setChecked(True)
        self._check()

    # ------------------------------------------------------------------------------------- public

    def values(self, norm: str) -> list[float]:
        """Return a norm's distinct radii in [0, 1] units; empty if it is off or invalid."""
        if not self._boxes[norm].isChecked():
            return []
        return list(dict.fromkeys(self._edits[norm].values()))

    def balls(self) -> list[tuple[str, float]]:
        """Return all chosen pairs of norm and eps; empty while a field is invalid."""
        if self.error():
            return []
        return [(norm, eps) for norm in self.norms() for eps in self.values(norm)]

    def norms(self) -> list[str]:
        """Return the chosen norms."""
        return [norm for norm, box in self._boxes.items() if box.isChecked()]

    def error(self) -> str:
        """Return the first error message, or ""."""
        if not self.norms():
            return "Choose at least one norm."
        return next((fault for norm in self.norms() if (fault := self._fault_of(norm))), "")

    def set_values(self, radii: Mapping[str, Sequence[float]], norms: Sequence[str] = ()) -> None:
        """Set the radii by norm, and check these norms, by default those in ``radii``.

        The text of a norm missing from ``radii`` is kept.
        """
        for norm, values in radii.items():
            self._edits[norm].set_values(tuple(values))
        for norm, box in self._boxes.items():
            box.setChecked(norm in (norms or radii))
        self._check()

    def edit_of(self, norm: str) -> NumbersEdit:
        """Return the editor of a norm's radii."""
        return self._edits[norm]

    def box_of(self, norm: str) -> QCheckBox:
        """Return the check box of a norm."""
        return self._boxes[norm]

    # ------------------------------------------------------------------------------------ private

    def _add_norm(self, grid: QGridLayout, norm: str, row: int) -> None:
        box = QCheckBox(CHOICE_NAMES.get(norm, norm), self)
        edit = NumbersEdit(self, unit="pixel")
        tip = "A list such as 0.05, 0.1, 8/255, or a range first:last:count"
        box.setToolTip("Train networks against attacks of this norm")
        edit.setToolTip(plain_tip(tip))
        edit.line.setAccessibleName(f"Radii, {box.text()}")
        edit.setVisible(False)
        box.toggled.connect(edit.setVisible)
        box.toggled.connect(self._check)
        edit.changed.connect(self._check)
        self._boxes[norm], self._edits[norm] = box, edit
        grid.addWidget(box, row, 0)
        grid.addWidget(edit, row, 1)

    @Slot()
    def _check(self) -> None:
        for norm, edit in self._edits.items():
            wrong = self._boxes[norm].isChecked() and bool(self._fault_of(norm))
            mark_invalid(edit.line, wrong)
        say(self._fault, self.error())
        self.changed.emit()

    def _fault_of(self, norm: str) -> str:
        """Return the error message for a norm's radii, or ""."""
        edit, name = self._edits[norm], CHOICE_NAMES.get(norm, norm)
        if edit.error():
            return f"eps ({name}): {edit.error()}"
        if not edit.values():
            return f"eps ({name}) is empty, must be a list of numbers"
        for value in edit.values():
            if value == 0:
                return f"eps ({name}) is 0, which is the standard network"
            if not 0 < value <= LARGEST_EPS:
                return f"eps ({name}) is {value:g}, must be above 0 and at most {LARGEST_EPS:g}"
            if fault := radius_fault(norm, value, f"eps ({name})"):
                return fault
        return ""
