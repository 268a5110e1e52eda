"""Forms generated from a spec class: one row per field, validated while typing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QGridLayout, QListView, QWidget

from engine.specs.methods import in_short
from engine.specs.schema import Field, Spec, SpecError, fields_of, kinds_of
from gui.look.plain import plain_tip
from gui.widgets.forms.elided_combo import ElidedCombo
from gui.widgets.forms.field_edit import (
    FieldEdit,
    InnerForm,
    OptionalField,
    plain_field,
    start_value,
)
from gui.widgets.forms.form_row import FormRow, error_label, label_for, say
from gui.widgets.forms.kinds import kinds
from gui.widgets.forms.name_search import SIDE, NameField
from gui.widgets.forms.nested_field import INDENT, NestedField
from gui.widgets.forms.number_edit import NumberError, guard_wheel

LABEL_WIDTH = 104


class SpecForm(InnerForm):
    """Edits any spec of a family.

    Parameters
    ----------
    family
        The base class; the user chooses among its :func:`engine.specs.schema.kinds_of`.
    exclude
        Fields without a row. Their value is set by :meth:`set_fixed`, or is their default.
    labels
        Labels that replace those of the fields, by field name; "kind" is the choice of the kind,
        "attack.eps" a field of a nested spec.

    Attributes
    ----------
    side
        Side in pixels of the images that a network is chosen for.

    Signals
    -------
    changed
        The spec or its error changed.
    """

    def __init__(
        self,
        family: type[Spec],
        parent: QWidget | None = None,
        *,
        exclude: Collection[str] = (),
        labels: Mapping[str, str] | None = None,
        nested: bool = False,
    ):
        super().__init__(parent)
        self.family = family
        self._exclude = frozenset(exclude)
        self._labels = dict(labels or {})
        self._nested = nested
        self.side = SIDE
        self._fixed: dict[str, Any] = {}
        self._chosen: dict[str, Any] = {}
        self._rows: dict[str, FormRow] = {}
        self._spec: Spec | None = None
        self._error = ""
        self._quiet = False
        self._shown: type[Spec] | None = None
        self._build_frame()
        self._show_kind(self._kinds[0])

    # ------------------------------------------------------------------------------------- public

    def spec(self) -> Spec | None:
        """Return the spec, or None while a field is invalid."""
        return self._spec

    def error(self) -> str:
        """Return the error message of the first invalid field, or ""."""
        return self._error

    def set_spec(self, spec: Spec) -> None:
        """Show a spec; :meth:`spec` then returns an equal one, including excluded fields."""
        self._chosen.clear()
        self._quiet = True
        self._combo.setCurrentIndex(self._kinds.index(type(spec)))
        if self._shown is not type(spec):
            self._show_kind(type(spec))
        for item in fields_of(type(spec)):
            value = getattr(spec, item.name)
            if item.name in self._rows:
                self._rows[item.name].edit.show_value(value)
            else:
                self._fixed[item.name] = value
        self._quiet = False
        self._check()

    def remembered(self) -> dict[str, Any]:
        """Return kind and fields as they were entered, valid or not, in the types of JSON."""
        rows = {name: row.edit.remembered() for name, row in self._rows.items()}
        return {"kind": self._kind.kind, "fields": rows}

    def recall(self, state: dict[str, Any]) -> None:
        """Show what :meth:`remembered` returned; a kind or field that there is not is an error."""
        self.select_kind(state["kind"])
        self._quiet = True
        try:
            for name, value in state["fields"].items():
                self._rows[name].edit.recall(value)
        finally:
            self._quiet = False
            self._check()

    def set_fixed(self, name: str, value: Any) -> None:
        """Set the value of an excluded field; kinds without such a field ignore it."""
        if name not in self._exclude:
            raise KeyError(f"{name} is not among the excluded fields {sorted(self._exclude)}")
        if name not in self._fixed or self._fixed[name] != value:
            self._fixed[name] = value
            self._check()

    def propose(self, name: str, value: Any) -> None:
        """Set what an optional field of the shown kind holds when it is ticked; else do nothing."""
        edit = self._rows[name].edit if name in self._rows else None
        if isinstance(edit, OptionalField):
            edit.propose(value)

    def select_kind(self, kind: str) -> None:
        """Choose a kind by name, as the user does in the list of kinds."""
        names = [cls.kind for cls in self._kinds]
        self._combo.setCurrentIndex(names.index(kind))

    def offer_kinds(self, offered: Callable[[str], bool]) -> None:
        """Hide the kinds that cannot serve from the list; the present kind stays as it is."""
        model, view = self._combo.model(), self._combo.view()
        for place, cls in enumerate(self._kinds):
            shown = offered(cls.kind)
            if isinstance(model, QStandardItemModel):
                model.item(place).setEnabled(shown)  # the arrow keys would choose it else
            if isinstance(view, QListView):
                view.setRowHidden(place, not shown)

    def offered_kinds(self) -> list[str]:
        """Return the kinds that can be chosen from the list."""
        view = self._combo.view()
        hidden = view.isRowHidden if isinstance(view, QListView) else lambda place: False
        return [cls.kind for place, cls in enumerate(self._kinds) if not hidden(place)]

    def edit_of(self, name: str) -> FieldEdit:
        """Return the editor of a field that is shown."""
        return self._rows[name].edit

    # ------------------------------------------------------------------------------------ private

    @property
    def _kind(self) -> type[Spec]:
        return self._kinds[self._combo.currentIndex()]

    def _build_frame(self) -> None:
        self._kinds = kinds_of(self.family)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        self._grid.setColumnMinimumWidth(0, LABEL_WIDTH - (INDENT if self._nested else 0))
        self._combo = ElidedCombo(self)
        self._combo.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._offer(self._kinds)
        guard_wheel(self._combo)
        self._kind_label = label_for(self._labels.get("kind", "kind"), self._combo)
        self._grid.addWidget(self._kind_label, 0, 0)
        self._grid.addWidget(self._combo, 0, 1)
        for widget in (self._kind_label, self._combo):
            widget.setVisible(len(self._kinds) > 1)
        self._fault = error_label(self)
        self._combo.currentIndexChanged.connect(self._on_kind)
        kinds.grown.connect(self._on_grown)

    def _offer(self, more: Iterable[type[Spec]]) -> None:
        for cls in more:
            self._combo.addItem(cls.label, cls.kind)
            tip = plain_tip(in_short(cls))
            self._combo.setItemData(self._combo.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)

    @Slot()
    def _on_grown(self) -> None:
        """Offer the kinds that were declared since, after the others."""
        more = tuple(cls for cls in kinds_of(self.family) if cls not in self._kinds)
        if not more:
            return
        self._kinds += more
        self._offer(more)
        for widget in (self._kind_label, self._combo):
            widget.show()

    @Slot()
    def _on_kind(self) -> None:
        if not self._quiet:
            self._remember()
            self._show_kind(self._kind)

    def _remember(self) -> None:
        """Store the values that differ from defaults, to keep them when the kind changes."""
        for name, row in self._rows.items():
            try:
                value = row.edit.read()
            except (SpecError, NumberError):
                continue
            if row.item.required or value != row.item.default:
                self._chosen[name] = (_shape(row.item), value)
            else:
                self._chosen.pop(name, None)

    def _show_kind(self, cls: type[Spec]) -> None:
        was_quiet, self._quiet = self._quiet, True
        self._shown = cls
        for row in self._rows.values():
            row.remove(self._grid)
        shown = [item for item in fields_of(cls) if item.name not in self._exclude]
        self._rows = {
            item.name: self._make_row(item, 1 + 2 * index) for index, item in enumerate(shown)
        }
        self._grid.addWidget(self._fault, 1 + 2 * len(shown), 0, 1, 2)
        self._combo.setToolTip(plain_tip(in_short(cls)))
        self._link_tab_order()
        self._quiet = was_quiet
        self._check()

    def _make_row(self, item: Field, at: int) -> FormRow:
        edit = self._make_edit(item)
        shape, value = self._chosen.get(item.name, (None, None))
        if shape == _shape(item):
            edit.show_value(value)
        row = FormRow(item, edit, self._labels.get(item.name, item.label), self)
        row.add_to(self._grid, at)
        edit.changed.connect(self._check)
        return row

    def _make_edit(self, item: Field) -> FieldEdit:
        edit: FieldEdit
        if item.is_spec:
            words = self._labels.get(item.name, item.label)
            edit = NestedField(
                item, self, words=words, make_form=self._make_inner, opened=not self._nested
            )
        else:
            edit = NameField(item, self) if item.listed else plain_field(item, self)
            if isinstance(edit, NameField):
                edit.side_of = lambda: self.side
            edit.show_value(start_value(item))
        if item.optional:
            edit = OptionalField(edit, self)
            edit.show_value(None if item.required else item.default)
        return edit

    def _make_inner(self, item: Field, parent: QWidget) -> SpecForm:
        start = f"{item.name}."
        labels = {
            name.removeprefix(start): words
            for name, words in self._labels.items()
            if name.startswith(start)
        }
        return SpecForm(item.type, parent, labels=labels, nested=True)

    def _link_tab_order(self) -> None:
        before: QWidget = self._combo
        for row in self._rows.values():
            QWidget.setTabOrder(before, row.edit)
            before = row.edit

    @Slot()
    def _check(self) -> None:
        if self._quiet:
            return
        self._spec = None
        values, wrong = self._read_rows()
        if not wrong:
            try:
                self._spec = self._kind(**values)
            except SpecError as error:
                wrong[_field_in(str(error), self._rows)] = str(error)
        self._error = next(iter(wrong.values()), "")
        for name, row in self._rows.items():
            row.show_error(wrong.get(name, ""))
            row.set_visible(self._matters(row.item))
        say(self._fault, wrong.get("", ""))
        self.changed.emit()

    def _matters(self, item: Field) -> bool:
        """Return whether a field matters with the value of the field that it depends on."""
        if item.only is None or item.only[0] not in self._rows:
            return True
        name, value = item.only
        return bool(self._rows[name].edit.read() == value)

    def _read_rows(self) -> tuple[dict[str, Any], dict[str, str]]:
        values: dict[str, Any] = {}
        wrong: dict[str, str] = {}
        for item in fields_of(self._kind):
            if item.name in self._fixed:
                values[item.name] = self._fixed[item.name]
            elif item.required and item.name not in self._rows:
                fault = f"{item.name} is missing: {self._kind.kind} needs {item.allowed()}"
                wrong.setdefault("", fault)
        for name, row in self._rows.items():
            if not self._matters(row.item):
                continue
            try:
                values[name] = row.edit.read()
            except NumberError as error:
                wrong[name] = f"{name}: {error}"
            except SpecError as error:
                wrong[name] = str(error.within(name))
        return values, wrong


def _shape(item: Field) -> tuple[Any, ...]:
    return (item.type, item.many, item.optional, item.choices)


def _field_in(sentence: str, names: Iterable[str]) -> str:
    """Return the field that an error is about; its name begins the error message."""
    first = sentence.split(" ")[0].split(".")[0].rstrip(":")
    return first if first in names else ""
