"""The chart below the planes: tilt of the boundary against the training radius."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.boundary.lab import Tilt, best_linear, tilts
from engine.figures.boundary import tilt_caption
from engine.figures.charts import Symbol
from engine.specs import Gaussians2D
from engine.texts import percent
from engine.tradeoff import published
from gui.session.workspace import Workspace
from gui.widgets.plots.plot import Plot

if TYPE_CHECKING:
    from gui.pages.boundary.panel import BoundaryPanel

RADII = np.linspace(0.0, 0.5, 101)
HOVER = "{point}\n{x_label}: {x:.3g}\n{y_label}: {y:.1f}"
LAB_SYMBOLS: tuple[Symbol, ...] = ("square", "triangle", "diamond")


class TiltPlot(QWidget):
    """Shows the best straight boundary, the study's networks, and the lab's three networks live."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None):
        super().__init__(parent)
        self.workspace = workspace
        self.plot = Plot(
            "Tilt against training eps",
            "Training eps (L2, in the paper's [−1, 1]; half of it in [0, 1])",
            "Tilt in degrees",
            export_name="tilt",
        )
        self.plot.set_texts(caption=tilt_caption())
        self.plot.set_ranges(y=(0.0, 90.0))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)

    def pieces(self) -> Iterator[None]:
        """Build the rest, so that the window can answer in between."""
        yield
        self._build_items()

    def refresh(self) -> None:
        """Read the tilts of the study again, on a lane."""
        study = self.workspace.study

        def work(_: Any) -> tuple[list[float], list[Tilt]]:
            line = best_linear(RADII.tolist(), Gaussians2D())
            return [each.angle_degrees for each in line], tilts(study) if study else []

        self.workspace.runner.ask("boundary tilts", work, self._take, self._failed)

    def show_lab(self, panels: Sequence[BoundaryPanel]) -> None:
        """Show the three networks of the lab as they are now."""
        for panel, cloud in zip(panels, self._lab, strict=True):
            x, y, name = [], [], []
            if panel.tilt is not None:
                eps, angle = panel.tilt
                x, y, name = [2 * eps], [angle], [panel.accuracies.text]
            cloud.set_points(x, y, names=name)

    # ------------------------------------------------------------------------------------ private

    def _build_items(self) -> None:
        self._line = self.plot.curve("best straight boundary", "muted", style=Qt.PenStyle.DashLine)
        known = self.plot.scatter("", "muted", "diamond", hover=HOVER)
        known.set_points(
            [each.eps for each in published.BEST_LINEAR],
            [each.angle_degrees for each in published.BEST_LINEAR],
            names=[
                f"Best straight boundary, robust accuracy {percent(each.robust_accuracy)}"
                for each in published.BEST_LINEAR
            ],
        )
        self._single = self.plot.scatter("study, one seed", 6, hover=HOVER)
        names = ("standard", "middle", "right")
        self._lab = [
            self.plot.scatter(name, place + 2, symbol, hover=HOVER)
            for place, (name, symbol) in enumerate(zip(names, LAB_SYMBOLS, strict=True))
        ]
        # Draw the means above the lab's dots, which lie near the mean of their seeds.
        self._mean = self.plot.scatter(
            "study, mean ± deviation over seeds", "text", "plus", hover=HOVER
        )

    def _take(self, found: tuple[list[float], list[Tilt]]) -> None:
        line, groups = found
        self._line.set_data(RADII, line)
        single = [group for group in groups if len(group.angles) == 1]
        several = [group for group in groups if len(group.angles) > 1]
        self._single.set_points(
            [2 * group.eps for group in single],
            [group.mean for group in single],
            names=[group.title for group in single],
        )
        mean = np.array([group.mean for group in several])
        spread = np.array([group.spread for group in several])
        self._mean.set_points(
            [2 * group.eps for group in several],
            mean,
            low=mean - spread,
            high=mean + spread,
            names=[
                f"{group.title}: {group.mean:.1f}° ± {group.spread:.1f}°, n = {len(group.angles)}"
                for group in several
            ],
        )

    def _failed(self, text: str) -> None:
        self.workspace.message.emit(text, True)
