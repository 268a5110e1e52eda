"""The Retrain page: ROAR and KAR curves that fill in while networks are retrained."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from engine.curves import Curve
from engine.index import Entry
from engine.schema import KINDS
from engine.specs import AttributionSpec, Interpretability, Mode
from engine.tradeoff import MODES
from gui.pages.page import Page
from gui.pages.retrain_form import RetrainForm
from gui.pages.retrain_view import Place, View, work
from gui.widgets.empty_state import EmptyState
from gui.widgets.number_edit import guard_wheel
from gui.widgets.number_table import Cell, NumberTable, Row
from gui.widgets.plot import Plot
from gui.widgets.plot_items import Curve as PlotCurve
from gui.workspace import Workspace

REFRESH_MS = 400
KINDS_SHOWN = ("retraining", "interpretability", "training", "imported", "glyphs", "folder", "idx")
HOVER = "{name}\n{x:.0%} of the pixels removed\naccuracy {y:.1%}"


class RetrainPage(Page):
    """Asks for scores at the left; shows their curves and a table of scores.

    Signals
    -------
    go_to
        Takes the title of the page where what is missing can be made.
    """

    title: ClassVar[str] = "Retrain"
    icon: ClassVar[str] = "retrain"
    tip: ClassVar[str] = "Measure what the marked pixels are worth"

    go_to = Signal(str)

    def __init__(self, workspace: Workspace, parent: QWidget | None = None):
        super().__init__(workspace, parent)
        self._view: View | None = None
        self._finished: dict[str, Curve] = {}
        self._drawn: dict[str, PlotCurve] = {}
        self._numbers: dict[str, list[Any]] = {}
        self._columns: list[tuple[Mode, str]] = []
        self._stale = True
        self._due = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._due.timeout.connect(self._refresh)
        self.form = RetrainForm(workspace)
        self._build_view()
        self._build_layout()
        self._connect()
        self._on_study()

    # ----------------------------------------------------------------------------------- building

    def _build_view(self) -> None:
        self.mode = QComboBox()
        for mode in MODES:
            self.mode.addItem(mode.upper(), mode)
        self.method = QComboBox()
        for kind in self.form.methods.boxes:
            self.method.addItem(KINDS[kind].label, kind)
        for combo, tip in (
            (self.mode, self.tr("Remove the most important pixels, or keep only them")),
            (self.method, self.tr("Whose curves are shown")),
        ):
            combo.setToolTip(tip)
            guard_wheel(combo)
        self.meaning = QLabel(wordWrap=True)
        self.meaning.setProperty("role", "muted")
        self.plot = Plot(
            "",
            self.tr("Fraction of pixels removed"),
            self.tr("Accuracy after retraining"),
            export_name="retraining",
        )
        self.table = NumberTable(self.tr("Scores"))
        self.table.setToolTip(
            self.tr("Scores with the standard deviation over repeats; higher is better")
        )

    def _build_layout(self) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(8)
        for text, combo in ((self.tr("Mode"), self.mode), (self.tr("Attribution"), self.method)):
            label = QLabel(text)
            label.setBuddy(combo)
            bar.addWidget(label)
            bar.addWidget(combo)
        bar.addWidget(self.meaning, 1)
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self.plot)
        split.addWidget(self.table)
        split.setSizes([430, 210])
        split.setStretchFactor(0, 1)
        split.setChildrenCollapsible(False)
        view = QVBoxLayout()
        view.setSpacing(8)
        view.addLayout(bar)
        view.addWidget(split, 1)
        content = QWidget()
        row = QHBoxLayout(content)
        row.setContentsMargins(16, 12, 16, 12)
        row.setSpacing(16)
        row.addWidget(self.form)
        row.addLayout(view, 1)
        self.empty = EmptyState()
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(content)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.stack)

    def _connect(self) -> None:
        workspace = self.workspace
        workspace.study_changed.connect(self._on_study)
        workspace.images_changed.connect(self._on_study)
        workspace.record_added.connect(self._on_record)
        workspace.highlighted.connect(self._on_highlighted)
        self.form.changed.connect(self._soon)
        self.form.asked.connect(self._compute)
        self.empty.asked.connect(self._lead)
        self.mode.currentIndexChanged.connect(self._draw)
        self.method.currentIndexChanged.connect(self._draw)
        self.table.hovered.connect(workspace.highlighted)
        self.table.column_pointed.connect(self._on_column)

    # -------------------------------------------------------------------------------------- slots

    @Slot()
    def _on_study(self) -> None:
        self._view = None
        self._finished = {}
        ready = self.workspace.images is not None and self.form.picker.available > 0
        if self.workspace.images is None:
            self._way = "Data"
            self.empty.say(self.tr("Choose images first."), self.tr("Choose images"))
        else:
            self._way = "Train"
            self.empty.say(
                self.tr("There is no network for these images yet: train one first."),
                self.tr("Train a network"),
            )
        self.stack.setCurrentIndex(1 if ready else 0)
        self.form.fill_baselines()
        self._soon()

    @Slot()
    def _lead(self) -> None:
        self.go_to.emit(self._way)

    @Slot(object)
    def _on_record(self, entry: Entry) -> None:
        if entry.kind in ("training", "imported"):
            self._on_study()
        elif entry.kind in KINDS_SHOWN:
            self._soon()

    @Slot()
    def _compute(self) -> None:
        self.workspace.run(self.form.specs())

    @Slot(int)
    def _on_column(self, column: int) -> None:
        """Show the curves behind the column of the table that was clicked."""
        if 0 < column <= len(self._columns):
            mode, kind = self._columns[column - 1]
            self.mode.setCurrentIndex(self.mode.findData(mode))
            self.method.setCurrentIndex(self.method.findData(kind))

    @Slot(str)
    def _on_highlighted(self, key: str) -> None:
        for name, drawn in self._drawn.items():
            drawn.set_strong(bool(key) and name == key)

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what happened while another page was shown."""
        super().showEvent(event)
        if self._stale:
            self._soon()

    # ------------------------------------------------------------------------------------ reading

    @Slot()
    def _soon(self) -> None:
        """Look again in a moment: many records may come in at once."""
        self._stale = True
        if self.isVisible() and not self._due.isActive():
            self._due.start()

    @Slot()
    def _refresh(self) -> None:
        study = self.workspace.study
        if study is None or not self.isVisible():
            return
        self._stale = False
        problem = self.form.problem()
        if problem:
            self.form.say(problem, problem=True)
        asked = [] if problem else self.form.specs()
        self.workspace.runner.ask(
            "retraining curves",
            work(study, asked, self._places(), self._finished),
            self._take,
            self._failed,
        )

    def _places(self) -> list[Interpretability]:
        """Return one spec for every mode and attribution of every chosen network."""
        attributions = [KINDS[kind]() for kind in self.form.methods.boxes]
        chosen = {spec.kind: spec for spec in self.form.methods.chosen}
        found = [
            self.form.spec_for(network.spec, mode, chosen.get(attribution.kind, attribution))
            for network in self.form.networks
            for mode in MODES
            for attribution in attributions
            if isinstance(attribution, AttributionSpec)
        ]
        return [spec for spec in found if spec is not None]

    def _failed(self, text: str) -> None:
        self.workspace.message.emit(text, True)

    def _take(self, view: View) -> None:
        self._view = view
        if not self.form.problem():
            self.form.say(self._summary(view), problem=False)
        self._columns = self._columns_of(view)
        self._draw()
        self._fill_table(view)

    def _columns_of(self, view: View) -> list[tuple[Mode, str]]:
        """Return the modes and attributions that are asked for, or of which something is known."""
        chosen = {spec.kind for spec in self.form.methods.chosen}
        begun = {place[1:] for place, curve in view.curves.items() if curve.own}
        return [
            (mode, kind)
            for mode in MODES
            for kind in self.form.methods.boxes
            if (mode, kind) in begun or (kind in chosen and self.form.modes[mode].isChecked())
        ]

    def _summary(self, view: View) -> str:
        missing = view.total - view.present
        text = self.tr("Scores: {:,}. Retrainings: {:,}, ").format(view.scores, view.total)
        if missing == 0 and view.scored == view.scores:
            return text + self.tr("all in the study already.")
        return text + self.tr("{:,} in the study, {:,} missing.").format(view.present, missing)

    # ------------------------------------------------------------------------------------ drawing

    @Slot()
    def _draw(self) -> None:
        mode, kind = self.mode.currentData(), self.method.currentData()
        self.meaning.setText(self._meaning(mode))
        self.plot.set_texts(title=f"{mode.upper()}, {KINDS[kind].label}")
        curves = [] if self._view is None else self._chosen(self._view, mode, kind)
        wanted = self._lines(curves)
        if list(self._drawn) != [key for key, *_ in wanted]:
            self.plot.clear()
            self._drawn = {key: self._add(key, curve) for key, curve, *_ in wanted}
            self._numbers = {}
        for key, _, *numbers in wanted:
            # Of a hundred curves one has a new point: the others are left as they are.
            before = self._numbers.get(key)
            if before is None or not all(map(np.array_equal, before, numbers)):
                self._drawn[key].set_data(*numbers)
        self._numbers = {key: numbers for key, _, *numbers in wanted}
        self.plot.set_texts(caption=self._caption(curves))

    def _chosen(self, view: View, mode: str, kind: str) -> list[Curve]:
        keys = [network.key for network in self.form.networks]
        places: list[Place] = [(key, mode, kind) for key in keys]
        return [view.curves[place] for place in places if place in view.curves]

    def _lines(self, curves: list[Curve]) -> list[tuple]:  # type: ignore[type-arg]
        """Return key, curve, x, y, low and high of every line: each random baseline once."""
        lines: list[tuple] = []  # type: ignore[type-arg]
        for curve in curves:
            spec = curve.spec
            key = f"random/{spec.baseline.key}/{spec.fractions}/{spec.repeats}/{spec.seed}"
            if key not in [line[0] for line in lines] and curve.done > curve.own:
                x, band = curve.random_fractions, (curve.random_low, curve.random_high)
                lines.append((key, curve, x, curve.random_mean, *band))
        for curve in curves:
            if curve.own:
                x, band = curve.fractions, (curve.low, curve.high)
                lines.append((curve.spec.classifier.key, curve, x, curve.mean, *band))
        return lines

    def _add(self, key: str, curve: Curve) -> PlotCurve:
        if key.startswith("random/"):
            dashed = Qt.PenStyle.DashLine
            name = self.tr("Random pixels")
            return self.plot.curve(name, "muted", style=dashed, band=True, hover=HOVER)
        colour = self.form.picker.series(key)
        title = curve.spec.classifier.title
        return self.plot.curve(title, colour, symbol="circle", band=True, hover=HOVER)

    def _meaning(self, mode: Mode) -> str:
        if mode == "roar":
            return self.tr("The marked pixels are removed: the further below random, the better.")
        return self.tr("Only the marked pixels are kept: the further above random, the better.")

    def _caption(self, curves: list[Curve]) -> str:
        repeats = sorted({curve.spec.repeats for curve in curves})
        if not repeats:
            return ""
        count = " or ".join(map(str, repeats))
        return self.tr(
            "Mean over {} retrainings; the bands span the lowest and the highest."
        ).format(count)

    def _fill_table(self, view: View) -> None:
        headers = [self.tr("Network")]
        headers += [f"{mode.upper()} {KINDS[kind].label}" for mode, kind in self._columns]
        rows = []
        for network in self.form.networks:
            cells = [Cell(network.title, network.title)]
            for mode, kind in self._columns:
                cells.append(self._cell(view, (network.key, mode, kind)))
            rows.append(Row(network.key, tuple(cells), self.form.picker.series(network.key)))
        self.table.set_rows(headers, rows)

    def _cell(self, view: View, place: Place) -> Cell:
        curve = view.curves.get(place)
        if curve is None or not curve.own:
            return Cell("–", tip=self.tr("Not computed yet"))
        if curve.score is None:
            tip = self.tr("{} of {} retrainings are there").format(curve.done, curve.total)
            return Cell(f"{100 * curve.share:.0f} %", tip=tip)
        text = f"{curve.score:+.3f}"
        if curve.score_std is not None:
            text += f" ± {curve.score_std:.3f}"
        spec = curve.spec
        tip = self.tr("{} fractions, {} repeats, baseline {}").format(
            len(spec.fractions), spec.repeats, spec.baseline.title
        )
        if place in view.others:
            tip += self.tr("\nComputed with other settings than the form's")
        return Cell(text.replace("-", "−"), curve.score, tip)
