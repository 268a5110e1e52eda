"""Interpretability against accuracy or strength: a point per network, a line per sweep."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from engine.figures.charts import Symbol
from engine.figures.paper.tradeoff import (
    STANDARD,
    TERMS,
    X_LABELS,
    legend_of,
    line_ends,
    looks_of,
    name_of,
    point_label,
)
from engine.specs.schema import kind_label
from engine.tradeoff import published
from engine.tradeoff.comparison import CAPTION, plan_of
from engine.tradeoff.planning import ASSUMED, NEEDED
from engine.tradeoff.points import (
    MODES,
    Floats,
    Group,
    NetworkPoint,
    attributions_in,
    groups,
)
from engine.tradeoff.scores import retrainings_note
from gui.look.plain import plain_tip
from gui.widgets.explained import explain_choices
from gui.widgets.forms.number_edit import guard_wheel
from gui.widgets.label import Label
from gui.widgets.plots.plot import Plot
from gui.widgets.plots.plot_items import Scatter

HOVER = "{point}\n{x_label}: {x:.3g}\n{y_label}: {y:.4f}"
BARS = "Bars: ± the standard deviation of a score over its retrainings."


class CorrelationView(QWidget):
    """A chart of the networks that have the chosen score, and what tells it from noise.

    Colours tell scheme and norm, symbols the other settings of a sweep. Standard networks belong to
    every sweep, so they have a mark of their own.

    Signals
    -------
    hovered, clicked
        Carry the key of a network; ``hovered`` may carry "".
    """

    hovered = Signal(str)
    clicked = Signal(str)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._points: Sequence[NetworkPoint] = ()
        self.clouds: list[Scatter] = []
        self._groups: list[Group] = []
        self._build_choices()
        self.plot = Plot("", "", "", export_name="trade-off")
        self.plan = Label(wordWrap=True)
        self.plan.setProperty("role", "muted")
        self.plan.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.plan.setToolTip(plain_tip(ASSUMED))
        self._build_layout()
        for combo in (self.mode, self.method, self.against):
            combo.currentIndexChanged.connect(self.draw)
        self.published.toggled.connect(self.draw)

    def show_points(self, points: Sequence[NetworkPoint]) -> None:
        """Draw these networks."""
        self._points = points
        kinds = attributions_in(points)
        if kinds:
            self._fill_methods(kinds)
        self.draw()

    def mark(self, key: str) -> None:
        """Draw a ring around a network's point; "" removes it."""
        for cloud in self.clouds:
            cloud.mark(key)

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
            "Write the correlations that the paper found on CIFAR-10 into the legend, and draw its "
            "networks where both axes mean the same as here"
        )
        for combo, name, tip in (
            (self.mode, "Score", "Which score is drawn upwards"),
            (self.method, "Attribution", "Whose maps are scored"),
            (self.against, "Against", "Strength is eps over the largest eps of the group"),
        ):
            combo.setAccessibleName(name)
            explain_choices(combo, tip)
            guard_wheel(combo)

    def _build_layout(self) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(6)
        bar.addWidget(self.mode)
        for text, combo in (("of", self.method), ("against", self.against)):
            label = Label(text)
            label.setBuddy(combo)
            bar.addWidget(label)
            bar.addWidget(combo)
        bar.addStretch(1)
        bar.addWidget(self.published)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(4)
        column.addLayout(bar)
        column.addWidget(self.plot, 1)
        column.addWidget(self.plan)

    def _fill_methods(self, kinds: list[str]) -> None:
        before = self.method.currentData()
        if [self.method.itemData(i) for i in range(self.method.count())] == kinds:
            return
        self.method.blockSignals(True)
        self.method.clear()
        for kind in kinds:
            self.method.addItem(kind_label(kind), kind)
        self.method.setCurrentIndex(max(0, self.method.findData(before)))
        self.method.blockSignals(False)

    # ------------------------------------------------------------------------------------ drawing

    @Slot()
    def draw(self) -> None:
        """Draw the chart anew."""
        mode, kind, x = (c.currentData() for c in (self.mode, self.method, self.against))
        self._groups = groups(self._points, mode, kind, x)
        self.plot.clear()
        self.clouds = []
        looks = looks_of(self._groups)
        for group, (colour, symbol) in zip(self._groups, looks, strict=True):
            self._draw_group(group, colour, symbol)
        self._draw_standard()
        if self.published.isChecked():
            self._draw_published(x)
        self._say_plans()
        barred = any(np.isfinite(group.spread).any() for group in self._groups)
        self.plot.set_texts(
            title=f"{mode.upper()}, {self.method.currentText()}",
            x_label=X_LABELS[x],
            y_label=f"{mode.upper()} score",
            caption=" ".join(filter(None, [CAPTION, TERMS, BARS if barred else ""])),
        )

    def _say_plans(self) -> None:
        """Say what would tell the shown correlations from noise, and what is not drawn."""
        mode, kind = self.mode.currentData(), self.method.currentData()
        plans = [(name_of(group), plan_of(group, mode, kind)) for group in self._groups]
        said = [f"{name}: {plan.sentence}." for name, plan in plans if plan is not None]
        text = " ".join([f"To tell r from 0, {NEEDED}:", *said]) if said else ""
        parts = (text, retrainings_note(self._points), self._left_out(), self._not_published())
        self.plan.setText(" ".join(filter(None, parts)))
        self.plan.setVisible(bool(self.plan.text()))

    def _left_out(self) -> str:
        """Say which networks have the score and no place on the axis, or ""."""
        mode, kind, x = (c.currentData() for c in (self.mode, self.method, self.against))
        shown = {point.key for group in self._groups for point in group.points}
        scored = [p for p in self._points if kind in p.scores.get(mode, {})]
        count = sum(point.key not in shown for point in scored)
        what = "strength" if x == "strength" else "test accuracy"
        return f"Not drawn, as their {what} is unknown: {count}." if count else ""

    def _published(self) -> list[published.PublishedPoint]:
        """Return the published points whose place on both axes means the same as ours."""
        mode, kind, x = (c.currentData() for c in (self.mode, self.method, self.against))
        shown = [point for group in self._groups for point in group.points]
        if not shown or not all(point.like_published for point in shown):
            return []
        found = published.points(mode, kind)
        if x != "strength":
            return found
        largest = {p.norm: max(q.eps for q in shown if q.norm == p.norm) for p in shown if p.norm}
        return [point for point in found if published.same_strengths(point, largest)]

    def _not_published(self) -> str:
        """Say why published points are not drawn, or ""."""
        mode, kind = self.mode.currentData(), self.method.currentData()
        count = len(published.points(mode, kind)) - len(self._published())
        if not self.published.isChecked() or not count or not self._groups:
            return ""
        return (
            f"Points of the paper not drawn: {count}, as their axes mean something else: they are "
            "of CIFAR-10, with strength 1 at eps 0.8 (L2) or 0.02 (L-inf)."
        )

    def _draw_group(self, group: Group, colour: int, symbol: Symbol) -> None:
        line = line_ends(group)
        if line is not None:
            self.plot.curve("", colour).set_data(*line)
        own = [i for i, point in enumerate(group.points) if point.scheme != "standard"]
        if own:
            cloud = self.plot.scatter(self._legend(group), colour, symbol, hover=HOVER)
            points = [group.points[i] for i in own]
            self._set_points(cloud, points, group.x[own], group.y[own], group.spread[own])

    def _draw_standard(self) -> None:
        """Draw the standard networks, once: every sweep of their images shares them."""
        found = {
            point.key: (point, group.x[i], group.y[i], group.spread[i])
            for group in self._groups
            for i, point in enumerate(group.points)
            if point.scheme == "standard"
        }
        if found:
            cloud = self.plot.scatter("Standard", "text", STANDARD, hover=HOVER)
            points, x, y, spread = zip(*found.values(), strict=True)
            self._set_points(cloud, points, np.array(x), np.array(y), np.array(spread))

    def _set_points(
        self, cloud: Scatter, points: Sequence[NetworkPoint], x: Floats, y: Floats, spread: Floats
    ) -> None:
        known = bool(np.isfinite(spread).any())
        cloud.set_points(
            x,
            y,
            [point.key for point in points],
            low=y - spread if known else None,
            high=y + spread if known else None,
            names=[point.network for point in points],
            labels=[point_label(point) for point in points],
        )
        cloud.hovered.connect(self.hovered)
        cloud.clicked.connect(self.clicked)
        self.clouds.append(cloud)

    def _legend(self, group: Group) -> str:
        text = legend_of(group)
        if not self.published.isChecked() or not group.points:
            return text
        member = group.points[-1]
        mode, kind, x = (c.currentData() for c in (self.mode, self.method, self.against))
        found = published.correlations(mode, member.norm, member.loss, kind, x)
        if found is None:
            return text
        pearson, spearman = (f"{value:.2f}".replace("-", "−") for value in found)
        return text + f"; paper: r = {pearson}, ρ = {spearman}, n = {published.NETWORKS}"

    def _draw_published(self, x: str) -> None:
        found = self._published()
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
