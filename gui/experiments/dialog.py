"""The dialog that lists the built-in experiments, or shows one of a file, and computes it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.texts import one_line
from gui.look import settings
from gui.look.plain import plain_tip
from gui.session.workspace import Workspace
from gui.widgets.dialog import Dialog
from gui.widgets.label import Label

if TYPE_CHECKING:
    from engine.plan.planfile import Head
    from gui.session.files.plans import Described

SIZE = QSize(960, 520)
MEANING = (
    "An experiment is computed in a study of its own. Everything that it needs is queued at once; "
    "it can be stopped at any time, and goes on where it was."
)
DATA_SETS = {
    "mnist": ("MNIST", "the folder with its four .gz files"),
    "fashion-mnist": ("Fashion-MNIST", "the folder with its four .gz files"),
    "cifar10": ("CIFAR-10", "a folder or archive with train/<class>/... and test/<class>/..."),
}
"""For data that built-in experiments name: what it is called, and what is to be chosen."""
GROUPS = {"demo": "To begin with", "paper": "The paper's claims", "": "Beyond the paper"}
"""What the names of built-in experiments begin with, and the heading above those."""


class ExperimentsDialog(Dialog):
    """Lists experiments with what they are for and where their images lie; computes one.

    Parameters
    ----------
    described
        The experiments, and where their images lie as far as they were found.
    """

    def __init__(self, described: Described, workspace: Workspace, parent: QWidget | None = None):
        super().__init__(parent)
        self._workspace = workspace
        self._described: Described = []
        self.setWindowTitle("Run an experiment")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.list = QListWidget()
        self.list.setAccessibleName("Experiments")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setSpacing(3)
        self.list.currentRowChanged.connect(self._show)
        self.heading = Label(wordWrap=True)
        self.heading.setProperty("role", "heading")
        self.about = Label(wordWrap=True)
        self.images = Label(wordWrap=True)
        self.images.setProperty("role", "muted")
        self.folder = QPushButton("Choose folder…")
        self.folder.clicked.connect(self._choose_folder)
        self.archive = QPushButton("Choose archive…")
        self.archive.clicked.connect(self._choose_archive)
        self.other = QPushButton("Open a plan…")
        self.other.setToolTip("A file of your own that says what to compute, in TOML")
        self.other.clicked.connect(self._choose_plan)
        for button in (self.folder, self.archive, self.other):
            button.setAutoDefault(False)
        self._build_layout()
        self.add(described)
        self.resize(SIZE)

    def _build_layout(self) -> None:
        meaning = Label(MEANING, wordWrap=True)
        meaning.setProperty("role", "muted")
        choose = QHBoxLayout()
        choose.setSpacing(8)
        choose.addWidget(self.folder)
        choose.addWidget(self.archive)
        choose.addStretch(1)
        right = QVBoxLayout()
        right.setSpacing(8)
        for label in (self.heading, self.about, self.images):
            right.addWidget(label)
        right.addLayout(choose)
        right.addStretch(1)
        middle = QHBoxLayout()
        middle.setSpacing(16)
        middle.addWidget(self.list, 3)
        middle.addLayout(right, 2)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.run = QPushButton("Compute")
        self.run.setProperty("role", "primary")
        self.run.setDefault(True)
        self.run.clicked.connect(self._run)
        buttons.addButton(self.run, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.rejected.connect(self.reject)
        bottom = QHBoxLayout()
        bottom.addWidget(self.other)
        bottom.addStretch(1)
        bottom.addWidget(buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addWidget(meaning)
        layout.addLayout(middle, 1)
        layout.addLayout(bottom)

    def add(self, described: Described) -> None:
        """List further experiments by group, and choose the first of them."""
        first = self.list.count() + 1  # below the heading of its group
        groups = [_group(head) for head, _ in described]
        for group in dict.fromkeys((*GROUPS.values(), *groups)):
            members = [one for one, its in zip(described, groups, strict=True) if its == group]
            if members:
                self._add_heading(group)
            for head, places in members:
                item = QListWidgetItem(one_line(head.title))
                item.setToolTip(plain_tip(str(head.path)))
                item.setData(Qt.ItemDataRole.UserRole, len(self._described))
                self._described.append((head, dict(places)))
                self.list.addItem(item)
        self.list.setCurrentRow(first)

    def _add_heading(self, group: str) -> None:
        item = QListWidgetItem(group)
        item.setFlags(Qt.ItemFlag.NoItemFlags)
        font = self.list.font()
        font.setBold(True)
        item.setFont(font)
        self.list.addItem(item)

    @property
    def chosen(self) -> tuple[Head, dict[str, Path]] | None:
        """The experiment that is shown, and where its images lie."""
        item = self.list.currentItem()
        index = None if item is None else item.data(Qt.ItemDataRole.UserRole)
        return None if index is None else self._described[index]

    @property
    def _missing(self) -> str:
        """The name of images that were not found; "" if all were, or there are none."""
        if self.chosen is None:
            return ""
        head, places = self.chosen
        return next((name for name in head.images if name not in places), "")

    @Slot()
    def _show(self) -> None:
        if self.chosen is None:
            return
        head, places = self.chosen
        self.heading.setText(one_line(head.title))
        self.about.setText(one_line(head.about))
        self.about.setVisible(bool(head.about))
        self.images.setText("\n".join(self._said(name, places.get(name)) for name in head.images))
        self.images.setVisible(bool(head.images))
        for button in (self.folder, self.archive):
            button.setVisible(bool(head.images))
        self.run.setEnabled(not self._missing)

    def _said(self, name: str, place: Path | None) -> str:
        called, what = DATA_SETS.get(name, (name, "a folder of class folders, or an archive of it"))
        if place is None:
            return one_line(f"{called} was not found on this computer: choose {what}.")
        return one_line(f"{called}: {place}")

    # ------------------------------------------------------------------------------------ choosing

    @Slot()
    def _choose_folder(self) -> None:
        self._ask("Images of the experiment", QFileDialog.FileMode.Directory, "", self.take_images)

    @Slot()
    def _choose_archive(self) -> None:
        kinds = "Archives (*.zip *.tar *.tar.gz *.tgz *.tar.bz2 *.tar.xz)"
        mode = QFileDialog.FileMode.ExistingFile
        self._ask("Images of the experiment", mode, kinds, self.take_images)

    @Slot()
    def _choose_plan(self) -> None:
        mode = QFileDialog.FileMode.ExistingFile
        self._ask("Open a plan", mode, "Plans (*.toml)", self.take_plan)

    def _ask(
        self, title: str, mode: QFileDialog.FileMode, kinds: str, take: Callable[[str], None]
    ) -> None:
        dialog = QFileDialog(self, title, settings.last_folder())
        dialog.setFileMode(mode)
        if kinds:
            dialog.setNameFilter(kinds)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(take)
        dialog.open()

    @Slot(str)
    def take_images(self, path: str) -> None:
        """Use the images at a path: for those that were not found, else for the first."""
        if self.chosen is not None:
            head, places = self.chosen
            settings.set_last_folder(Path(path).parent)
            places[self._missing or head.images[0]] = Path(path)
            self._show()

    @Slot(str)
    def take_plan(self, path: str) -> None:
        """List the experiment of a file; a file that is none is said in the window."""
        settings.set_last_folder(Path(path).parent)
        self._workspace.plans.describe(Path(path), self.add)

    @Slot()
    def _run(self) -> None:
        if self.chosen is not None and not self._missing:
            head, places = self.chosen
            self._workspace.plans.run(str(head.path), places)
            self.accept()


def _group(head: Head) -> str:
    from engine.plan.planfile import PRESETS  # imported late, to start faster

    if head.path.parent != PRESETS:
        return "Your own"
    return next(group for start, group in GROUPS.items() if head.path.stem.startswith(start))


def show_experiments(workspace: Workspace, parent: QWidget, path: Path | None = None) -> None:
    """Show the built-in experiments, or that of a file, once they are read."""
    workspace.plans.describe(path, partial(_open, workspace, parent))


def _open(workspace: Workspace, parent: QWidget, described: Described) -> None:
    ExperimentsDialog(described, workspace, parent).open()
