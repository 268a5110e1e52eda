"""The form of the Manifold page: a generator to train, and measurements that use a generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QPushButton, QVBoxLayout, QWidget

from engine.retraining.baselines import baselines_among, best_baseline
from engine.specs import (
    VAEGAN,
    ClassifierSpec,
    Glyphs,
    ManifoldDistance,
    Measurement,
    TangentShare,
    Training,
)
from engine.specs.distinguish import differences, leaves
from engine.specs.schema import Spec, SpecError, fields_of
from engine.store.study import spec_of
from engine.texts import percent
from gui.pages.common.check_all import CheckAll
from gui.pages.common.network_picker import NetworkPicker
from gui.pages.manifold.fold import Fold
from gui.pages.manifold.generator import GeneratorForm
from gui.session.networks import Network
from gui.session.workspace import Workspace
from gui.widgets.forms.elided_combo import ElidedCombo
from gui.widgets.forms.form_row import capital
from gui.widgets.forms.number_edit import WholeEdit, guard_wheel
from gui.widgets.forms.side_panel import SidePanel, labelled_rows
from gui.widgets.forms.spec_form import SpecForm
from gui.widgets.sentence import SUMMARY_LINES, Sentence

WIDTH = 380
MOST_NETWORKS = 1000
LIST_HEIGHT = 150
TANGENT_IMAGES = 200


class ManifoldForm(QWidget):
    """Turns the user's choices into the specs of a generator and of measurements.

    Signals
    -------
    changed
        The choices changed.
    generator_changed
        The generator to measure with changed, by choice or after a training.
    train_asked, measure_asked
        The user pressed the button to train the generator, or to measure.
    """

    changed = Signal()
    generator_changed = Signal()
    train_asked = Signal()
    measure_asked = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None):
        super().__init__(parent)
        self.workspace = workspace
        self._trained: dict[str, VAEGAN] = {}
        self._baselines: list[Training] = []
        self._build_networks()
        self._build_measures()
        self._build_layout()
        self._connect()
        self.refresh()

    # ------------------------------------------------------------------------------------- values

    @property
    def networks(self) -> list[Network]:
        """The chosen networks that were trained on the current images."""
        images = self.workspace.images
        return [n for n in self.picker.networks if images is not None and n.spec.images == images]

    def vae_gan(self) -> VAEGAN | None:
        """Return the form's generator; None while a field is invalid or the images do not fit."""
        return self.own.spec()

    def generator(self) -> VAEGAN | None:
        """Return the generator to measure with: the chosen trained one, or that of the form."""
        return self._trained.get(self.chosen.currentData() or "") or self.vae_gan()

    def specs(self) -> list[Spec]:
        """Return the measurements to compute; an empty list while an input is invalid."""
        if self.problem():
            return []
        return [*self._distances(), *self._shares()]

    def problem(self) -> str:
        """Return in one sentence why nothing can be measured, or ""."""
        if not (self.distances.isChecked() or self.shares.isChecked()):
            return "Choose at least one of distances and tangent share."
        if not self.networks:
            return "Choose at least one network that was trained on these images."
        if self.distances.isChecked() and self.generator() is None:
            return self.own.error()
        if self.shares.isChecked() and self.generator() is None and not self._known:
            return self.own.error()
        if self.distances.isChecked():
            return self.measure_form.error() or self._refused()
        return ""

    def _refused(self) -> str:
        """Return why a distance cannot be measured, such as a missing baseline, or ""."""
        try:
            self._distances()
        except SpecError as error:
            return str(error)
        return ""

    @property
    def _known(self) -> bool:
        """Whether the tangent space is known without a generator."""
        return isinstance(self.workspace.images, Glyphs)

    def _distances(self) -> list[ManifoldDistance]:
        form, generator = self.measure_form.spec(), self.generator()
        if not self.distances.isChecked() or generator is None:
            return []
        if not isinstance(form, ManifoldDistance):
            return []
        form = replace(form, generator=generator)
        clean = ManifoldDistance(
            generator=form.generator,
            test_images=form.test_images,
            reconstruction=form.reconstruction,
            seed=form.seed,
        )
        return [clean, *(self._distance(form, network.spec) for network in self.networks)]

    def _distance(self, form: ManifoldDistance, classifier: ClassifierSpec) -> ManifoldDistance:
        baseline = best_baseline(classifier, self._baselines)
        return replace(form, classifier=classifier, baseline=baseline)

    def _shares(self) -> list[Measurement]:
        if not self.shares.isChecked():
            return []
        generator = self.generator()
        # If the tangent space is known exactly, measure without a generator rather than train the
        # form's generator first.
        if self._known and not self.distances.isChecked() and not self.chosen.currentData():
            generator = None
        return [
            Measurement(
                classifier=network.spec,
                metric=TangentShare(generator=generator),
                test_images=self.tangent_images.number(),
            )
            for network in self.networks
        ]

    # ------------------------------------------------------------------------------------- public

    def use(self, spec: VAEGAN | ManifoldDistance | Measurement) -> None:
        """Show the settings of a generator, of distances, or of shares in the tangent space."""
        if isinstance(spec, VAEGAN):
            self.own.form.set_spec(spec)
            return
        generator: Spec | None
        if isinstance(spec, ManifoldDistance):
            generator = spec.generator
            self.measure_form.set_spec(spec)
        else:
            self.tangent_images.setValue(spec.test_images)
            generator = spec.metric.generator if isinstance(spec.metric, TangentShare) else None
        self.distances.setChecked(isinstance(spec, ManifoldDistance))
        self.shares.setChecked(isinstance(spec, Measurement))
        if spec.classifier is not None:
            self.picker.choose_only(spec.classifier.key)
        if isinstance(generator, VAEGAN) and generator.key not in self._trained:
            self.own.form.set_spec(generator)
        place = self.chosen.findData("" if generator is None else generator.key)
        self.chosen.setCurrentIndex(place if place >= 0 else self.chosen.count() - 1)

    def makes(self) -> list[Spec]:
        """Return what the form's two buttons would compute."""
        own = self.vae_gan()
        return [*([] if own is None else [own]), *self.specs()]

    @Slot()
    def refresh(self) -> None:
        """Read the images, and the networks and generators trained on them, again."""
        before = self.generator()
        specs = [spec for _, spec in self.workspace.classifiers()]
        self._baselines = baselines_among(specs, self.workspace.images)
        self.own.propose()
        self._fill_generators()
        self.fold.suggest(not self._trained)
        if self.generator() != before:
            self.generator_changed.emit()
        self.changed.emit()

    def show_state(self, summary: str, *, problem: bool) -> None:
        """Show which measurements would be computed, or why none can be."""
        self.summary.say(summary, "warning" if problem else "muted")
        self.measure.setEnabled(not problem)

    # ----------------------------------------------------------------------------------- building

    def _build_networks(self) -> None:
        self.own = GeneratorForm(self.workspace)
        self.picker = NetworkPicker(self.workspace, MOST_NETWORKS, at_first=MOST_NETWORKS)
        self.picker.list.setMinimumHeight(LIST_HEIGHT)
        self.all = CheckAll(self.picker)

    def _build_measures(self) -> None:
        self.chosen = ElidedCombo()
        self.chosen.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.chosen.setToolTip(
            "Whose reconstructions stand for the manifold; the share is what they hold of the "
            "images' variance. That of the form is trained first"
        )
        guard_wheel(self.chosen)
        self.measure_form = SpecForm(
            ManifoldDistance,
            exclude=("generator", "classifier", "baseline", "panel"),
            labels={"attack.kind": "attack"},
            nested=True,
        )
        # The spec needs some generator to be valid; _distances replaces it by the chosen one.
        self.measure_form.set_fixed("generator", VAEGAN(images=Glyphs()))
        self.distances = QCheckBox("Distances to the manifold")
        self.distances.setToolTip("Of clean test images, and of attacks on every chosen network")
        self.shares = QCheckBox("Share of the gradient in the tangent space")
        self.shares.setToolTip("Known exactly for Glyphs, and estimated by the generator's decoder")
        for box in (self.distances, self.shares):
            box.setChecked(True)
        self.tangent_images = WholeEdit(low=1, high=100_000)
        self.tangent_images.setValue(TANGENT_IMAGES)
        self.tangent_images.setToolTip("Test images whose loss gradient is looked at")
        self.summary = Sentence(lines=SUMMARY_LINES)
        self.measure = QPushButton("Measure")
        self.measure.setProperty("role", "primary")
        self.measure.setToolTip("Compute what the study lacks; a generator is trained first")

    def _build_layout(self) -> None:
        self.fold = Fold("Generator", self.own)
        self.panel = SidePanel()
        self.panel.setFixedWidth(WIDTH)
        self.panel.add(self.fold)
        self.panel.lead(self.picker, "Networks")
        self.panel.add(self.all)
        chosen = labelled_rows(("Generator", self.chosen))
        tangents = labelled_rows(("Test images", self.tangent_images))
        # Give the first columns of all grids one width, so that the grids look like one.
        words = [capital(item.label) for item in fields_of(ManifoldDistance)]
        width = max(map(self.fontMetrics().horizontalAdvance, words))
        for grid in (chosen, tangents):
            grid.setColumnMinimumWidth(0, width)
        self.panel.add(chosen, "Measurements")
        self.panel.add(self.distances)
        self.panel.add(self.measure_form)
        self.panel.add(self.shares)
        self.panel.add(tangents)
        self.panel.add(QWidget(), stretch=1)
        self.panel.pin(self.summary)
        self.panel.pin(self.measure)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.panel)
        self.setFixedWidth(WIDTH)

    def _connect(self) -> None:
        self.own.changed.connect(self._on_own)
        self.own.asked.connect(self.train_asked)
        self.measure_form.changed.connect(self.changed)
        self.picker.changed.connect(self.changed)
        self.chosen.currentIndexChanged.connect(self._on_chosen)
        self.tangent_images.valueChanged.connect(self.changed)
        for box in (self.distances, self.shares):
            box.toggled.connect(self._on_boxes)
        self.measure.clicked.connect(self.measure_asked)

    # ------------------------------------------------------------------------------------ private

    def _fill_generators(self) -> None:
        """List the trained generators, newest last, and the form's unless it is one of them."""
        images = self.workspace.images
        pairs = [(entry, spec_of(entry)) for entry in self.workspace.entries(VAEGAN.kind)]
        known = [(e, s) for e, s in pairs if isinstance(s, VAEGAN) and s.images == images]
        new = [spec.key for _, spec in known if spec.key not in self._trained]
        before = self.chosen.currentData()
        self._trained = {spec.key: spec for _, spec in known}
        words = _words([spec for _, spec in known])
        wanted = [
            (_share(entry.numbers.get("explained")) + text, spec.key)
            for (entry, spec), text in zip(known, words, strict=True)
        ]
        own = self.vae_gan()
        if own is not None and own.key not in self._trained:
            wanted.append(("As in the form", ""))
        self.chosen.blockSignals(True)
        self.chosen.clear()
        for text, key in wanted:
            self.chosen.addItem(text, key)
        newest = self.chosen.findData(new[-1]) if new else self.chosen.findData(before)
        self.chosen.setCurrentIndex(newest if newest >= 0 else self.chosen.count() - 1)
        self.chosen.setEnabled(bool(wanted))
        self.chosen.blockSignals(False)

    @Slot()
    def _on_own(self) -> None:
        before = self.generator()
        self._fill_generators()
        if self.generator() != before or not self.chosen.currentData():
            self.generator_changed.emit()
        self.changed.emit()

    @Slot()
    def _on_chosen(self) -> None:
        self.generator_changed.emit()
        self.changed.emit()

    @Slot()
    def _on_boxes(self) -> None:
        self.measure_form.setEnabled(self.distances.isChecked())
        self.tangent_images.setEnabled(self.shares.isChecked())
        self.changed.emit()


def _share(explained: float | int | str | None) -> str:
    # Show 0 for negative values: both mean that the generator explains nothing. Below 0, the mean
    # image would be the better reconstruction.
    return "" if explained is None else f"{percent(max(0.0, float(explained)), 0)}, "


def _words(generators: Sequence[VAEGAN]) -> list[str]:
    """Return the settings that distinguish each generator from the others of the same images.

    Common settings are left out, because the box has room for few words. A generator with no such
    setting gets its latent size and epochs.
    """
    found = differences([dict(leaves(spec.as_dict())) for spec in generators])
    return [
        words or f"latent {spec.latent}, {spec.epochs} epochs"
        for words, spec in zip(found, generators, strict=True)
    ]
