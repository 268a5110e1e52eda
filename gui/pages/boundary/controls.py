"""The choices at the left of the 2-D lab: the shown attack, and how networks are trained."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QPushButton, QWidget

from engine.boundary.lab import Lab, paper_attack
from engine.specs import PGD, AttackSpec
from engine.specs.attacks import scaled_step
from gui.look.plain import plain_tip
from gui.widgets.forms.eps_slider import EpsSlider
from gui.widgets.forms.number_boxes import CountBox
from gui.widgets.forms.number_edit import WholeEdit, guard_wheel
from gui.widgets.forms.side_panel import SidePanel, labelled_rows
from gui.widgets.label import Label

FIRST_EPS = {"l2": 0.125, "linf": 0.1}
TOPS = {"l2": 0.75, "linf": 0.4}
WIDTH = 272  # so that nothing is cut while the column scrolls
MOST_STEPS, MOST_EPOCHS = 200, 100


class BoundaryControls(SidePanel):
    """Edits the shown attack and the training of the lab's networks.

    Signals
    -------
    attack_changed
        The shown attack changed.
    training_changed
        The settings of the networks' training changed.
    train_asked, paper_asked
        The button "train or stop", or the button for the paper's settings, was pressed.

    Attributes
    ----------
    eps
        The slider of the shown attack's radius; the page adds it to its own layout.
    """

    attack_changed = Signal()
    training_changed = Signal()
    train_asked = Signal()
    paper_asked = Signal()

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._eps_of = dict(FIRST_EPS)
        self.setFixedWidth(WIDTH)
        self._build_attack()
        self._build_training()
        self._build_lesson()

    def attack(self) -> AttackSpec:
        """Return the attack to show; an L2 attack has the paper's step size."""
        eps, steps = self.eps.value, self.steps.value()
        if self.norm.currentData() == "l2":
            return paper_attack(eps, steps)
        step_size = max(scaled_step(eps, steps), 1e-6)
        return PGD(norm="linf", eps=eps, step_size=step_size, steps=steps)

    def lab(self, radii: tuple[float, ...]) -> Lab:
        """Return the lab with these training radii, in [0, 1] units."""
        return Lab(radii, seed=self.seed.number(), epochs=self.epochs.value())

    def use_attack(self, attack: AttackSpec) -> None:
        """Show an attack: its norm, radius and steps."""
        self.norm.setCurrentIndex(max(0, self.norm.findData(getattr(attack, "norm", "l2"))))
        self.steps.setValue(getattr(attack, "steps", self.steps.value()))
        self.eps.set_value(attack.eps)

    def set_training(self, seed: int, epochs: int) -> None:
        """Set seed and epochs without emitting a signal."""
        for widget, value in ((self.seed, seed), (self.epochs, epochs)):
            widget.blockSignals(True)
            widget.setValue(value)
            widget.blockSignals(False)

    def show_state(self, *, going: bool, missing: int) -> None:
        """Set the text of the button to what it does now.

        Parameters
        ----------
        going
            Whether a network of the lab is being trained or waits for its training.
        missing
            Number of wanted networks that the study does not have.
        """
        self.train.setText("Stop" if going else "Train")
        self.train.setEnabled(going or missing > 0)
        if going:
            tip = "Stop these trainings; what is finished stays"
        elif missing:
            tip = "Train the networks that the study does not have yet"
        else:
            tip = "The study has these networks; choose another eps, seed or epochs"
        self.train.setToolTip(plain_tip(tip))

    # ----------------------------------------------------------------------------------- building

    def _build_attack(self) -> None:
        self.eps = EpsSlider("l2")
        self.eps.set_norm("l2", FIRST_EPS["l2"])
        self.eps.set_top(TOPS["l2"])
        self.norm = QComboBox()
        self.norm.addItem("L2", "l2")
        self.norm.addItem("L-inf", "linf")
        self.norm.setToolTip("The shape of the ball that attacked points stay in")
        self.steps = CountBox()
        self.steps.setRange(1, MOST_STEPS)
        self.steps.setValue(40)
        self.steps.setToolTip(
            "Steps of the shown attack: each is 1 long in L2, as in the paper, and "
            "2.5 eps / steps in L-inf"
        )
        guard_wheel(self.norm)
        guard_wheel(self.steps)
        self.eps.changed.connect(self.attack_changed)
        self.steps.valueChanged.connect(self.attack_changed)
        self.norm.currentIndexChanged.connect(self._on_norm)
        rows = labelled_rows(("Norm", self.norm), ("Steps", self.steps))
        self.add(rows, "Shown attack")

    def _build_training(self) -> None:
        self.seed = WholeEdit(low=0)
        self.seed.setToolTip("Draws the first weights and the order of the batches")
        self.epochs = CountBox()
        self.epochs.setRange(1, MOST_EPOCHS)
        self.epochs.setToolTip("How often each network sees the 6,000 points")
        guard_wheel(self.epochs)
        self.set_training(Lab().seed, Lab().epochs)
        for widget in (self.seed, self.epochs):
            widget.setKeyboardTracking(False)
            widget.valueChanged.connect(self.training_changed)
        rows = labelled_rows(("Seed", self.seed), ("Epochs", self.epochs))
        self.add(rows, "Training")
        self.train = QPushButton("Train")
        self.train.setProperty("role", "primary")
        self.train.clicked.connect(self.train_asked)
        self.paper = QPushButton("Paper's settings")
        self.paper.setToolTip(
            "Trained against L2 attacks of eps 0.125 and 0.25 (0.25 and 0.5 in the paper's "
            "[-1, 1]), seed 0, 10 epochs"
        )
        self.paper.clicked.connect(self.paper_asked)
        self.add(self.train)
        self.add(self.paper)

    def _build_lesson(self) -> None:
        lesson = Label(
            "Every network separates the two classes. The standard one leans on the thin "
            "direction of the data, in which the classes hardly differ: its boundary is "
            "tilted, and a short way across it fools it. Trained against attacks, the boundary "
            "turns upright, the more the larger the eps; then an attack has to move a point "
            "along the data, towards the other class."
        )
        lesson.setProperty("role", "muted")
        lesson.setWordWrap(True)
        lesson.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.add(lesson, "What to see", 1)

    @Slot()
    def _on_norm(self) -> None:
        norm = self.norm.currentData()
        self._eps_of[self.eps.norm] = self.eps.value
        self.eps.set_norm(norm, self._eps_of[norm])
        self.eps.set_top(TOPS[norm])
        self.attack_changed.emit()
