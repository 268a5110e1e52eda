"""One pinned chart: a live copy, with where it comes from and what unpins it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QPushButton, QToolButton, QVBoxLayout, QWidget

from engine.figures.charts import ChartData
from engine.texts import one_line, shortened
from gui.look.plain import plain_tip
from gui.session.picks.pins import Pin
from gui.widgets.label import Label
from gui.widgets.plots.mirror import Mirror
from gui.widgets.plots.plain_chart import show_chart
from gui.widgets.plots.plot import Plot

LEAST_HEIGHT = 250
LONGEST = 60  # letters of a record's title


class PinnedCard(QFrame):
    """Shows a chart of another page, or of a record.

    Signals
    -------
    source_asked
        The user wants to see where the chart comes from.
    unpinned
        The user unpins the chart.
    images_picked
        Takes the places, among a record's images, of those that a clicked point stands for, and
        what the point says of them.

    Attributes
    ----------
    shown
        The pin whose chart is shown.
    """

    source_asked = Signal()
    unpinned = Signal()
    images_picked = Signal(list, str)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setMinimumHeight(LEAST_HEIGHT)
        self.shown: Pin | None = None
        self.plot = Plot("", "", "", export_name="pinned")
        self.plot.setProperty("chart", "copy")
        self._mirror = Mirror(self.plot)
        self.words = Label(wordWrap=True)
        self.words.setProperty("role", "muted")
        self.source = QToolButton()
        self.source.setProperty("role", "plain")
        self.source.clicked.connect(self.source_asked)
        self.unpin = QPushButton("Unpin")
        self.unpin.setToolTip("Take the chart off this page; it stays where it comes from")
        self.unpin.clicked.connect(self.unpinned)
        self.plot.head.insertWidget(1, self.source)
        self.plot.head.addWidget(self.unpin)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(4)
        column.addWidget(self.words)
        column.addWidget(self.plot, 1)
        column.addStretch(0)

    def name(self, text: str, tip: str) -> None:
        """Say where the chart comes from."""
        self.source.setText(shortened(one_line(text), LONGEST).replace("&", "&&"))
        self.source.setToolTip(plain_tip(tip))

    def copy_of(self, pin: Pin, source: Plot) -> None:
        """Copy a chart, and go on as it does."""
        self._turn_to(pin)
        self.say("")
        self._mirror.follow(source)

    def show_record(self, pin: Pin, chart: ChartData) -> None:
        """Show a chart of a record, which never changes."""
        self._turn_to(pin)
        self.say("")
        show_chart(self.plot, chart, self.images_picked.emit)

    def miss(self, pin: Pin, words: str) -> None:
        """Say why there is no chart."""
        self._turn_to(pin)
        self._mirror.follow(None)
        self.plot.clear()
        self.say(words)

    def say(self, words: str) -> None:
        """Show a sentence in place of the chart; "" shows the chart."""
        self.words.setText(words)
        self.words.setVisible(bool(words))
        self.plot.canvas.setVisible(not words)

    def leave(self) -> None:
        """Show nothing, until the card is needed again."""
        self._mirror.follow(None)
        self.shown = None
        self.hide()

    def _turn_to(self, pin: Pin) -> None:
        """Forget another chart: each of them sets only what it has."""
        if pin != self.shown:
            self._mirror.follow(None)
            self.plot.clear()
            self.plot.set_texts(title="", x_label="", y_label="", caption="")
            self.plot.set_logarithmic(x=False, y=False)
            self.plot.set_ranges()
            self.plot.setToolTip("")
            self.plot.subject = pin.subject
            self.shown = pin
