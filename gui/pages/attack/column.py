"""A column of the Attack page: an attack on one image, and one network's predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QToolButton, QWidget

from engine.attribution.pictures import colour
from engine.specs import PGD, AdversarialExamples, AttackSpec
from engine.texts import percent
from gui.look import theme
from gui.look.icons import icon
from gui.look.plain import plain_tip
from gui.widgets.chip import Chip
from gui.widgets.elided_label import ElidedLabel, ElidedLine
from gui.widgets.images.class_bars import ClassBars, softmax
from gui.widgets.images.image_view import Camera, ImageView, Pixels, pixels_of

MAGNIFICATIONS = (1, 5, 10, 20, 50)
HEADER, ADVERSARIAL, VERDICT, BELOW = range(4)
NAME_ROOM = 90  # pixels of the name of a class in the verdict


@dataclass(frozen=True)
class Verdict:
    """A network's predictions for an image before and after the attack.

    Attributes
    ----------
    before, after
        Predicted classes.
    probability
        Of the class predicted after, in [0, 1].
    """

    before: int
    after: int
    probability: float


def verdict(before: NDArray[Any], after: NDArray[Any]) -> Verdict:
    """Judge an attack by the logits (K,) before and after."""
    first, second = int(np.argmax(before)), int(np.argmax(after))
    return Verdict(first, second, float(softmax(after)[second]))


def tone(judged: Verdict, true: int) -> str:
    """Return the colour of a verdict: good is a right prediction that stood, bad one that fell.

    Parameters
    ----------
    true
        The image's class; without one, -1, the prediction before the attack counts as right.
    """
    if true >= 0 and judged.before != true:
        return "text"
    return "good" if judged.after == judged.before else "bad"


def perturbation_pixels(delta: NDArray[np.float32], magnification: float) -> Pixels:
    """Return a perturbation as a picture in which zero has the neutral colour.

    Parameters
    ----------
    delta
        (C, H, W), in [-1, 1]. One channel becomes blue (darker) to red (brighter); several are
        drawn as colours around grey.
    """
    larger = magnification * delta
    if len(delta) == 1:
        return np.asarray(colour(larger[0]))
    return pixels_of((0.5 + larger / 2).astype(np.float32))


class AttackColumn(QObject):
    """The widgets of one network, placed in a grid that all columns share.

    Signals
    -------
    pointed
        Carries the key of the network under the mouse, or "".
    save_asked
        The user wants this adversarial image as a file.
    enlarge_asked
        The user wants this adversarial image to fill the window.
    """

    pointed = Signal(str)
    save_asked = Signal()
    enlarge_asked = Signal()

    def __init__(self, camera: Camera, parent: QWidget):
        super().__init__(parent)
        self.key = ""
        self.title = ""
        self.result: Any = None
        self.magnification = 10
        self.attack: AttackSpec = PGD()
        self.index = 0
        self._names: Sequence[str] = ()
        self._build(camera, parent)

    def place(self, grid: QGridLayout, column: int) -> None:
        """Put the widgets into a column of the grid."""
        for row, widget in enumerate(self._widgets):
            grid.addWidget(widget, row, column)

    def set_visible(self, visible: bool) -> None:
        """Show or hide the column."""
        for widget in self._widgets:
            widget.setVisible(visible)

    def set_network(self, key: str, title: str, series: int) -> None:
        """Show this network; clear the result of another one."""
        if key != self.key:
            self.clear()
        self.key, self.title, self._series = key, title, series
        self._heading.set_text(title)
        self._chip.set_series(series)
        self._heading.setToolTip(plain_tip(title))
        self._recolour()

    def show_result(self, spec: AdversarialExamples, result: Any, names: Sequence[str]) -> None:
        """Draw the first image of a result; the classes have these names."""
        self.result, self._names = result, names
        self.attack, self.index = spec.attack, spec.indices[0]
        arrays = result.arrays
        self.adversarial.set_pixels(pixels_of(arrays["adv_images"][0]))
        self._draw_perturbation()
        self.bars.show_classes(
            softmax(arrays["clean_logits"][0]),
            softmax(arrays["adv_logits"][0]),
            names,
            true=int(arrays["labels"][0]),
            target=-1 if self.attack.target is None else self.attack.target,
        )
        self._say_verdict()

    def show_failure(self, text: str) -> None:
        """Say in one sentence why there is no result."""
        self.clear()
        self.adversarial.set_note(text)
        self.adversarial.setToolTip(plain_tip(text))

    def clear(self) -> None:
        """Show nothing."""
        self.result = None
        self.adversarial.set_pixels(None)
        self.adversarial.setToolTip("")
        self.perturbation.set_pixels(None)
        self.bars.clear()
        self._verdict.set_text("")

    def set_dimmed(self, dimmed: bool) -> None:
        """Draw the pictures faintly while they are out of date."""
        self.adversarial.set_dimmed(dimmed)
        self.perturbation.set_dimmed(dimmed)

    def set_magnification(self, times: int) -> None:
        """Draw the perturbation multiplied by ``times``."""
        self.magnification = times
        self._draw_perturbation()

    def set_highlighted(self, highlighted: bool) -> None:
        """Frame the pictures in the network's colour."""
        frame = theme.series(self._series) if highlighted else None
        self.adversarial.set_frame(frame)
        self.perturbation.set_frame(frame)

    @property
    def delta(self) -> NDArray[np.float32]:
        """The perturbation, (C, H, W)."""
        arrays = self.result.arrays
        return np.asarray(arrays["adv_images"][0] - _unit(arrays["images"][0]), dtype=np.float32)

    @property
    def verdict_text(self) -> str:
        """The network's verdict in words."""
        return self._words(self._judge("adv_logits"))

    @property
    def rounded_verdict_text(self) -> str:
        """The network's verdict on the image rounded to 8 bits, as a PNG stores it."""
        return self._words(self._judge("rounded_logits"))

    # ------------------------------------------------------------------------------------- private

    def _build(self, camera: Camera, parent: QWidget) -> None:
        self._series = 0
        self._heading = ElidedLabel(elide=Qt.TextElideMode.ElideMiddle)
        self._chip = Chip(parent)
        self.save = QToolButton()
        self.save.setAccessibleName("Save as PNG")
        self.save.setToolTip("Save this adversarial image as a PNG file")
        self.save.clicked.connect(self.save_asked)
        header = QWidget(parent)
        row = QHBoxLayout(header)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self._chip)
        row.addWidget(self._heading, 1)
        row.addWidget(self.save)
        self.adversarial = ImageView("Adversarial image", camera)
        self.adversarial.enlarges = True
        self.adversarial.enlarge_asked.connect(self.enlarge_asked)
        self.perturbation = ImageView("Perturbation", camera)
        self.perturbation.describe = self._describe
        for view in (self.adversarial, self.perturbation):
            view.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
            view.pointed.connect(self._point)
        self._verdict = ElidedLabel(lines=2, alignment=Qt.AlignmentFlag.AlignHCenter)
        self.bars = ClassBars()
        # Beside each other, so that the room in height is the adversarial image's.
        below = QWidget(parent)
        beside = QHBoxLayout(below)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(8)
        beside.addWidget(self.perturbation, 1)
        beside.addWidget(self.bars, 1, Qt.AlignmentFlag.AlignVCenter)
        self._widgets = (header, self.adversarial, self._verdict, below)
        theme.signals.changed.connect(self._recolour)

    @Slot()
    def _recolour(self) -> None:
        chosen = theme.series(self._series)
        self.save.setIcon(icon("save"))
        self.bars.set_colour(chosen)
        if self.result is not None:
            self._draw_perturbation()

    @Slot(bool)
    def _point(self, inside: bool) -> None:
        self.pointed.emit(self.key if inside else "")

    def _draw_perturbation(self) -> None:
        if self.result is not None:
            self.perturbation.set_pixels(perturbation_pixels(self.delta, self.magnification))

    def _describe(self, row: int, column: int) -> str:
        steps = 255 * self.delta[:, row, column]
        values = ", ".join(f"{value:+.2f}" for value in steps)
        return f"row {row}, column {column}: {values} /255"

    def _judge(self, logits: str) -> Verdict:
        arrays = self.result.arrays
        return verdict(arrays["clean_logits"][0], arrays[logits][0])

    def _name(self, label: int, room: int | None = None) -> str:
        """Return the name of a class, shortened to some pixels."""
        name = self._names[label] if label < len(self._names) else str(label)
        if room is None:
            return name
        metrics = self._verdict.fontMetrics()
        return metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, room)

    def _words(self, judged: Verdict, room: int | None = None) -> str:
        share = percent(judged.probability)
        if judged.after == judged.before:
            return f"still {self._name(judged.after, room)}, {share}"
        return f"{self._name(judged.before, room)} → {self._name(judged.after, room)}, {share}"

    def _say_verdict(self) -> None:
        judged = self._judge("adv_logits")
        arrays = self.result.arrays
        true = int(arrays["labels"][0])
        wrong = " (wrong before)" if true >= 0 and judged.before != true else ""
        linf, l2 = float(arrays["distance_linf"][0]), float(arrays["distance_l2"][0])
        size = f"L-inf {255 * linf:.3g}/255, L2 {l2:.3g}"
        words = f"{self._words(judged)}{wrong}"
        self._verdict.set_lines(
            # Names give way: behind them stands how sure the network is.
            ElidedLine(
                f"{self._words(judged, NAME_ROOM)}{wrong}",
                tone(judged, true),
                bold=True,
            ),
            ElidedLine(size, "muted"),
        )
        self._verdict.setToolTip(
            plain_tip(
                f"{words}\nRounded to 8 bits: {self.rounded_verdict_text}\nMeasured size of the "
                f"perturbation: {size}"
            )
        )


def _unit(image: NDArray[Any]) -> NDArray[np.float32]:
    """Return an image in [0, 1] units."""
    scale = 255.0 if image.dtype == np.uint8 else 1.0
    return np.asarray(image / scale, dtype=np.float32)
