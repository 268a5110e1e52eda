"""One editor for each type that a field of a spec may have, except nested specs."""

from __future__ import annotations

import re
from dataclasses import MISSING
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QWidget,
)

from engine.specs.attacks import LOSS_WORDS
from engine.specs.schema import Field, Spec, SpecError
from gui.widgets.forms.elided_combo import ElidedCombo
from gui.widgets.forms.number_edit import (
    NumberEdit,
    NumberError,
    NumbersEdit,
    WholeEdit,
    guard_wheel,
    mark_invalid,
)
from gui.widgets.label import Label

CHOICE_NAMES = {
    "linf": "L-inf",
    "l1": "L1",
    "l2": "L2",
    "l2_squared": "L2, squared",
    **{name: f"{words} ({name})" for name, words in LOSS_WORDS.items()},
    "tf32": "TF32",
    "relu": "ReLU",
    "silu": "SiLU",
    "gelu": "GELU",
    "imagenet": "ImageNet",
    "cifar": "CIFAR",
    "cifar10": "CIFAR-10",
    "cifar10_kuangliu": "CIFAR-10, of kuangliu's networks",
    "cifar100": "CIFAR-100",
    "mnist": "MNIST",
    "signed": "to [−1, 1] (signed)",
}
# A choice that means something else in a field of this name.
CHOICE_NAMES_OF = {
    ("compared", "signed"): "sums with their signs (signed)",
    ("compared", "absolute"): "absolute values (absolute)",
}


def choice_name(item: Field, choice: str) -> str:
    """Return what a choice of a field is called in forms: words, with the name that plans use."""
    known = CHOICE_NAMES_OF.get((item.name, choice), CHOICE_NAMES.get(choice))
    return choice.replace("_", " ") if known is None else known


def help_words(item: Field) -> str:
    """Return the help of a field, in which choices are called as in its list."""
    text = item.help
    for choice in item.choices:
        name = choice_name(item, choice)
        if f"({choice})" not in name:  # else the list has both
            text = re.sub(rf"(?<!\w){re.escape(choice)}(?!\w)", name, text)
    return text


class InnerForm(QWidget):
    """The interface that the editor of a nested spec needs from the form inside it.

    Signals
    -------
    changed
        The spec or its error changed.
    """

    changed = Signal()

    def spec(self) -> Spec | None:
        """Return the spec, or None while a field is invalid."""
        raise NotImplementedError

    def error(self) -> str:
        """Return the error message of the first invalid field, or ""."""
        raise NotImplementedError

    def set_spec(self, spec: Spec) -> None:
        """Show a spec; :meth:`spec` then returns an equal one."""
        raise NotImplementedError

    def remembered(self) -> dict[str, Any]:
        """Return what the fields hold, valid or not, in the types of JSON."""
        raise NotImplementedError

    def recall(self, state: dict[str, Any]) -> None:
        """Show what :meth:`remembered` returned."""
        raise NotImplementedError


class FieldEdit(QWidget):
    """Edits the value of one field.

    Signals
    -------
    changed
        The input changed, whether it is valid or not.

    Attributes
    ----------
    wide
        Whether the editor spans the whole width of a form and shows its own label.
    """

    changed = Signal()
    wide = False

    def __init__(self, item: Field, parent: QWidget | None = None):
        super().__init__(parent)
        self.item = item
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)

    def read(self) -> Any:
        """Return the value; raise :class:`SpecError` or :class:`NumberError` if it is invalid."""
        return self._read()

    def show_value(self, value: Any) -> None:
        """Show a value; :meth:`read` then returns exactly this value."""
        self._show(value)

    def mark(self, invalid: bool) -> None:
        """Mark the editor as invalid or valid."""
        mark_invalid(self._editor(), invalid)

    def remembered(self) -> Any:
        """Return what the user entered, valid or not, in the types of JSON."""
        editor = self._editor()
        if isinstance(editor, QLineEdit):
            return editor.text()
        return list(value) if isinstance(value := self.read(), tuple) else value

    def recall(self, state: Any) -> None:
        """Show what :meth:`remembered` returned."""
        editor = self._editor()
        if isinstance(editor, QLineEdit):
            editor.setText(str(state))
        else:
            self.show_value(state)

    @property
    def explains(self) -> bool:
        """Whether the editor shows its own error message."""
        return False

    def _read(self) -> Any:
        raise NotImplementedError

    def _show(self, value: Any) -> None:
        raise NotImplementedError

    def _editor(self) -> QWidget:
        return self

    def _put(self, widget: QWidget) -> None:
        self._row.addWidget(widget, 1)
        self.setFocusProxy(widget)


class WholeField(FieldEdit):
    """A whole number."""

    def __init__(self, item: Field, parent: QWidget | None = None):
        super().__init__(item, parent)
        low = item.low if item.above is None else item.above + 1
        self._box = WholeEdit(self, low=low, high=item.high)
        if item.unit:
            self._box.setSuffix(f" {item.unit}")
        self._box.valueChanged.connect(self.changed)
        self._put(self._box)

    def _read(self) -> int:
        return self._box.number()

    def _show(self, value: Any) -> None:
        self._box.setValue(value)

    def _editor(self) -> QWidget:
        return self._box


class NumberField(FieldEdit):
    """A number; pixel lengths are shown in both conventions."""

    def __init__(self, item: Field, parent: QWidget | None = None):
        super().__init__(item, parent)
        self._edit = NumberEdit(self, unit=item.unit)
        self._edit.changed.connect(self.changed)
        self._put(self._edit)

    def _read(self) -> float:
        value = self._edit.value()
        if value is None:
            raise NumberError(self._edit.error())
        return value

    def _show(self, value: Any) -> None:
        self._edit.set_value(value)

    def _editor(self) -> QWidget:
        return self._edit.line


class NumbersField(FieldEdit):
    """A list of numbers."""

    def __init__(self, item: Field, parent: QWidget | None = None):
        super().__init__(item, parent)
        self._edit = NumbersEdit(self, unit=item.unit, whole=item.type is int)
        self._edit.changed.connect(self.changed)
        self._put(self._edit)

    def _read(self) -> tuple[float, ...]:
        if error := self._edit.error():
            raise NumberError(error)
        return self._edit.values()

    def _show(self, value: Any) -> None:
        self._edit.set_values(value)

    def _editor(self) -> QWidget:
        return self._edit.line


class FlagField(FieldEdit):
    """A boolean; the check box shows the field's label."""

    def __init__(self, item: Field, parent: QWidget | None = None):
        super().__init__(item, parent)
        self.box = QCheckBox(self)
        self.box.toggled.connect(self.changed)
        self._put(self.box)

    def _read(self) -> bool:
        return self.box.isChecked()

    def _show(self, value: Any) -> None:
        self.box.setChecked(value)


class ChoiceField(FieldEdit):
    """One of a few names."""

    def recall(self, state: Any) -> None:
        """Choose the entry; one that is none is an error."""
        if self._combo.findData(state) < 0:
            raise SpecError(f"{self.item.name} is {state!r}, which is no choice")
        self._show(state)

    def __init__(self, item: Field, parent: QWidget | None = None):
        super().__init__(item, parent)
        self._combo = ElidedCombo(self)
        # As wide as the form: a long name must not widen it.
        self._combo.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        for choice in item.choices:
            self._combo.addItem(choice_name(item, choice), choice)
        guard_wheel(self._combo)
        self._combo.currentIndexChanged.connect(self.changed)
        self._put(self._combo)

    def _read(self) -> str:
        return str(self._combo.currentData())

    def _show(self, value: Any) -> None:
        self._combo.setCurrentIndex(self._combo.findData(value))

    def _editor(self) -> QWidget:
        return self._combo


class TextField(FieldEdit):
    """A text, or a list of texts between commas."""

    def __init__(self, item: Field, parent: QWidget | None = None):
        super().__init__(item, parent)
        self._line = QLineEdit(self)
        self._line.textChanged.connect(self.changed)
        self._put(self._line)

    def _read(self) -> str | tuple[str, ...]:
        text = self._line.text()
        if not self.item.many:
            return text
        return tuple(part.strip() for part in text.split(",") if part.strip())

    def _show(self, value: Any) -> None:
        self._line.setText(", ".join(value) if self.item.many else value)

    def _editor(self) -> QWidget:
        return self._line


class OptionalField(FieldEdit):
    """A check box for whether a value is given, and the editor of the value."""

    def __init__(self, inner: FieldEdit, parent: QWidget | None = None):
        super().__init__(inner.item, parent)
        self.inner = inner
        self._proposal: Any = None
        self._shown = False
        self._box = QCheckBox(self)
        self._box.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self._none = Label("not set", self)
        self._none.setProperty("role", "muted")
        self._row.addWidget(self._box)
        self._row.addWidget(self._none, 1)
        self._row.addWidget(inner, 1)
        self.setFocusProxy(self._box)
        self._box.toggled.connect(self._on_toggled)
        inner.changed.connect(self.changed)
        inner.hide()

    def _read(self) -> Any:
        return self.inner.read() if self._box.isChecked() else None

    def _show(self, value: Any) -> None:
        self._box.setChecked(value is not None)
        if value is not None:
            self._shown = True
            self.inner.show_value(value)

    def mark(self, invalid: bool) -> None:
        """Mark the editor of the value as invalid or valid."""
        self.inner.mark(invalid)

    def remembered(self) -> dict[str, Any]:
        """Return whether a value is given, and the value, also that of an unticked box."""
        return {"given": self._box.isChecked(), "value": self.inner.remembered()}

    def recall(self, state: dict[str, Any]) -> None:
        """Show what :meth:`remembered` returned."""
        self._shown = self._shown or bool(state["given"])
        self._box.setChecked(bool(state["given"]))
        self.inner.recall(state["value"])

    def propose(self, value: Any) -> None:
        """Set the value that the editor has when the box is ticked for the first time."""
        self._proposal, self._shown = value, self._box.isChecked()

    @property
    def explains(self) -> bool:
        """Whether the editor of the value shows its own error message."""
        return self.inner.explains

    @Slot(bool)
    def _on_toggled(self, given: bool) -> None:
        self.inner.setVisible(given)
        self._none.setVisible(not given)
        if given and self._proposal is not None and not self._shown:
            self.inner.show_value(self._proposal)
        self._shown |= given
        self.changed.emit()


def plain_field(item: Field, parent: QWidget | None = None) -> FieldEdit:
    """Return the editor of a field that holds no spec."""
    if item.many and item.type in (int, float):
        return NumbersField(item, parent)
    if item.choices and not item.many:
        return ChoiceField(item, parent)
    editors = {bool: FlagField, int: WholeField, float: NumberField, str: TextField}
    return editors[item.type](item, parent)


def start_value(item: Field) -> Any:
    """Return the initial value of a plain field: its default, or its minimum."""
    if item.default is not MISSING and item.default is not None:
        return item.default
    if item.many:
        return ()
    if item.choices:
        return item.choices[0]
    if item.type in (int, float):
        least = item.low if item.above is None else item.above + 1
        return item.type(min(least or 0, least or 0 if item.high is None else item.high))
    return item.type()
