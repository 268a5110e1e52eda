"""One training scheme on the Train page: whether to use it, and its own settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.specs import AttackSpec, SchemeSpec
from engine.specs.schema import SpecError, fields_of, kinds_of
from gui.widgets.forms.method_list import MethodRow
from gui.widgets.forms.nested_field import INDENT
from gui.widgets.forms.spec_form import SpecForm

SWEPT = ("attack", "norm", "eps")
"""Fields of a scheme that the page's sweep sets."""


def attacks_in_training(scheme: type[SchemeSpec]) -> bool:
    """Return whether a scheme trains against the attack, or the ball, that the sweep varies."""
    return scheme.takes_ball()


class SchemeSection(MethodRow):
    """A check box for a scheme, and below it the scheme's own fields.

    Signals
    -------
    changed
        The check box or one of the fields changed.
    """

    changed = Signal()

    def __init__(self, scheme: type[SchemeSpec], parent: QWidget | None = None):
        super().__init__(scheme, f"{scheme.label} network", parent)
        self.scheme = scheme
        self.memory_name = scheme.kind
        self.attacks = attacks_in_training(scheme)
        self.form = SpecForm(scheme, self, exclude=SWEPT if self.attacks else ())
        own = {item.name for item in fields_of(scheme)}
        self._has_fields = bool(own.difference(SWEPT if self.attacks else ()))
        body = QVBoxLayout()
        body.setContentsMargins(INDENT, 0, 0, 0)
        body.addWidget(self.form)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.box)
        layout.addLayout(body)
        self.form.setVisible(False)
        self.box.toggled.connect(self._on_toggled)
        self.form.changed.connect(self.changed)

    @property
    def wanted(self) -> bool:
        """Whether networks are to be trained with it."""
        return self.box.isChecked()

    def error(self) -> str:
        """Return the error message about the fields, or "" if there is none or it is unchecked."""
        return self.form.error() if self.wanted else ""

    def schemes(self, attacks: Iterable[AttackSpec]) -> list[SchemeSpec]:
        """Return the scheme once for each attack or ball, or once if it takes none."""
        spec = self.form.spec()
        if not self.wanted or not isinstance(spec, SchemeSpec):
            return []
        if not self.attacks:
            return [spec]
        return list(dict.fromkeys(spec.against(attack) for attack in attacks))

    def set_field(self, name: str, value: object) -> None:
        """Set one of the scheme's own fields; do nothing if it has no such field."""
        spec = self.form.spec()
        if spec is None or name not in {item.name for item in fields_of(self.scheme)}:
            return
        if getattr(spec, name) == value:
            return
        try:
            self.form.set_spec(spec.replace(name, value))
        except SpecError:
            return

    @Slot(bool)
    def _on_toggled(self, wanted: bool) -> None:
        self.form.setVisible(wanted and self._has_fields)
        self.changed.emit()


def new_sections(known: Iterable[SchemeSection]) -> Iterator[SchemeSection]:
    """Make a section, one at a time, for every scheme there is except those that have one."""
    have = {section.scheme for section in known}
    schemes = (cls for cls in kinds_of(SchemeSpec) if issubclass(cls, SchemeSpec))
    return (SchemeSection(scheme) for scheme in schemes if scheme not in have)
