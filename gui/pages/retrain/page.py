"""The Retrain page: ROAR and KAR curves that fill in while networks are retrained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSplitter, QVBoxLayout

from engine.jobs.durations import duration
from engine.retraining.curves import Curve
from engine.specs import AttributionSpec, Interpretability, Mode, ScoreControl
from engine.specs.schema import KINDS, kind_label
from engine.store.index import Entry
from engine.store.study import Study
from engine.tradeoff.points import MODES
from gui.pages import DATA, RETRAIN, TRAIN, Place
from gui.pages.common.record_settings import RecordSettings
from gui.pages.common.refresh import RefreshedPage
from gui.pages.retrain.form import CONTROLS, RetrainForm
from gui.pages.retrain.lines import SHARED, STYLES, CurveLine, lines_of, suffixes
from gui.pages.retrain.table import RetrainTable
from gui.pages.retrain.view import SCORE, CurvePlace, RetrainContent, work
from gui.widgets.empty_state import EmptyState
from gui.widgets.explained import explain_choices
from gui.widgets.forms.kinds import kinds
from gui.widgets.forms.number_edit import guard_wheel
from gui.widgets.keyed import PressKey
from gui.widgets.label import Label
from gui.widgets.plots.plot import Plot
from gui.widgets.plots.plot_items import PlotCurve
from gui.widgets.timer import timer

if TYPE_CHECKING:
    from engine.plan.forecast import Forecast

KINDS_SHOWN = ("retraining", "interpretability", "training", "imported", "glyphs", "folder", "idx")
HOVER = "{name}\n{x_percent} of the pixels removed\naccuracy {y_percent}"


class RetrainPage(RefreshedPage):
    """A form of scores at the left; their curves and a table of the scores at the right.

    Signals
    -------
    go_to
        Carries the page on which the user can make what is missing.
    """

    place: ClassVar[Place] = RETRAIN
    refresh_ms: ClassVar[int] = 400

    go_to = Signal(object)

    def pieces(self) -> Iterator[None]:
        """Build the page, a part a step."""
        yield from super().pieces()
        self._view: RetrainContent | None = None
        self._finished: dict[str, Curve] = {}
        self._drawn: dict[str, PlotCurve] = {}
        self._titles: list[str] = []
        self._numbers: dict[str, tuple[Any, ...]] = {}
        self._columns: list[tuple[Mode, str]] = []
        self._names = {
            "random": "Random pixels",
            "sobel": "Sobel edges",
            "blurred": "Blurred map",
            "mask_only": "Mask only",
            "matched": "Matched blur",
            "reversed": "DiffROAR",
        }
        # Refill the table after the current event: a click in it may have caused the change, and
        # refilling replaces the clicked cell.
        self._table_due = timer(self, 0, once=True)
        self._table_due.timeout.connect(self._fill_table)
        self.form = RetrainForm(self.workspace)
        yield
        self._build_view()
        self._build_layout()
        yield
        self._connect()
        self._on_study()

    # ----------------------------------------------------------------------------------- building

    def _build_view(self) -> None:
        self.mode = QComboBox()
        for mode in MODES:
            self.mode.addItem(mode.upper(), mode)
        self.method = QComboBox()
        self._offer_methods()
        kinds.grown.connect(self._offer_methods)
        for combo, tip in (
            (self.mode, "Remove the most important pixels, or keep only them"),
            (self.method, "Whose curves are shown"),
        ):
            explain_choices(combo, tip)
            guard_wheel(combo)
        self.meaning = Label(wordWrap=True)
        self.meaning.setProperty("role", "muted")
        self.plot = Plot(
            "",
            "Fraction of pixels removed",
            "Accuracy after retraining",
            export_name="retraining",
        )
        self.table = RetrainTable(self.form.picker, self._names)

    def _build_layout(self) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(8)
        for text, combo in (("Mode", self.mode), ("Attribution", self.method)):
            label = Label(text)
            label.setBuddy(combo)
            bar.addWidget(label)
            bar.addWidget(combo)
        bar.addStretch(1)
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self.plot)
        split.addWidget(self.table)
        split.setSizes([430, 210])
        split.setStretchFactor(0, 1)
        split.setChildrenCollapsible(False)
        view = QVBoxLayout()
        view.setSpacing(8)
        view.addLayout(bar)
        view.addWidget(self.meaning)  # beside the choices, a narrow window would leave it a letter
        view.addWidget(split, 1)
        self.empty = EmptyState()
        self.frame(self.empty, self.form, view)

    def _connect(self) -> None:
        workspace = self.workspace
        workspace.study_changed.connect(self._on_study)
        workspace.images_changed.connect(self._on_study)
        workspace.record_added.connect(self._on_record)
        workspace.highlighted.connect(self._on_highlighted)
        self.form.changed.connect(self._soon)
        self.form.asked.connect(self._compute)
        PressKey(self.form.compute, self)
        RecordSettings(self, self.form.use, self.form.specs)
        self.empty.asked.connect(self._lead)
        for combo in (self.mode, self.method):
            combo.currentIndexChanged.connect(self._draw)
            combo.currentIndexChanged.connect(self._table_due.start)
        self.plot.pointed.connect(workspace.highlighted)
        self.plot.clicked.connect(workspace.record_asked)
        self.table.opened.connect(workspace.record_asked)
        self.table.hovered.connect(workspace.highlighted)
        self.table.column_pointed.connect(self._on_column)

    # -------------------------------------------------------------------------------------- slots

    @Slot()
    def _on_study(self) -> None:
        self._view = None
        self._finished = {}
        ready = self.workspace.images is not None and self.form.picker.available > 0
        if self.workspace.images is None:
            self._way = DATA
            self.empty.say("Choose images first.", "Choose images")
        else:
            self._way = TRAIN
            self.empty.say(
                "There is no network for these images yet: train one first.",
                "Train a network",
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
            drawn.set_strong(bool(key) and name.split("/")[0] == key)

    # ------------------------------------------------------------------------------------ reading

    def read(self, study: Study) -> None:
        """Request the curves of all chosen networks, modes and attributions."""
        problem = self.form.problem()
        if problem:
            self.form.say(problem, problem=True)
        asked = [] if problem else self.form.specs()
        self.workspace.runner.ask(
            "retraining curves",
            work(study, asked, self._places(), self._finished),
            self._take,
            self._unreadable,
        )

    @Slot()
    def _offer_methods(self) -> None:
        """Offer the curves of every method that the form has."""
        for kind in self.form.methods.boxes:
            if self.method.findData(kind) < 0:
                self.method.addItem(kind_label(kind), kind)

    def _places(self) -> list[Interpretability]:
        """Return one spec for every mode and attribution of every chosen network.

        Controls are included only if the form asks for them; :func:`collect` adds those that the
        study holds.
        """
        chosen = {spec.kind: spec for spec in self.form.methods.chosen}
        attributions = [chosen.get(kind) or KINDS[kind]() for kind in self.form.methods.boxes]
        score: tuple[ScoreControl, ...] = ("none",)
        found = [
            self.form.spec_for(network.spec, mode, attribution, control)
            for network in self.form.networks
            for mode in MODES
            for attribution in attributions
            if isinstance(attribution, AttributionSpec)
            for control in score + self.form.asked_controls * (attribution.kind in chosen)
        ]
        return [spec for spec in found if spec is not None]

    def _take(self, view: RetrainContent) -> None:
        self._view = view
        if not self.form.problem():
            self.form.say(self._summary(view), problem=False)
            if view.present < view.total:
                self._ask_time(view)
        self._columns = self._columns_of(view)
        self._draw()
        self._fill_table()

    def _columns_of(self, view: RetrainContent) -> list[tuple[Mode, str]]:
        """Return the modes and attributions that the form asks for or that have a curve."""
        chosen = {spec.kind for spec in self.form.methods.chosen}
        begun = {place[1:3] for place, curve in view.curves.items() if curve.own}
        return [
            (mode, kind)
            for mode in MODES
            for kind in self.form.methods.boxes
            if (mode, kind) in begun or (kind in chosen and self.form.modes[mode].isChecked())
        ]

    def _ask_time(self, view: RetrainContent) -> None:
        """Add how long it takes, once hundreds of retrainings were named on a lane."""
        workspace, specs = self.workspace, self.form.specs()
        if workspace.runner.slots is None:
            return

        def done(answer: tuple[object, Forecast]) -> None:
            seconds = answer[1].seconds
            if view is self._view and seconds and not self.form.problem():
                text = f"{self._summary(view)} About {duration(seconds)}."
                self.form.say(text, problem=False)

        def failed(text: str) -> None:
            workspace.message.emit(text, True)

        pace = workspace.pace
        if specs and self.isVisible():  # the study may have been computed on another machine
            pace.time(specs[0].baseline, partial(self._ask_time, view))
        workspace.runner.prepare(lambda: specs, pace.rates(), pace.size, done, failed)

    def _summary(self, view: RetrainContent) -> str:
        missing = view.total - view.present
        foreign = len(self.form.picker.networks) - len(self.form.networks)
        text = f"Scores: {view.scores:,}"
        if view.controls:
            text += f", controls: {view.controls:,}"
        text += f". Retrainings: {view.total:,}, "
        if foreign:
            text = f"Left out, trained on other images: {foreign:,}. " + text
        if missing == 0 and view.scored == view.scores + view.controls:
            return text + "all in the study already."
        return text + f"{view.present:,} in the study, {missing:,} missing."

    # ------------------------------------------------------------------------------------ drawing

    @Slot()
    def _draw(self) -> None:
        mode, kind = self.mode.currentData(), self.method.currentData()
        self.meaning.setText(self._meaning(mode))
        self.plot.set_texts(title=f"{mode.upper()}, {kind_label(kind)}")
        curves = [] if self._view is None else self._chosen(self._view, mode, kind)
        wanted = lines_of(curves)
        titles = [self._title(curve) for curve in curves]
        if list(self._drawn) != [line.key for line in wanted] or titles != self._titles:
            self.plot.clear()
            self._titles = titles
            self._drawn = {line.key: self._add(line, suffixes(wanted)) for line in wanted}
            self._numbers = {}
        for line in wanted:
            # Redraw only the lines that changed: usually one of a hundred has a new point.
            before = self._numbers.get(line.key)
            if before is None or not all(map(np.array_equal, before, line.numbers)):
                self._drawn[line.key].set_data(*line.numbers)
        self._numbers = {line.key: line.numbers for line in wanted}
        self.plot.set_texts(caption=self._caption(curves))

    def _chosen(self, view: RetrainContent, mode: str, kind: str) -> list[Curve]:
        places: list[CurvePlace] = [
            (network.key, mode, kind, control)
            for network in self.form.networks
            for control in (SCORE, *CONTROLS)
        ]
        return [view.curves[place] for place in places if place in view.curves]

    def _title(self, curve: Curve) -> str:
        """Return the name of a curve's network in the list, where its kind tells it apart."""
        for chosen in self.form.picker.networks:
            if chosen.key == curve.spec.classifier.key:
                return chosen.title
        study, network = self.workspace.study, curve.spec.classifier
        return network.title if study is None else study.title(network)

    def _add(self, line: CurveLine, suffix: Mapping[str, str]) -> PlotCurve:
        style, curve = STYLES[line.what], line.curve
        if line.what in SHARED:
            random = line.what == "random"
            name = self._names[line.what] + suffix.get(line.key, "")
            colour_name = "muted" if random else "text"
            return self.plot.curve(name, colour_name, style=style, band=random, hover=HOVER)
        key, title = curve.spec.classifier.key, self._title(curve)
        colour = self.form.picker.series(key)
        if not len(line.numbers[0]):
            return self.plot.curve(self._names[line.what], colour, style=style)
        if line.what == SCORE:
            return self.plot.curve(title, colour, symbol="circle", band=True, hover=HOVER, key=key)
        said = f"{title}, {self._names[line.what]}".replace("{", "{{").replace("}", "}}")
        hover = HOVER.replace("{name}", said)
        return self.plot.curve("", colour, style=style, hover=hover, key=key)

    def _meaning(self, mode: Mode) -> str:
        if mode == "roar":
            return "The marked pixels are removed: the further below random, the better."
        return "Only the marked pixels are kept: the further above random, the better."

    def _caption(self, curves: list[Curve]) -> str:
        repeats = sorted({curve.spec.repeats for curve in curves})
        if not repeats:
            return ""
        count = " or ".join(map(str, repeats))
        return f"Mean over {count} retrainings; the bands span the lowest and the highest."

    @Slot()
    def _fill_table(self) -> None:
        if self._view is not None:
            shown = (self.mode.currentData(), self.method.currentData())
            asked = self.form.asked_controls
            self.table.show_view(self._view, self.form.networks, self._columns, shown, asked)
