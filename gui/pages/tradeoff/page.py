"""The Trade-off page: interpretability against accuracy or strength, a point per network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QSplitter, QTabWidget, QVBoxLayout

from engine.figures.paper.tradeoff import method_words
from engine.specs import ImagesSpec
from engine.store.index import Entry
from engine.store.study import Study
from engine.tradeoff.metrics import measured_in
from engine.tradeoff.points import MODES, NetworkPoint, attributions_in, networks
from engine.tradeoff.quantities import Quantity, quantities
from engine.tradeoff.scores import (
    VERDICTS,
    retrainings_note,
    robust_words,
    score_note,
    score_text,
)
from gui.look.keys import native
from gui.look.plain import plain_tip
from gui.pages import MAPS, RETRAIN, TRADEOFF, Place
from gui.pages.common.refresh import RefreshedPage
from gui.pages.tradeoff.comparison import Comparison, ComparisonPanel, compare
from gui.pages.tradeoff.correlation_view import CorrelationView
from gui.pages.tradeoff.front_view import FrontView
from gui.pages.tradeoff.preview_card import PreviewCard
from gui.widgets.empty_state import EmptyState
from gui.widgets.number_table import Cell, NumberTable, TableRow

Found = tuple[list[NetworkPoint], Comparison, list[Quantity]]


class TradeoffPage(RefreshedPage):
    """Shows every network of the study that has a score, with lines and correlations.

    Signals
    -------
    go_to
        Carries the page on which the user can compute the missing scores, or see a network's maps.
    """

    place: ClassVar[Place] = TRADEOFF

    go_to = Signal(object)

    def pieces(self) -> Iterator[None]:
        """Build the page, a part a step."""
        yield from super().pieces()
        self._points: list[NetworkPoint] = []
        yield from self._build_parts()
        yield
        self._build_layout()
        yield
        self._connect()
        self._show_state()

    # ----------------------------------------------------------------------------------- building

    def _build_parts(self) -> Iterator[None]:
        self.correlation = CorrelationView()
        yield
        self.plot = self.correlation.plot
        self.front = FrontView()
        self.views = QTabWidget()
        self.views.setDocumentMode(True)
        self.views.tabBar().setDrawBase(False)
        self.views.addTab(self.correlation, "Score and accuracy")
        self.views.addTab(self.front, "Front")
        self.views.setTabToolTip(1, "Which networks no other one beats in everything")
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
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self.views)
        split.addWidget(self.tabs)
        split.setSizes([460, 200])
        split.setStretchFactor(0, 1)
        split.setChildrenCollapsible(False)
        left = QVBoxLayout()
        left.addWidget(split, 1)
        self.frame(self.empty, left, self.card)

    def _connect(self) -> None:
        workspace = self.workspace
        workspace.study_changed.connect(self._on_study)
        workspace.images_changed.connect(self._soon)
        workspace.record_added.connect(self._on_record)
        workspace.highlighted.connect(self._on_highlighted)
        self.empty.asked.connect(self._lead)
        for view in (self.correlation, self.front):
            view.hovered.connect(workspace.highlighted)
        self.correlation.clicked.connect(self._open)
        self.front.clicked.connect(self._show_maps)
        self.table.hovered.connect(workspace.highlighted)
        self.table.pointed.connect(self._on_pointed)
        self.table.opened.connect(self._open)

    # -------------------------------------------------------------------------------------- slots

    @Slot()
    def _on_study(self) -> None:
        self._points = []
        self.card.clear()
        self._show_state()
        self._soon()

    @Slot(object)
    def _on_record(self, entry: Entry) -> None:
        if entry.kind in ("interpretability", "training", "imported", "measurement"):
            self._soon()

    @Slot()
    def _lead(self) -> None:
        self.go_to.emit(RETRAIN)

    @Slot(str)
    def _on_highlighted(self, key: str) -> None:
        for view in (self.correlation, self.front):
            view.mark(key)
        self._show_card(key)

    @Slot(str)
    def _on_pointed(self, key: str) -> None:
        self._on_highlighted(key)

    @Slot(str)
    def _open(self, key: str) -> None:
        self.workspace.selected.emit(key)
        self.workspace.record_asked.emit(key)

    @Slot(str)
    def _show_maps(self, key: str) -> None:
        """Choose a network, and go to its maps."""
        self.workspace.selected.emit(key)
        self.go_to.emit(MAPS)

    # ------------------------------------------------------------------------------------ reading

    def read(self, study: Study) -> None:
        """Request the networks, and their correlations beside the paper's."""
        images = self.workspace.images

        def work(_: Any) -> Found:
            points = _of_interest(networks(study), images)
            return points, compare(points), quantities(points, measured_in(study))

        self.workspace.runner.ask("trade-off", work, self._take, self._unreadable)

    def _take(self, found: Found) -> None:
        self._points, compared, numbers = found
        self.comparison.show_rows(compared)
        self._show_state()
        self.correlation.show_points(self._points)
        self.front.show_points(self._points, numbers)
        self._fill_table()
        if self._points and not self.card.key:
            self.card.show_point(self._points[0])  # so that it is seen what pointing shows

    def _show_state(self) -> None:
        scored = any(point.scores for point in self._points)
        self.stack.setCurrentIndex(1 if scored else 0)

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
        headers = ["Network", "Clean %", "Under attack %", "Attack", "Verdict"]
        headers += [f"{mode.upper()} {method_words(kind)}" for mode, kind in columns]
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
                f"{retrainings_note(self._points)}\n"
                f"A click on a column sorts, {native('copy')} copies."
            )
        )


def _of_interest(points: list[NetworkPoint], images: ImagesSpec | None) -> list[NetworkPoint]:
    """Return the networks of the current images; all networks if none of those has a score."""
    own = [p for p in points if images is not None and p.images == images.key]
    return own if any(point.scores for point in own) else points


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
