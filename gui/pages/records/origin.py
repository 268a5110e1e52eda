"""The provenance of a record: versions, device, seed, and links to related records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFormLayout, QScrollArea, QVBoxLayout, QWidget

from engine.store.index import Entry
from gui.pages.records.family import indented
from gui.widgets.forms.form_row import capital
from gui.widgets.label import Label, Links

MOST_LINKS = 40
Titles = Mapping[str, Entry]
NAMES = {
    "isthmus": "Isthmus",
    "python": "Python",
    "torch": "PyTorch",
    "numpy": "NumPy",
    "platform": "System",
    "device": "Device",
    "device_name": "Device name",
    "cpu": "Processor",
    "threads": "CPU threads",
    "jobs": "Computed at once",
    "cores": "Cores",
    "cores_set_by": "Cores set by",
    "precision": "Precision",
    "multiplication": "Products of float32",
    "way": "Way",
    "width": "Computed together",
    "graph": "Captured",
    "cudnn": "cuDNN",
    "kernels": "Kernels",
    "cudnn_search": "cuDNN's search",
}


class Origin(QScrollArea):
    """Shows provenance, parents and children of a record.

    Signals
    -------
    opened
        Carries the key of the record whose link was clicked.
    """

    opened = Signal(str)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.setProperty("role", "reading")
        self.setAccessibleName("Origin")
        self.setWidgetResizable(True)
        inside = QWidget()
        self._headings: list[Label] = []
        self._form = QFormLayout()
        self._form.setHorizontalSpacing(16)
        self._form.setVerticalSpacing(4)
        self.parents, self.children_, self.family = Links(), Links(), Links()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 8, 8, 8)
        column.setSpacing(8)
        column.addLayout(self._form)
        for heading, links in (
            ("Computed from", self.parents),
            ("Used by", self.children_),
            ("Trained on from each other", self.family),
        ):
            title = Label(heading)
            title.setProperty("role", "heading")
            self._headings.append(title)
            links.followed.connect(self.opened)
            column.addWidget(title)
            column.addWidget(links)
        column.addStretch(1)
        self.setWidget(inside)

    def show_provenance(self, facts: Mapping[str, Any]) -> None:
        """Show facts about the run, each with its name and value."""
        while self._form.rowCount():
            self._form.removeRow(0)
        for name, value in facts.items():
            words = NAMES.get(name) or capital(name.replace("_", " "))
            label, text = Label(words), Label(str(value))
            label.setProperty("role", "muted")
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            text.setWordWrap(True)
            self._form.addRow(label, text)

    def show_links(
        self, parents: Iterable[str], children: Sequence[Entry], known: Mapping[str, Entry]
    ) -> None:
        """Show links to the record's parents and children."""
        self.parents.set_lines(_lines([(key, known.get(key)) for key in parents]))
        self.children_.set_lines(_lines([(entry.key, entry) for entry in children]))

    def show_family(self, tree: Sequence[tuple[int, str]], own: str, titles: Titles) -> None:
        """Show the tree of networks that went on from each other, with links to the others."""
        lines = []
        for depth, key in tree[:MOST_LINKS]:
            entry = titles.get(key)
            title = entry.title if entry is not None else f"{key} (not in the study)"
            shown = indented(depth, f"{title} (this one)" if key == own else title)
            lines.append((key if entry is not None and key != own else "", shown))
        more = len(tree) - MOST_LINKS
        self.family.set_lines([*lines, *([("", f"and {more:,} more")] if more > 0 else [])])
        for part in (self.family, self._headings[-1]):
            part.setVisible(bool(tree))


def _lines(records: list[tuple[str, Entry | None]]) -> list[tuple[str, str]]:
    """Return the key and the text of every link; without a key, the line is no link."""
    if not records:
        return [("", "nothing")]
    lines = [
        (key, entry.title) if entry is not None else ("", f"{key} (not in the study)")
        for key, entry in records[:MOST_LINKS]
    ]
    more = len(records) - MOST_LINKS
    return [*lines, ("", f"and {more:,} more")] if more > 0 else lines
