"""A slider for the radius of a norm ball that shows the value in all units in use."""

from __future__ import annotations

import math

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QSizePolicy,
    QSlider,
    QStyle,
    QStyleOptionSlider,
    QWidget,
)

from gui.look import settings, terms, theme
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.forms.number_boxes import DecimalBox
from gui.widgets.label import Label

POSITIONS = 200
TOPS = {"linf": 0.4, "l2": 6.0}
TICKS = {
    "linf": tuple(n / 255 for n in (0, 1, 2, 4, 8, 16, 32, 64, 96)),
    "l2": (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0),
}
UNIT_TICKS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4)
NAMES = {"linf": "L-inf", "l2": "L2"}


def eps_texts(norm: str, eps: float) -> tuple[str, ...]:
    """Return a radius in [0, 1] units, in steps of 8-bit images, and in the paper's units.

    The paper scales pixels to [-1, 1], so its lengths are twice ours.
    """
    return (
        f"{eps:.4g} in [0, 1]",
        f"{255 * eps:.3g}/255",
        f"{2 * eps:.4g} in the paper's [-1, 1]",
    )


class _Ticks(QWidget):
    """The tick marks and numbers below the slider."""

    def __init__(self, owner: EpsSlider):
        super().__init__(owner)
        self._owner = owner
        font = self.font()
        font.setPointSizeF(font.pointSizeF() * 0.85)
        self.setFont(font)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.signals.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Return a height for the tick and its number."""
        return QSize(200, self.fontMetrics().height() + 5)

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw the ticks, skipping those whose numbers would overlap the one before."""
        painter = QPainter(self)
        painter.setPen(theme.colour("muted"))
        metrics, right = self.fontMetrics(), -1000
        for value in self._owner.ticks:
            place = self._owner.place_of(value)
            if place is None:
                continue
            text = f"{self._owner.scale * value:.3g}"
            width = metrics.horizontalAdvance(text)
            left = min(max(0, place - width // 2), self.width() - width)
            if left < right + 6:
                continue
            painter.drawLine(place, 0, place, 3)
            painter.drawText(left, 4 + metrics.ascent(), text)
            right = left + width
        painter.end()


class EpsSlider(QWidget):
    """Chooses a radius from 0 upwards, on a square-root scale that gives small radii more room.

    The arrow keys move the slider by 1/200 of its length, the page keys by 1/10. The field beside
    it takes any value; a value beyond the end of the slider extends the slider.
    """

    changed = Signal(float)

    def __init__(self, norm: str = "linf", parent: QWidget | None = None):
        super().__init__(parent)
        self.norm = norm
        self._top = TOPS[norm]
        self._value = 0.0
        self._build()
        self.set_value(8 / 255 if norm == "linf" else 0.5)

    @property
    def value(self) -> float:
        """The radius in [0, 1] pixel units."""
        return self._value

    @property
    def scale(self) -> int:
        """The factor from pixel units to the field's unit: 255 if the user set 255ths, else 1.

        L2 lengths are always given in [0, 1] units.
        """
        return 255 if self.norm == "linf" and settings.eps_unit() == "255" else 1

    @property
    def ticks(self) -> tuple[float, ...]:
        """Radii that are round numbers in the unit of the field."""
        plain = self.norm == "linf" and self.scale == 1
        return UNIT_TICKS if plain else TICKS[self.norm]

    def set_value(self, value: float) -> None:
        """Set the radius; emit ``changed`` if it differs from the present one."""
        value = max(0.0, value)
        self._top = max(self._top, value)
        if value != self._value:
            self._value = value
            self._show()
            self.changed.emit(value)
        else:
            self._show()

    def remembered(self) -> float:
        """Return the radius."""
        return self._value

    def recall(self, value: float) -> None:
        """Show a radius of the present norm."""
        self.set_value(float(value))

    def set_norm(self, norm: str, value: float) -> None:
        """Change the norm and set a value, without emitting ``changed``."""
        self.norm, self._top, self._value = norm, max(TOPS[norm], value), value
        self.name.setText(f"{NAMES[norm]} eps")
        self.field.blockSignals(True)
        if self.scale == 255:
            suffix, decimals, step, most = " /255", 2, 1.0, 255.0
        elif norm == "linf":
            suffix, decimals, step, most = "", 4, 0.005, 1.0
        else:
            suffix, decimals, step, most = "", 3, 0.05, 64.0
        self.field.setSuffix(suffix)
        self.field.setDecimals(decimals)
        self.field.setSingleStep(step)
        self.field.setMaximum(most)
        self.field.blockSignals(False)
        self._show()

    def set_top(self, top: float) -> None:
        """Set the largest radius of the slider; at least its present value is kept in range."""
        self._top = max(top, self._value)
        self._show()

    def place_of(self, value: float) -> int | None:
        """Return the position of a value along the slider in pixels, or None beyond the end."""
        if value > self._top:
            return None
        option = QStyleOptionSlider()
        self.slider.initStyleOption(option)
        handle = self.slider.style().pixelMetric(
            QStyle.PixelMetric.PM_SliderLength, option, self.slider
        )
        way = self.slider.width() - handle
        return round(handle / 2 + way * math.sqrt(value / self._top))

    # ------------------------------------------------------------------------------------- private

    def _build(self) -> None:
        self.name = Label()
        self.name.setProperty("role", "heading")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, POSITIONS)
        self.slider.setPageStep(POSITIONS // 10)
        self.slider.setMinimumSize(200, 24)
        self.slider.setAccessibleName("eps")
        tip = "Radius of the ball that the attack may not leave"
        self.slider.setToolTip(terms.with_field("eps", tip))
        self.slider.valueChanged.connect(self._moved)
        self.field = DecimalBox()
        self.field.setAccessibleName("eps, exact")
        self.field.setToolTip("The exact radius")
        self.field.setMinimumWidth(104)
        self.field.setKeyboardTracking(False)
        self.field.valueChanged.connect(self._typed)
        self.units = ElidedLabel(colour="muted")
        self._ticks = _Ticks(self)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(12)
        layout.setVerticalSpacing(0)
        layout.addWidget(self.name, 0, 0)
        layout.addWidget(self.slider, 0, 1)
        layout.addWidget(self.field, 0, 2)
        layout.addWidget(self._ticks, 1, 1)
        layout.addWidget(self.units, 2, 1, 1, 2)
        layout.setColumnStretch(1, 1)
        self.set_norm(self.norm, self._value)

    @Slot(int)
    def _moved(self, position: int) -> None:
        self.set_value(self._top * (position / POSITIONS) ** 2)

    @Slot(float)
    def _typed(self, value: float) -> None:
        self.set_value(value / self.scale)

    def _show(self) -> None:
        self.units.set_text("  ·  ".join(eps_texts(self.norm, self._value)))
        # Block signals: else rounding would move the handle away from the mouse and would round a
        # typed number to a slider position.
        for widget in (self.slider, self.field):
            widget.blockSignals(True)
        self.slider.setValue(round(POSITIONS * math.sqrt(self._value / self._top)))
        self.field.setValue(self._value * self.scale)
        for widget in (self.slider, self.field):
            widget.blockSignals(False)
        self._ticks.update()
