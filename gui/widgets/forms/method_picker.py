"""A check box for each kind of a spec family, with a form for its settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QDialogButtonBox,
    QHBoxLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.specs.schema import Spec, fields_of, from_dict, kinds_of
from gui.look.plain import plain_tip
from gui.widgets.dialog import Dialog
from gui.widgets.forms.kinds import kinds
from gui.widgets.forms.method_list import MethodList, MethodRow
from gui.widgets.forms.nested_field import default_spec
from gui.widgets.forms.spec_form import SpecForm


class MethodPicker(QWidget):
    """Lets the user choose kinds of a spec family, each with its settings.

    Parameters
    ----------
    family
        A check box is made for each of :func:`engine.specs.schema.kinds_of` it.
    exclude
        Fields that are set elsewhere and get no row in the settings.
    groups, usual
        As of :class:`~gui.widgets.forms.method_list.MethodList`; all kinds by default.

    Attributes
    ----------
    boxes
        The check box of every kind, in the order of the kinds.
    list
        The kinds as they are shown.
    """

    changed = Signal()

    def __init__(
        self,
        family: type[Spec],
        parent: QWidget | None = None,
        *,
        exclude: Collection[str] = (),
        groups: Mapping[str, str] | None = None,
        usual: Collection[type[Spec]] | None = None,
    ):
        super().__init__(parent)
        self._exclude = exclude
        self._specs: dict[str, Spec] = {}
        self.boxes: dict[str, QCheckBox] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._family = family
        rows = self._missing()
        known = tuple(kinds_of(family)) if usual is None else usual
        self.list: MethodList[MethodRow] = MethodList(rows, groups or {}, known, "methods", self)
        layout.addWidget(self.list)
        kinds.grown.connect(self._add_missing)
        first = next(iter(self.boxes.values()), None)
        if first is not None:
            first.setChecked(True)

    @property
    def chosen(self) -> list[Spec]:
        """The chosen methods, in the order of the list."""
        return [self._specs[kind] for kind, box in self.boxes.items() if box.isChecked()]

    def choose_only(self, spec: Spec) -> None:
        """Choose one method, with these settings, and no other."""
        self._specs[spec.kind] = spec
        for kind, box in self.boxes.items():
            box.setChecked(kind == spec.kind)
        self.changed.emit()

    def remembered(self) -> dict[str, Any]:
        """Return the chosen kinds, and the settings of all that differ from their defaults."""
        own = [spec for spec in self._specs.values() if spec != default_spec(type(spec))]
        chosen = [kind for kind, box in self.boxes.items() if box.isChecked()]
        return {"chosen": chosen, "settings": [spec.as_dict() for spec in own]}

    def recall(self, state: dict[str, Any]) -> None:
        """Show what :meth:`remembered` returned; a kind that is not declared yet is an error."""
        chosen = [str(kind) for kind in state["chosen"]]
        for kind in chosen:
            self.boxes[kind]  # before anything is changed
        self._specs |= {spec.kind: spec for spec in self._read(state["settings"])}
        for kind, box in self.boxes.items():
            box.setChecked(kind in chosen)
        self.changed.emit()

    def _read(self, settings: list[dict[str, Any]]) -> list[Spec]:
        return [from_dict(one, self._family) for one in settings]

    def set_settings(self, spec: Spec) -> None:
        """Use a method with these settings."""
        self._specs[spec.kind] = spec
        if self.boxes[spec.kind].isChecked():
            self.changed.emit()

    @Slot()
    def _add_missing(self) -> None:
        """Offer the kinds that were declared since the list was built."""
        for row in self._missing():
            self.list.add(row)

    def _missing(self) -> list[MethodRow]:
        """Return a row for each kind that has none."""
        specs = (default_spec(cls) for cls in kinds_of(self._family) if cls.kind not in self.boxes)
        return [self._make_row(spec) for spec in specs if spec is not None]

    def _make_row(self, spec: Spec) -> MethodRow:
        self._specs[spec.kind] = spec
        made = MethodRow(type(spec), spec.label)
        self.boxes[spec.kind] = made.box
        made.box.toggled.connect(self.changed)
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(made.box, 1)
        if any(item.name not in self._exclude for item in fields_of(type(spec))):
            row.addWidget(self._make_button(spec))
        return made

    def _make_button(self, spec: Spec) -> QToolButton:
        button = QToolButton()
        button.setText("Settings…")
        button.setToolTip(plain_tip(f"Settings of {spec.label}"))
        button.setAccessibleName(button.toolTip())
        button.setProperty("kind", spec.kind)
        button.clicked.connect(self._open_settings)
        return button

    @Slot()
    def _open_settings(self) -> None:
        spec = self._specs[self.sender().property("kind")]
        dialog = MethodDialog(spec, self, exclude=self._exclude)
        dialog.accepted.connect(lambda: self.set_settings(dialog.spec))
        dialog.open()


class MethodDialog(Dialog):
    """Edits the settings of one method; OK is disabled while a field is invalid."""

    def __init__(self, spec: Spec, parent: QWidget, *, exclude: Collection[str] = ()):
        super().__init__(parent)
        self.setWindowTitle(spec.label)
        self.spec = spec
        self.form = SpecForm(type(spec), exclude=exclude)
        self.form.set_spec(spec)
        self.form.changed.connect(self._changed)
        self._buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addWidget(self.form)
        layout.addWidget(self._buttons)
        self.resize(380, self.sizeHint().height())

    @Slot()
    def _changed(self) -> None:
        spec = self.form.spec()
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(spec is not None)
        if spec is not None:
            self.spec = spec
