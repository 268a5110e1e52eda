"""The editor of a field that holds another spec."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from engine.specs.schema import Field, Spec, SpecError, fields_of, from_dict, kinds_of
from gui.look.plain import plain_tip
from gui.widgets.forms.field_edit import FieldEdit, InnerForm, start_value
from gui.widgets.forms.form_row import capital
from gui.widgets.label import Label

INDENT = 12


class NestedField(FieldEdit):
    """A collapsible form for a nested spec; the form is built when it is first opened.

    Parameters
    ----------
    words
        The text of the header.
    make_form
        Takes the field and a parent widget; returns the form.
    opened
        Whether it starts open.
    """

    wide = True

    def __init__(
        self,
        item: Field,
        parent: QWidget | None = None,
        *,
        words: str,
        make_form: Callable[[Field, QWidget], InnerForm],
        opened: bool,
    ):
        super().__init__(item, parent)
        self._words = capital(words)
        self._make_form = make_form
        self._form: InnerForm | None = None
        self._spec: Spec | None = None
        if not item.required:
            self._spec = item.default
        if self._spec is None:
            self._spec = default_spec(item.type)
        self._build()
        self._opened = False
        self._set_opened(opened)

    def _build(self) -> None:
        column = QVBoxLayout()
        column.setSpacing(4)
        self._header = QToolButton(self)
        self._header.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._header.setText(self._words)
        self._header.setAccessibleName(self._words)
        self._summary = Label(parent=self)
        self._summary.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        top = QHBoxLayout()
        top.addWidget(self._header)
        top.addWidget(self._summary, 1)
        self._body = QWidget(self)
        inside = QVBoxLayout(self._body)
        inside.setContentsMargins(INDENT, 0, 0, 4)
        column.addLayout(top)
        column.addWidget(self._body)
        self._row.addLayout(column, 1)
        self.setFocusProxy(self._header)
        self._header.clicked.connect(self._on_header)

    @property
    def form(self) -> InnerForm:
        """The form of the nested spec."""
        if self._form is None:
            self._form = self._make_form(self.item, self._body)
            if self._spec is not None:
                self._form.set_spec(self._spec)
            self._form.changed.connect(self._on_form)
            layout = self._body.layout()
            if layout is not None:
                layout.addWidget(self._form)
        return self._form

    def _read(self) -> Spec:
        spec, error = self._spec, "kind is not chosen yet"
        if self._form is not None:
            spec, error = self._form.spec(), self._form.error()
        if spec is None:
            raise SpecError(error)
        return spec

    def _show(self, value: Any) -> None:
        self._spec = value
        if self._form is not None:
            self._form.set_spec(value)
        self._summarise()
        self.changed.emit()

    def remembered(self) -> dict[str, Any] | None:
        """Return what the form inside holds; the spec while that is not built."""
        if self._form is not None:
            return {"form": self._form.remembered()}
        return None if self._spec is None else {"spec": self._spec.as_dict()}

    def recall(self, state: dict[str, Any] | None) -> None:
        """Show what :meth:`remembered` returned."""
        if state is not None and "form" in state:
            self.form.recall(state["form"])
        elif state is not None:
            self.show_value(from_dict(state["spec"], self.item.type))

    def mark(self, invalid: bool) -> None:
        """Mark the header of a closed form if a field inside is invalid."""
        self._summarise()

    @property
    def explains(self) -> bool:
        """Whether the form inside shows its own error message."""
        return self._form is not None and bool(self._form.error())

    @Slot()
    def _on_header(self) -> None:
        self._set_opened(not self._opened)

    def _set_opened(self, opened: bool) -> None:
        self._opened = opened
        arrow = Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow
        self._header.setArrowType(arrow)
        if opened:
            self.form.show()
        self._body.setVisible(opened)
        self._summarise()

    @Slot()
    def _on_form(self) -> None:
        self._summarise()
        self.changed.emit()

    def _summarise(self) -> None:
        """Show a summary of a closed form beside its header."""
        try:
            text, role = self.read().title, "muted"
        except SpecError as error:
            text, role = str(error), "error"
        self._summary.setText("" if self._opened else text)
        self._summary.setToolTip(plain_tip(text))
        if self._summary.property("role") != role:
            self._summary.setProperty("role", role)
            self._summary.style().polish(self._summary)


def default_spec(family: type[Spec]) -> Spec | None:
    """Return the first spec of a family that is valid with defaults and minima, or None."""
    for cls in kinds_of(family):
        values: dict[str, Any] = {}
        for item in fields_of(cls):
            if item.required:
                values[item.name] = default_spec(item.type) if item.is_spec else start_value(item)
        try:
            return cls(**values)
        except SpecError:
            continue
    return None
