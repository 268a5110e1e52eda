"""Accuracy against eps for the chosen networks: measured on demand, drawn from records."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from engine.jobs.events import Ended
from engine.specs import AttackSpec, ClassifierSpec, Measurement, RobustAccuracy, Training
from engine.specs.attacks import radius_fault
from engine.store.index import Entry
from engine.store.study import spec_of
from engine.tradeoff.seeds import but_for_seed, name_of_all, seed_band
from gui.look.plain import plain_tip
from gui.pages.attack.form import AttackForm
from gui.pages.attack.report_card import AttackCard
from gui.pages.common.network_picker import NetworkPicker
from gui.session.networks import Network
from gui.session.workspace import Workspace
from gui.widgets.forms.number_boxes import CountBox
from gui.widgets.forms.number_edit import NumberEdit, guard_wheel
from gui.widgets.label import Label
from gui.widgets.plots.plot import Plot
from gui.widgets.plots.sight import in_sight

IMAGES = 500
POINTS = 9
TOP = {"linf": 16 / 255, "l2": 2.0}
BEYOND = 1.5  # times the largest radius of the training
UNITS = {"linf": 255.0, "l2": 1.0}
HOVER = "{name}\neps {x:.3g}\n{y:.1f} % right"


def radii(top: float, points: int = POINTS) -> tuple[float, ...]:
    """Return evenly spaced radii from 0 to ``top``.

    The radii are rounded to 6 digits, because records are looked up by exact radii.
    """
    return tuple(float(f"{top * place / (points - 1):.6g}") for place in range(points))


class AccuracyCurves(QWidget):
    """A button that starts measurements, and a plot of the measurements that the study holds.

    All curves of a plot have the same attack and number of images: those of the form or, if the
    study has no such measurement, those of the newest measurement in the same norm.
    """

    def __init__(
        self, workspace: Workspace, form: AttackForm, picker: NetworkPicker, parent: QWidget
    ):
        super().__init__(parent)
        self.workspace = workspace
        self._form = form
        self._picker = picker
        self._norm = ""
        self._top_is_own = False
        self._shown: list[tuple[Entry, Measurement, Network]] = []
        self._arrays: dict[str, Any] = {}
        self._waiting: set[str] = set()
        self._stale = True
        self._build()
        workspace.record_added.connect(self._record_added)
        workspace.engine_event.connect(self._on_event)
        workspace.study_changed.connect(self._forget)
        picker.changed.connect(self._follow_networks)
        picker.changed.connect(self.refresh)
        form.changed.connect(self._form_changed)

    # ------------------------------------------------------------------------------------ building

    def _build(self) -> None:
        self.images = CountBox()
        self.images.setRange(10, 1_000_000)
        self.images.setValue(IMAGES)
        self.images.setGroupSeparatorShown(True)
        self.images.setToolTip("The first so many test images are attacked")
        guard_wheel(self.images)
        self.top = NumberEdit(unit="pixel")
        self.top.setToolTip(plain_tip(f"The largest radius; {POINTS} are measured"))
        self.top.setMaximumWidth(240)
        self.measure = QPushButton("Measure")
        self.measure.setProperty("role", "primary")
        self.measure.setToolTip("Attack the test images at every radius; keep the result")
        self.measure.clicked.connect(self.ask)
        self.seeds = QCheckBox("All seeds")
        self.seeds.setChecked(True)
        self.seeds.setToolTip(
            "Take in the networks that differ from a chosen one by the seed only: one line, their "
            "mean, with a band"
        )
        self.seeds.toggled.connect(self.refresh)
        self.images.valueChanged.connect(self.refresh)
        self.top.changed.connect(self.refresh)
        self.top.line.textEdited.connect(self._keep_top)
        self.note = Label()
        self.note.setProperty("role", "muted")
        self.note.setWordWrap(True)
        self.plot = Plot(
            "Accuracy against eps",
            "eps",
            "Accuracy in %",
            export_name="accuracy-against-eps",
        )
        self.plot.set_ranges(y=(0.0, 100.0))
        bar = QHBoxLayout()
        bar.setSpacing(8)
        for text, widget in (
            ("Test images", self.images),
            ("up to eps", self.top),
        ):
            label = Label(text)
            label.setBuddy(widget)
            bar.addWidget(label)
            bar.addWidget(widget)
        bar.addWidget(self.measure)
        bar.addStretch(1)
        # Below the fields, because all in one line are wider than the tab in a small window.
        shown = QHBoxLayout()
        shown.setSpacing(8)
        shown.addWidget(self.note, 1)
        shown.addWidget(self.seeds)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(bar)
        layout.addLayout(shown)
        layout.addWidget(self.plot, 1)
        self.card = AttackCard(self.workspace, self._picker.series, self)
        self.card.asked.connect(self._check)
        layout.addWidget(self.card)
        self._form_changed()

    # ----------------------------------------------------------------------------------- measuring

    def specs(self) -> list[Measurement]:
        """Return one measurement for each network and each of its seeds that is to be shown.

        The list is empty while a field is invalid.
        """
        top = None if self._top_fault() else self.top.value()
        attack = self._form.untargeted_at(top) if top else None
        if attack is None or top is None:
            return []
        metric = RobustAccuracy(attack=attack, eps=radii(top))
        count = self.images.value()
        chosen = [network.spec for network in self._picker.networks]
        return [
            Measurement(classifier=spec, metric=metric, test_images=count)
            for spec in dict.fromkeys([*chosen, *self._siblings()])
        ]

    def _siblings(self) -> list[ClassifierSpec]:
        """Return the study's networks that differ from a chosen one by the seed only."""
        if not self.seeds.isChecked():
            return []
        alike = {but_for_seed(network.spec) for network in self._picker.networks}
        known = self.workspace.classifiers()
        return [spec for _, spec in known if but_for_seed(spec) in alike]

    def _top_fault(self) -> str:
        return self.top.error() or radius_fault(self._norm, self.top.value() or 0.0, "up to eps")

    @Slot()
    def ask(self) -> None:
        """Queue the measurements that the study does not have yet."""
        queued = self.workspace.run(self.specs())
        self._waiting |= {spec.key for spec in queued}
        self.refresh()

    @Slot()
    def _check(self) -> None:
        """Check the form's attack at the radius of the slider."""
        specs = self.card.specs(self._attack(), self._picker.networks)
        self._waiting |= {spec.key for spec in self.workspace.run(specs)}
        self.refresh()

    def _attack(self) -> AttackSpec | None:
        """Return the form's attack without its target; None while it is invalid or eps is 0."""
        return self._form.untargeted_at(self._form.eps.value)

    @Slot(object)
    def _on_event(self, event: Any) -> None:
        if isinstance(event, Ended) and event.key in self._waiting:
            self._waiting.discard(event.key)
            self._say()

    # ------------------------------------------------------------------------------------- drawing

    @Slot(object)
    def _record_added(self, entry: Entry) -> None:
        if entry.kind == Measurement.kind:
            self.refresh()

    @Slot()
    def _form_changed(self) -> None:
        norm = self._form.eps.norm
        if norm != self._norm:
            self._norm, self._top_is_own = norm, False
            self._follow_networks()
            unit = "255ths" if norm == "linf" else "[0, 1] units"
            self.plot.set_texts(x_label=f"eps ({_name(norm)}), {unit}")
        self.refresh()

    @Slot()
    def _keep_top(self) -> None:
        self._top_is_own = True

    @Slot()
    def _follow_networks(self) -> None:
        """Reach beyond the largest radius that the networks were trained for, unless one is typed.

        Within that radius alone, no curve would show where a robust network gives way.
        """
        trained = [
            network.spec.scheme.threat
            for network in self._picker.networks
            if isinstance(network.spec, Training)
        ]
        own = [threat.eps for threat in trained if threat and threat.norm == self._norm]
        top = TOP[self._norm]
        if own and self._norm == "linf":
            top = min(255, max(1, round(255 * BEYOND * max(own)))) / 255
        elif own:
            top = float(f"{BEYOND * max(own):.2g}")
        if not self._top_is_own:
            self.top.set_value(top)

    @Slot()
    def _forget(self) -> None:
        self._arrays.clear()
        self._waiting.clear()
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Draw the curves that are loaded, and request the records of the others.

        Do nothing out of sight, because every move of a slider changes the form.
        """
        self._stale = not in_sight(self)
        if self._stale:
            return
        self._shown = self._found()
        for entry, _, _ in self._shown:
            if entry.key not in self._arrays:
                self._read(entry.key)
        self._draw()
        self._say()
        self.card.show_found(self._attack(), self._picker.networks)

    def showEvent(self, event: QShowEvent) -> None:
        """Refresh if something changed while the plot was hidden."""
        super().showEvent(event)
        self.catch_up()

    def catch_up(self) -> None:
        """Refresh if something changed out of sight."""
        if self._stale:
            self.refresh()

    def _found(self) -> list[tuple[Entry, Measurement, Network]]:
        """Return the measurements to draw."""
        networks = self._standing_for()
        found = []
        for entry in self.workspace.entries(Measurement.kind):
            spec = spec_of(entry)
            if not isinstance(spec, Measurement) or not isinstance(spec.metric, RobustAccuracy):
                continue
            if spec.classifier.key in networks and spec.metric.attack.norm == self._norm:
                found.append((entry, spec, networks[spec.classifier.key]))
        wanted = {_condition(spec) for spec in self.specs()}
        kept = [item for item in found if _condition(item[1]) in wanted]
        if not kept and found:
            newest = _condition(found[-1][1])
            kept = [item for item in found if _condition(item[1]) == newest]
        return kept

    def _standing_for(self) -> dict[str, Network]:
        """Return, for the key of each network to draw, the chosen one whose line it is part of."""
        chosen = self._picker.networks
        if not self.seeds.isChecked():
            return {network.key: network for network in chosen}
        first: dict[Any, Network] = {}
        for network in chosen:
            first.setdefault(but_for_seed(network.spec), network)
        specs = [*(network.spec for network in chosen), *self._siblings()]
        return {spec.key: first[but_for_seed(spec)] for spec in specs}

    def _read(self, key: str) -> None:
        study = self.workspace.study
        if study is None:
            return
        work: Callable[[Any], Any] = partial(_read_record, study, key)
        done = partial(self._take, key)
        self.workspace.runner.ask(f"accuracy/{key}", work, done, self._failed)

    def _take(self, key: str, record: Any) -> None:
        self._arrays[key] = record.arrays
        self._draw()

    def _failed(self, text: str) -> None:
        self.workspace.message.emit(text, True)

    def _draw(self) -> None:
        self.plot.clear()
        lines: dict[str, list[tuple[Measurement, Any]]] = {}
        for entry, spec, network in self._shown:
            if entry.key in self._arrays:
                lines.setdefault(network.key, []).append((spec, self._arrays[entry.key]))
        for key, found in lines.items():
            self._draw_line(key, found)

    def _draw_line(self, key: str, found: list[tuple[Measurement, Any]]) -> None:
        """Draw one network's curve, or the mean of all its seeds with their band."""
        (spec, arrays), count = found[0], len(found)
        study = self.workspace.study
        title = "" if study is None else study.title(spec.classifier)
        titles = {network.key: network.title for network in self._picker.networks}
        title = titles.get(spec.classifier.key, title)
        line = tuple(arrays[name] for name in ("accuracy", "accuracy_low", "accuracy_high"))
        if count > 1:
            band = seed_band([one["accuracy"] for _, one in found])
            title = f"{name_of_all(title, spec.classifier)}: {band.words}"
            line = band.mean, band.low, band.high
        curve = self.plot.curve(
            title, self._picker.series(key), symbol="circle", band=True, hover=HOVER
        )
        middle, low, high = (100 * values for values in line)
        curve.set_data(UNITS[self._norm] * arrays["eps"], middle, low, high)

    def _say(self) -> None:
        parts = []
        if self._shown:
            entry, spec, _ = self._shown[0]
            count = int(entry.numbers.get("test_images", spec.test_images))
            text = "{}, {:,} test images, 95 % intervals{}."
            lines = [network.key for _, _, network in self._shown]
            several = len(set(lines)) < len(lines)
            over = " over them, or over seeds as the legend says" if several else ""
            parts.append(text.format(_attack_in(spec), count, over))
        if self._waiting:
            parts.append(f"{len(self._waiting)} still to be computed.")
        elif not self._shown:
            parts.append("Nothing measured yet for these networks and this norm.")
        if fault := self._top_fault():
            parts.append(f"{fault}.")
        self.note.setText(" ".join(parts))
        self.plot.set_texts(caption=parts[0] if self._shown else "")
        self.measure.setEnabled(bool(self.specs()))


def _attack_in(spec: Measurement) -> str:
    """Return the title of a curve's attack, which is set to the curve's largest radius."""
    attack = spec.metric.attack if isinstance(spec.metric, RobustAccuracy) else None
    return "" if attack is None else attack.title


def _condition(spec: Measurement) -> tuple[Any, ...]:
    """Return the settings that curves of one plot must have in common."""
    return spec.metric, spec.test_images, spec.seed


def _read_record(study: Any, key: str, _: Any) -> Any:
    return study.read(key)


def _name(norm: str) -> str:
    return "L-inf" if norm == "linf" else "L2"
