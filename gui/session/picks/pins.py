"""The charts that the user pinned, to see them together; remembered per study.

What is remembered lies in the user's settings, as that of forms does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QWidget

from gui.look import settings

if TYPE_CHECKING:
    from gui.session.state import State

NAME = "pinned charts"
MOST = 12  # live copies, which are all drawn as records and events arrive
LONGEST = 100  # letters of a name that is read from the settings


@dataclass(frozen=True)
class Pin:
    """Which chart is pinned.

    Attributes
    ----------
    page
        Title of the page that the chart is on.
    chart
        Its name, which tells the charts of a page apart.
    subject
        Key of the record that it is of; "" for a chart that follows what its page shows.
    """

    page: str
    chart: str
    subject: str = ""


class Pins(QObject):
    """The pinned charts of the open study, in the order in which they were pinned.

    Signals
    -------
    changed
        Other charts are pinned, or a page with charts was built.
    """

    changed = Signal()

    def __init__(self, state: State):
        super().__init__(state)
        self._state = state
        self._pages: dict[str, QWidget] = {}
        self._study: object = None
        self.pins: tuple[Pin, ...] = ()
        state.study_changed.connect(self._on_study)

    def add_page(self, title: str, page: QWidget) -> None:
        """Look for charts on a page from now on."""
        self._pages[title] = page
        self.changed.emit()

    def chart(self, pin: Pin) -> QWidget | None:
        """Return the chart of a pin; None while its page is not built, or has no such chart."""
        page = self._pages.get(pin.page)
        found = () if page is None else charts_of(page)
        return next((chart for chart in found if chart.property("chart") == pin.chart), None)

    def set_pinned(self, pin: Pin, pinned: bool) -> None:
        """Pin a chart, behind the others, or unpin it."""
        if pinned == (pin in self.pins):
            return
        if pinned and len(self.pins) == MOST:
            text = f"{MOST} charts are pinned, which is as many as there can be: unpin one first."
            self._state.message.emit(text, True)
            return
        others = tuple(known for known in self.pins if known != pin)
        self.pins = (*others, pin) if pinned else others
        if self._state.study is not None:
            text = json.dumps([asdict(known) for known in self.pins])
            settings.set_form_state(self._state.study.path, NAME, text, self._state.aside)
        self.changed.emit()

    @Slot()
    def _on_study(self) -> None:
        study = self._state.study
        if study is self._study:
            return
        self._study = study
        self.pins = () if study is None else read(settings.form_state(study.path, NAME))
        self.changed.emit()


def charts_of(page: QWidget) -> list[QWidget]:
    """Return the charts on a page, which are those that name themselves so."""
    return [part for part in page.findChildren(QWidget) if part.property("chart")]


def read(text: str) -> tuple[Pin, ...]:
    """Return the pins that were remembered; none if that is of another version, or damaged."""
    try:
        found = json.loads(text) if text else []
        pins = [Pin(**row) for row in found] if isinstance(found, Sequence) else []
    except (ValueError, TypeError):
        return ()
    whole = [
        pin
        for pin in dict.fromkeys(pins)
        if all(isinstance(name, str) and len(name) <= LONGEST for name in asdict(pin).values())
    ]
    return tuple(whole[:MOST])
