"""Dialogs of the Help menu: versions to copy into a report, and the list of shortcuts."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import PySide6
from PySide6.QtCore import QSize, Qt, qVersion
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QVBoxLayout, QWidget

from engine.networks.timm_names import has_timm
from engine.program import VERSION
from gui.look.icons import app_icon
from gui.widgets.dialog import Dialog
from gui.widgets.label import Label
from gui.widgets.text_dialog import TextDialog

LIBRARIES = ("torch", "torchvision", "numpy", "scipy", "h5py", "pillow", "matplotlib", "pyqtgraph")


def versions(device: str) -> str:
    """Return the versions of everything that matters, a line each.

    Parameters
    ----------
    device
        Where the open study is computed; empty while none is open.
    """
    lines = [
        f"Isthmus {VERSION}",
        f"Python {platform.python_version()}",
        f"Qt {qVersion()}, PySide6 {PySide6.__version__}",
        *(f"{name} {_version(name)}" for name in LIBRARIES),
        f"timm {_version('timm')}" if has_timm() else "timm is not included",
        platform.platform(),
        *_packaged(),
    ]
    return "\n".join([*lines, f"device {device}"] if device else lines)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"


def _packaged() -> list[str]:
    """Return lines for the packaged app only: that it is one, and where its licences are."""
    folder = getattr(sys, "_MEIPASS", "")
    return [f"packaged app, licences in {Path(folder) / 'licences'}"] if folder else []


class AboutDialog(TextDialog):
    """Says what this program is, and which versions it runs with."""

    def __init__(self, device: str, parent: QWidget | None = None):
        super().__init__("", "", versions(device), parent)
        self.setWindowTitle("About Isthmus")
        self.sentence.setText(
            "Trains standard and adversarially trained networks, shows their gradients, and "
            "measures what robustness costs in accuracy and brings in interpretability."
        )
        picture = Label()
        picture.setPixmap(app_icon().pixmap(QSize(64, 64)))
        name = Label(f"Isthmus {VERSION}")
        name.setProperty("role", "title")
        row = QHBoxLayout()
        row.addWidget(picture)
        row.addWidget(name)
        row.addStretch(1)
        layout = self.layout()
        if isinstance(layout, QVBoxLayout):
            layout.insertLayout(0, row)


class ShortcutsDialog(Dialog):
    """Lists keys and what they do."""

    def __init__(self, shortcuts: Iterable[tuple[str, str]], parent: QWidget | None = None):
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        form = QFormLayout(self)
        form.setContentsMargins(24, 16, 24, 16)
        form.setHorizontalSpacing(24)
        form.setVerticalSpacing(8)
        for keys, words in shortcuts:
            name = Label(keys)
            name.setProperty("role", "muted")
            form.addRow(name, Label(words))
