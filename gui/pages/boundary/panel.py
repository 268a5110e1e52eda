"""One network of the 2-D lab: its training radius, its plane, and its numbers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from engine.boundary.lab import training_eps
from engine.figures.boundary import plane_chart
from engine.figures.charts import ChartData
from engine.jobs.events import Ended, Event, Queued, Snapshot, Started
from engine.specs import AttackSpec, Boundary, Training
from engine.texts import percent
from gui.pages.boundary.view import PlaneView
from gui.session.previews import LivePreviews
from gui.session.workspace import Workspace
from gui.widgets.chip import Chip
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.forms.number_boxes import DecimalBox
from gui.widgets.forms.number_edit import guard_wheel
from gui.widgets.label import Label
from gui.widgets.plots.sight import in_sight
from gui.widgets.timer import timer

if TYPE_CHECKING:
    from engine.jobs.context import Context
    from engine.store.study import Result

# Attack only this many points while a slider moves or a network trains, and all points afterwards.
QUICK_POINTS = 300
FRAME_MS = 120
REST_MS = 350
PATIENCE_MS = 500
GRID = 101
ARROWS = 30
HEADER, FIELD, GAP = 36, 108, 4
SMALLEST, LARGEST, STEP = 0.005, 0.5, 0.025


class BoundaryPanel(QWidget):
    """Shows a network of the plane, either stored or during its training.

    Signals
    -------
    radius_changed
        The user chose another training radius.
    looked
        The picture and the numbers were updated.

    Attributes
    ----------
    training
        Spec of the network to show.
    state
        "missing", "waiting", "training", "stored", "cancelled", or "failed".
    result, shown
        The newest look and its spec; None before the first look. They are those of an earlier
        network until there is a look at the wanted one.
    """

    radius_changed = Signal()
    looked = Signal()

    def __init__(self, workspace: Workspace, place: int, radius: float | None):
        super().__init__()
        self.training: Training | None = None
        self.state = "missing"
        self.result: Result | None = None
        self.shown: Boundary | None = None
        self.place = place
        self._workspace = workspace
        self._attack: AttackSpec | None = None
        self._full = False
        self._snapshot: Snapshot | None = None
        self._fault = ""
        self._stale = True
        self._previews = LivePreviews(
            workspace.runner, f"boundary/{place}", self, patience_ms=PATIENCE_MS
        )
        self._previews.answered.connect(self._answered)
        self._previews.failed.connect(self._failed)
        self._frame = timer(self, FRAME_MS, once=True)
        self._frame.timeout.connect(self.ask)
        self._rest = timer(self, REST_MS, once=True)
        self._rest.timeout.connect(self._ask_all)
        self._build(radius)

    # ------------------------------------------------------------------------------------- public

    @property
    def radius(self) -> float | None:
        """The training radius in [0, 1] units, or None for the standard network."""
        return round(self.eps.value(), 3) if self.eps is not None else None

    @property
    def series(self) -> int:
        """The number of its colour; the first two are those of the classes."""
        return self.place + 2

    @property
    def tilt(self) -> tuple[float, float] | None:
        """Training radius, in [0, 1] units, and tilt, in degrees, of the shown network."""
        if self.result is None or self.shown is None:
            return None
        eps = training_eps(self.shown.classifier) or 0.0
        return eps, float(self.result.numbers["angle_degrees"])

    def set_radius(self, radius: float) -> None:
        """Set the training radius without emitting a signal."""
        if self.eps is not None:
            self.eps.blockSignals(True)
            self.eps.setValue(radius)
            self.eps.blockSignals(False)
            self._show_units()

    def set_training(self, training: Training, stored: bool) -> None:
        """Switch to this network; keep showing the last one until there is a look at this one."""
        if training == self.training and stored == (self.state == "stored"):
            return
        if training != self.training:
            self._snapshot, self._fault = None, ""
            self.training = training
            self.state = "missing"
        if stored:
            self.state, self._snapshot = "stored", None
        self._show_numbers()
        self.ask()

    def set_attack(self, attack: AttackSpec) -> None:
        """Show the network under this attack."""
        if attack != self._attack:
            self._attack = attack
            self.ask()

    def take(self, event: Event) -> None:
        """Update the state from an event about the wanted network."""
        match event:
            case Queued():
                self.state = "waiting"
            case Started():
                self.state = "training"
            case Snapshot():
                self.state, self._snapshot = "training", event
                if not self._frame.isActive():
                    self._frame.start()
            case Ended(outcome="cancelled" | "failed"):
                self.state, self._fault = event.outcome, event.message
        self._show_numbers()

    def forget(self) -> None:
        """Clear the panel, because another study was opened."""
        self._previews.stop()
        self._frame.stop()
        self._rest.stop()
        self.training, self.result, self.shown, self._snapshot = None, None, None, None
        self.state, self._fault = "missing", ""
        self.view.forget_look()
        self._show_numbers()

    def chart(self) -> ChartData | None:
        """Return the shown plane as one chart of a figure; None if nothing is shown."""
        if self.result is None or self.shown is None:
            return None
        robust = percent(float(self.result.numbers["robust_accuracy"]))
        # Use short lines, because a figure has three planes side by side.
        lines = (
            self._title(self.shown),
            self.numbers.text,
            f"robust accuracy {robust} at {self.shown.attack.ball}",
        )
        title = "\n".join(lines)
        return plane_chart(self.result.arrays, title, self.shown.attack)

    @Slot()
    def ask(self) -> None:
        """Compute a look under the present attack, first with few points, then with all."""
        self._ask(QUICK_POINTS)

    # ----------------------------------------------------------------------------------- building

    def _build(self, radius: float | None) -> None:
        chip = Chip(self)
        chip.set_series(self.series)
        self.heading = Label("Standard" if radius is None else "Trained")
        self.heading.setProperty("role", "heading")
        self.eps: DecimalBox | None = None
        self.units = ElidedLabel(colour="muted")
        self.units.setToolTip("In the paper's coordinates, which reach from -1 to 1")
        top = QHBoxLayout()
        top.setSpacing(6)
        top.addWidget(chip)
        top.addWidget(self.heading)
        if radius is not None:
            self.eps = self._build_eps(radius)
            top.addWidget(self.eps)
        top.addWidget(self.units, 1)
        self._show_units()
        # Give all headers the same height, so that the planes are aligned.
        top.addStrut(HEADER)
        self.view = PlaneView(f"The plane of network {self.place + 1}")
        centre = Qt.AlignmentFlag.AlignHCenter
        self.numbers = ElidedLabel(bold=True, alignment=centre)
        self.accuracies = ElidedLabel(alignment=centre, lines=2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        layout.addLayout(top)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.numbers)
        layout.addWidget(self.accuracies)

    def _build_eps(self, radius: float) -> DecimalBox:
        spin = DecimalBox(decimals=3, singleStep=STEP)
        spin.setRange(SMALLEST, LARGEST)
        spin.setValue(radius)
        spin.setPrefix("eps ")
        spin.setFixedWidth(FIELD)
        spin.setKeyboardTracking(False)
        spin.setAccessibleName(f"L2 eps that network {self.place + 1} is trained against")
        spin.setToolTip(
            "L2 radius of the attacks that this network is trained against, in [0, 1] units; "
            "another one trains the network anew, unless the study has it already"
        )
        guard_wheel(spin)
        spin.valueChanged.connect(self._on_radius)
        self.heading.setBuddy(spin)
        return spin

    # ------------------------------------------------------------------------------------ looking

    @Slot()
    def _on_radius(self) -> None:
        self._show_units()
        self.radius_changed.emit()

    @Slot()
    def _ask_all(self) -> None:
        self._ask(None)

    def _ask(self, points: int | None) -> None:
        spec = self._spec()
        self._stale = not in_sight(self)
        if spec is None or self._stale:
            return
        if self._full and points is not None:
            self._previews.stop()  # the slow look with all points must not delay this quick one
        self._full = points is None
        weights = self._snapshot.weights if self._snapshot is not None else None
        self._previews.compute = partial(_look, weights=weights, points=points)
        self._previews.ask([spec])
        if points is not None and weights is None:
            self._rest.start()
        else:
            self._rest.stop()

    def _spec(self) -> Boundary | None:
        """Return the spec of the look; None while the network has no weights."""
        there = self.state == "stored" or self._snapshot is not None
        if self.training is None or self._attack is None or not there:
            return None
        return Boundary(
            classifier=self.training, attack=self._attack, grid=GRID, attacked_points=ARROWS
        )

    @Slot(object, object)
    def _answered(self, spec: Boundary, result: Result) -> None:
        if spec.classifier != self.training:
            return
        self.result, self.shown = result, spec
        self.view.show_look(result.arrays)
        self._show_numbers()
        self.looked.emit()

    @Slot(object, str)
    def _failed(self, _: Boundary, text: str) -> None:
        self.state, self._fault = "failed", text
        self._show_numbers()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Limit the height to what the plane needs; the widgets below get the rest."""
        super().resizeEvent(event)
        texts = self.numbers.sizeHint().height() + self.accuracies.sizeHint().height()
        self.setMaximumHeight(HEADER + self.view.height_for(self.width()) + texts + 3 * GAP)

    def showEvent(self, event: QShowEvent) -> None:
        """Request a look if something changed while the page was hidden."""
        super().showEvent(event)
        self.catch_up()

    def catch_up(self) -> None:
        """Request a look if something changed out of sight."""
        if self._stale:
            self.ask()

    # -------------------------------------------------------------------------------------- texts

    def _title(self, shown: Boundary) -> str:
        eps = training_eps(shown.classifier)
        if not eps:
            return "Standard"
        return f"Trained at eps {2 * eps:g} in [−1, 1]"

    def _show_units(self) -> None:
        text = "" if self.radius is None else f"(paper: {2 * self.radius:.4g})"
        self.units.set_text(text)

    def _show_numbers(self) -> None:
        """Show the tilt of the wanted network or its state, and the accuracies of the shown one."""
        known = self.result is not None and (self.state == "stored" or self._snapshot is not None)
        words = self._words_of_state()
        if known and self.tilt is not None:
            tilt = f"tilt {self.tilt[1]:.1f}°"
            words = f"{tilt}  ·  {words}" if words else tilt
        self.numbers.set_text(words)
        self.accuracies.set_text("" if self.result is None else self._accuracies(self.result))

    def _accuracies(self, result: Result) -> str:
        found = result.numbers
        eps = self.shown.attack.eps if self.shown is not None else 0.0
        clean, robust = (percent(float(found[f"{name}_accuracy"])) for name in ("clean", "robust"))
        return f"clean {clean}\nrobust {robust} at {eps:.3g}, of {found['test_points']:,}"

    def _words_of_state(self) -> str:
        if self._snapshot is not None and self.state == "training" and self.training is not None:
            words = "epoch {:.1f} of {}"
            return words.format(self._snapshot.step, self.training.epochs)
        return {
            "missing": "not trained yet",
            "waiting": "waits for its training",
            "training": "training begins",
            "stored": "",
            "cancelled": "training stopped",
            "failed": self._fault or "training failed",
        }[self.state]


def _look(spec: Boundary, context: Context, *, weights: Any, points: int | None) -> Result:
    from engine.boundary.plane import look

    return look(spec, context, weights=weights, points=points)
