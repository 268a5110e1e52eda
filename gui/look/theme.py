"""The look of the window: every colour, in a light and a dark form, and one style sheet.

No other module defines a colour. Code that paints (plots, delegates, icons) calls :func:`colour`
while painting, and repaints when ``signals.changed`` is emitted.
"""

from __future__ import annotations

import weakref
from string import Template
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QWidget
from shiboken6 import isValid

from engine.program import ROOT

ThemeMode = Literal["system", "light", "dark"]
MODES: tuple[ThemeMode, ...] = ("system", "light", "dark")
RESOURCES = ROOT / "resources"
TEXT_INDENT = 6

LIGHT = {
    "background": "#f4f6f8",
    "surface": "#ffffff",
    "raised": "#e9edf1",
    "text": "#1b2530",
    "muted": "#586572",
    "border": "#d3dae1",
    "accent": "#0f6b8f",
    "on_accent": "#ffffff",
    "selection": "#d3e8f1",
    "good": "#1b7a4b",
    "warning": "#8f5b00",
    "bad": "#b3302a",
}
DARK = {
    "background": "#14191f",
    "surface": "#1b2229",
    "raised": "#27303a",
    "text": "#e5eaef",
    "muted": "#9aa7b4",
    "border": "#36414c",
    "accent": "#5bb8d9",
    "on_accent": "#0b1a22",
    "selection": "#1b3f50",
    "good": "#5fca8f",
    "warning": "#e6b04f",
    "bad": "#f3847d",
}
# Okabe and Ito's palette, distinguishable with all common forms of colour blindness. Each hue is
# darkened or lightened for contrast with its background, and has the same index in both modes.
SERIES_LIGHT = (
    "#0072b2", "#c94f00", "#00835f", "#b0538b", "#9a6a00", "#2a86b8", "#5d6570", "#4b3fa0",
)  # fmt: skip
SERIES_DARK = (
    "#4a9fdc", "#f0813a", "#1fbf93", "#dc8fbd", "#e0ac2b", "#7fd0f5", "#a7b1bc", "#a79bf0",
)  # fmt: skip

TURNS = (100, 130, 170)  # percent


class Signals(QObject):
    """Holds the signal emitted when the colours change."""

    changed = Signal()


class _ThemeState(QObject):
    """The requested mode, and whether the window is dark now."""

    def __init__(self) -> None:
        super().__init__()
        self.mode: ThemeMode = "system"
        self.dark = False
        self.dressed = False
        self.roots: list[weakref.ref[QWidget]] = []
        self.following = False

    @Slot()
    def follow_system(self) -> None:
        """Apply the desktop's new colour scheme."""
        app = QApplication.instance()
        if self.mode == "system" and isinstance(app, QApplication):
            _dress(app, _system_is_dark())


signals = Signals()
_state = _ThemeState()


def colour(name: str) -> QColor:
    """Return a named colour of the present mode: see ``LIGHT`` for the names."""
    return QColor((DARK if _state.dark else LIGHT)[name])


def series(index: int) -> QColor:
    """Return the colour of the index-th series of a plot.

    The first eight are told apart with every form of colour blindness. After them come two rounds
    of the same with more contrast to the ground, and after 24 the colours repeat.
    """
    colours = SERIES_DARK if _state.dark else SERIES_LIGHT
    found, factor = QColor(colours[index % len(colours)]), TURNS[index // len(colours) % len(TURNS)]
    return found.lighter(factor) if _state.dark else found.darker(factor)


def is_dark() -> bool:
    """Whether the window is dark at the moment."""
    return _state.dark


def indent_text(spin_box: QAbstractSpinBox) -> None:
    """Indent the text of a spin box, which ignores the padding set in the style sheet."""
    spin_box.lineEdit().setTextMargins(TEXT_INDENT, 0, 0, 0)


def mode() -> ThemeMode:
    """Return the requested mode: "system", "light" or "dark"."""
    return _state.mode


def dress(root: QWidget) -> None:
    """Give a widget without a parent the style sheet, now and when the colours change.

    The sheet is set on such widgets and not on the application: Qt would style a widget and all in
    it anew each time it is put into another, which was most of the time that pages took to build.
    """
    _state.roots.append(weakref.ref(root))
    if _state.dressed:
        root.setStyleSheet(_style_sheet())


def apply(app: QApplication, mode: ThemeMode = "system") -> None:
    """Style the application; emit ``signals.changed`` if the colours change."""
    _state.mode = mode
    hints = app.styleHints()
    if not _state.following:
        hints.colorSchemeChanged.connect(_state.follow_system)
        _state.following = True
    schemes = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}
    # Set Qt's scheme as well, so that the title bar and native dialogs follow it.
    hints.setColorScheme(schemes.get(mode, Qt.ColorScheme.Unknown))
    _dress(app, mode == "dark" or (mode == "system" and _system_is_dark()))


def _system_is_dark() -> bool:
    return QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark


def _dress(app: QApplication, dark: bool) -> None:
    if _state.dressed and dark == _state.dark:
        return
    _state.dark = dark
    if not _state.dressed:
        app.setStyle("Fusion")
        _state.dressed = True
    roots = [root for found in _state.roots if (root := found()) is not None and isValid(root)]
    _state.roots = [weakref.ref(root) for root in roots]
    # Remove the old sheet first: replacing it directly takes five times as long.
    for root in roots:
        root.setStyleSheet("")
    app.setPalette(_palette())
    sheet = _style_sheet()
    for root in roots:
        root.setStyleSheet(sheet)
    signals.changed.emit()


def _palette() -> QPalette:
    role = QPalette.ColorRole
    names = {
        role.Window: "background",
        role.WindowText: "text",
        role.Base: "surface",
        role.AlternateBase: "background",
        role.Text: "text",
        role.Button: "raised",
        role.ButtonText: "text",
        role.BrightText: "bad",
        role.ToolTipBase: "raised",
        role.ToolTipText: "text",
        role.PlaceholderText: "muted",
        role.Highlight: "accent",
        role.HighlightedText: "on_accent",
        role.Accent: "accent",
        role.Link: "accent",
        role.LinkVisited: "accent",
        role.Light: "raised",
        role.Midlight: "raised",
        role.Mid: "border",
        role.Dark: "border",
    }
    palette = QPalette()
    for where, name in names.items():
        palette.setColor(where, colour(name))
    for where in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, where, _faded())
    palette.setColor(QPalette.ColorGroup.Disabled, role.Highlight, colour("border"))
    return palette


def _faded() -> QColor:
    """Return the colour of disabled texts: halfway between muted and the background."""
    text, ground = colour("muted"), colour("background")
    return QColor(
        (text.red() + ground.red()) // 2,
        (text.green() + ground.green()) // 2,
        (text.blue() + ground.blue()) // 2,
    )


def _style_sheet() -> str:
    template = (RESOURCES / "style.qss").read_text(encoding="utf-8")
    values = {**(DARK if _state.dark else LIGHT), "faded": _faded().name()}
    values |= {"mode": "dark" if _state.dark else "light"}
    return Template(template).substitute(values, icons=(RESOURCES / "icons").as_posix())
