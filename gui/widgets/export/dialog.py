"""The export dialog of a picture: format, size, font, colours and caption."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from engine.figures.charts import Picture, caption_of, with_caption
from engine.figures.paper.presets import PRESETS
from engine.figures.paper.style import FigureStyle
from gui.widgets.dialog import Dialog
from gui.widgets.export.actions import ask, copy, folder_of, say, went_to
from gui.widgets.export.form import FORMATS, TABLES, ExportForm
from gui.widgets.label import Label
from gui.widgets.save_file import ask_save
from gui.widgets.sentence import Sentence
from gui.widgets.timer import timer

PREVIEW_DELAY_MS = 150
SHOWN_LINES = 16
SAVE = QDialogButtonBox.StandardButton.Save


class GivenUp(ValueError):
    """The user closed the dialog while a figure was drawn."""


class ExportDialog(Dialog):
    """Asks for the style of a picture, previews it, and saves or copies it."""

    last_style = FigureStyle()
    last_format = "pdf"
    last_unit = "mm"
    last_preset = "plain-2"

    def __init__(self, data: Picture, name: str, parent: QWidget | None = None):
        super().__init__(parent)
        self.setWindowTitle("Export")
        self._data = data
        self._name = name
        self._channel = f"export preview {id(self)}"
        self._pixmap = QPixmap()
        self._file: tuple[object, bytes] | None = None
        self._unsaved: object = None
        self._saving = Event()
        self._due = timer(self, PREVIEW_DELAY_MS, once=True)
        self._due.timeout.connect(self._draw_preview)
        kind = type(self)
        self.form = ExportForm(caption_of(data))
        self.form.show_choice(kind.last_style, kind.last_format, kind.last_unit, kind.last_preset)
        self._build_layout()
        self.form.changed.connect(self._due.start)
        self._buttons.accepted.connect(self._choose_path)
        self._buttons.rejected.connect(self.reject)
        self.copy_button.clicked.connect(self._copy)
        self._due.start()
        self.resize(920, 600)

    # ------------------------------------------------------------------------------------- values

    @property
    def figure_style(self) -> FigureStyle:
        """The figure style set in the form."""
        return self.form.style_chosen

    @property
    def suffix(self) -> str:
        """The chosen format: pdf, svg, png, csv or h5."""
        return self.form.suffix

    @property
    def data(self) -> Picture:
        """The picture, with the caption typed in the form."""
        text = self.form.caption_text
        return self._data if text == caption_of(self._data) else with_caption(self._data, text)

    def save_to(self, path: Path) -> None:
        """Write the figure that the preview shows, then close; on failure show why and stay open.

        It is drawn anew only where the preview is out of date.
        """
        data, style, suffix = self.data, self.figure_style, self.suffix
        known = self._file[1] if self._file and self._file[0] == self._choice() else None
        self._let_press(False)
        self._say("Saving…")
        self._saving = given_up = Event()

        def check() -> None:
            if given_up.is_set():
                raise GivenUp(f"{path} was not saved.")

        def work(_: Any) -> Path:
            from engine.figures.drawing import save_as, write

            check()
            if known is not None and path.suffix.lower() == f".{suffix}":
                write(known, path)
            else:
                save_as(data, path, style, check=check)
            return path

        ask(self, f"export {path}", work, self._on_saved, self._on_not_saved)

    def reject(self) -> None:
        """Close; a figure that is being drawn is not written."""
        self._saving.set()
        super().reject()

    def _choice(self) -> tuple[object, ...]:
        """Return all that the file depends on."""
        return self.figure_style, self.suffix, self.form.caption_text

    # ----------------------------------------------------------------------------------- building

    def _build_layout(self) -> None:
        self._answer = Sentence(lines=2)
        self._answer.setAlignment(Qt.AlignmentFlag.AlignBottom)
        self._buttons = QDialogButtonBox(SAVE | QDialogButtonBox.StandardButton.Cancel)
        self.copy_button = self._buttons.addButton("Copy", QDialogButtonBox.ButtonRole.ActionRole)
        self.copy_button.setToolTip(
            "Put the figure as it is here on the clipboard: as a vector and as pixels"
        )
        left = QVBoxLayout()
        left.setSpacing(12)
        left.addWidget(self.form)
        left.addWidget(self._answer, 1)
        left.addWidget(self._buttons)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(16)
        layout.addLayout(left)
        layout.addWidget(self._build_preview(), 1)

    def _build_preview(self) -> QWidget:
        frame = QFrame()
        frame.setProperty("role", "card")
        self._preview = Label(alignment=Qt.AlignmentFlag.AlignCenter)
        self._preview.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self._preview.setMinimumSize(360, 300)
        self._preview.setAccessibleName("Preview")
        QVBoxLayout(frame).addWidget(self._preview)
        return frame

    # -------------------------------------------------------------------------------------- slots

    @Slot()
    def _copy(self) -> None:
        copy(self, self.data, self.figure_style)

    @Slot()
    def _choose_path(self) -> None:
        path = ask_save(
            self,
            "Save the figure",
            str(folder_of(self) / f"{self._name}.{self.suffix}"),
            f"{FORMATS[self.suffix]} (*.{self.suffix})",
            (f".{self.suffix}",),
        )
        if path is not None:
            self.save_to(path)

    @Slot()
    def _draw_preview(self) -> None:
        """Draw the file, and show what is in it."""
        data, suffix, style, choice = self.data, self.suffix, self.figure_style, self._choice()
        preset = self.form.column_name
        pixels = int(max(self._preview.width(), 360) * self.devicePixelRatioF())

        def work(_: Any) -> Shown:
            if suffix in TABLES:
                return Shown(choice, _table(data, suffix))
            return _drawn(data, suffix, style, pixels, choice, preset)

        ask(self, self._channel, work, self._show_preview, self._on_failed)

    def _show_preview(self, shown: Shown) -> None:
        if shown.choice != self._unsaved:  # else why it was not saved stays to be read
            self._say(shown.words)
        self._file = None if shown.file is None else (shown.choice, shown.file)
        if shown.file is None:
            lines = shown.words_of_table.splitlines()
            more = [f"… {len(lines)} lines"] if len(lines) > SHOWN_LINES else []
            self._pixmap = QPixmap()
            self._preview.setText("\n".join(line[:60] for line in lines[:SHOWN_LINES] + more))
            return
        self._pixmap.loadFromData(shown.picture)
        self._scale_preview()

    def _scale_preview(self) -> None:
        if self._pixmap.isNull():
            return
        ratio = self.devicePixelRatioF()
        scaled = self._pixmap.scaled(
            self._preview.size() * ratio,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        scaled.setDevicePixelRatio(ratio)
        self._preview.setPixmap(scaled)

    def _on_saved(self, path: Path) -> None:
        kind = type(self)
        kind.last_style, kind.last_format = self.figure_style, self.suffix
        kind.last_unit, kind.last_preset = self.form.unit, self.form.preset_name
        went_to(self, path.parent)
        say(self, f"Saved {path}")
        self.accept()

    def _on_not_saved(self, text: str) -> None:
        self._unsaved = self._choice()
        self._on_failed(text)

    def _let_press(self, can: bool) -> None:
        """Allow or forbid what would draw the figure again; Cancel can always be pressed."""
        for button in (self.copy_button, self._buttons.button(SAVE)):
            button.setEnabled(can)

    def _on_failed(self, text: str) -> None:
        self._let_press(True)
        self._say(text, error=True)

    def _say(self, text: str, *, error: bool = False) -> None:
        self._answer.say(text, "error" if error else "muted")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Rescale the preview."""
        super().resizeEvent(event)
        self._scale_preview()


@dataclass(frozen=True)
class Shown:
    """What the preview shows: a file and what it looks like, or the text of a table.

    Attributes
    ----------
    choice
        All that the file depends on.
    words_of_table
        The text of a table, or "".
    words
        One sentence about the file, or "".
    file, picture
        The file, and the pixels of it; None and b"" for a table.
    """

    choice: object
    words_of_table: str = ""
    words: str = ""
    file: bytes | None = None
    picture: bytes = b""


def _drawn(
    data: Picture, suffix: str, style: FigureStyle, pixels: int, choice: object, preset: str
) -> Shown:
    from engine.figures.drawing import drawn
    from engine.figures.paper.presets import replaced_font, too_large

    made = drawn(data, suffix, style, pixels)
    size = f"{made.width_mm:.1f} x {made.height_mm:.1f} mm, {len(made.file) / 1000:,.0f} kB."
    notes = [text for text in [too_large(preset, made.width_mm, made.height_mm)] if text]
    font = replaced_font(preset, "")
    if font and preset and style.font not in PRESETS[preset].fonts[:2]:
        notes.append(f"{font[0].upper()}{font[1:]}.")
    return Shown(choice, "", " ".join([size, *notes]), made.file, made.picture)


def _table(data: Picture, suffix: str) -> str:
    """Return the contents of an exported data file (csv, h5) as text."""
    if suffix == "csv":
        from engine.figures.charts import csv_text

        return csv_text(data)
    from engine.figures.chart_file import content_of

    arrays = content_of(data).arrays
    return "\n".join(f"{name}  {array.dtype} {array.shape}" for name, array in arrays.items())
