"""The settings dialog. A change applies at once, or the dialog says when it will."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine import memory
from engine.texts import percent
from gui.look import settings, theme
from gui.queue.worker_choice import WorkerChoice
from gui.widgets.dialog import Dialog
from gui.widgets.forms.side_panel import labelled_rows
from gui.widgets.images.colormap_choice import fill_colormaps
from gui.widgets.label import Label

WIDTH = 480


class SettingsDialog(Dialog):
    """Edits the settings in the user's configuration folder; none are stored in studies.

    Signals
    -------
    tour_asked
        The user asked for the guided tour.
    methods_asked
        The user asked for the list of their own methods.
    theme_changed
        Takes the chosen colour mode.
    """

    tour_asked = Signal()
    methods_asked = Signal()
    theme_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.setWindowTitle("Settings")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(WIDTH)
        self._build_choices()
        self._build_folder()
        self.notify = QCheckBox("Tell me when a long computation ends")
        self.notify.setToolTip("A message of the desktop, while another window is in use")
        self._build_layout()
        self._show()
        self._connect()

    # ----------------------------------------------------------------------------------- building

    def _build_choices(self) -> None:
        self.theme = _combo(
            ("as the system", "system"),
            ("light", "light"),
            ("dark", "dark"),
        )
        self.scale = _combo(*((percent(scale / 100, 0), scale) for scale in settings.SCALES))
        self.scale.setToolTip("Size of texts, buttons and pictures")
        self.device = _combo(*devices())
        self.device.setToolTip(
            "Where networks are trained, attacked and measured; Isthmus has not been tried on "
            "GPUs of Intel and Apple yet"
        )
        numbers = [(str(number), number) for number in settings.CORES]
        self.jobs = _combo(("as many as there are cores for, at most 4", 0), *numbers)
        self.jobs.setToolTip("Computations side by side; fewer if memory does not hold them")
        self.threads = _combo(("the cores, shared evenly", 0), *numbers)
        self.threads.setToolTip("Processor threads of each; another number gives other last digits")
        self.workers = WorkerChoice()
        self.eps = _combo(("255ths, as 8/255", "255"), ("[0, 1] units, as 0.0314", "unit"))
        self.eps.setToolTip("In which unit L-inf radii are set; both are always shown")
        whole = memory.in_words(memory.usable_memory())
        shares = (
            (f"{percent(share / 100, 0)} of {whole}", share) for share in settings.IMAGE_PERCENTS
        )
        self.share = _combo(*shares)
        self.share.setToolTip(
            "How much memory a set of images may take; a larger one stays in a file on the disk, "
            "from which it is read as it is used"
        )
        self.colormap = QComboBox()
        fill_colormaps(self.colormap)
        self.colormap.setToolTip("With which colours the Maps page begins")

    def _build_folder(self) -> None:
        self.folder = QLineEdit()
        self.folder.setReadOnly(True)
        self.folder.setToolTip("Dropped images and the demo make their studies here")
        self.choose = QPushButton("Choose…")
        self.choose.setAccessibleName("Choose the folder of new studies")

    def _build_layout(self) -> None:
        place = QHBoxLayout()
        place.setContentsMargins(0, 0, 0, 0)
        place.setSpacing(8)
        place.addWidget(self.folder, 1)
        place.addWidget(self.choose)
        self.later = Label(wordWrap=True)
        self.later.setProperty("role", "muted")
        folder = QWidget()
        folder.setLayout(place)
        folder.setFocusProxy(self.choose)
        form = labelled_rows(
            ("Colours", self.theme),
            ("Size", self.scale),
            ("Compute on", self.device),
            ("At once", self.jobs),
            ("Threads each", self.threads),
            ("Computed by", self.workers),
            ("Images in memory", self.share),
            ("New studies in", folder),
            ("eps in", self.eps),
            ("Maps in", self.colormap),
            ("", self.notify),
        )
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(8)
        self.tour = QPushButton("Show the tour")
        self.methods = QPushButton("Your own methods…")
        self.methods.setToolTip("Files with an attack, attribution, scheme or metric of your own")
        self.reset = QPushButton("Set all back")
        self.reset.setToolTip("Recent studies and the window's place stay")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        bottom = QHBoxLayout()
        bottom.setSpacing(8)
        for button in (self.tour, self.methods, self.reset):
            bottom.addWidget(button)
        for button in (self.tour, self.methods, self.reset, self.choose):
            button.setAutoDefault(False)
        bottom.addStretch(1)
        bottom.addWidget(buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(16)
        layout.addLayout(form)
        layout.addWidget(self.later)
        layout.addLayout(bottom)

    def _connect(self) -> None:
        self.theme.currentIndexChanged.connect(self._set_theme)
        self.scale.currentIndexChanged.connect(self._set_scale)
        self.device.currentIndexChanged.connect(self._set_device)
        self.jobs.currentIndexChanged.connect(self._set_cores)
        self.threads.currentIndexChanged.connect(self._set_cores)
        self.workers.said.connect(self._say)
        self.share.currentIndexChanged.connect(self._set_share)
        self.eps.currentIndexChanged.connect(self._set_eps)
        self.colormap.currentIndexChanged.connect(self._set_colormap)
        self.notify.toggled.connect(self._set_notify)
        self.choose.clicked.connect(self._choose_folder)
        self.tour.clicked.connect(self._show_tour)
        self.methods.clicked.connect(self._show_methods)
        self.reset.clicked.connect(self._reset)

    # -------------------------------------------------------------------------------------- values

    def _show(self) -> None:
        """Show the stored settings."""
        for combo, value in (
            (self.theme, settings.theme_mode()),
            (self.scale, settings.scale()),
            (self.device, settings.device()),
            (self.jobs, settings.cores("jobs") or 0),
            (self.threads, settings.cores("threads") or 0),
            (self.share, settings.image_percent()),
            (self.eps, settings.eps_unit()),
            (self.colormap, settings.colormap()),
        ):
            combo.blockSignals(True)
            combo.setCurrentIndex(max(0, combo.findData(value)))
            combo.blockSignals(False)
        self.notify.blockSignals(True)
        self.notify.setChecked(settings.flag("notify", True))
        self.notify.blockSignals(False)
        self.workers.show_stored()
        self.folder.setText(str(settings.documents()))
        self._say("")

    @Slot(str)
    def _say(self, text: str) -> None:
        self.later.setText(text)
        self.later.setVisible(bool(text))

    @Slot()
    def _set_theme(self) -> None:
        mode = self.theme.currentData()
        settings.set_theme_mode(mode)
        self._dress()

    def _dress(self) -> None:
        app = QApplication.instance()
        if isinstance(app, QApplication):
            theme.apply(app, settings.theme_mode())
        self.theme_changed.emit(settings.theme_mode())

    @Slot()
    def _set_scale(self) -> None:
        settings.set_number("scale", self.scale.currentData())
        self._say("The size changes when Isthmus is started the next time.")

    @Slot()
    def _set_device(self) -> None:
        settings.set_text("device", self.device.currentData())
        self._say("Studies that are opened from now on are computed there.")

    @Slot()
    def _set_cores(self) -> None:
        settings.set_number("jobs", self.jobs.currentData())
        settings.set_number("threads", self.threads.currentData())
        self._say("Studies that are opened from now on are computed so.")

    @Slot()
    def _set_share(self) -> None:
        settings.set_number("image_percent", self.share.currentData())
        memory.set_image_percent(self.share.currentData())
        self._say("Images that are read from now on follow it.")

    @Slot()
    def _set_eps(self) -> None:
        settings.set_text("eps_unit", self.eps.currentData())
        self._say("The slider of eps has this unit at the next start.")

    @Slot()
    def _set_colormap(self) -> None:
        settings.set_text("colormap", self.colormap.currentData())
        self._say("The Maps page begins with these colours at the next start.")

    @Slot(bool)
    def _set_notify(self, wanted: bool) -> None:
        settings.set_flag("notify", wanted)

    @Slot()
    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder of new studies", self.folder.text())
        if chosen:
            settings.set_text("studies_folder", str(Path(chosen)))
            self.folder.setText(chosen)

    @Slot()
    def _show_tour(self) -> None:
        self.accept()
        self.tour_asked.emit()

    @Slot()
    def _show_methods(self) -> None:
        self.accept()
        self.methods_asked.emit()

    @Slot()
    def _reset(self) -> None:
        settings.reset_preferences()
        memory.set_image_percent(settings.image_percent())
        self._show()
        self._dress()
        self._say("Everything is as it was at first; the size is at the next start.")


def devices() -> list[tuple[str, object]]:
    """Return the devices that this system may have, and the one that is set, with their names."""
    apple = sys.platform == "darwin"
    named = {
        "auto": ("GPU (CUDA) if there is one, else CPU", True),
        "cpu": ("CPU", True),
        "cuda": ("GPU (CUDA)", not apple),
        "xpu": ("GPU of Intel (XPU)", not apple),
        "mps": ("GPU of Apple (MPS)", apple),
    }
    own = settings.device()
    return [(words, kind) for kind, (words, there) in named.items() if there or kind == own]


def _combo(*choices: tuple[str, object]) -> QComboBox:
    combo = QComboBox()
    for text, value in choices:
        combo.addItem(text, value)
    return combo
