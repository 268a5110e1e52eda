"""The foot of the Train page's form: number of trainings, error message, and the Train button."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from engine.jobs.durations import duration
from gui.pages import Place
from gui.widgets.forms.form_row import error_label, say
from gui.widgets.label import Label


class TrainFooter(QWidget):
    """Says what the button will do, or why it is disabled.

    Signals
    -------
    go_to
        Carries the page on which the user can choose the missing images.
    read_at
        Carries the side in pixels at which the images shall be read again.
    """

    go_to = Signal(object)
    read_at = Signal(int)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._way: Place | None = None
        self._side = 0
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.counts = Label()
        self.counts.setWordWrap(True)
        self.time = Label()
        self.time.setProperty("role", "muted")
        self.time.setWordWrap(True)
        self.time.setToolTip(
            "From what similar trainings took since the program was started, else from a few "
            "batches timed on this machine, else from older records"
        )
        self.fault = error_label(self)
        self.lead = QPushButton("Choose images")
        self.lead.clicked.connect(self._go)
        self.read_again = QPushButton(self)
        self.read_again.setToolTip("Read the image files again at a size that the network takes")
        self.read_again.clicked.connect(lambda: self.read_at.emit(self._side))
        self.offer_size(0)
        self.train = QPushButton("Train")
        self.train.setProperty("role", "primary")
        self.train.setToolTip("Train the networks")
        self.go_on = QPushButton("Continue…")
        self.go_on.setToolTip("Train a finished network for more epochs")
        self.go_on.setEnabled(False)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.train, 1)
        buttons.addWidget(self.go_on)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for widget in (self.counts, self.time, self.fault, self.lead, self.read_again):
            layout.addWidget(widget)
        layout.addLayout(buttons)

    def show_state(
        self,
        *,
        fault: str,
        counts: tuple[int, int, int],
        total: int,
        stored: int,
        going: int,
        lead: Place | None,
    ) -> None:
        """Show how many trainings the form describes, or why there are none.

        Parameters
        ----------
        fault
            Why nothing can be trained, or "".
        counts
            Number of schemes without an attack, of schemes with one, and of seeds.
        total, stored, going
            Number of trainings, and how many of them the study has, or are waiting or running.
        lead
            Page to link to, or None.
        """
        say(self.fault, fault)
        self._way = lead
        self.lead.setVisible(lead is not None)
        self.counts.setVisible(not fault)
        missing = total - stored - going
        if not fault:
            self.counts.setText(self._sum(counts, total) + self._rest(total, stored, going))
        self._enable(not fault and missing > 0)
        self.train.setText(self._button(missing) if not fault else "Train")

    def _enable(self, enabled: bool) -> None:
        """Enable or disable the button; meanwhile its place keeps the keyboard focus.

        Qt would give the focus to the next widget, which the user has not asked for.
        """
        if not enabled and self.train.hasFocus():
            self.setFocus()
        self.train.setEnabled(enabled)
        if enabled and self.hasFocus():
            self.train.setFocus()

    def offer_size(self, side: int) -> None:
        """Offer to read the images at another side in pixels; 0 offers nothing."""
        self._side = side
        self.read_again.setText(f"Read the images at {side}x{side} px")
        self.read_again.setVisible(side > 0)

    def show_time(self, seconds: float | None, together: int, more: str = "") -> None:
        """Show how long the trainings that the button starts will take, where that is known.

        Parameters
        ----------
        more
            What else they need, or "".
        """
        self.time.setVisible(seconds is not None or bool(more))
        text = ""
        if seconds is not None:
            text = "about {}, {} at once" if together > 1 else "about {}"
            text = text.format(duration(seconds), together)
        self.time.setText("; ".join(part for part in (text, more) if part))

    def _sum(self, counts: tuple[int, int, int], total: int) -> str:
        single, attacked, seeds = counts
        parts = []
        if single:
            parts.append(f"{single} without attack")
        if attacked:
            parts.append(f"{attacked} adversarial")
        text = " + ".join(parts)
        if seeds > 1:
            text = f"({text})" if len(parts) > 1 else text
            text = f"{text} x {seeds} seeds"
        noun = "training" if total == 1 else "trainings"
        return f"{text} = {total:,} {noun}"

    def _rest(self, total: int, stored: int, going: int) -> str:
        words = []
        if stored == total:
            words.append("all are in the study already")
        elif stored:
            words.append(f"{stored:,} in the study already")
        if going:
            words.append(f"{going:,} on the way")
        return "; " + ", ".join(words) if words else ""

    def _button(self, missing: int) -> str:
        if missing < 1:
            return "Train"
        if missing == 1:
            return "Train 1 network"
        return f"Train {missing:,} networks"

    @Slot()
    def _go(self) -> None:
        if self._way is not None:
            self.go_to.emit(self._way)
