"""The Pinned page: live copies of the charts that the user pinned on other pages."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any, ClassVar

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QStackedWidget, QVBoxLayout, QWidget

from gui.pages import PAGES, PINNED, TRAIN, Place
from gui.pages.common.page import Page
from gui.pages.common.record_images import record_chart, select_images_at
from gui.pages.pinned.card import LEAST_HEIGHT, PinnedCard
from gui.session.picks.pins import Pin
from gui.widgets.empty_state import EmptyState
from gui.widgets.plots.plot import Plot
from gui.widgets.scrolled import ScrolledArea
from gui.widgets.timer import timer

LEAST_WIDTH = 440  # of a card
SHAPE = 1.6  # of a chart that is easy to read, width over height
MARGIN, GAP = 16, 12
EMPTY = (
    "No chart is pinned yet. Click a chart on any page with the right button, or press View beside "
    "it, and choose Pin this chart: a copy is shown here, and goes on as networks train and "
    "results arrive."
)


def columns_for(count: int, width: int, height: int) -> int:
    """Return in how many columns so many cards come nearest to a shape that is easy to read.

    Parameters
    ----------
    width, height
        The room for all of them, in pixels. Rows that do not fit are scrolled to.
    """

    def error(columns: int) -> float:
        tall = max(LEAST_HEIGHT, height / math.ceil(count / columns))
        return abs(math.log(width / columns / tall / SHAPE))

    most = max(1, min(count, (width + GAP) // (LEAST_WIDTH + GAP)))
    return min(range(1, most + 1), key=error) if count and width > 0 else 1


class PinnedPage(Page):
    """Shows the pinned charts beside each other, in a shape in which they are easy to read.

    Signals
    -------
    go_to
        Carries the page that a chart comes from.
    """

    place: ClassVar[Place] = PINNED
    go_to = Signal(object)

    def pieces(self) -> Iterator[None]:
        """Build the page, a part a step."""
        self._cards: list[PinnedCard] = []  # reused: each deleted plot leaks some memory
        self._records: dict[str, Any] = {}
        self._unreadable: dict[str, str] = {}  # why, by key
        self._columns = 1
        self.empty = EmptyState()
        self.empty.introduce(PINNED.icon, PINNED.tip)
        self.empty.say(EMPTY, "Go to Train")
        self.empty.asked.connect(lambda: self.go_to.emit(TRAIN))
        inside = QWidget()
        self._grid = QGridLayout(inside)
        self._grid.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        self._grid.setSpacing(GAP)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(ScrolledArea(inside))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.stack)
        yield
        self._due = timer(self, 0, once=True)
        self._due.timeout.connect(self.show_pins)
        self.workspace.pins.changed.connect(self._due.start)
        self.workspace.study_changed.connect(self._forget)
        self.workspace.records_changed.connect(self._on_records)
        self.show_pins()

    # ------------------------------------------------------------------------------------- public

    def cards(self) -> list[PinnedCard]:
        """Return the cards that show a chart, in order."""
        return self._cards[: len(self.workspace.pins.pins)]

    def pin_of(self, chart: QWidget) -> Pin:
        """Return the pin that a copy stands for."""
        card = next(card for card in self.cards() if card.plot is chart)
        return card.shown or super().pin_of(chart)

    @Slot()
    def show_pins(self) -> None:
        """Show a card for each pin."""
        pins = self.workspace.pins.pins
        while len(self._cards) < len(pins):
            self._add_card()
        for card in self._cards[len(pins) :]:
            card.leave()
        for card, pin in zip(self._cards, pins, strict=False):
            self._fill(card, pin)
            card.show()
        self.stack.setCurrentIndex(1 if pins else 0)
        self._arrange()

    # ------------------------------------------------------------------------------------ private

    def _add_card(self) -> None:
        card = PinnedCard(self._grid.parentWidget())  # without, it would flash up as a window
        self._cards.append(card)
        card.unpinned.connect(partial(self._unpin, card))
        card.source_asked.connect(partial(self._lead, card))
        card.images_picked.connect(partial(self._pick, card))

    def _fill(self, card: PinnedCard, pin: Pin) -> None:
        if pin.subject:
            self._fill_from_record(card, pin)
            return
        card.name(pin.page, f"Go to the page {pin.page}, which this chart follows")
        source = self.workspace.pins.chart(pin)
        if isinstance(source, Plot):
            card.copy_of(pin, source)
        else:
            card.miss(pin, f"The chart appears once the page {pin.page} is ready.")

    def _fill_from_record(self, card: PinnedCard, pin: Pin) -> None:
        """Show a record's chart, once the record was read on a lane."""
        study, key = self.workspace.study, pin.subject
        titles = {entry.key: entry.title for entry in self.workspace.entries()}
        if study is None or key not in titles:
            card.name(pin.page, "Go to the records")
            card.miss(pin, "The record of this chart is not in the study any more.")
            return
        title = titles[key]
        card.name(f"{pin.page}: {title}", f"Show the record {title}")
        if key in self._unreadable:
            card.miss(pin, self._unreadable[key])
            return
        if key in self._records:
            _, pictures = self._records[key]
            named = {record_chart(place): chart for place, chart in enumerate(pictures.charts)}
            if pin.chart in named:
                card.show_record(pin, named[pin.chart])
            else:
                card.miss(pin, "This record has no such chart.")
            return

        def work(_: Any) -> Any:
            from engine.figures.record_pictures import pictures_of

            return pictures_of(study, key)

        def done(found: Any) -> None:
            self._records[key] = found
            self._due.start()

        def failed(text: str) -> None:
            self._unreadable[key] = text
            self._due.start()

        card.miss(pin, "Reading…")
        self.workspace.runner.ask(f"pinned/{key}", work, done, failed)

    @Slot()
    def _forget(self) -> None:
        self._records.clear()
        self._on_records()

    @Slot()
    def _on_records(self) -> None:
        """Look again for what could not be read; a record that was read never changes."""
        self._unreadable.clear()
        self._due.start()

    def _unpin(self, card: PinnedCard) -> None:
        if card.shown is not None:
            self.workspace.pins.set_pinned(card.shown, False)

    def _lead(self, card: PinnedCard) -> None:
        pin = card.shown
        places = [] if pin is None else [place for place in PAGES if place.title == pin.page]
        for place in places:
            self.go_to.emit(place)
        if pin is not None and pin.subject:
            self.workspace.record_asked.emit(pin.subject)

    def _pick(self, card: PinnedCard, places: list[int], words: str) -> None:
        found = None if card.shown is None else self._records.get(card.shown.subject)
        select_images_at(self.workspace, found and found[0], places, words)

    def _arrange(self) -> None:
        """Place the cards in rows and columns."""
        cards = self.cards()
        self._columns = columns_for(len(cards), self.width() - 2 * MARGIN, self.height())
        for card in self._cards:
            self._grid.removeWidget(card)
        for place, card in enumerate(cards):
            self._grid.addWidget(card, *divmod(place, self._columns))
        for column in range(max(self._columns, self._grid.columnCount())):
            self._grid.setColumnStretch(column, int(column < self._columns))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Arrange the cards anew where another number fits."""
        super().resizeEvent(event)
        self._arrange()
