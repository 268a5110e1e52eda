"""The form of the Train page, which turns the user's choices into a list of trainings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QVBoxLayout, QWidget

from engine.specs import (
    Adversarial,
    AttackSpec,
    AttributionSpec,
    ImagesSpec,
    Imported,
    Measurement,
    NetworkSpec,
    OptimizerSpec,
    PaperMLP,
    SchemeSpec,
    Standard,
    Training,
)
from engine.specs.classifiers import Weights
from engine.specs.measures import LEVEL_NAMES
from engine.specs.proposals import Proposals, evaluation_at, middle, strong_check
from engine.specs.schema import SpecError, fields_of
from engine.specs.schemes.base import GROUPS
from gui.look.plain import plain_tip
from gui.pages.train.attack_sweep import AttackSweep
from gui.pages.train.learning import LearningFields
from gui.pages.train.scheme_section import SchemeSection, new_sections
from gui.pages.train.start_picker import StartPicker
from gui.widgets.forms.elided_combo import ElidedCombo
from gui.widgets.forms.kinds import kinds
from gui.widgets.forms.method_list import MethodList
from gui.widgets.forms.number_edit import NumbersEdit, WholeEdit, guard_wheel
from gui.widgets.forms.side_panel import SidePanel, labelled_rows
from gui.widgets.forms.spec_form import LABEL_WIDTH, SpecForm

WIDTH = 344
MOST_TRAININGS = 2000
USUAL = (Standard, Adversarial)
# Live maps explain the predicted class, as in the paper.
CLASS_FIELDS = ("explained", "target", "quantity")
_LIMITS = {item.name: item for item in fields_of(Training)}


class TrainForm(SidePanel):
    """Edits a set of trainings: one network, several schemes, radii and seeds.

    Parameters
    ----------
    at_once
        Otherwise the form is complete when :meth:`pieces` are at their end.

    Signals
    -------
    changed
        The trainings or the error message changed.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None, *, at_once: bool = True):
        super().__init__(parent)
        self.setFixedWidth(WIDTH)
        if at_once:
            for _ in self.pieces():
                pass

    def pieces(self) -> Iterator[None]:
        """Build the form in steps, between which the window can answer."""
        self.network = SpecForm(NetworkSpec, labels={"kind": "network"})
        self.start = StartPicker()
        self.frozen = QCheckBox("Train the last layer only")
        self.sections: list[SchemeSection] = []
        for section in new_sections(self.sections):
            yield
            self.sections.append(section)
        self.schemes = MethodList(self.sections, GROUPS, USUAL, "kinds of training", self)
        self.attack = AttackSweep()
        yield
        self.optimizer = SpecForm(OptimizerSpec, labels={"kind": "optimiser"})
        self.learning = LearningFields()
        self.best = QCheckBox("Use the weights of the best epoch")
        self.follows = QCheckBox("PGD-10 at the middle eps")
        self.check = ElidedCombo()
        yield
        self.evaluation = SpecForm(AttackSpec, labels={"kind": "attack"})
        self.live_maps = SpecForm(AttributionSpec, labels={"kind": "method"}, exclude=CLASS_FIELDS)
        self._build_numbers()
        yield
        self._build_layout()
        yield
        for section in self.sections:
            section.box.setChecked(section.scheme in USUAL)
        self.follows.setChecked(True)
        self._connect()
        self.propose(Proposals())

    # ------------------------------------------------------------------------------------- public

    def trainings(self, images: ImagesSpec) -> list[Training]:
        """Return the trainings on these images; an empty list while an input is invalid."""
        network, optimizer = self.network.spec(), self.optimizer.spec()
        evaluation = self.evaluation.spec()
        start = self.start.network()
        replaced = start is not None and (
            start.images != images or (isinstance(start, Imported) and start.outputs is not None)
        )
        live_maps = self.live_maps.spec()
        if self.error() or None in (network, optimizer, evaluation, live_maps):
            return []
        found = [
            Training(
                images=images,
                network=network,  # type: ignore[arg-type]
                evaluation=evaluation,  # type: ignore[arg-type]
                evaluation_images=self.evaluation_images.number(),
                scheme=scheme,
                optimizer=optimizer,  # type: ignore[arg-type]
                epochs=self.epochs.number(),
                epoch_images=self.epoch_images.number(),
                batch_size=self.batch_size.number(),
                seed=int(seed),
                start=start,
                start_head="replaced" if replaced else "same",
                frozen=start is not None and self.frozen.isChecked(),
                **self.learning.values(),
                weights=self.weights(),
                live_maps=live_maps,  # type: ignore[arg-type]
            )
            for seed in dict.fromkeys(self.seeds.values())
            for scheme in self._schemes()
        ]
        return list({spec.key: spec for spec in found}.values())

    def suit(self, shape: tuple[int, int, int]) -> None:
        """Offer only networks that can serve images of this shape: points of a plane are 1x1."""
        points = shape[1:] == (1, 1)
        self.network.side = max(shape[1:])
        self.network.offer_kinds(lambda kind: (kind == PaperMLP.kind) == points)

    def use(self, spec: Training) -> None:
        """Show the settings of one training."""
        self.network.set_spec(spec.network)
        for section in self.sections:
            section.box.setChecked(isinstance(spec.scheme, section.scheme))
            if section.wanted:
                section.form.set_spec(spec.scheme)
        attack, threat = getattr(spec.scheme, "attack", None), spec.scheme.threat
        if attack is not None:
            self.attack.use(attack)
        elif threat is not None:  # a scheme of single steps: it has a ball, and no attack
            self.attack.sweep.set_values({threat.norm: (threat.eps,)}, (threat.norm,))
        self.optimizer.set_spec(spec.optimizer)
        for name in ("epochs", "batch_size", "evaluation_images", "epoch_images"):
            getattr(self, name).setValue(getattr(spec, name))
        self.seeds.set_values((float(spec.seed),))
        self.best.setChecked(spec.weights == "best")
        balls = self.attack.sweep.balls()
        self.follows.setChecked(bool(balls) and evaluation_at(*middle(balls)) == spec.evaluation)
        self.evaluation.set_spec(spec.evaluation)
        self.learning.form.set_spec(spec)
        self.live_maps.set_spec(spec.live_maps)
        self.start.choose(spec.start)
        self.frozen.setChecked(spec.frozen)

    def checks(self, trainings: Iterable[Training]) -> list[Measurement]:
        """Return the measurements under strong attacks that shall follow the trainings."""
        level = self.check.currentData()
        found = [strong_check(spec, level) for spec in trainings] if level else []
        return [check for check in found if check is not None]

    def weights(self) -> Weights:
        """Return which weights the networks shall have: "last" or "best"."""
        return "best" if self.best.isChecked() else "last"

    def counts(self) -> tuple[int, int, int]:
        """Return the number of schemes without an attack, of schemes with one, and of seeds."""
        attacks = self.attack.attacks()
        single = sum(len(s.schemes(())) for s in self.sections if not s.attacks)
        attacked = sum(len(s.schemes(attacks)) for s in self.sections if s.attacks)
        return single, attacked, len(set(self.seeds.values()))

    def error(self) -> str:
        """Return the error message, or ""."""
        parts = [self.network.error(), *(section.error() for section in self.sections)]
        if self._attacked:
            parts.append(self.attack.error())
        parts += [self.optimizer.error(), self.learning.error(), self._seeds_error()]
        parts += [self.evaluation.error(), self.live_maps.error(), self._unfit()]
        if not any(section.wanted for section in self.sections):
            parts.append("Choose at least one kind of training.")
        return next((fault for fault in parts if fault), "") or self._too_many()

    def _unfit(self) -> str:
        """Say why the method of the live maps cannot explain the network, or return ""."""
        network, method = self.network.spec(), self.live_maps.spec()
        if isinstance(network, NetworkSpec) and isinstance(method, AttributionSpec):
            try:
                method.check_network(network, "The method of live maps")
            except SpecError as error:
                return f"{error}."
        return ""

    def proposable(self) -> dict[str, object]:
        """Return the present values of the fields that proposals replace, by part."""
        return {name: state() for name, (state, _) in self._parts().items()}

    def propose(self, defaults: Proposals, before: Mapping[str, object] | None = None) -> None:
        """Fill the form with the proposals for other images.

        Parameters
        ----------
        before
            An earlier result of :meth:`proposable`: keep the parts that changed since.
        """
        for name, (state, show) in self._parts().items():
            if before is None or before[name] == state():
                show(defaults)
        self._follow()

    def _parts(self) -> dict[str, tuple[Callable[[], object], Callable[[Proposals], None]]]:
        """Return, for each proposed part, a getter of its value and a setter of its proposal."""
        return {
            "network": (self.network.spec, lambda d: self.network.set_spec(d.network)),
            "optimizer": (self.optimizer.spec, lambda d: self.optimizer.set_spec(d.optimizer)),
            "epochs": (self.epochs.value, lambda d: self.epochs.setValue(d.epochs)),
            "batch_size": (self.batch_size.value, lambda d: self.batch_size.setValue(d.batch_size)),
            "schemes": (lambda: [section.form.spec() for section in self.sections], self._warm_up),
            "attack": (self.attack.state, self.attack.propose),
        }

    def _warm_up(self, defaults: Proposals) -> None:
        for section in self.sections:
            section.set_field("warmup", defaults.warmup)

    # ----------------------------------------------------------------------------------- building

    def _build_numbers(self) -> None:
        self.epochs, self.batch_size, self.evaluation_images, self.epoch_images = (
            WholeEdit(low=_LIMITS[name].low, high=_LIMITS[name].high)
            for name in ("epochs", "batch_size", "evaluation_images", "epoch_images")
        )
        for name in ("evaluation_images", "epoch_images"):
            edit = getattr(self, name)
            edit.setValue(_LIMITS[name].default)
            edit.setToolTip(plain_tip(_LIMITS[name].help))
        self.seeds = NumbersEdit(whole=True)
        self.seeds.set_values((0,))
        self.seeds.setToolTip("Every network is trained once with each seed")
        self.frozen.setToolTip(plain_tip(_LIMITS["frozen"].help))
        self.frozen.setEnabled(False)
        self.best.setToolTip(plain_tip(_LIMITS["weights"].help))
        for level, name in LEVEL_NAMES.items():
            self.check.addItem(level if level in ("quick", "strong") else name, level)
            self.check.setItemData(self.check.count() - 1, name, Qt.ItemDataRole.ToolTipRole)
        self.check.addItem("nothing", "")
        self.check.setToolTip(
            "Attacks made on every trained network, whose lowest accuracy stands beside the clean "
            "one. quick: PGD-20 and a targeted margin attack; strong: APGD-CE and APGD-T. The time "
            "above includes them"
        )
        self.check.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        guard_wheel(self.check)
        self.follows.setToolTip("Every network of the sweep is measured with this attack")

    def _build_layout(self) -> None:
        self.add(self.network, "Network")
        self._add_rows(("Start from", self.start))
        self.add(self.frozen)
        self.add(self.schemes, "Train")
        self._attack_box = QWidget()
        inside = QVBoxLayout(self._attack_box)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.attack)
        self.add(self._attack_box, "Attack while training")
        self.add(self.optimizer, "Optimiser")
        self._add_rows(
            ("Epochs", self.epochs),
            ("Batch size", self.batch_size),
            ("Seeds", self.seeds),
        )
        self.add(self.best)
        self.add(self.learning, "Images, weights and labels")
        self.add(self.follows, "Robust accuracy")
        self.add(self.evaluation)
        self._add_rows(
            ("Test images", self.evaluation_images),
            ("After epochs", self.epoch_images),
            ("Then check", self.check),
        )
        self.add(self.live_maps, "Live maps")
        self.add(QWidget(), stretch=1)

    def _add_rows(self, *rows: tuple[str, QWidget]) -> None:
        grid = labelled_rows(*rows)
        grid.setColumnMinimumWidth(0, LABEL_WIDTH)
        self.add(grid)

    def _connect(self) -> None:
        for signal in (
            self.network.changed,
            self.attack.changed,
            self.optimizer.changed,
            self.epochs.valueChanged,
            self.batch_size.valueChanged,
            self.seeds.changed,
            self.follows.toggled,
            self.best.toggled,
            self.frozen.toggled,
            self.learning.changed,
            *(section.changed for section in self.sections),
        ):
            signal.connect(self._follow)
        kinds.grown.connect(self._add_schemes)
        self.start.changed.connect(self._on_start)
        self.evaluation.changed.connect(self.changed)
        self.live_maps.changed.connect(self.changed)
        self.check.currentIndexChanged.connect(self.changed)
        for edit in (self.evaluation_images, self.epoch_images):
            edit.valueChanged.connect(self.changed)

    # ------------------------------------------------------------------------------------ private

    @Slot()
    def _add_schemes(self) -> None:
        """Offer the schemes that were declared since the form was built."""
        for section in new_sections(self.sections):
            self.sections.append(section)
            self.schemes.add(section)
            section.changed.connect(self._follow)
        self._follow()

    @property
    def _attacked(self) -> bool:
        return any(section.wanted and section.attacks for section in self.sections)

    def _schemes(self) -> list[SchemeSpec]:
        attacks = self.attack.attacks() if self._attacked else []
        return [scheme for section in self.sections for scheme in section.schemes(attacks)]

    def _seeds_error(self) -> str:
        if self.seeds.error():
            return f"seeds: {self.seeds.error()}"
        if not self.seeds.values():
            return "seeds is empty, must be a list of whole numbers"
        least = min(self.seeds.values())
        return f"seeds has {least}, must be at least 0" if least < 0 else ""

    def _too_many(self) -> str:
        single, attacked, seeds = self.counts()
        number = (single + attacked) * seeds
        if number <= MOST_TRAININGS:
            return ""
        return f"These are {number:,} trainings, must be at most {MOST_TRAININGS:,} at once."

    @Slot()
    def _on_start(self) -> None:
        """Show the architecture of the network whose weights the training starts with."""
        chosen = self.start.network()
        self.frozen.setEnabled(chosen is not None)
        if chosen is not None and chosen.network != self.network.spec():
            self.network.set_spec(chosen.network)
        self.changed.emit()

    @Slot()
    def _follow(self) -> None:
        """Set the evaluation's attack to the middle radius of the sweep, if the box is checked."""
        self.start.set_architecture(self.network.spec())
        self._attack_box.setEnabled(self._attacked)
        self.evaluation.setVisible(not self.follows.isChecked())
        balls = self.attack.sweep.balls()
        if self.follows.isChecked() and balls:
            attack = evaluation_at(*middle(balls))
            self.follows.setText(f"{attack.title}, at the middle eps")
            if self.evaluation.spec() != attack:
                self.evaluation.set_spec(attack)
        self.changed.emit()
