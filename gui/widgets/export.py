"""Taking a picture out of the window: as a file for a paper, or onto the clipboard.

A picture is never grabbed from the screen: its data are drawn anew, in the size that was asked for.
Drawing happens on the reading lane, since loading the drawing library alone takes a while.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QMimeData, QObject, QStandardPaths, Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication, QImage, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from engine.charts import LIMITS, FigureStyle, Picture

MakeData = Callable[[], Picture]
FORMATS = {"pdf": "PDF", "svg": "SVG", "png": "PNG", "csv": "CSV"}
PREVIEW_DELAY_MS = 150
COPY_DPI = 200.0


def export_button(parent: QWidget, make_data: MakeData, name: str) -> QToolButton:
    """Return a button that opens the export dialog.

    Parameters
    ----------
    make_data
        Returns what is to be drawn, when the button is pressed.
    name
        The proposed file name, without suffix.
    """
    button = _button(parent, parent.tr("Export…"))
    button.setToolTip(parent.tr("Save this picture as PDF, SVG or PNG, or its data as CSV"))
    button.setProperty("exports", getattr(parent, "title", "") or name)

    @Slot()
    def ask() -> None:
        dialog = ExportDialog(make_data(), name, parent)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    button.clicked.connect(ask)
    return button


def copy_button(parent: QWidget, make_data: MakeData) -> QToolButton:
    """Return a button that puts the picture (PNG, SVG) and its data (text) on the clipboard."""
    button = _button(parent, parent.tr("Copy"))
    button.setToolTip(parent.tr("Copy this picture, and its data as a table"))
    button.clicked.connect(Slot()(lambda: copy(parent, make_data())))
    return button


def export_buttons(parent: QWidget, make_data: MakeData, name: str) -> list[QToolButton]:
    """Return both buttons, in the order in which they stand."""
    return [copy_button(parent, make_data), export_button(parent, make_data, name)]


def copy(widget: QWidget, data: Picture) -> None:
    """Put a picture and its data on the clipboard, as soon as they are drawn."""

    def work(_: Any) -> tuple[bytes, bytes, str]:
        from engine.charts import csv_text
        from engine.drawing import render

        style = FigureStyle(dpi=COPY_DPI)
        return render(data, "png", style), render(data, "svg", style), csv_text(data)

    def done(answer: tuple[bytes, bytes, str]) -> None:
        png, svg, table = answer
        mime = QMimeData()
        mime.setImageData(QImage.fromData(png))
        mime.setData("image/svg+xml", svg)
        mime.setText(table)
        QGuiApplication.clipboard().setMimeData(mime)
        say(widget, widget.tr("The picture and its data are on the clipboard."))

    ask(widget, "copy picture", work, done, lambda text: say(widget, text, error=True))


def ask(
    widget: QObject,
    channel: str,
    work: Callable[[Any], Any],
    done: Callable[[Any], None],
    failed: Callable[[str], None],
) -> None:
    """Do some work on the lane of the page that ``widget`` stands on; without a page, at once.

    Neither ``done`` nor ``failed`` is called once the widget is gone.
    """
    workspace = _workspace_of(widget)
    if workspace is not None:

        def while_open(callback: Callable[[Any], None]) -> Callable[[Any], None]:
            return lambda answer: callback(answer) if isValid(widget) else None

        workspace.runner.ask(channel, work, while_open(done), while_open(failed))
        return
    try:
        answer = work(None)
    except ValueError as error:
        failed(str(error))
    else:
        done(answer)


def say(widget: QObject, text: str, *, error: bool = False) -> None:
    """Tell the user one sentence, where the window shows such sentences."""
    workspace = _workspace_of(widget)
    if workspace is not None:
        workspace.message.emit(text, error)


def _workspace_of(widget: QObject | None) -> Any:
    while widget is not None:
        workspace = getattr(widget, "workspace", None)
        if workspace is not None:
            return workspace
        widget = widget.parent()
    return None


def _button(parent: QWidget, text: str) -> QToolButton:
    button = QToolButton(parent)
    button.setText(text)
    return button


class ExportDialog(QDialog):
    """Asks for format and size, shows how the figure will look, and saves it."""

    last_style = FigureStyle()
    last_format = "pdf"
    last_folder: Path | None = None

    def __init__(self, data: Picture, name: str, parent: QWidget | None = None):
        super().__init__(parent)
        self.setWindowTitle(self.tr("Export"))
        self._data = data
        self._name = name
        self._channel = f"export preview {id(self)}"
        self._pixmap = QPixmap()
        self._due = QTimer(self, singleShot=True, interval=PREVIEW_DELAY_MS)
        self._due.timeout.connect(self._draw_preview)
        self._build_fields()
        self._build_layout()
        self._show_style(type(self).last_style)
        self._connect()
        self._on_format()
        self.resize(860, 480)

    # ------------------------------------------------------------------------------------- values

    @property
    def figure_style(self) -> FigureStyle:
        """The size and looks that the fields say."""
        height = self._height.value()
        return FigureStyle(
            width_mm=self._width.value(),
            height_mm=height if height > self._height.minimum() else None,
            font_size=self._font.value(),
            dpi=float(self._dpi.value()),
            title=self._with_title.isChecked(),
            caption=self._with_caption.isChecked(),
        )

    @property
    def suffix(self) -> str:
        """The chosen format: pdf, svg, png or csv."""
        return str(self._format.currentData())

    def save_to(self, path: Path) -> None:
        """Draw and write the figure, then close; on failure say why and stay open."""
        data, style = self._data, self.figure_style
        self._buttons.setEnabled(False)
        self._say(self.tr("Saving…"))

        def work(_: Any) -> Path:
            from engine.drawing import save_as

            save_as(data, path, style)
            return path

        ask(self, f"export {path}", work, self._on_saved, self._on_failed)

    # ----------------------------------------------------------------------------------- building

    def _build_fields(self) -> None:
        self._format = QComboBox()
        for suffix, text in FORMATS.items():
            self._format.addItem(text, suffix)
        self._preset = QComboBox()
        for text, width in (
            (self.tr("Single column, 85 mm"), 85.0),
            (self.tr("Double column, 170 mm"), 170.0),
            (self.tr("Own size"), 0.0),
        ):
            self._preset.addItem(text, width)
        self._width = _length("width_mm")
        self._height = _length("height_mm")
        self._height.setMinimum(LIMITS["height_mm"][0] - 1)
        self._height.setSpecialValueText(self.tr("automatic"))
        self._font = QDoubleSpinBox(decimals=1, singleStep=0.5, suffix=" pt")
        self._font.setRange(*LIMITS["font_size"])
        self._dpi = QSpinBox(suffix=" dpi", singleStep=50)
        self._dpi.setRange(*(int(end) for end in LIMITS["dpi"]))
        self._with_title = QCheckBox(self.tr("Title"))
        self._with_caption = QCheckBox(self.tr("Caption below"))

    def _build_layout(self) -> None:
        form = QFormLayout()
        form.setSpacing(8)
        for text, field in (
            (self.tr("Format"), self._format),
            (self.tr("Size"), self._preset),
            (self.tr("Width"), self._width),
            (self.tr("Height"), self._height),
            (self.tr("Font size"), self._font),
            (self.tr("Resolution"), self._dpi),
            ("", self._with_title),
            ("", self._with_caption),
        ):
            form.addRow(text, field)
        self._answer = QLabel(wordWrap=True)
        self._answer.setMinimumHeight(48)
        self._answer.setAlignment(Qt.AlignmentFlag.AlignBottom)
        self._buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        )
        left = QVBoxLayout()
        left.setSpacing(12)
        left.addLayout(form)
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
        self._preview = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self._preview.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self._preview.setMinimumSize(360, 300)
        self._preview.setAccessibleName(self.tr("Preview"))
        QVBoxLayout(frame).addWidget(self._preview)
        return frame

    def _show_style(self, style: FigureStyle) -> None:
        self._format.setCurrentIndex(max(0, self._format.findData(type(self).last_format)))
        self._width.setValue(style.width_mm)
        self._height.setValue(style.height_mm or self._height.minimum())
        self._font.setValue(style.font_size)
        self._dpi.setValue(int(style.dpi))
        self._with_title.setChecked(style.title)
        self._with_caption.setChecked(style.caption)
        self._choose_preset()

    def _connect(self) -> None:
        self._format.currentIndexChanged.connect(self._on_format)
        self._preset.activated.connect(self._on_preset)
        self._width.valueChanged.connect(self._choose_preset)
        for spin in (self._width, self._height, self._font):
            spin.valueChanged.connect(self._due.start)
        for check in (self._with_title, self._with_caption):
            check.toggled.connect(self._due.start)
        self._buttons.accepted.connect(self._choose_path)
        self._buttons.rejected.connect(self.reject)

    # -------------------------------------------------------------------------------------- slots

    @Slot()
    def _on_format(self) -> None:
        table = self.suffix == "csv"
        for field in (self._preset, self._width, self._height, self._font):
            field.setEnabled(not table)
        for check in (self._with_title, self._with_caption):
            check.setEnabled(not table)
        self._dpi.setEnabled(self.suffix == "png")
        self._due.start()

    @Slot()
    def _on_preset(self) -> None:
        if width := self._preset.currentData():
            self._width.setValue(width)

    @Slot()
    def _choose_preset(self) -> None:
        place = self._preset.findData(self._width.value())
        self._preset.setCurrentIndex(place if place >= 0 else self._preset.count() - 1)

    @Slot()
    def _choose_path(self) -> None:
        folder = type(self).last_folder or Path(
            QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        )
        chosen, _ = QFileDialog.getSaveFileName(
            self,
            self.tr("Save the figure"),
            str(folder / f"{self._name}.{self.suffix}"),
            f"{FORMATS[self.suffix]} (*.{self.suffix})",
        )
        if chosen:
            path = Path(chosen)
            known = path.suffix.lower() == f".{self.suffix}"
            self.save_to(path if known else path.with_name(f"{path.name}.{self.suffix}"))

    @Slot()
    def _draw_preview(self) -> None:
        data, suffix = self._data, self.suffix
        width = max(self._preview.width(), 360) * self.devicePixelRatioF()
        style = self.figure_style
        style = replace(style, dpi=min(max(width / style.width_mm * 25.4, 30.0), 600.0))

        def work(_: Any) -> bytes | str:
            from engine.charts import csv_text
            from engine.drawing import render

            return csv_text(data) if suffix == "csv" else render(data, "png", style)

        ask(self, self._channel, work, self._show_preview, self._on_failed)

    def _show_preview(self, answer: bytes | str) -> None:
        self._say("")
        if isinstance(answer, str):
            lines = answer.splitlines()
            more = [] if len(lines) <= 16 else [self.tr("… {} lines").format(len(lines))]
            self._pixmap = QPixmap()
            self._preview.setText("\n".join(line[:60] for line in lines[:16] + more))
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
        kind.last_folder = path.parent
        say(self, self.tr("Saved {}").format(path))
        self.accept()

    def _on_failed(self, text: str) -> None:
        self._buttons.setEnabled(True)
        self._say(text, error=True)

    def _say(self, text: str, *, error: bool = False) -> None:
        self._answer.setProperty("role", "error" if error else "muted")
        self._answer.style().unpolish(self._answer)
        self._answer.style().polish(self._answer)
        self._answer.setText(text)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the preview anew."""
        super().resizeEvent(event)
        self._scale_preview()


def _length(field: str) -> QDoubleSpinBox:
    spin = QDoubleSpinBox(decimals=0, singleStep=5, suffix=" mm")
    spin.setRange(*LIMITS[field])
    return spin
