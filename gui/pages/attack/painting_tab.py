"""The tab in which every network paints a class: the frames of an attack of large radius."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSlider,
    QToolButton,
    QWidget,
)

from engine.figures.charts import MapGridData
from engine.figures.images.painting import painting_grid, said, write_animation
from engine.specs import PGD, AttackSpec
from engine.specs.schema import SpecError
from gui.look import settings, theme
from gui.look.icons import icon
from gui.look.plain import plain_tip
from gui.pages.attack.combos import combo
from gui.pages.attack.live_tab import ColumnHead, LiveTab, Parts
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.export.buttons import export_buttons
from gui.widgets.forms.number_boxes import CountBox, DecimalBox
from gui.widgets.forms.number_edit import guard_wheel
from gui.widgets.forms.remembered import transient
from gui.widgets.images.image_view import Camera, ImageView, pixels_of
from gui.widgets.label import Label
from gui.widgets.save_file import ask_save

COLUMNS = 4
STEPS, MOST_STEPS = 40, 1000
FRAMES = 24
FRAME_MS = 80
STEP_OVER_EPS = 2.5
SHARE = 0.2
"""Default L2 radius over the square root of the number of values in an image."""
LINF_EPS = 0.3
MOST_EPS = 1000.0
HEADS, PICTURES, WORDS = range(3)
NORMS = (("L2", "l2"), ("L-inf", "linf"))
STARTS = (("the image", "image"), ("grey", "grey"), ("noise", "noise"))


class PaintingTab(LiveTab):
    """Shows, network beside network, how the target class appears in an image, frame by frame."""

    def __init__(self, parts: Parts, parent: QWidget):
        super().__init__(parts, "painting", parent)
        self._eps_is_own = False
        self._playing = QTimer(self)
        self._playing.setInterval(FRAME_MS)
        self._playing.timeout.connect(self._on_tick)
        self._build_bar()
        self._build_pictures()
        self._build_player()
        self._connect()
        self._show_play()

    # ----------------------------------------------------------------------------------- building

    def _build_bar(self) -> None:
        self.target = combo("The class to paint", ())
        self.target.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.target.setMinimumWidth(96)
        self.start = combo("What the painting begins from; noise is the same for all", STARTS)
        self.norm = combo("The norm that measures how far the attack has gone", NORMS)
        self.eps = DecimalBox(decimals=2, singleStep=0.5)
        self.eps.setRange(0.01, MOST_EPS)
        self.eps.setKeyboardTracking(False)
        self.eps.setToolTip(
            "How far the picture may go from its start, pixels in [0, 1]: far more than an attack "
            "that nobody is to see"
        )
        self.steps = CountBox()
        self.steps.setRange(1, MOST_STEPS)
        self.steps.setValue(STEPS)
        self.steps.setKeyboardTracking(False)
        self.steps.setToolTip("How often the attack follows the gradient")
        for box in (self.eps, self.steps):
            guard_wheel(box)
        bar = QHBoxLayout()
        bar.setSpacing(8)
        for text, widget in (
            ("Paint", self.target),
            ("from", self.start),
            ("within", self.norm),
            ("", self.eps),
        ):
            if text:
                label = Label(text)
                label.setBuddy(widget)
                bar.addWidget(label)
            bar.addWidget(widget)
        self.eps.setAccessibleName("radius")
        bar.addStretch(1)
        self.room.addLayout(bar)

    def _build_pictures(self) -> None:
        self.camera = Camera(self)
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        self.heads = [ColumnHead(self) for _ in range(COLUMNS)]
        self.views = [ImageView("Painted image", self.camera) for _ in range(COLUMNS)]
        self.words = [
            ElidedLabel(alignment=Qt.AlignmentFlag.AlignHCenter, bold=True) for _ in range(COLUMNS)
        ]
        for column in range(COLUMNS):
            if column:
                self.views[column].setFocusPolicy(Qt.FocusPolicy.ClickFocus)
            grid.addWidget(self.heads[column], HEADS, column)
            grid.addWidget(self.views[column], PICTURES, column)
            grid.addWidget(self.words[column], WORDS, column)
        grid.setRowStretch(PICTURES, 1)
        self._grid = grid
        self.room.addLayout(grid, 1)

    def _build_player(self) -> None:
        self.play = QToolButton()
        self.play.clicked.connect(self._on_play)
        self.frame = QSlider(Qt.Orientation.Horizontal)
        self.frame.setMinimumHeight(24)
        self.frame.setAccessibleName("Frame")
        transient(self.frame)
        self.frame.setToolTip("The picture after so many steps")
        self.when = Label()
        self.when.setProperty("role", "muted")
        metrics = self.when.fontMetrics()
        self.when.setMinimumWidth(metrics.horizontalAdvance(f"step {MOST_STEPS} of {MOST_STEPS}"))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.play)
        row.addWidget(self.frame, 1)
        row.addWidget(self.when)
        self._exports: list[QWidget] = [*export_buttons(self, self.figure, "painted-class")]
        self.save = QPushButton("Save animation…")
        self.save.setToolTip("Write all frames of all networks as one animated GIF or PNG")
        self._exports.append(self.save)
        for button in self._exports:
            button.setEnabled(False)
            row.addWidget(button)
        self.room.addLayout(row)
        self.note.setText(
            "Robust networks tend to paint strokes of the class; others often reach it by noise, "
            "and are as certain."
        )
        below = QHBoxLayout()
        below.setSpacing(8)
        label = Label("Steps")
        label.setBuddy(self.steps)
        below.addWidget(label)
        below.addWidget(self.steps)
        below.addSpacing(8)
        below.addWidget(self.note, 1)
        self.room.addLayout(below)

    def _connect(self) -> None:
        self.target.currentIndexChanged.connect(self.ask)
        self.start.currentIndexChanged.connect(self.ask)
        self.norm.currentIndexChanged.connect(self._on_norm)
        self.eps.valueChanged.connect(self._on_eps)
        self.steps.valueChanged.connect(self.ask)
        self.frame.valueChanged.connect(self._draw_frame)
        self.save.clicked.connect(self._on_save)
        theme.signals.changed.connect(self._show_play)

    # ------------------------------------------------------------------------------------- asking

    def attack(self) -> AttackSpec | None:
        """Return the attack that paints; None while there is no class to paint."""
        if self.target.currentIndex() < 0:
            return None
        eps, steps = self.eps.value(), self.steps.value()
        try:
            return PGD(
                norm=self.norm.currentData(),
                eps=eps,
                steps=steps,
                step_size=float(f"{min(64.0, STEP_OVER_EPS * eps / steps):.6g}"),
                target=self.target.currentData(),
            )
        except SpecError:
            return None

    def compute(self) -> Callable[[Any, Any], Any]:
        """Return the computation of a painting from the chosen start."""
        return partial(_painting, start=self.start.currentData(), frames=FRAMES)

    @Slot()
    def ask(self) -> None:
        """Offer the classes of the networks, then ask."""
        if self.isVisible():
            self._offer_classes()
            if not self._eps_is_own:
                self._propose_eps()
        super().ask()

    def complete(self) -> None:
        """Play what was just painted."""
        if self.results:
            self._play_from_start()

    def _offer_classes(self) -> None:
        """Offer the classes; the first time, propose another one than the image's own."""
        names = self.class_names()
        if [self.target.itemText(row) for row in range(self.target.count())] == names:
            return
        chosen = self.target.currentData()
        if chosen is None and names:
            chosen = (self._own_class() + 1) % len(names)
        self.target.blockSignals(True)
        self.target.clear()
        for place, name in enumerate(names):
            self.target.addItem(name, place)
        if names:
            self.target.setCurrentIndex(min(int(chosen or 0), len(names) - 1))
        self.target.blockSignals(False)

    def _own_class(self) -> int:
        images, chosen = self.parts.images.shown, self.parts.strip.chosen
        return int(images.labels[chosen[0]]) if chosen and chosen[0] < len(images) else 0

    def _propose_eps(self) -> None:
        """Set the radius that suits the size of the images."""
        image_set = self.parts.workspace.image_set
        if image_set is None:
            return
        wanted = LINF_EPS
        if self.norm.currentData() == "l2":
            wanted = SHARE * math.sqrt(math.prod(image_set.shape))
        self.eps.blockSignals(True)
        self.eps.setValue(float(f"{wanted:.2g}"))
        self.eps.blockSignals(False)

    @Slot()
    def _on_eps(self) -> None:
        self._eps_is_own = True
        self.ask()

    @Slot()
    def _on_norm(self) -> None:
        self._eps_is_own = False
        self.ask()

    # ------------------------------------------------------------------------------------ drawing

    def draw(self) -> None:
        """Show the networks, and the present frame of each."""
        count = len(self.networks[:COLUMNS])
        for column in range(COLUMNS):
            there = column < count
            parts: tuple[QWidget, ...] = (
                self.heads[column],
                self.views[column],
                self.words[column],
            )
            for part in parts:
                part.setVisible(there)
            self._grid.setColumnStretch(column, 1 if there else 0)
        for column, network in enumerate(self.networks[:COLUMNS]):
            self.heads[column].show_network(network.title, self.parts.picker.series(network.key))
        frames = [len(result.arrays["frames"]) for _, result in self.shown()]
        self.frame.blockSignals(True)
        self.frame.setMaximum(max(frames, default=1) - 1)
        self.frame.setValue(self.frame.maximum())
        self.frame.blockSignals(False)
        for widget in (*self._exports, self.play, self.frame):
            widget.setEnabled(bool(frames))
        self._draw_frame()

    def dim(self) -> None:
        """Draw the pictures faintly."""
        for view in self.views:
            view.set_dimmed(True)

    @Slot()
    def _draw_frame(self) -> None:
        names = self.class_names()
        for column, network in enumerate(self.networks[:COLUMNS]):
            result = self.results.get(network.key)
            if result is None:
                self.views[column].set_note(self.failures.get(network.key, "…"))
                self.words[column].set_text("")
                continue
            frame = min(self.frame.value(), len(result.arrays["frames"]) - 1)
            self.views[column].set_pixels(pixels_of(result.arrays["frames"][frame]))
            self.words[column].set_text(said(result, frame, names))
        last = max(1, self.frame.maximum())
        step = round(self.steps.value() * self.frame.value() / last)
        self.when.setText(f"step {step} of {self.steps.value()}" if self.results else "")

    # ------------------------------------------------------------------------------------ playing

    def _play_from_start(self) -> None:
        self.frame.setValue(0)
        self._playing.start()
        self._show_play()

    @Slot()
    def _on_play(self) -> None:
        if self._playing.isActive():
            self._playing.stop()
            self._show_play()
        else:
            self._play_from_start()

    @Slot()
    def _on_tick(self) -> None:
        """Go on by one frame; stop at the last one, or when nobody looks."""
        self.frame.setValue(self.frame.value() + 1)
        if self.frame.value() >= self.frame.maximum() or not self.isVisible():
            self._playing.stop()
            self._show_play()

    @Slot()
    def _show_play(self) -> None:
        playing = self._playing.isActive()
        words = "Stop" if playing else "Play from the start"
        self.play.setIcon(icon("pause" if playing else "play"))
        self.play.setToolTip(plain_tip(words))
        self.play.setAccessibleName(words)

    # ------------------------------------------------------------------------------------- saving

    def title(self) -> str:
        """Return what is painted, from what, and how far, in words."""
        norm, start = self.norm.currentText(), self.start.currentText()
        begin = self.image_name() if self.start.currentData() == "image" else start
        return f"{self.target.currentText()} from {begin}, {norm} {self.eps.value():g}"

    def figure(self) -> MapGridData:
        """Return some of the frames as rows of a figure."""
        pairs = [(network.title, result) for network, result in self.shown()]
        caption = (
            f"A targeted attack of large radius: {self.title()}, PGD-{self.steps.value()}. Below "
            "each picture what the network sees, and its probability."
        )
        return painting_grid(pairs, self.class_names(), caption)

    @Slot()
    def _on_save(self) -> None:
        path = ask_save(
            self,
            "Save the animation",
            str(Path(settings.last_folder()) / "painted-class.gif"),
            "Animated GIF (*.gif);;Animated PNG (*.png)",
            (".gif", ".png"),
        )
        if path is not None:
            self.save_animation(path)

    def save_animation(self, path: Path) -> None:
        """Write all frames on a lane: drawing them takes seconds."""
        pairs = [(network.title, result) for network, result in self.shown()]
        names, title, say = self.class_names(), self.title(), self.parts.workspace.message.emit

        def work(control: Any) -> None:
            check = (lambda: None) if control is None else control.check
            write_animation(pairs, names, title, path, check)

        def done(_: Any) -> None:
            settings.set_last_folder(path.parent)
            say(f"Saved {path.name}.", False)

        say(f"Drawing {path.name}…", False)
        underway = self.parts.workspace.underway
        underway.ask(f"animation {path}", f"Drawing {path.name}", work, done)


def _painting(spec: Any, context: Any, **options: Any) -> Any:
    """Compute a painting; the import is slow, and is made where it keeps nobody waiting."""
    from engine.measures.around.painting import painting

    return painting(spec, context, **options)
