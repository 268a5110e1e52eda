"""The attacks of adversarial training on the Train page: one form, many radii."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLabel, QVBoxLayout, QWidget

from engine.specs import PGD, AttackSpec
from engine.specs.attacks import STEP_OVER_EPS, scaled_step
from engine.specs.proposals import PAPER_STEPS, Proposals
from engine.specs.schema import SpecError, fields_of
from gui.look.plain import plain_tip
from gui.widgets.forms.field_edit import CHOICE_NAMES
from gui.widgets.forms.form_row import error_label, say
from gui.widgets.forms.number_edit import NumberEdit
from gui.widgets.forms.spec_form import SpecForm
from gui.widgets.forms.sweep import NORMS, SweepEdit
from gui.widgets.label import Label

OWN_FIELDS = ("norm", "eps", "step_size")


class AttackSweep(QWidget):
    """Edits the attacks that networks are trained against: one attack at several radii.

    The step size is scaled with each radius, or fixed for each norm as in the paper. Each attack's
    spec records its step size.

    Signals
    -------
    changed
        The attacks or the error message changed.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.sweep = SweepEdit(self)
        self.form = SpecForm(AttackSpec, self, exclude=OWN_FIELDS, labels={"kind": "attack"})
        self.form.set_spec(PGD(steps=Proposals.steps))
        self.scaled = QCheckBox("Scale the step with eps", self)
        self.scaled.setToolTip(
            plain_tip(
                f"The step size is {STEP_OVER_EPS} eps / steps; else one length for all radii"
            )
        )
        self.scaled.setChecked(True)
        self.steps: dict[str, NumberEdit] = {}
        self._fault = error_label(self)
        self._build_layout()
        for signal in (self.sweep.changed, self.form.changed, self.scaled.toggled):
            signal.connect(self._on_change)
        self._on_change()

    def attacks(self) -> list[AttackSpec]:
        """Return an attack for each radius; an empty list while an input is invalid."""
        return [] if self.error() else self._attacks()

    def use(self, attack: AttackSpec) -> None:
        """Show one attack at its own radius and step."""
        self.form.set_spec(attack)
        values: dict[str, Any] = attack.parameters()
        norm, eps = values["norm"], values["eps"]
        self.sweep.set_values({norm: (eps,)}, (norm,))
        if self._has_step:
            scaled = values["step_size"] == scaled_step(eps, values["steps"])
            self.scaled.setChecked(scaled)
            if not scaled:
                self.steps[norm].set_value(values["step_size"])

    def error(self) -> str:
        """Return the error message, or ""."""
        fault = self.sweep.error() or self.form.error() or self._step_error()
        if fault:
            return fault
        try:
            self._attacks()
        except SpecError as error:
            return str(error)
        return ""

    def state(self) -> tuple[object, ...]:
        """Return the present values of the fields that proposals replace."""
        return self.sweep.balls(), self.sweep.error(), self.form.spec(), self.scaled.isChecked()

    def propose(self, defaults: Proposals) -> None:
        """Show the proposals for other images."""
        self.sweep.set_values(defaults.radii, defaults.norms)
        self.form.set_spec(PGD(steps=defaults.steps))
        self.scaled.setChecked(defaults.scaled)

    # ------------------------------------------------------------------------------------ private

    def _build_layout(self) -> None:
        self._step_grid = QGridLayout()
        self._step_grid.setColumnStretch(1, 1)
        self._step_labels: dict[str, QLabel] = {}
        for row, norm in enumerate(NORMS):
            edit = NumberEdit(self, unit="pixel")
            edit.set_value(PAPER_STEPS.get(norm, 1.0))
            edit.changed.connect(self._on_change)
            label = Label(f"Step, {CHOICE_NAMES.get(norm, norm)}", self)
            label.setBuddy(edit)
            self._step_grid.addWidget(label, row, 0)
            self._step_grid.addWidget(edit, row, 1)
            self.steps[norm], self._step_labels[norm] = edit, label
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.sweep)
        layout.addWidget(self.form)
        layout.addWidget(self.scaled)
        layout.addLayout(self._step_grid)
        layout.addWidget(self._fault)

    @property
    def _has_step(self) -> bool:
        spec = self.form.spec()
        names = {item.name for item in fields_of(type(spec))} if spec is not None else set()
        return {"step_size", "steps"} <= names

    def _step_error(self) -> str:
        """Return the error message about a typed step size that is in use, or ""."""
        if self.scaled.isChecked() or not self._has_step:
            return ""
        for norm in self.sweep.norms():
            value = self.steps[norm].value()
            if value is None or value <= 0:
                text = "step size ({}) is {!r}, must be a number above 0"
                return text.format(CHOICE_NAMES.get(norm, norm), self.steps[norm].text())
        return ""

    def _attacks(self) -> list[AttackSpec]:
        spec = self.form.spec()
        if not isinstance(spec, AttackSpec):
            return []
        found = []
        for norm, eps in self.sweep.balls():
            values: dict[str, Any] = {**spec.parameters(), "norm": norm, "eps": eps}
            if self._has_step:
                values["step_size"] = self._step(norm, eps, values["steps"])
            found.append(type(spec)(**values))
        return found

    def _step(self, norm: str, eps: float, steps: int) -> float:
        if self.scaled.isChecked():
            return scaled_step(eps, steps)
        return self.steps[norm].value() or 0.0

    @Slot()
    def _on_change(self) -> None:
        typed = self._has_step and not self.scaled.isChecked()
        self.scaled.setVisible(self._has_step)
        for norm, edit in self.steps.items():
            for widget in (edit, self._step_labels[norm]):
                widget.setVisible(typed and norm in self.sweep.norms())
        shown_elsewhere = self.sweep.error() or self.form.error()
        say(self._fault, "" if shown_elsewhere else self.error())
        self.changed.emit()
