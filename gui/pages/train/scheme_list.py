"""The training schemes on the Train page: those in use, or all with a search."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget

from engine.specs import Adversarial, Standard
from engine.specs.schemes.base import GROUPS
from gui.pages.train.scheme_section import SchemeSection
from gui.widgets.label import Label
from gui.widgets.search_field import SearchField

ALWAYS = (Standard, Adversarial)
"""Shown also while the list is folded and they are not chosen."""


class SchemeList(QWidget):
    """Sections in groups. Folded, it shows the usual ones and what was chosen since it opened.

    Attributes
    ----------
    sections
        All sections, by group.
    more
        Unfolds and folds the list.
    search
        Shows only schemes whose name or description holds what is typed.
    """

    def __init__(self, sections: Iterable[SchemeSection], parent: QWidget | None = None):
        super().__init__(parent)
        given = list(sections)
        self.sections = [s for group in GROUPS for s in given if s.scheme.group == group]
        self._used: set[SchemeSection] = set()
        self._open = False
        self.search = SearchField("Find a kind of training", parent=self)
        self.more = QToolButton(self)
        self.more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._headings = {group: Label(heading, self) for group, heading in GROUPS.items()}
        self._column = layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.search)
        for group, heading in self._headings.items():
            heading.setProperty("role", "muted")
            layout.addWidget(heading)
            for section in self.sections:
                if section.scheme.group == group:
                    layout.addWidget(section)
        layout.addWidget(self.more)
        self.search.textChanged.connect(self._show)
        self.more.clicked.connect(self._turn)
        for section in self.sections:
            section.box.toggled.connect(self._show)
        self._show()

    def add(self, section: SchemeSection) -> None:
        """Add a section at the end of its group, shown until the list is folded."""
        last = [one for one in self.sections if one.scheme.group == section.scheme.group]
        above: QWidget = last[-1] if last else self._headings[section.scheme.group]
        self._column.insertWidget(self._column.indexOf(above) + 1, section)
        self.sections.append(section)
        self._used.add(section)
        section.box.toggled.connect(self._show)
        self._show()

    @Slot()
    def _turn(self) -> None:
        self._open = not self._open
        self._used = {section for section in self.sections if section.wanted}
        self.search.clear()
        self._show()
        if self._open:
            self.search.setFocus()

    @Slot()
    def _show(self) -> None:
        self._used |= {section for section in self.sections if section.wanted}
        shown = [section for section in self.sections if self._is_shown(section)]
        for section in self.sections:
            section.setVisible(section in shown)
        groups = {section.scheme.group for section in shown}
        for group, heading in self._headings.items():
            heading.setVisible(self._open and group in groups)
        self.search.setVisible(self._open)
        hidden = len(self.sections) - len(shown)
        self.more.setText("Fewer" if self._open else f"{hidden} more kinds of training…")
        arrow = Qt.ArrowType.UpArrow if self._open else Qt.ArrowType.DownArrow
        self.more.setArrowType(arrow)
        self.more.setVisible(self._open or hidden > 0)

    def _is_shown(self, section: SchemeSection) -> bool:
        if not self._open:
            return section in self._used or section.scheme in ALWAYS
        scheme = section.scheme
        told = f"{scheme.label} {scheme.kind} {scheme.__doc__ or ''}".casefold()
        return all(word in told for word in self.search.text().casefold().split())
