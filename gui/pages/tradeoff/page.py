"""The Trade-off page: interpretability against accuracy or strength, a point per network."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from engine.figures.charts import SYMBOLS
from engine.specs import ImagesSpec
from engine.specs.schema import KINDS
from engine.store.index import Entry
from engine.store.study import Study
from engine.tradeoff import published
from engine.tradeoff.comparison import CAPTION, plan_of
from engine.tradeoff.planning import ASSUMED, NEEDED
from engine.tradeoff.points import (
    MODES,
    Group,
    NetworkPoint,
    attributions_in,
    describe,
    groups,
    networks,
)
from engine.tradeoff.scores import (
    VERDICTS,
    retrainings_note,
    robust_words,
    score_note,
    score_text,
)
from gui.look.plain import plain_tip
from gui.pages import RETRAIN, TRADEOFF, Place
from gui.pages.common.refresh import RefreshedPage
from gui.pages.tradeoff.comparison import Comparison, ComparisonPanel, compare
from gui.pages.tradeoff.preview_card import PreviewCard
from gui.session.workspace import Workspace
from gui.widgets.empty_state import EmptyState
from gui.widgets.explained import explain_choices
from gui.widgets.forms.number_edit import guard_wheel
from gui.widgets.label import Label
from gui.widgets.number_table import Cell, NumberTable, TableRow
from gui.widgets.plots.plot import Plot
from gui.widgets.plots.plot_items import Scatter

SERIES = 8
HOVER = "{point}\n{x_label}: {x:.3g}\n{y_label}: {y:.4f}"
SHORT = {"gradient": "G", "gradient_x_input": "GX"}


class TradeoffPage(RefreshedPage):
    """Shows every network of the study that has a score, with lines and correlations.

    Signals
    -------
    go_to
        Carries the page on which the user can compute the missing scores.
    """

    place: ClassVar[Place] = TRADEOFF

    go_to = Signal(object)

    def __init__(self, workspace: Workspace, parent: QWidget | None = None):
        super().__init__(workspace, parent)
        self._points: list[NetworkPoint] = []
        self._clouds: list[Scatter] = []
        self._groups: list[Group] = []
        self._build_choices()
        self._build_parts()
        self._build_layout()
        self._connect()
        self._show_state()

    # ----------------------------------------------------------------------------------- building

    def _build_choices(self) -> None:
        self.mode, self.method, self.against = QComboBox(), QComboBox(), QComboBox()
        for mode in MODES:
            self.mode.addItem(f"{mode.upper()} score", mode)
        self._fill_methods(["gradient", "gradient_x_input"])
        self.against.addItem("test accuracy", "clean_accuracy")
        self.against.addItem("attack strength", "strength")
        self.published = QCheckBox("Published values")
        self.published.setToolTip(
            "Lay what the paper found on CIFAR-10 over the chart, and into its legend"
        )
        for combo, tip in (
            (self.mode, "Which score is drawn upwards"),
            (self.method, "Whose maps are scored"),
            (self.against, "Strength is eps over the largest eps of the group"),
        ):
            explain_choices(combo, tip)
            guard_wheel(combo)

    def _build_parts(self) -> None:
        self.plot = Plot("", "", "", export_name="trade-off")
        self.plan = Label(wordWrap=True)
        self.plan.setProperty("role", "muted")
        self.plan.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.plan.setToolTip(plain_tip(ASSUMED))
        self.card = PreviewCard(self.workspace)
        self.table = NumberTable("Networks")
        self.comparison = ComparisonPanel()
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.addTab(self.table, "Networks")
        self.tabs.addTab(self.comparison, "Published and ours")
        self.empty = EmptyState()
        self.empty.say(
            (
                "No network has an interpretability score yet. Scores come from retraining on "
                "images whose most important pixels were removed or kept."
            ),
            "Compute scores",
        )

    def _build_layout(self) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(8)
        bar.addWidget(self.mode)
        for text, combo in (("of", self.method), ("against", self.against)):
            label = Label(text)
            label.setBuddy(combo)
            bar.addWidget(label)
            bar.addWidget(combo)
        bar.addStretch(1)
        bar.addWidget(self.published)
        split = QSplitter(Qt.Orientation.Vertical)
        upper = QWidget()
        above = QVBoxLayout(upper)
        above.setContentsMargins(0, 0, 0, 0)
        above.setSpacing(4)
        above.addWidget(self.plot, 1)
        above.addWidget(self.plan)
        split.addWidget(upper)
        split.addWidget(self.tabs)
        split.setSizes([420, 240])
        split.setStretchFactor(0, 1)
        split.setChildrenCollapsible(False)
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addLayout(bar)
        left.addWidget(split, 1)
        self.frame(self.empty, left, self.card)

    def _connect(self) -> None:
        workspace = self.workspace
        workspace.study_changed.connect(self._on_study)
        workspace.images_changed.connect(self._soon)
        workspace.record_added.connect(self._on_record)
        workspace.highlighted.connect(self._on_highlighted)
        self.empty.asked.connect(self._lead)
        for combo in (self.mode, self.method, self.against):
            combo.currentIndexChanged.connect(self._draw)
        self.published.toggled.connect(self._draw)
        self.table.hovered.connect(workspace.highlighted)
        self.table.pointed.connect(self._on_pointed)
        self.table.opened.connect(self._open)

    def _fill_methods(self, kinds: list[str]) -> None:
        before = self.method.currentData()
        if [self.method.itemData(i) for i in range(self.method.count())] == kinds:
            return
        self.method.blockSignals(True)
        self.method.clear()
        for kind in kinds:
            self.method.addItem(KINDS[kind].label if kind in KINDS else kind, kind)
        self.method.setCurrentIndex(max(0, self.method.findData(before)))
        self.method.blockSignals(False)

    # -------------------------------------------------------------------------------------- slots

    @Slot()
    def _on_study(self) -> None:
        self._points = []
        self.card.clear()
        self._show_state()
        self._soon()

    @Slot(object)
    def _on_record(self, entry: Entry) -> None:
        if entry.kind in ("interpretability", "training", "imported"):
            self._soon()

    @Slot()
    def _lead(self) -> None:
        self.go_to.emit(RETRAIN)

    @Slot(str)
    def _on_highlighted(self, key: str) -> None:
        for cloud in self._clouds:
            cloud.mark(key)
        self._show_card(key)

    @Slot(str)
    def _on_pointed(self, key: str) -> None:
        self._on_highlighted(key)

    @Slot(str)
    def _open(self, key: str) -> None:
        self.workspace.selected.emit(key)
        self.workspace.record_asked.emit(key)

    # ------------------------------------------------------------------------------------ reading

    def read(self, study: Study) -> None:
        """Request the networks, and their correlations beside the paper's."""
        images = self.workspace.images

        def work(_: Any) -> tuple[list[NetworkPoint], Comparison]:
            points = _of_interest(networks(study), images)
            return points, compare(points)

        self.workspace.runner.ask("trade-off", work, self._take, self._unreadable)

    def _take(self, found: tuple[list[NetworkPoint], Comparison]) -> None:
        self._points, compared = found
        self.comparison.show_rows(compared)
        kinds = attributions_in(self._points)
        if kinds:
            self._fill_methods(kinds)
        self._show_state()
        self._draw()
        self._fill_table()

    def _show_state(self) -> None:
        scored = any(point.scores for point in self._points)
        self.stack.setCurrentIndex(1 if scored else 0)

    # ------------------------------------------------------------------------------------ drawing

    @Slot()
    def _draw(self) -> None:
        mode, kind, x = (c.currentData() for c in (self.mode, self.method, self.against))
        self._groups = groups(self._points, mode, kind, x)
        self.plot.clear()
        self._clouds = [self._draw_group(group, i) for i, group in enumerate(self._groups)]
        if self.published.isChecked():
            self._draw_published(mode, kind, x)
        self._say_plans()
        strength = x == "strength"
        self.plot.set_texts(
            title=f"{mode.upper()}, {self.method.currentText()}",
            x_label="Attack strength (eps / largest eps)" if strength else "Test accuracy",
            y_label=f"{mode.upper()} score",
            caption=CAPTION,
        )

    def _say_plans(self) -> None:
        """Say what would tell the shown correlations from noise."""
        mode, kind = self.mode.currentData(), self.method.currentData()
        plans = [(group.name, plan_of(group, mode, kind)) for group in self._groups]
        said = [f"{name}: {plan.sentence}." for name, plan in plans if plan is not None]
        text = " ".join([f"To tell r from 0, {NEEDED}:", *said]) if said else ""
        self.plan.setText(f"{text} {retrainings_note(self._points)}".strip())
        self.plan.setVisible(bool(self.plan.text()))

    def _draw_group(self, group: Group, place: int) -> Scatter:
        colour = place % SERIES
        line = _line_of(group)
        if line is not None:
            self.plot.curve("", colour).set_data(*line)
        cloud = self.plot.scatter(
            self._legend(group), colour, SYMBOLS[place % len(SYMBOLS)], hover=HOVER
        )
        known = bool(np.isfinite(group.spread).any())
        low, high = (group.y - group.spread, group.y + group.spread) if known else (None, None)
        keys, names = [p.key for p in group.points], [p.network for p in group.points]
        cloud.set_points(group.x, group.y, keys, low=low, high=high, names=names)
        cloud.hovered.connect(self.workspace.highlighted)
        cloud.clicked.connect(self._open)
        return cloud

    def _legend(self, group: Group) -> str:
        text = describe(group)
        if not self.published.isChecked() or not group.points:
            return text
        member = group.points[-1]
        mode, kind, x = (c.currentData() for c in (self.mode, self.method, self.against))
        found = published.correlations(mode, member.norm, member.loss, kind, x)
        if found is None:
            return text
        pearson, spearman = (f"{value:.2f}".replace("-", "−") for value in found)
        return text + f"; paper: r = {pearson}, ρ = {spearman}, n = {published.NETWORKS}"

    def _draw_published(self, mode: Any, kind: str, x: str) -> None:
        found = published.points(mode, kind)
        if not found:
            return
        cloud = self.plot.scatter(
            "Paper, CIFAR-10: the standard network and the largest eps",
            "muted",
            "star",
            hover=HOVER,
        )
        names = [f"Paper, CIFAR-10: {p.name}" for p in found]
        cloud.set_points([getattr(p, x) for p in found], [p.score for p in found], names=names)

    def _show_card(self, key: str) -> None:
        point = next((p for p in self._points if key and p.key == key), None)
        if point is not None:
            self.card.show_point(point)
            if not self.table.underMouse():  # do not change the selection while the user points
                self.table.choose(key)

    # -------------------------------------------------------------------------------------- table

    def _fill_table(self) -> None:
        kinds = attributions_in(self._points)
        columns = [(mode, kind) for mode in MODES for kind in kinds]
        headers = ["Network", "Clean %", "Robust %", "Attack", "Verdict"]
        headers += [f"{mode.upper()} {_short(kind)}" for mode, kind in columns]
        rows = [
            TableRow(
                point.key,
                (
                    Cell(point.network, point.network),
                    _percent(point.clean_accuracy),
                    *_robust(point),
                    *(_score(point, mode, kind) for mode, kind in columns),
                ),
            )
            for point in self._points
        ]
        self.table.set_rows(headers, rows)
        self.table.setToolTip(
            plain_tip(
                f"G: gradient, GX: gradient x input. {retrainings_note(self._points)}\n"
                "A click on a column sorts, Ctrl+C copies."
            )
        )


def _of_interest(points: list[NetworkPoint], images: ImagesSpec | None) -> list[NetworkPoint]:
    """Return the networks of the current images; all networks if none of those has a score."""
    own = [p for p in points if images is not None and p.images == images.key]
    return own if any(point.scores for point in own) else points


def _line_of(group: Group) -> tuple[np.ndarray, np.ndarray] | None:
    """Return both ends of the fitted line; None if the points do not determine a line."""
    fit = group.fit
    if fit is None or fit.slope is None or fit.intercept is None:
        return None
    ends = np.array([group.x.min(), group.x.max()])
    return ends, fit.intercept + fit.slope * ends


def _short(kind: str) -> str:
    return SHORT.get(kind) or (KINDS[kind].label if kind in KINDS else kind)


def _robust(point: NetworkPoint) -> tuple[Cell, Cell, Cell]:
    """Return the lowest accuracy under attack, the attack, and whether it is to be trusted."""
    found, left = point.robustness, point.lowest
    if found is None or left is None:
        return Cell("–"), Cell("–"), Cell("–")
    words = robust_words(found)
    number = Cell(f"{100 * left.accuracy:.1f}", left.accuracy, words)
    attack = found.attack_of(left)
    return number, Cell(attack, attack, words), Cell(VERDICTS[found.verdict], tip=words)


def _percent(value: float | None) -> Cell:
    return Cell("–") if value is None else Cell(f"{100 * value:.1f}", value)


def _score(point: NetworkPoint, mode: str, kind: str) -> Cell:
    value = point.scores.get(mode, {}).get(kind)
    if value is None:
        return Cell("–")
    text = score_text(point, mode, kind).replace("-", "−")
    return Cell(text, value, score_note(point, mode, kind))
