"""The form of the Retrain page: networks, attributions, modes, fractions, repeats, baseline."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QPushButton, QWidget

from engine.retraining.baselines import baselines_among, best_baseline
from engine.specs import (
    PAPER_FRACTIONS,
    AttributionSpec,
    ClassifierSpec,
    Interpretability,
    Mode,
    ScoreControl,
    Training,
)
from engine.specs.attributions import GROUPS, OF_THE_PAPER
from engine.specs.schema import SpecError
from gui.look.plain import plain_tip
from gui.pages.common.check_all import CheckAll
from gui.pages.common.network_picker import NetworkPicker
from gui.session.networks import Network
from gui.session.workspace import Workspace
from gui.widgets.forms.elided_combo import ElidedCombo
from gui.widgets.forms.method_picker import MethodPicker
from gui.widgets.forms.number_edit import NumbersEdit, WholeEdit, guard_wheel
from gui.widgets.forms.side_panel import SidePanel, labelled_rows
from gui.widgets.sentence import SUMMARY_LINES, Sentence

MOST_NETWORKS = 1000
REPEATS = 3
AUTOMATIC = ""
CONTROLS: tuple[ScoreControl, ...] = ("sobel", "blurred", "mask_only", "matched", "reversed")


class RetrainForm(SidePanel):
    """Turns the user's choices into the specs of scores and controls.

    Signals
    -------
    changed
        The choices changed.
    asked
        The user pressed Compute.
    """

    changed = Signal()
    asked = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None):
        super().__init__(parent)
        self.workspace = workspace
        self._build_methods()
        self._build_controls()
        self._build_numbers()
        self._build_foot()
        self._add_all()
        self._connect()
        self.fill_baselines()

    # ----------------------------------------------------------------------------------- building

    def _build_methods(self) -> None:
        self.picker = NetworkPicker(self.workspace, MOST_NETWORKS, at_first=MOST_NETWORKS)
        self.all = CheckAll(self.picker)
        self.methods = MethodPicker(AttributionSpec, groups=GROUPS, usual=OF_THE_PAPER)
        for cls in OF_THE_PAPER:
            self.methods.boxes[cls.kind].setChecked(True)
        self.modes: dict[Mode, QCheckBox] = {
            "roar": QCheckBox("ROAR: remove and retrain"),
            "kar": QCheckBox("KAR: keep and retrain"),
        }
        self.modes["roar"].setToolTip(
            "Removes the most important pixels: accuracy should fall faster than at random"
        )
        self.modes["kar"].setToolTip(
            "Keeps the most important pixels: accuracy should fall slower than at random"
        )
        for box in self.modes.values():
            box.setChecked(True)

    def _build_controls(self) -> None:
        self.controls: dict[ScoreControl, QCheckBox] = {
            "sobel": QCheckBox("Sobel edges"),
            "blurred": QCheckBox("Blurred map"),
            "mask_only": QCheckBox("Mask only"),
            "matched": QCheckBox("Matched blur"),
            "reversed": QCheckBox("DiffROAR"),
        }
        tips = (
            "Ranks pixels by the image's own edges, without any network",
            "Ranks pixels by the same map, blurred: is coarseness enough?",
            "Retrains on which pixels are removed: does their shape tell the class?",
            "Blurs the maps of all networks to one blurriness first: is a score more than that?",
            "Compares keeping the most important pixels with keeping the least important; KAR only",
        )
        for box, tip in zip(self.controls.values(), tips, strict=True):
            box.setToolTip(plain_tip(tip))

    def _build_numbers(self) -> None:
        self.fractions = NumbersEdit()
        self.fractions.set_values(PAPER_FRACTIONS)
        self.fractions.setToolTip("Shares of the pixels that are removed, rising")
        self.repeats = WholeEdit(low=1, high=100)
        self.repeats.setValue(REPEATS)
        self.repeats.setToolTip("Retrainings of every point, each from another start")
        self.seed = WholeEdit(low=0)
        self.baseline = ElidedCombo()
        self.baseline.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.baseline.setToolTip(
            "The standard network whose accuracy ends the curves; retraining follows it"
        )
        guard_wheel(self.baseline)

    def _build_foot(self) -> None:
        self.summary = Sentence(lines=SUMMARY_LINES)
        self.compute = QPushButton("Compute")
        self.compute.setProperty("role", "primary")
        self.compute.setToolTip("Train what the study lacks; what it has is not repeated")

    def _add_all(self) -> None:
        self.lead(self.picker, "Networks")
        self.add(self.all)
        self.add(self.methods, "Attributions")
        self.add(self.modes["roar"], "Modes")
        self.add(self.modes["kar"])
        for place, box in enumerate(self.controls.values()):
            self.add(box, "" if place else "Controls")
        self.add(
            labelled_rows(
                ("Fractions", self.fractions),
                ("Repeats", self.repeats),
                ("Seed", self.seed),
                ("Baseline", self.baseline),
            ),
            "Retraining",
        )
        self.add(QWidget(), stretch=1)
        self.pin(self.summary)
        self.pin(self.compute)

    def _connect(self) -> None:
        self.picker.changed.connect(self.changed)
        self.methods.changed.connect(self.changed)
        for box in (*self.modes.values(), *self.controls.values()):
            box.toggled.connect(self.changed)
        self.fractions.changed.connect(self.changed)
        for spin in (self.repeats, self.seed):
            spin.valueChanged.connect(self.changed)
        self.baseline.currentIndexChanged.connect(self.changed)
        self.compute.clicked.connect(self.asked)

    # ------------------------------------------------------------------------------------- values

    @property
    def networks(self) -> list[Network]:
        """The chosen networks that were trained on the current images."""
        images = self.workspace.images
        return [n for n in self.picker.networks if images is None or n.spec.images == images]

    @property
    def asked_controls(self) -> tuple[ScoreControl, ...]:
        """The controls to compute for every score."""
        return tuple(control for control, box in self.controls.items() if box.isChecked())

    def specs(self) -> list[Interpretability]:
        """Return the chosen scores and their controls; leave out those with invalid settings."""
        chosen: list[Mode] = [mode for mode, box in self.modes.items() if box.isChecked()]
        found = [
            self.spec_for(network.spec, mode, attribution, control)
            for control in ("none", *self.asked_controls)
            for network in self.networks
            for mode in chosen
            for attribution in self.methods.chosen
            if isinstance(attribution, AttributionSpec)
        ]
        return [spec for spec in found if spec is not None]

    def use(self, spec: Interpretability) -> None:
        """Show the settings of a score or control."""
        self.picker.choose_only(spec.classifier.key)
        self.methods.choose_only(spec.attribution)
        for mode, box in self.modes.items():
            box.setChecked(mode == spec.mode)
        for control, box in self.controls.items():
            box.setChecked(control == spec.control)
        self.fractions.set_values(spec.fractions)
        self.repeats.setValue(spec.repeats)
        self.seed.setValue(spec.seed)
        self.baseline.setCurrentIndex(max(0, self.baseline.findData(spec.baseline.key)))

    def spec_for(
        self,
        classifier: ClassifierSpec,
        mode: Mode,
        attribution: AttributionSpec,
        control: ScoreControl = "none",
    ) -> Interpretability | None:
        """Return the spec of a score or control with the form's settings; None if invalid."""
        baseline = self._baseline_of(classifier)
        fractions = tuple(float(value) for value in self.fractions.values())
        if baseline is None or not fractions:
            return None
        try:
            return Interpretability(
                classifier=classifier,
                attribution=attribution,
                mode=mode,
                baseline=baseline,
                fractions=fractions,
                repeats=self.repeats.number(),
                seed=self.seed.number(),
                control=control,
            )
        except SpecError:
            return None

    def problem(self) -> str:
        """Return in one sentence why nothing can be computed, or ""."""
        if not self._candidates:
            return (
                "There is no standard network on these images to end the curves: train one first."
            )
        if not self.networks:
            return "Choose at least one network that was trained on these images."
        if not self.methods.chosen or not any(box.isChecked() for box in self.modes.values()):
            return "Choose at least one attribution and one mode."
        return self._unfit() or self._wrong_number()

    def _wrong_number(self) -> str:
        if self.fractions.error():
            return self.fractions.error()
        try:
            Interpretability(
                classifier=self.networks[0].spec,
                attribution=self.methods.chosen[0],  # type: ignore[arg-type]
                baseline=self._candidates[0],
                fractions=tuple(float(value) for value in self.fractions.values()),
            )
        except SpecError as error:
            return str(error)
        return ""

    def _unfit(self) -> str:
        """Say which network a method cannot explain, or return "": none is left out unsaid."""
        for network in self.networks:
            for method in self.methods.chosen:
                if isinstance(method, AttributionSpec):
                    try:
                        method.check_network(network.spec.network, f"{network.title}: the method")
                    except SpecError as error:
                        return f"{error}."
        return ""

    def _baseline_of(self, classifier: ClassifierSpec) -> Training | None:
        chosen = self.baseline.currentData()
        for spec in self._candidates:
            if spec.key == chosen and spec.images == classifier.images:
                return spec
        own = [spec for spec in self._candidates if spec.images == classifier.images]
        return best_baseline(classifier, own)

    @Slot()
    def fill_baselines(self) -> None:
        """List the study's standard networks; keep the chosen one if it still exists."""
        specs = [spec for _, spec in self.workspace.classifiers()]
        images = self.workspace.images
        self._candidates = baselines_among(specs, images) if images is not None else []
        before = self.baseline.currentData()
        self.baseline.blockSignals(True)
        self.baseline.clear()
        self.baseline.addItem("Automatic: trained alike", AUTOMATIC)
        for spec in self._candidates:
            text = f"{spec.title}, {spec.network.label}, " + f"{spec.epochs} epochs"
            self.baseline.addItem(text, spec.key)
        self.baseline.setCurrentIndex(max(0, self.baseline.findData(before)))
        self.baseline.blockSignals(False)
        self.changed.emit()

    def say(self, text: str, *, problem: bool) -> None:
        """Show what would be computed, or why nothing can be."""
        self.summary.say(text, "warning" if problem else "muted")
        self.compute.setEnabled(not problem)
