"""The form for exporting a picture: format, size, font, colours and caption."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QWidget,
)

from engine.figures.paper.colours import PALETTES
from engine.figures.paper.presets import PRESETS
from engine.figures.paper.style import LIMITS, FigureStyle
from gui.look import theme
from gui.look.plain import plain_tip
from gui.widgets.forms.number_boxes import CountBox, DecimalBox

FORMATS = {"pdf": "PDF", "svg": "SVG", "png": "PNG", "csv": "CSV", "h5": "HDF5"}
TABLES = ("csv", "h5")
MM_PER = {"mm": 1.0, "inch": 25.4}
DECIMALS = {"mm": 1, "inch": 2}
OWN_SIZE = ""
# Fonts shipped with the drawing library, and, if installed, those that papers usually require.
FONTS = ("DejaVu Sans", "DejaVu Serif", "STIXGeneral")
WISHED_FONTS = (
    "Arial",
    "Helvetica",
    "Liberation Sans",
    "Times New Roman",
    "Times",
    "Liberation Serif",
)
CAPTION_HEIGHT = 72


class ExportForm(QWidget):
    """Fields for all style options of an exported picture.

    Signals
    -------
    changed
        A choice changed.
    """

    changed = Signal()

    def __init__(self, caption: str, parent: QWidget | None = None):
        super().__init__(parent)
        self._unit_shown = "mm"
        self._column = OWN_SIZE
        self._build_choices()
        self._build_numbers()
        self.caption = QPlainTextEdit(caption)
        self.caption.setAccessibleName("Caption")
        self.caption.setTabChangesFocus(True)
        self.caption.setFixedHeight(CAPTION_HEIGHT)
        self._build_layout()
        self._connect()

    # ------------------------------------------------------------------------------------- values

    @property
    def style_chosen(self) -> FigureStyle:
        """The figure style set in the fields."""
        per = MM_PER[self._unit_shown]
        height = self.height_field.value()
        automatic = height <= self.height_field.minimum()
        known = PRESETS.get(self.preset_name)
        return FigureStyle(
            width_mm=_limited("width_mm", self.width_field.value() * per),
            height_mm=None if automatic else _limited("height_mm", height * per),
            font_size=self.font_size.value(),
            dpi=float(self.dpi.value()),
            title=self.with_title.isChecked(),
            caption=self.with_caption.isChecked(),
            font=self.font_choice.currentText(),
            palette=str(self.palette_choice.currentData()),
            transparent=bool(self.background.currentData()),
            least_size=0.0 if known is None else known.least_size,
            most_height_mm=None if known is None else known.most_height_mm,
        )

    @property
    def suffix(self) -> str:
        """The chosen format: pdf, svg, png, csv or h5."""
        return str(self.format.currentData())

    @property
    def preset_name(self) -> str:
        """The chosen preset, a key of PRESETS; "" for a size of one's own."""
        return str(self.preset.currentData())

    @property
    def column_name(self) -> str:
        """The preset that was chosen last: its column and page stay wanted when a width is typed.

        "" after "Own size" was chosen.
        """
        return self.preset_name or self._column

    @property
    def unit(self) -> str:
        """The chosen unit of lengths: mm or inch."""
        return str(self.unit_choice.currentData())

    @property
    def caption_text(self) -> str:
        """The typed caption."""
        return self.caption.toPlainText().strip()

    def show_choice(self, style: FigureStyle, suffix: str, unit: str, preset: str = "") -> None:
        """Set the fields to an earlier choice."""
        self.preset.setCurrentIndex(max(0, self.preset.findData(preset)))
        self._column = preset
        self.unit_choice.setCurrentIndex(max(0, self.unit_choice.findData(unit)))
        per = MM_PER[self._unit_shown]
        self.format.setCurrentIndex(max(0, self.format.findData(suffix)))
        automatic = self.height_field.minimum()
        self.height_field.setValue(automatic if style.height_mm is None else style.height_mm / per)
        self.with_title.setChecked(style.title)
        self.with_caption.setChecked(style.caption)
        self.background.setCurrentIndex(int(style.transparent))
        self._show_looks(style)
        self._choose_preset()
        self._on_format()

    def _show_looks(self, style: FigureStyle) -> None:
        """Set the fields that a preset decides."""
        self.width_field.setValue(style.width_mm / MM_PER[self._unit_shown])
        self.font_size.setValue(style.font_size)
        self.dpi.setValue(int(style.dpi))
        if self.font_choice.findText(style.font) < 0:
            self.font_choice.addItem(style.font, style.font)
        self.font_choice.setCurrentIndex(self.font_choice.findText(style.font))
        self.palette_choice.setCurrentIndex(max(0, self.palette_choice.findData(style.palette)))

    # ----------------------------------------------------------------------------------- building

    def _build_choices(self) -> None:
        self.format = _choices(*((text, suffix) for suffix, text in FORMATS.items()))
        own = ("Own size", OWN_SIZE)
        sizes = ((f"{row.label}, {row.width_mm:g} mm", row.name) for row in PRESETS.values())
        self.preset = _choices(*sizes, own)
        self.preset.setToolTip("Size, letters and colours as a journal or conference asks for them")
        for place, row in enumerate(PRESETS.values()):
            tip = plain_tip(f"{row.label}: {row.words}")
            self.preset.setItemData(place, tip, Qt.ItemDataRole.ToolTipRole)
        self.unit_choice = _choices(("mm", "mm"), ("inch", "inch"))
        families = set(QFontDatabase.families())
        self.font_choice = _choices(
            *((name, name) for name in (*FONTS, *(f for f in WISHED_FONTS if f in families)))
        )
        names = {
            "screen": "As on the screen",
            "okabe_ito": "Okabe and Ito",
            "tol": "Tol, bright",
            "grey": "Grey, with dashes",
        }
        self.palette_choice = _choices(*((names[name], name) for name in PALETTES))
        self.palette_choice.setToolTip(
            "All of these are told apart with every common colour blindness"
        )
        self.background = _choices(("White", False), ("Transparent", True))

    def _build_numbers(self) -> None:
        self.width_field, self.height_field = DecimalBox(), DecimalBox()
        self._fit_lengths()
        self.height_field.setSpecialValueText("automatic")
        self.font_size = DecimalBox(decimals=1, singleStep=0.5, suffix=" pt")
        self.font_size.setRange(*LIMITS["font_size"])
        self.dpi = CountBox(suffix=" dpi", singleStep=50)
        self.dpi.setRange(*(int(end) for end in LIMITS["dpi"]))
        self.with_title = QCheckBox("Title")
        self.with_caption = QCheckBox("Caption below")

    def _build_layout(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(8)
        rows: tuple[tuple[str, tuple[QWidget, ...]], ...] = (
            ("Format", (self.format,)),
            ("Preset", (self.preset,)),
            ("Width, height", (self.width_field, self.height_field, self.unit_choice)),
            ("Font", (self.font_choice, self.font_size)),
            ("Resolution", (self.dpi,)),
            ("Colours", (self.palette_choice,)),
            ("Background", (self.background,)),
            ("", (self.with_title, self.with_caption)),
            ("Caption", (self.caption,)),
        )
        for text, fields in rows:
            row = QHBoxLayout()
            row.setSpacing(8)
            for place, field in enumerate(fields):
                row.addWidget(field, int(place == 0))
            form.addRow(text, row)
        for text, field in (
            ("Width", self.width_field),
            ("Height", self.height_field),
            ("Unit", self.unit_choice),
            ("Font size", self.font_size),
            ("Font", self.font_choice),
            ("Resolution", self.dpi),
            ("Format", self.format),
            ("Colours", self.palette_choice),
            ("Background", self.background),
            ("Preset", self.preset),
        ):
            field.setAccessibleName(text)
            if not field.toolTip():
                field.setToolTip(plain_tip(text))

        for spin in self.findChildren(QAbstractSpinBox):
            theme.indent_text(spin)

    def _connect(self) -> None:
        self.format.currentIndexChanged.connect(self._on_format)
        self.preset.activated.connect(self._on_preset)
        self.unit_choice.currentIndexChanged.connect(self._on_unit)
        self.width_field.valueChanged.connect(self._choose_preset)
        for spin in (self.width_field, self.height_field, self.font_size):
            spin.valueChanged.connect(self.changed)
        for combo in (self.font_choice, self.palette_choice, self.background):
            combo.currentIndexChanged.connect(self.changed)
        for check in (self.with_title, self.with_caption):
            check.toggled.connect(self.changed)
        self.caption.textChanged.connect(self.changed)

    # -------------------------------------------------------------------------------------- slots

    @Slot()
    def _on_format(self) -> None:
        table = self.suffix in TABLES
        for field in (
            self.preset, self.width_field, self.height_field, self.unit_choice, self.font_choice,
            self.font_size, self.palette_choice, self.background, self.with_title,
            self.with_caption,
        ):  # fmt: skip
            field.setEnabled(not table)
        self.dpi.setEnabled(self.suffix == "png")
        self.changed.emit()

    @Slot()
    def _on_preset(self) -> None:
        """Take all that the preset says; fields are changed together, for one new preview."""
        self._column = self.preset_name
        if self.preset_name:
            row = PRESETS[self.preset_name]
            offered = (font for font in row.fonts if self.font_choice.findText(font) >= 0)
            self._show_looks(row.style(next(offered, FONTS[0])))

    @Slot()
    def _choose_preset(self) -> None:
        """Select the preset with the typed width; among several, keep the selected one."""
        width = self.width_field.value() * MM_PER[self._unit_shown]
        tolerance = 0.6 * MM_PER[self._unit_shown] * 10 ** -DECIMALS[self._unit_shown]
        sizes = [row.width_mm for row in PRESETS.values()]
        chosen = PRESETS.get(self.preset_name)
        if chosen and abs(chosen.width_mm - width) <= tolerance:
            return
        near = (place for place, mm in enumerate(sizes) if abs(mm - width) <= tolerance)
        self.preset.setCurrentIndex(next(near, self.preset.count() - 1))

    @Slot()
    def _on_unit(self) -> None:
        """Show the same lengths in the other unit."""
        before = MM_PER[self._unit_shown]
        width, height = self.width_field.value() * before, self.height_field.value() * before
        automatic = self.height_field.value() <= self.height_field.minimum()
        self._unit_shown = self.unit
        for spin in (self.width_field, self.height_field):
            spin.blockSignals(True)
        self._fit_lengths()
        per = MM_PER[self._unit_shown]
        self.width_field.setValue(width / per)
        self.height_field.setValue(self.height_field.minimum() if automatic else height / per)
        for spin in (self.width_field, self.height_field):
            spin.blockSignals(False)
        self.changed.emit()

    def _fit_lengths(self) -> None:
        unit, per = self._unit_shown, MM_PER[self._unit_shown]
        for spin, name in ((self.width_field, "width_mm"), (self.height_field, "height_mm")):
            low, high = LIMITS[name]
            spin.setDecimals(DECIMALS[unit])
            spin.setSingleStep(5.0 if unit == "mm" else 0.25)
            # A value below the minimum height means that no height is set.
            least = low / per - (1.0 / per if name == "height_mm" else 0.0)
            spin.setRange(least, high / per)


def _limited(name: str, value: float) -> float:
    low, high = LIMITS[name]
    return min(max(value, low), high)


def _choices(*items: tuple[str, object]) -> QComboBox:
    combo = QComboBox()
    for text, data in items:
        combo.addItem(text, data)
    return combo
