"""A small card about one network: its numbers, and the maps of its probe images."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from engine.figures.paper.tradeoff import method_words
from engine.store.study import Study
from engine.texts import percent
from engine.tradeoff.points import NetworkPoint
from engine.tradeoff.scores import VERDICTS, score_note
from gui.session.workspace import Workspace
from gui.widgets.images.image_view import image_from
from gui.widgets.label import Label

SIDE = 208
SHOWN = 6
KEPT = 200


def probe_picture(study: Study, key: str) -> NDArray[np.uint8]:
    """Return a network's probe images and their last maps as one RGB picture.

    Raises
    ------
    ValueError
        If the record cannot be read, or holds no maps of images.
    """
    from engine.attribution import pictures

    arrays = study.read(key).arrays
    if "probes/attributions" not in arrays:
        raise ValueError("this network's record holds no maps")
    found = arrays["probes/attributions"][-1][:SHOWN]
    pixels = arrays["probes/images"][:SHOWN]
    if min(found.shape[-2:]) < 2:
        raise ValueError("this network takes points of the plane, not images")
    drawn = pictures.colour(pictures.picture(found))
    images = pictures.image_rgb(pixels)
    cells = [np.concatenate([a, b], axis=1) for a, b in zip(images, drawn, strict=True)]
    half = -(-len(cells) // 2)
    cells += [np.full_like(cells[0], 255)] * (2 * half - len(cells))
    columns = [np.concatenate(cells[:half]), np.concatenate(cells[half:])]
    return np.ascontiguousarray(np.concatenate(columns, axis=1))


class PreviewCard(QFrame):
    """Shows the network that the user pointed at last, at first any."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None):
        super().__init__(parent)
        self.workspace = workspace
        self.setProperty("role", "card")
        self.setFixedWidth(SIDE + 32)
        self.key = ""
        self._pictures: OrderedDict[str, NDArray[np.uint8]] = OrderedDict()
        self._name = Label(wordWrap=True)
        self._name.setProperty("role", "heading")
        self._numbers = Label(wordWrap=True)
        self._numbers.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._picture = Label()
        self._picture.setMinimumHeight(SIDE)
        self._picture.setWordWrap(True)
        self._picture.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter)
        self._hint = Label(wordWrap=True)
        self._hint.setProperty("role", "muted")
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(15, 11, 13, 11)  # beside the line of the focus
        column.setSpacing(8)
        for widget in (self._name, self._numbers, self._picture, self._hint):
            column.addWidget(widget)
        column.addStretch(1)
        scroll = QScrollArea()  # a low window has no room for all of it
        scroll.setProperty("role", "reading")
        scroll.setAccessibleName("Network")
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        scroll.verticalScrollBar().rangeChanged.connect(
            lambda _, last: column.setContentsMargins(15, 11, 3 if last else 13, 11)
        )
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll)
        self.clear()

    def clear(self) -> None:
        """Show no network, and forget the pictures of another study."""
        self.key = ""
        self._pictures.clear()
        self._name.setText("Point at a network")
        self._numbers.clear()
        self._picture.clear()
        self._picture.hide()
        self._hint.setText("Its gradient maps appear here; a click opens its record.")

    def show_point(self, point: NetworkPoint) -> None:
        """Show a network's numbers at once, and its maps when they have been read."""
        if point.key == self.key:
            return
        self.key = point.key
        self._name.setText(point.network)
        self._numbers.setText(_numbers_of(point))
        self._picture.show()
        self._hint.setText(
            "Probe images and their gradients at the end of training. Point at another network to "
            "see its own; a click opens its record."
        )
        known = self._pictures.get(point.key)
        if known is not None:
            self._draw(known)
        else:
            self._read(point.key)

    def _read(self, key: str) -> None:
        study = self.workspace.study
        if study is None:
            return
        work: Callable[[Any], Any] = lambda _: probe_picture(study, key)  # noqa: E731
        self.workspace.runner.ask("network card", work, partial(self._take, key), self._failed)

    def _take(self, key: str, picture: NDArray[np.uint8]) -> None:
        self._pictures[key] = picture
        while len(self._pictures) > KEPT:
            self._pictures.popitem(last=False)
        if key == self.key:
            self._draw(picture)

    def _failed(self, text: str) -> None:
        self._picture.setPixmap(QPixmap())
        self._picture.setText(text)

    def _draw(self, picture: NDArray[np.uint8]) -> None:
        ratio = self.devicePixelRatioF()
        small = max(picture.shape[:2]) < SIDE * ratio
        # Keep square pixels when enlarging, and average them when shrinking.
        mode = (
            Qt.TransformationMode.FastTransformation
            if small
            else Qt.TransformationMode.SmoothTransformation
        )
        side = round(SIDE * ratio)
        pixmap = QPixmap.fromImage(image_from(picture))
        pixmap = pixmap.scaled(side, side * 2, Qt.AspectRatioMode.KeepAspectRatio, mode)
        pixmap.setDevicePixelRatio(ratio)
        self._picture.setPixmap(pixmap)


def _numbers_of(point: NetworkPoint) -> str:
    left = point.lowest
    robust = left.accuracy if left is not None else None
    lines = [
        f"{percent(value)} {name}"
        for name, value in (("clean", point.clean_accuracy), ("under attack", robust))
        if value is not None
    ]
    if left is not None and point.robustness is not None:
        attack = point.robustness.attack_of(left)
        lines.append(f"{attack}: {VERDICTS[point.robustness.verdict]}")
    for mode, scores in sorted(point.scores.items(), reverse=True):
        for kind, score in sorted(scores.items()):
            spread = point.spreads.get(mode, {}).get(kind)
            number = f"{score:+.3f}".replace("-", "−")
            text = f"{mode.upper()} {method_words(kind)} {number}"
            text += "" if spread is None else f" ± {spread:.3f}"
            lines.append(", ".join(filter(None, (text, score_note(point, mode, kind)))))
    return "\n".join(lines)
