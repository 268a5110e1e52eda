"""The first page: what Isthmus is for, and ways to open or create a study."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, ClassVar

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QBrush, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from gui.experiments.dialog import show_experiments
from gui.look import settings, theme
from gui.look.icons import app_icon, icon
from gui.look.keys import with_key
from gui.look.plain import plain_tip
from gui.pages import WELCOME, Place
from gui.pages.common.landing import landing
from gui.pages.common.page import Page
from gui.pages.welcome.offer import Offer
from gui.session import file_dialogs
from gui.session.workspace import Workspace
from gui.widgets.label import Label
from gui.widgets.table_names import name_table

DEMO = theme.RESOURCES / "demo.isthmus"
PATH = Qt.ItemDataRole.UserRole
MAX_WIDTH = 1080


class WelcomePage(Page):
    """Ways to open or create a study: the demo, images, or a recent study.

    Signals
    -------
    go_to
        Carries the page to show next.
    tour_asked
        The user wants the guided tour.
    """

    place: ClassVar[Place] = WELCOME

    go_to = Signal(object)
    tour_asked = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None):
        super().__init__(workspace, parent)
        self._missing: set[Path] = set()
        self._looking: set[Path] = set()
        self._again: set[Path] = set()  # asked about meanwhile
        column = QWidget(self)
        column.setMaximumWidth(MAX_WIDTH)
        grid = QGridLayout(column)
        grid.setContentsMargins(32, 24, 32, 24)
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(16)
        grid.addLayout(self._build_heading(), 0, 0, 1, 2)
        grid.addWidget(self._build_offer(), 1, 0, 1, 2)
        grid.addWidget(self._build_idea(), 2, 0)
        grid.addWidget(self._build_drop_area(), 2, 1)
        grid.addWidget(self._build_recent(), 3, 0, 1, 2)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(4, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(column)
        workspace.study_changed.connect(self.refresh)
        workspace.runner.ready.connect(self.refresh)
        theme.signals.changed.connect(self._dress)
        self._dress()
        self.refresh()

    # ------------------------------------------------------------------------------------- public

    @Slot()
    def refresh(self) -> None:
        """List the recent studies, and check on a lane which of them still exist.

        Skip the check until the engine is loaded, because starting a lane would load the engine and
        delay the window.
        """
        self._show_recent()
        if not self.workspace.runner.loaded:
            return
        for path in settings.recent_studies():
            self._look_for(path)

    def _look_for(self, path: Path) -> None:
        """Ask whether a study is still there, each apart: a drive may not answer."""
        if path in self._looking:
            self._again.add(path)
            return
        self._looking.add(path)

        def work() -> bool:
            return (path / "study.json").is_file()

        def done(there: bool) -> None:
            self._looking.discard(path)
            if path in self._again:
                self._again.discard(path)
                self._look_for(path)
            self._on_missing(self._missing - {path} if there else self._missing | {path})

        channel = f"recent {path}"
        self.workspace.runner.ask_apart(channel, lambda _: work(), done, _ignore)

    @Slot()
    def open_demo(self) -> None:
        """Open the demo study; compute it if the program does not include it."""
        if DEMO.is_dir():
            self._open_ready_demo()
        else:
            self._run_demo()

    # ----------------------------------------------------------------------------------- building

    def _build_heading(self) -> QHBoxLayout:
        picture = Label()
        picture.setPixmap(app_icon().pixmap(QSize(56, 56)))
        title = Label("Isthmus")
        title.setProperty("role", "title")
        words = Label("A bridge between adversarial robustness and readable gradients")
        words.setProperty("role", "muted")
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(title)
        texts.addWidget(words)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(picture)
        row.addLayout(texts)
        row.addStretch(1)
        return row

    def _build_offer(self) -> Offer:
        """Offer the tour only the first time that the program runs."""
        self.offer = Offer(
            "New here? Eight steps on the demo study show what robust gradients are about.",
            "Take the tour",
            "No, thanks",
        )
        self.offer.accepted.connect(self.tour_asked)
        self.offer.gone.connect(self._show_tour)
        self.offer.setVisible(not settings.flag("tour_offered", False))
        settings.set_flag("tour_offered", True)
        return self.offer

    def _build_idea(self) -> QFrame:
        idea = Label(
            "A network that was trained on attacked images has gradients one can read: they "
            "look like the object, and the pixels they point at are the ones that matter. It "
            "pays for that with accuracy. Isthmus trains such networks, attacks them, shows "
            "their gradients while they learn, and measures both sides of the trade: every "
            "network becomes one dot, its accuracy to the right, the worth of its gradients "
            "upwards, and the line through the dots is the price."
        )
        idea.setWordWrap(True)
        idea.setAlignment(Qt.AlignmentFlag.AlignTop)
        source = Label(
            "After Kim, Seo and Jeon: Bridging Adversarial Robustness and Gradient "
            "Interpretability, 2019"
        )
        source.setProperty("role", "muted")
        source.setWordWrap(True)
        self.demo = QPushButton(
            "Open the demo study" if DEMO.is_dir() else "Run the demo (about 3 minutes)"
        )
        self.demo.setProperty("role", "primary")
        self.demo.setToolTip(
            "Four networks on built-in images, their maps, attacks, scores and trade-off"
        )
        self.demo.clicked.connect(self.open_demo)
        card, layout = _card("What it is for")
        layout.addWidget(idea)
        layout.addWidget(source)
        layout.addStretch(1)
        self.tour = QPushButton("Take the tour")
        self.tour.setToolTip("The paper's argument in eight steps, on the demo study")
        self.tour.clicked.connect(self.tour_asked)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        self.experiments = QPushButton("Run an experiment…")
        self.experiments.setToolTip("Those of the paper and the program's own, or a plan of yours")
        self.experiments.clicked.connect(self._show_experiments)
        buttons.addWidget(self.demo)
        buttons.addWidget(self.tour)
        buttons.addWidget(self.experiments)
        buttons.addStretch(1)
        layout.addLayout(buttons)
        self._show_tour()
        return card

    @Slot()
    def _show_tour(self) -> None:
        """Offer the tour in one place: in the card that is there the first time, or here."""
        self.tour.setVisible(self.offer.isHidden())

    def _build_drop_area(self) -> QFrame:
        self._drop_icon = Label()
        words = Label("Drop a folder of images here")
        words.setProperty("role", "heading")
        more = Label(
            "One folder per class, or train and test folders of classes; zip and tar archives, "
            "MNIST files, single images, weights and studies too. Anywhere on the window does."
        )
        more.setProperty("role", "muted")
        more.setWordWrap(True)
        self.folder = QPushButton("Open image folder…")
        self.folder.setToolTip(
            with_key("One folder with images, or with folders of them", "open_folder")
        )
        self.folder.clicked.connect(self._open_folder)
        self.files = QPushButton("Open images…")
        self.files.setToolTip(with_key("Image files, or an archive of images", "open_files"))
        self.files.clicked.connect(self._open_files)
        buttons = QHBoxLayout()
        for button in (self.folder, self.files):
            buttons.addWidget(button)
        area = QFrame()
        area.setObjectName("dropArea")
        area.setMinimumHeight(220)
        layout = QVBoxLayout(area)
        layout.setContentsMargins(24, 16, 24, 16)
        layout.setSpacing(8)
        layout.addStretch(1)
        for label in (self._drop_icon, words, more):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            layout.addWidget(label)
        layout.addLayout(buttons)
        layout.setAlignment(buttons, Qt.AlignmentFlag.AlignCenter)
        layout.addStretch(1)
        return area

    def _build_recent(self) -> QFrame:
        self.recent = QTreeWidget()
        self.recent.setObjectName("recent")
        self.recent.setColumnCount(2)
        self.recent.setHeaderHidden(True)
        self.recent.setRootIsDecorated(False)
        self.recent.setUniformRowHeights(True)
        self.recent.setFrameShape(QFrame.Shape.NoFrame)
        self.recent.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        name_table(self.recent, "Recent studies")
        self.recent.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.recent.setToolTip("A click or Enter opens a study")
        self.recent.itemClicked.connect(self._open_recent)
        self.recent.itemActivated.connect(self._open_recent)
        self.recent.currentItemChanged.connect(self._on_recent_chosen)
        self.open_study = QPushButton("Open study…")
        self.open_study.setToolTip(
            with_key("A study in a folder, or packed in one file", "open_study")
        )
        self.open_study.clicked.connect(self._open_study)
        self.forget = QPushButton("Remove from list")
        self.forget.setToolTip("Take the study off this list; its files stay")
        self.forget.clicked.connect(self._forget_recent)
        # A click opens, so that the mouse needs another way to choose what goes off the list.
        self.recent.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.recent.addAction(self.forget.text(), self._forget_recent)
        buttons = QHBoxLayout()
        buttons.addWidget(self.open_study)
        buttons.addWidget(self.forget)
        buttons.addStretch(1)
        card, layout = _card("Recent studies")
        self._none = Label("None yet. A study is a folder that keeps all results.")
        self._none.setProperty("role", "muted")
        layout.addWidget(self._none)
        layout.addWidget(self.recent)
        layout.addLayout(buttons)
        return card

    # ------------------------------------------------------------------------------------- recent

    def _show_recent(self) -> None:
        self.recent.clear()
        for path in settings.recent_studies():
            item = QTreeWidgetItem([path.stem, str(path.parent)])
            item.setData(0, PATH, str(path))
            item.setIcon(0, icon("study", "muted" if path in self._missing else "accent"))
            item.setToolTip(0, plain_tip(f"{path}\nA click or Enter opens it"))
            item.setForeground(1, QBrush(theme.colour("muted")))
            if path in self._missing:
                item.setForeground(0, QBrush(theme.colour("muted")))
                item.setText(1, f"{path.parent} (not found)")
            self.recent.addTopLevelItem(item)
        found = self.recent.topLevelItemCount() > 0
        self._fit_recent()
        self._none.setVisible(not found)
        self.recent.setVisible(found)
        self.forget.setVisible(found)
        self.forget.setEnabled(self.recent.currentItem() is not None)

    def showEvent(self, event: QShowEvent) -> None:
        """Give the list its height again: rows are higher once the window has its style sheet."""
        super().showEvent(event)
        self._fit_recent()

    def _fit_recent(self) -> None:
        rows = self.recent.topLevelItemCount() * self.recent.sizeHintForRow(0)
        self.recent.setFixedHeight(rows + 2)

    def _on_missing(self, missing: set[Path]) -> None:
        if missing != self._missing:
            self._missing = missing
            self._show_recent()

    @Slot()
    def _on_recent_chosen(self) -> None:
        self.forget.setEnabled(self.recent.currentItem() is not None)

    @Slot(QTreeWidgetItem, int)
    def _open_recent(self, item: QTreeWidgetItem, _: int) -> None:
        """Open a study; go on if it is open, as after the second half of a double click."""
        path, study = Path(item.data(0, PATH)), self.workspace.study
        if study is not None and study.path == path:
            self.go_to.emit(landing(self.workspace))
        else:
            self.workspace.importer.open_study(path)

    @Slot()
    def _forget_recent(self) -> None:
        item = self.recent.currentItem()
        if item is not None:
            settings.remove_recent(Path(item.data(0, PATH)))
            self._show_recent()

    # ------------------------------------------------------------------------------------ opening

    @Slot()
    def _show_experiments(self) -> None:
        show_experiments(self.workspace, self)

    @Slot()
    def _open_study(self) -> None:
        file_dialogs.open_study(self, self.workspace.importer)

    @Slot()
    def _open_folder(self) -> None:
        file_dialogs.open_image_folder(self, self.workspace.importer)

    @Slot()
    def _open_files(self) -> None:
        file_dialogs.open_image_files(self, self.workspace.importer)

    def _open_ready_demo(self) -> None:
        """Open a copy of the demo, because the program's own folder may be read-only."""
        target = settings.documents() / DEMO.name

        def work(_: Any) -> Path:
            if not target.exists():
                try:
                    shutil.copytree(DEMO, target)
                except OSError as error:
                    raise ValueError(f"{target} cannot be written: {error}") from error
            return target

        failed = self.workspace.message.emit
        self.workspace.runner.ask(
            "demo", work, self.workspace.importer.open_study, lambda text: failed(text, True)
        )

    def _run_demo(self) -> None:
        self.workspace.plans.run("demo", {})

    @Slot()
    def _dress(self) -> None:
        self._drop_icon.setPixmap(icon("drop", "accent").pixmap(QSize(40, 40)))
        self._show_recent()


def _card(heading: str) -> tuple[QFrame, QVBoxLayout]:
    card = QFrame()
    card.setProperty("role", "card")
    layout = QVBoxLayout(card)
    layout.setContentsMargins(16, 12, 16, 16)
    layout.setSpacing(8)
    label = Label(heading)
    label.setProperty("role", "heading")
    layout.addWidget(label)
    return card, layout


def _ignore(_: str) -> None:
    """Ignore a failed check of the recent studies; the list is usable without it."""
