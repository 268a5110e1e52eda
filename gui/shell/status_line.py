"""The status bar of the window: news, the open study, and its device."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QStatusBar, QToolButton, QWidget

from engine.jobs.events import Event
from engine.plan.cost import work_of
from engine.texts import one_line, shortened
from gui.look.keys import with_key
from gui.look.plain import plain_action, plain_tip
from gui.session.threads.who_computes import in_words
from gui.session.workspace import Workspace
from gui.shell.memory import gpu_bytes, resident_bytes, size_text
from gui.shell.messages.bar import MessageBar
from gui.shell.messages.dialog import MessagesDialog
from gui.shell.throughput import Throughput
from gui.widgets.elided_label import Elided

REFRESH_MS = 1000
MOST_WIDTH = 240  # pixels of the study's name, so that the device stays in sight
DEVICE = "The device, and how many computations it takes at once"
WORKERS = "The workers that compute, on what, and how many computations they take at once"
NOBODY = "Workers compute this study; they start, or are reached, with the first computation"
MOST_WORDS = 40  # letters of what is being done
LEAST_BUTTON = 24  # pixels, so that the button raises no minimum of the window


class StatusLine(QStatusBar):
    """Shows the open study, its device, its throughput and the news of the message bar."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None):
        super().__init__(parent)
        self._workspace = workspace
        self._broken = False
        self._epochs: dict[str, int] = {}
        self.throughput = Throughput(self._images_of)
        self.messages = MessageBar(self)
        self.all_messages = QToolButton()
        self.all_messages.setProperty("role", "plain")
        self.all_messages.setMinimumWidth(LEAST_BUTTON)
        self.all_messages.setToolTip(with_key("Read again what the window has told", "messages"))
        self.all_messages.clicked.connect(self.show_messages)
        self.messages.log.changed.connect(self._count_messages)
        self._count_messages()
        self.selection = QToolButton()
        self.selection.setProperty("role", "plain")
        self.selection.setMinimumWidth(LEAST_BUTTON)
        self.selection.clicked.connect(workspace.selection.clear)
        workspace.selection.changed.connect(self._show_selection)
        self._show_selection()
        self.underway = QToolButton()
        self.underway.setProperty("role", "plain")
        self.underway.setMinimumWidth(LEAST_BUTTON)
        self.underway.setAccessibleName("Cancel what is under way")
        self.underway.clicked.connect(self._cancel_underway)
        workspace.underway.changed.connect(self._show_underway)
        self._show_underway()
        self.study = Elided()
        self.study.setMaximumWidth(MOST_WIDTH)
        self.device = Elided("Loading the engine…")
        self.device.setProperty("role", "muted")
        self.setSizeGripEnabled(False)
        self.setContentsMargins(14, 0, 12, 0)
        self.addWidget(self.messages.news_line, 1)
        self.addPermanentWidget(self.underway)
        self.addPermanentWidget(self.selection)
        self.addPermanentWidget(self.all_messages)
        self.study.setContentsMargins(0, 0, 10, 0)  # the study's name is none of the device's
        self.addPermanentWidget(self.study)
        self.addPermanentWidget(self.device)
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self._on_tick)
        workspace.message.connect(self.messages.say)
        workspace.engine_event.connect(self._on_event)
        workspace.study_changed.connect(self.refresh)
        workspace.records_changed.connect(self.refresh)
        workspace.runner.ready.connect(self.refresh)
        workspace.runner.broken.connect(self._on_broken)
        self._show_study()

    @Slot()
    def refresh(self) -> None:
        """Show the open study and its device."""
        self._show_study()
        self._show_device()
        self._timer.start()

    @Slot()
    def show_messages(self) -> None:
        """Open the list of all messages."""
        MessagesDialog(self.messages.log, self.window()).show()

    @Slot()
    def _count_messages(self) -> None:
        unread = self.messages.log.unread
        self.all_messages.setText(f"Messages ({unread} new)" if unread else "Messages")

    @Slot()
    def _show_selection(self) -> None:
        selection = self._workspace.selection
        self.selection.setVisible(bool(selection.indices))
        self.selection.setText(f"{selection.count_text()} ✕")
        tip = (
            f"Images {selection.words}: Attack, Maps and By class speak of these. "
            "Click to mean all images again"
        )
        self.selection.setToolTip(plain_tip(tip))
        self.selection.setAccessibleName(f"{selection.count_text()}; clear the selection")

    @Slot()
    def _show_underway(self) -> None:
        shown = self._workspace.underway.shown
        self.underway.setVisible(bool(shown))
        if not shown:
            return
        words, others = one_line(shown[-1][1]), len(shown) - 1
        more = f" and {others} more" if others else ""
        self.underway.setText(plain_action(f"{shortened(words, MOST_WORDS)}{more} ✕"))
        self.underway.setToolTip(plain_tip(f"{words}: click to cancel"))
        self.underway.setAccessibleName(f"Cancel: {words}")

    @Slot()
    def _cancel_underway(self) -> None:
        for channel, _ in self._workspace.underway.shown[-1:]:
            self._workspace.underway.cancel(channel)

    def _show_device(self) -> None:
        if self._broken:
            return
        slots, workers = self._workspace.runner.slots, self._workspace.runner.workers
        memory, held = resident_bytes(), gpu_bytes()
        parts = ["Ready"] if slots is None else []
        if workers is not None:
            words = in_words(workers)
            parts.append(f"{words[:1].upper()}{words[1:]}")
        elif slots is not None:
            parts.append("CPU" if slots.device.type == "cpu" else "GPU")
        if slots is not None and workers != []:
            parts.append(f"{slots.count} at once")
        if memory:
            parts.append(size_text(memory))
        if held:
            parts.append(f"{size_text(held)} on the GPU")
        rate = self.throughput.rate()
        if rate >= 1:
            parts.append(f"{_rounded(rate):,.0f} images/s")
        self.device.setText(" · ".join(parts))
        who = "" if slots is None else DEVICE if workers is None else WORKERS if workers else NOBODY
        self.device.setToolTip(plain_tip(self._tip(who, bool(held), rate >= 1)))

    def _tip(self, who: str, gpu: bool, rate: bool) -> str:
        lines = [
            (bool(who), who),
            (True, "The memory that the program holds now"),
            (gpu, "The GPU's memory that it holds now"),
            (rate, "Training images a second, of all that runs, whatever is done to each"),
        ]
        return "\n".join(words for shown, words in lines if shown)

    def _show_study(self) -> None:
        study = self._workspace.study
        self.study.setText(study_name(self._workspace) or "No study")
        self.study.setToolTip(plain_tip(str(study.path) if study is not None else ""))

    def _images_of(self, key: str) -> int:
        """Return the number of training images per epoch of a computation, 0 if unknown."""
        spec = self._workspace.runner.spec(key)
        if key not in self._epochs and spec is not None:
            self._epochs[key] = work_of(spec, self._workspace.pace.size).images
        return self._epochs.get(key, 0)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        self.throughput.take(event)

    @Slot()
    def _on_tick(self) -> None:
        if self.isVisible():
            self._show_device()

    @Slot(str)
    def _on_broken(self, _: str) -> None:
        self._broken = True
        self.device.setText("No engine")


def _rounded(rate: float) -> float:
    """Round a rate to two significant digits, so that the display does not flicker."""
    return float(f"{rate:.2g}")


def study_name(workspace: Workspace) -> str:
    """Return the name of the open study, or "" if none is open."""
    study = workspace.study
    return str(study.about.get("name") or study.path.stem) if study is not None else ""
