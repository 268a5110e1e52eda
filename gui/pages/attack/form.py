"""The form of an attack: fields generated from its spec, and sliders for radius and steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from engine.specs import PGD, AttackSpec, ClassifierSpec, Training
from engine.specs.schema import SpecError, fields_of
from gui.look.plain import plain_tip
from gui.widgets.forms.elided_combo import ElidedCombo
from gui.widgets.forms.eps_slider import EpsSlider
from gui.widgets.forms.number_boxes import CountBox
from gui.widgets.forms.number_edit import NumberEdit, guard_wheel
from gui.widgets.forms.side_panel import labelled_rows
from gui.widgets.forms.spec_form import SpecForm
from gui.widgets.label import Label

OWN_FIELDS = ("eps", "steps", "step_size", "target")
STEPS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100, 150, 200)
STEP_OVER_EPS = 2.5
SMALLEST = 1e-6
FIRST_EPS = {"linf": 8 / 255, "l2": 0.5}
DIGITS = 6


class AttackForm(QWidget):
    """Edits an attack.

    The radius has its own slider, ``eps``; the page places it where there is more room.

    Signals
    -------
    changed
        The attack or the error message changed.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.eps = EpsSlider()
        self._eps_of = dict(FIRST_EPS)
        self._norm = "linf"
        self._is_own = False
        self._wished: int | None = None  # a target, until the classes are known
        self._build_form()
        self._build_steps()
        self._build_target()
        self._build_layout()
        self._connect()
        self._follow()

    # -------------------------------------------------------------------------------------- public

    def spec(self) -> AttackSpec | None:
        """Return the attack, or None while a field is invalid."""
        spec = self.form.spec()
        if not isinstance(spec, AttackSpec):
            return None
        names = {item.name for item in fields_of(type(spec))}
        values: dict[str, Any] = {"eps": self.eps.value, "target": self.target.currentData()}
        values |= {"steps": self.steps.value(), "step_size": self._step_size()}
        try:
            return replace(spec, **{name: values[name] for name in OWN_FIELDS if name in names})
        except SpecError:
            return None

    def follow(self, norm: str, eps: float) -> None:
        """Take a norm and radius over, unless the user has chosen or moved them."""
        if self._is_own or (norm, eps) == (self._norm, self.eps.value):
            return
        spec = self.form.spec()
        if not isinstance(spec, AttackSpec) or "norm" not in spec.parameters():
            return
        quiet = self.blockSignals(True)
        self.form.set_spec(spec.replace("norm", norm))
        self._eps_of[norm], self._norm = eps, norm
        self.eps.set_norm(norm, eps)
        self.blockSignals(quiet)
        self._is_own = False
        self._follow()

    @Slot()
    def forget_choice(self) -> None:
        """Let the radius follow the networks again, as in a study that was just opened."""
        self._is_own = False

    def use(self, attack: AttackSpec) -> None:
        """Show the settings of an attack."""
        self._is_own = True
        values: dict[str, Any] = attack.parameters()
        self.form.set_spec(attack)
        if "steps" in values:
            self.steps.setValue(values["steps"])
        if "eps" in values:
            self.eps.set_value(values["eps"])
        if "step_size" in values:
            self.follows.setChecked(values["step_size"] == self._scaled_step())
            self.step_size.set_value(values["step_size"])
        self._choose_target(values.get("target"))

    def remembered(self) -> dict[str, Any]:
        """Return what was entered, and whether the user set the radius."""
        return {
            "form": self.form.remembered(),
            "own": self._is_own,
            "eps": self.eps.value,
            "steps": self.steps.value(),
            "follows": self.follows.isChecked(),
            "step_size": self.step_size.text(),
            "target": self.target.currentData() if self._wished is None else self._wished,
        }

    def recall(self, state: dict[str, Any]) -> None:
        """Show what was remembered; a radius that the user did not set follows the networks."""
        proposed, quiet = (self._norm, self.eps.value), self.blockSignals(True)
        self.form.recall(state["form"])
        self.eps.set_value(float(state["eps"]))
        self.steps.setValue(int(state["steps"]))
        self.follows.setChecked(bool(state["follows"]))
        if not self.follows.isChecked():
            self.step_size.set_text(str(state["step_size"]))
        self._choose_target(state["target"])
        self._is_own = bool(state["own"])
        self.follow(*proposed)
        self.blockSignals(quiet)
        self._follow()

    def untargeted_at(self, eps: float) -> AttackSpec | None:
        """Return the attack with another radius and no target, its step size scaled to the radius.

        The result does not depend on the slider's radius, so a curve of accuracy against eps stays
        the same record when the slider moves.
        """
        spec = self.spec()
        if spec is None or eps <= 0:
            return None
        values: dict[str, Any] = spec.parameters()
        changes: dict[str, Any] = {"eps": eps, "target": None}
        if "step_size" in values:
            follows = self.follows.isChecked() or not spec.eps
            scaled = STEP_OVER_EPS / self.steps.value()
            share = scaled if follows else values["step_size"] / spec.eps
            changes["step_size"] = _rounded(share * eps)
        return replace(spec, **{name: one for name, one in changes.items() if name in values})

    def set_spec(self, spec: AttackSpec) -> None:
        """Show an attack with its radius, steps, step size and target."""
        self._is_own = True
        quiet = self.blockSignals(True)  # one signal at the end: every one asks for pictures
        self.form.set_spec(spec)
        norm = getattr(spec, "norm", self._norm)
        self._eps_of[norm], self._norm = spec.eps, norm
        self.eps.set_norm(norm, spec.eps)
        self.eps.set_value(spec.eps)
        steps, step_size = getattr(spec, "steps", None), getattr(spec, "step_size", None)
        if steps is not None:
            self.steps.setValue(steps)
        if step_size is not None:
            own = _rounded(STEP_OVER_EPS * spec.eps / self.steps.value())
            self.follows.setChecked(own == step_size)
            self.step_size.set_value(step_size)
        self._choose_target(spec.target)
        self.blockSignals(quiet)
        self._follow()

    def error(self) -> str:
        """Return the error message, or ""."""
        if self.form.error() or self.spec() is not None:
            return self.form.error()
        return f"step size is {self.step_size.text()}, must be a number above 0"

    def set_classes(self, names: Sequence[str]) -> None:
        """Offer these classes as targets; keep the chosen target if it still exists."""
        shown = self.target.currentData()
        chosen = shown if self._wished is None else self._wished
        wanted = ["any other class", *names]
        if [self.target.itemText(row) for row in range(self.target.count())] == wanted:
            return
        self.target.blockSignals(True)
        self.target.clear()
        for row, name in enumerate(wanted):
            self.target.addItem(name, row - 1 if row else None)
        self._choose_target(chosen)
        if names and self._wished is not None:
            self._wished = None  # these classes have no such one
        self.target.blockSignals(False)
        if self.target.currentData() != shown:
            self.changed.emit()

    # ------------------------------------------------------------------------------------ building

    def _build_form(self) -> None:
        self.form = SpecForm(AttackSpec, exclude=OWN_FIELDS, labels={"kind": "attack"})
        self.form.set_spec(PGD())

    def _build_steps(self) -> None:
        self.steps = CountBox()
        self.steps.setRange(1, 10_000)
        self.steps.setValue(10)
        self.steps.setKeyboardTracking(False)
        self.steps.setToolTip("How often the attack follows the gradient")
        guard_wheel(self.steps)
        self.steps_slider = QSlider(Qt.Orientation.Horizontal)
        self.steps_slider.setRange(0, len(STEPS) - 1)
        self.steps_slider.setPageStep(3)
        self.steps_slider.setMinimumHeight(24)
        self.steps_slider.setAccessibleName("steps")
        self.follows = QCheckBox("Step follows eps")
        self.follows.setChecked(True)
        self.follows.setToolTip(
            plain_tip(
                f"The step size is {STEP_OVER_EPS} eps / steps: enough to reach and walk the "
                "ball's edge"
            )
        )
        self.step_size = NumberEdit(unit="pixel")

    def _choose_target(self, target: int | None) -> None:
        """Choose a class, now or once the classes are known; it is away from the true one else."""
        place = 0 if target is None else max(0, self.target.findData(target))
        self.target.setCurrentIndex(place)
        self._wished = None if place else target

    @Slot()
    def _forget_wish(self) -> None:
        self._wished = None

    def _build_target(self) -> None:
        self.target = ElidedCombo()
        self.target.setToolTip("The class that the attack moves the image towards")
        self.target.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        guard_wheel(self.target)
        self.set_classes(())

    def _build_layout(self) -> None:
        grid = labelled_rows(
            ("Steps", self.steps),
            ("", self.steps_slider),
            ("", self.follows),
            ("Step size", self.step_size),
            ("Target", self.target),
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.form)
        layout.addLayout(grid)
        self._grids = [part for part in (self.form.layout(), grid) if isinstance(part, QGridLayout)]
        self._align()

    def _align(self) -> None:
        """Give the labels of both grids one width, so that the grids look like one."""
        width = max(map(_label_width, self._grids))
        for grid in self._grids:
            grid.setColumnMinimumWidth(0, width)

    def _connect(self) -> None:
        self.form.changed.connect(self._form_changed)
        self.eps.changed.connect(self._radius_chosen)
        self.steps.valueChanged.connect(self._follow)
        self.steps_slider.valueChanged.connect(self._steps_moved)
        self.follows.toggled.connect(self._follow)
        self.step_size.changed.connect(self._step_typed)
        self.target.currentIndexChanged.connect(self.changed)
        self.target.activated.connect(self._forget_wish)

    # ------------------------------------------------------------------------------------- private

    def _step_size(self) -> float:
        if not self.follows.isChecked():
            return self.step_size.value() or 0.0
        return self._scaled_step()

    def _scaled_step(self) -> float:
        return _rounded(STEP_OVER_EPS * self.eps.value / self.steps.value())

    @Slot()
    def _form_changed(self) -> None:
        spec = self.form.spec()
        norm = getattr(spec, "norm", self._norm)
        if norm != self._norm:
            self._is_own = True
            self._eps_of[self._norm], self._norm = self.eps.value, norm
            self.eps.set_norm(norm, self._eps_of.get(norm, 0.5))
        names = set(OWN_FIELDS) if spec is None else {item.name for item in fields_of(type(spec))}
        self.steps.setEnabled("steps" in names)
        self.steps_slider.setEnabled("steps" in names)
        self.follows.setEnabled("step_size" in names)
        self.target.setEnabled("target" in names)
        self._align()
        self._follow()

    @Slot()
    def _radius_chosen(self) -> None:
        self._is_own = True
        self._follow()

    @Slot(int)
    def _steps_moved(self, position: int) -> None:
        self.steps.setValue(STEPS[position])

    @Slot()
    def _follow(self) -> None:
        """Update the steps slider, and the step size if it is automatic, from the other fields."""
        steps = self.steps.value()
        near = min(range(len(STEPS)), key=lambda place: abs(STEPS[place] - steps))
        self.steps_slider.blockSignals(True)
        self.steps_slider.setValue(near)
        self.steps_slider.blockSignals(False)
        self.step_size.setEnabled(self.follows.isEnabled() and not self.follows.isChecked())
        if self.follows.isChecked():
            self.step_size.blockSignals(True)
            self.step_size.set_value(self._step_size())
            self.step_size.blockSignals(False)
        self.changed.emit()

    @Slot()
    def _step_typed(self) -> None:
        if not self.follows.isChecked():
            self.changed.emit()


def _label_width(grid: QGridLayout) -> int:
    """Return the width of the widest label in the first column that is not hidden."""
    items = (grid.itemAtPosition(row, 0) for row in range(grid.rowCount()))
    parts = (item.widget() for item in items if item is not None)
    labels = [part for part in parts if isinstance(part, Label) and not part.isHidden()]
    return max((label.sizeHint().width() for label in labels), default=0)


def _rounded(step_size: float) -> float:
    """Round a step size to few digits, but keep it above 0, as a spec requires."""
    return max(SMALLEST, float(f"{step_size:.{DIGITS}g}"))


def threat_of(networks: Sequence[ClassifierSpec]) -> AttackSpec | None:
    """Return the attack whose norm and radius matter most for networks.

    That is the widest of those that they were trained against, in the norm of the last of these; if
    none was, the widest of those that they are evaluated by.
    """
    schemes = (network.scheme for network in networks if isinstance(network, Training))
    trained = [threat for scheme in schemes if (threat := scheme.threat) and threat.eps]
    threats = trained or [network.evaluation for network in networks if network.evaluation.eps]
    alike = [threat for threat in threats if threat.norm == threats[-1].norm]
    return max(alike, key=lambda threat: threat.eps, default=None)
