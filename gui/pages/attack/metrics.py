"""The tab of metrics: any metric that there is, of the chosen networks, and what was measured."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from engine.jobs.events import Ended
from engine.specs import Alignment, Measurement, MetricSpec
from engine.specs.methods import in_short
from engine.specs.proposals import metric_for
from engine.specs.schema import SpecError
from engine.store.index import Entry
from engine.tradeoff.metrics import Measured, beside_text, limits_text, measured_in
from gui.pages.common.network_picker import NetworkPicker
from gui.session.workspace import Workspace
from gui.widgets.forms.form_area import FormArea
from gui.widgets.forms.form_row import error_label, say
from gui.widgets.forms.number_boxes import CountBox
from gui.widgets.forms.number_edit import guard_wheel
from gui.widgets.forms.spec_form import SpecForm
from gui.widgets.label import Label
from gui.widgets.number_table import Cell, NumberTable, TableRow

IMAGES = 500
HEADINGS = ("Network", "Metric", "Value", "95 %", "Beside it", "Test images")


class MetricsTab(QWidget):
    """A form of metrics, a button that measures, and a table of what the study holds.

    Signals
    -------
    opened
        Takes the key of the record of a row that was opened.
    used
        The settings of a record are shown.
    """

    opened = Signal(str)
    used = Signal()

    def __init__(self, workspace: Workspace, picker: NetworkPicker, parent: QWidget):
        super().__init__(parent)
        self.workspace = workspace
        self._picker = picker
        self._waiting: set[str] = set()
        self._proposed: dict[str, MetricSpec] = {}
        self._stale = True
        self.form = SpecForm(MetricSpec, labels={"kind": "metric"})
        self.form.set_spec(Alignment())
        self.images = CountBox()
        self.images.setRange(1, 1_000_000)
        self.images.setValue(IMAGES)
        self.images.setGroupSeparatorShown(True)
        self.images.setToolTip("The first so many test images are measured")
        guard_wheel(self.images)
        self.measure = QPushButton("Measure")
        self.measure.setProperty("role", "primary")
        self.measure.setToolTip("Measure the chosen networks; keep the result")
        self.fault = error_label(self)
        self.note = Label(wordWrap=True)
        self.note.setProperty("role", "muted")
        self.table = NumberTable("Metrics of networks")
        self._build_layout()
        self.form.changed.connect(self._on_form)
        self.measure.clicked.connect(self.ask)
        self.table.opened.connect(self.opened)
        self.table.hovered.connect(self._on_hovered)
        picker.changed.connect(self.refresh)
        workspace.record_added.connect(self._on_record)
        workspace.records_changed.connect(self.refresh)
        workspace.study_changed.connect(self._on_study)
        workspace.engine_event.connect(self._on_event)
        self._on_form()

    def _build_layout(self) -> None:
        label = Label("Test images")
        label.setBuddy(self.images)
        bar = QHBoxLayout()
        bar.setSpacing(8)
        for widget in (label, self.images, self.measure):
            bar.addWidget(widget)
        bar.addStretch(1)
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(FormArea(self.form), 1)
        left.addWidget(self.fault)
        left.addLayout(bar)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(self.note)
        right.addWidget(self.table, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(16)
        layout.addLayout(left)
        layout.addLayout(right, 1)

    def specs(self) -> list[Measurement]:
        """Return what is to be measured, one spec a network; none while a field is wrong.

        Networks of which the metric cannot be measured are left out.
        """
        return self._asked()[0]

    def _asked(self) -> tuple[list[Measurement], str]:
        """Return the specs, and why the first network that is left out is, or ""."""
        metric = self.form.spec()
        if not isinstance(metric, MetricSpec):
            return [], self.form.error()
        found: list[Measurement] = []
        fault, count = "", self.images.value()
        for network in self._picker.networks:
            try:
                spec = Measurement(classifier=network.spec, metric=metric, test_images=count)
            except SpecError as error:
                fault = fault or str(error)
                continue
            found.append(spec)
        return found, fault

    def use(self, spec: Measurement) -> None:
        """Show the metric and the number of images of a measurement, in front of other tabs."""
        self.form.set_spec(spec.metric)
        self.images.setValue(spec.test_images)
        self.used.emit()

    @Slot()
    def ask(self) -> None:
        """Measure what the study does not hold yet."""
        self._waiting |= {spec.key for spec in self.workspace.run(self.specs())}
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Fill the table from the study's records; out of sight, once it is seen again."""
        self._stale = not self.isVisible()
        if self._stale:
            return
        study = self.workspace.study
        measured = () if study is None else measured_in(study)
        found = [one for one in measured if one.value is not None]
        self.table.set_rows(HEADINGS, [self._row(one) for one in found])
        self.table.setVisible(bool(found))
        words = "Metrics that are curves stand on the page Records."
        if not found:
            words = "Nothing measured yet: choose a metric at the left, and press Measure."
        if self._waiting:
            words = f"{len(self._waiting)} still to be computed."
        self.note.setText(words)
        self._on_form()

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what changed out of sight."""
        super().showEvent(event)
        if self._stale:
            self.refresh()

    def _row(self, found: Measured) -> TableRow:
        value = found.value or 0.0
        metric, limits, beside = found.metric.title, limits_text(found), beside_text(found)
        cells = (
            Cell(found.network, found.network),
            Cell(metric, metric, in_short(type(found.metric))),
            Cell(_number(value), value, found.metric.caveat),
            Cell(limits, limits, "95 % interval of the mean over the test images"),
            Cell(beside, beside, "The same score of maps that know no network, and blurred"),
            Cell(f"{found.test_images:,}", float(found.test_images)),
        )
        return TableRow(found.key, cells, self._picker.series(found.classifier))

    def _propose(self) -> None:
        """Give a metric that is as it was proposed the threat of the chosen networks."""
        metric = self.form.spec()
        if not isinstance(metric, MetricSpec):
            return
        before = self._proposed.get(metric.kind) or _untouched(type(metric))
        if metric == before:
            wanted = metric_for(metric, [network.spec for network in self._picker.networks])
            self._proposed[metric.kind] = wanted
            if wanted != metric:
                self.form.set_spec(wanted)

    @Slot()
    def _on_form(self) -> None:
        self._propose()
        specs, fault = self._asked()
        say(self.fault, fault)
        self.measure.setEnabled(bool(specs))

    @Slot(str)
    def _on_hovered(self, key: str) -> None:
        study = self.workspace.study
        parents = study.entry(key).parents if study is not None and key else ()
        networks = {network.key for network in self._picker.networks}
        self.workspace.highlighted.emit(next((p for p in parents if p in networks), ""))

    @Slot(object)
    def _on_record(self, entry: Entry) -> None:
        if entry.kind == Measurement.kind:
            self.refresh()

    @Slot()
    def _on_study(self) -> None:
        self._waiting.clear()
        self.refresh()

    @Slot(object)
    def _on_event(self, event: Any) -> None:
        if isinstance(event, Ended) and event.key in self._waiting:
            self._waiting.discard(event.key)
            self.refresh()


def _untouched(cls: type[MetricSpec]) -> MetricSpec | None:
    """Return a metric with its defaults; None if it needs more, which only the user knows."""
    try:
        return cls()
    except (SpecError, TypeError):
        return None


def _number(value: float) -> str:
    """Return a number with three decimals, so that points stand below each other; else short."""
    plain = value == 0 or 0.001 <= abs(value) < 1000
    return f"{value:.3f}" if plain else f"{value:.4g}"
