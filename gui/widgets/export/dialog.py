"""The export dialog of a picture: format, size, font, colours and caption."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QStandardPaths, Qt, QTimer, Slot
from PySide6.QtGui import QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from engine.figures.charts import Picture, caption_of, with_caption
from engine.figures.paper.style import FigureStyle
from gui.widgets.dialog import Dialog
from gui.widgets.export.actions import ask, copy, say
from gui.widgets.export.form import FORMATS, TABLES, ExportForm
from gui.widgets.label import Label
from gui.widgets.sentence import Sentence

PREVIEW_DELAY_MS = 150
SHOWN_LINES = 16


class ExportDialog(Dialog):
    """Asks for the style of a picture, previews it, and saves or copies it."""

    last_style = FigureStyle()
    last_format = "pdf"
    last_unit = "mm"
    last_folder: Path | None = None

    def __init__(self, data: Picture, name: str, parent: QWidget | None = None):
        super().__init__(parent)
        self.setWindowTitle("Export")
        self._data = data
        self._name = name
        self._channel = f"export preview {id(self)}"
        self._pixmap = QPixmap()
        self._due = QTimer(self, singleShot=True, interval=PREVIEW_DELAY_MS)
        self._due.timeout.connect(self._draw_preview)
        kind = type(self)
        self.form = ExportForm(caption_of(data))
        self.form.show_choice(kind.last_style, kind.last_format, kind.last_unit)
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
        """Draw and write the figure, then close; on failure show why and stay open."""
        data, style = self.data, self.figure_style
        self._buttons.setEnabled(False)
        self._say("Saving…")

        def work(_: Any) -> Path:
            from engine.figures.drawing import save_as

            save_as(data, path, style)
            return path

        ask(self, f"export {path}", work, self._on_saved, self._on_failed)

    # ----------------------------------------------------------------------------------- building

    def _build_layout(self) -> None:
        self._answer = Sentence(lines=2)
        self._answer.setAlignment(Qt.AlignmentFlag.AlignBottom)
        self._buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        )
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
        folder = type(self).last_folder or Path(
            QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        )
        chosen, _ = QFileDialog.getSaveFileName(
            self,
            "Save the figure",
            str(folder / f"{self._name}.{self.suffix}"),
            f"{FORMATS[self.suffix]} (*.{self.suffix})",
        )
        if chosen:
            path = Path(chosen)
            known = path.suffix.lower() == f".{self.suffix}"
            self.save_to(path if known else path.with_name(f"{path.name}.{self.suffix}"))

    @Slot()
    def _draw_preview(self) -> None:
        data, suffix = self.data, self.suffix
        width = max(self._preview.width(), 360) * self.devicePixelRatioF()
        style = self.figure_style
        style = replace(style, dpi=min(max(width / style.width_mm * 25.4, 30.0), 600.0))

        def work(_: Any) -> bytes | str:
            return _table(data, suffix) if suffix in TABLES else _rendered(data, style)

        ask(self, self._channel, work, self._show_preview, self._on_failed)

    def _show_preview(self, answer: bytes | str) -> None:
        self._say("")
        if isinstance(answer, str):
            lines = answer.splitlines()
            more = [f"… {len(lines)} lines"] if len(lines) > SHOWN_LINES else []
            self._pixmap = QPixmap()
            self._preview.setText("\n".join(line[:60] for line in lines[:SHOWN_LINES] + more))
            return
        self._pixmap.loadFromData(answer)
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
        kind.last_unit, kind.last_folder = self.form.unit, path.parent
        say(self, f"Saved {path}")
        self.accept()

    def _on_failed(self, text: str) -> None:
        self._buttons.setEnabled(True)
        self._say(text, error=True)

    def _say(self, text: str, *, error: bool = False) -> None:
        self._answer.say(text, "error" if error else "muted")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Rescale the preview."""
        super().resizeEvent(event)
        self._scale_preview()


def _rendered(data: Picture, style: FigureStyle) -> bytes:
    from engine.figures.drawing import render

    return render(data, "png", style)


def _table(data: Picture, suffix: str) -> str:
    """Return the contents of an exported data file (csv, h5) as text."""
    if suffix == "csv":
        from engine.figures.charts import csv_text

        return csv_text(data)
    from engine.figures.chart_file import content_of

    arrays = content_of(data).arrays
    return "\n".join(f"{name}  {array.dtype} {array.shape}" for name, array in arrays.items())
