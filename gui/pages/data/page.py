"""The Data page: the source of the images, facts about them, and the items left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
from PySide6.QtCore import QModelIndex, Qt, Slot
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from engine.specs import Glyphs, ImagesSpec, StoredImages
from engine.specs.proposals import validation_for
from engine.specs.schema import fields_of
from engine.store.index import Entry
from gui.pages import DATA, Place
from gui.pages.common.page import Page
from gui.pages.common.record_settings import RecordSettings
from gui.pages.data.orders import GalleryOrders
from gui.pages.data.reading_strip import ReadingStrip
from gui.pages.data.size_line import SizeLine
from gui.session import file_dialogs
from gui.widgets.elided_label import Elided
from gui.widgets.forms.form_area import FormArea
from gui.widgets.forms.remembered import remember
from gui.widgets.forms.spec_form import SpecForm
from gui.widgets.images.class_table import ClassTable
from gui.widgets.images.image_browser import ImageBrowser
from gui.widgets.keyed import PressKey
from gui.widgets.label import Label
from gui.widgets.sentence import Sentence

# Fields that identify stored images; the other fields are options for reading them.
IDENTITY = ("name", "digest")
LEFT_WIDTH = 340
NO_LABELS = np.zeros(0, np.int64)


class DataPage(Page):
    """Shows the current images, and lets the user choose others or change how they are read."""

    place: ClassVar[Place] = DATA

    def pieces(self) -> Iterator[None]:
        """Build the page, a part a step."""
        self._shown: ImagesSpec | None = None
        self.reading = ReadingStrip(self.workspace.importer, self)
        self.browser = ImageBrowser()
        self.browser.picked.connect(self._pick)
        yield
        body = QSplitter(Qt.Orientation.Horizontal)
        body.addWidget(self._build_left())
        yield
        body.addWidget(self.browser)
        body.setStretchFactor(1, 1)
        body.setSizes([LEFT_WIDTH, 1000])
        body.setCollapsible(0, False)
        body.setCollapsible(1, False)
        body.setHandleWidth(12)
        remember(body, "data")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 8)
        layout.setSpacing(12)
        layout.addLayout(self._build_heading())
        self.alarms = Sentence(self, lines=0)
        layout.addWidget(self.alarms)
        layout.addWidget(self.reading)
        layout.addWidget(body, 1)
        self.orders = GalleryOrders(self.workspace, self.browser)
        self._connect()
        self.refresh()

    @Slot(list)
    def _pick(self, indices: list[int]) -> None:
        self.workspace.selection.choose(indices, "picked on the page Data")

    # ----------------------------------------------------------------------------------- building

    def _build_heading(self) -> QHBoxLayout:
        self.name = Elided()
        self.name.setProperty("role", "title")
        self.facts = Label()
        self.facts.setProperty("role", "muted")
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self.name)
        texts.addWidget(self.facts)
        self.scale = Label()
        self.scale.setProperty("role", "muted")
        self.scale.setWordWrap(True)
        self.scale.setToolTip("Which values of the files became black and white")
        texts.addWidget(self.scale)
        self.kept = Label()
        self.kept.setProperty("role", "good")
        self.use = QPushButton("Use these images")
        self.use.setProperty("role", "primary")
        self.use.setToolTip("Note these images in the study, for networks to be trained on")
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addLayout(texts, 1)
        row.addWidget(self.kept)
        row.addWidget(self.use)
        return row

    def _build_left(self) -> QWidget:
        self.classes = ClassTable()
        left = QSplitter(Qt.Orientation.Vertical)
        left.addWidget(self._build_source())
        left.addWidget(self._build_classes())
        left.setCollapsible(0, False)
        left.setCollapsible(1, False)
        left.setHandleWidth(12)
        left.setSizes([360, 300])
        remember(left, "data_left")
        return left

    def _build_source(self) -> QFrame:
        self.form = SpecForm(ImagesSpec, exclude=IDENTITY, labels={"kind": "Source"})
        for name in IDENTITY:
            self.form.set_fixed(name, "")
        # Kinds of images that are chosen later keep the share that is proposed here.
        first = Glyphs()
        self.form.set_spec(first.replace("validation", validation_for(first.train)))
        self.open_folder = QPushButton("Open folder…")
        self.open_folder.setToolTip(
            "Read a folder with these settings; a dropped one settles them by itself"
        )
        self.open_files = QPushButton("Open files…")
        self.open_files.setToolTip("Read image files or an archive")
        self.show_images = QPushButton("Show")
        self.show_images.setToolTip("Read the images again, with these settings")
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.open_folder, self.open_files, self.show_images):
            buttons.addWidget(button)
        card, layout = _card()
        layout.addWidget(FormArea(self.form), 1)
        self.size_line = SizeLine(self.workspace, self.form)
        layout.addWidget(self.size_line)
        layout.addLayout(buttons)
        return card

    def _build_classes(self) -> QFrame:
        card, layout = _card()
        self.class_heading = Label()
        self.class_heading.setProperty("role", "heading")
        layout.addWidget(self.class_heading)
        layout.addWidget(self.classes, 1)
        return card

    def _connect(self) -> None:
        self.form.changed.connect(self._show_buttons)
        self.form.changed.connect(self._propose_limits)
        self.use.clicked.connect(self._use)
        self.open_folder.clicked.connect(self._open_folder)
        self.open_files.clicked.connect(self._open_files)
        self.show_images.clicked.connect(self._show_chosen)
        self.classes.clicked.connect(self._on_class)
        self.classes.activated.connect(self._on_class)
        self.workspace.images_changed.connect(self.refresh)
        self.workspace.study_changed.connect(self.refresh)
        self.workspace.record_added.connect(self._on_record)
        self.workspace.importer.changed.connect(self._show_buttons)
        PressKey(self.use, self)
        RecordSettings(self, self.form.set_spec)

    # ------------------------------------------------------------------------------------ showing

    @Slot()
    def refresh(self) -> None:
        """Show the current images."""
        spec, image_set = self.workspace.images, self.workspace.image_set
        self.name.setText(spec.title if spec is not None else "No images yet")
        self.facts.setText(self._facts())
        self._show_scale()
        self.browser.show_set(image_set)
        self.orders.refresh()
        if image_set is not None:
            self.classes.classes.show_classes(
                image_set.classes,
                image_set.train_labels,
                image_set.test_labels,
                image_set.validation_labels,
            )
        else:
            self.classes.classes.show_classes((), NO_LABELS, NO_LABELS, NO_LABELS)
        count = image_set.class_count if image_set is not None else 0
        self.class_heading.setText(f"Classes ({count})")
        if spec is not None and spec != self._shown:
            self.form.set_spec(spec)
        self._shown = spec
        self._propose_limits()
        self._show_buttons()

    @Slot()
    def _propose_limits(self) -> None:
        """Let a limit on the images begin at all there are, which leaves none out."""
        images = self.workspace.image_set
        if images is None:
            return
        held = len(images.train_images) + len(images.validation_images)
        for name, count in (("max_train", held), ("max_test", len(images.test_images))):
            self.form.propose(name, max(1, count))

    def _show_scale(self) -> None:
        """Show the rule for the values of the files, and which ways of storing tell classes."""
        image_set = self.workspace.image_set
        sentences = image_set.scale if image_set is not None else ()
        self.scale.setText(" ".join(sentences))
        self.scale.setVisible(bool(sentences))
        alarms = image_set.alarms if image_set is not None else ()
        self.alarms.say("\n".join(alarms), "warning")
        self.alarms.setVisible(bool(alarms))

    def _facts(self) -> str:
        spec, image_set = self.workspace.images, self.workspace.image_set
        if spec is None:
            return "Drop a folder anywhere on the window, or choose a source on the left."
        if image_set is None:
            return "Loading…"
        channels, height, width = image_set.shape
        colour = {1: "grey", 3: "colour"}.get(channels, "")
        text = "{counts} · {size} px {colour}".format(
            counts=image_set.counts,
            size=f"{width} × {height}",
            colour=colour,
        )
        if isinstance(spec, StoredImages):
            text += f" · content hash {spec.digest[:12]}"
        return text

    def _chosen(self) -> ImagesSpec | None:
        """Return the images spec of the form, or None while a field is invalid."""
        found = self.form.spec()
        return found if isinstance(found, ImagesSpec) else None

    @Slot()
    def _show_buttons(self) -> None:
        spec, reading = self._chosen(), self.workspace.importer.busy
        if spec is not None:  # do not hide or show buttons while a field is invalid
            stored = isinstance(spec, StoredImages)
            self.open_folder.setVisible(stored)
            self.open_files.setVisible(stored)
            self.show_images.setText("Read again" if stored else "Show")
        for button in (self.open_folder, self.open_files):
            button.setEnabled(spec is not None)
        # Stored images have no hash until the user opens their folder.
        known = spec is not None and bool(getattr(spec, "digest", "built in"))
        current = spec == self.workspace.images
        self.show_images.setEnabled(known and not current and not reading)
        used = current and self._in_study(spec)
        self.use.setEnabled(known and not used and not reading)
        self.kept.setText("In the study" if used else "")

    def _in_study(self, spec: ImagesSpec | None) -> bool:
        study = self.workspace.study
        return spec is not None and study is not None and study.has(spec)

    @Slot(object)
    def _on_record(self, entry: Entry) -> None:
        spec = self._chosen()
        if spec is not None and entry.key == spec.key:
            self._show_buttons()

    @Slot(QModelIndex)
    def _on_class(self, index: QModelIndex) -> None:
        self.browser.show_class(index.row())

    # ----------------------------------------------------------------------------------- choosing

    @Slot()
    def _show_chosen(self) -> None:
        spec = self._chosen()
        if spec is not None:
            self.workspace.importer.reread(spec)

    @Slot()
    def _use(self) -> None:
        spec = self._chosen()
        if spec is not None:
            self.workspace.importer.use(spec)

    @Slot()
    def _open_folder(self) -> None:
        path = file_dialogs.ask_image_folder(self)
        if path is not None:
            self._read(path)

    @Slot()
    def _open_files(self) -> None:
        paths = file_dialogs.ask_image_files(self)
        if len(paths) == 1:
            self._read(paths[0])
        elif paths:
            self.workspace.importer.take(paths)

    def _read(self, path: Path) -> None:
        spec = self._chosen()
        if spec is None:
            return
        options = {
            item.name: getattr(spec, item.name)
            for item in fields_of(type(spec))
            if item.name not in IDENTITY
        }
        self.workspace.importer.read_folder(path, options)


def _card() -> tuple[QFrame, QVBoxLayout]:
    card = QFrame()
    card.setProperty("role", "card")
    layout = QVBoxLayout(card)
    layout.setContentsMargins(12, 12, 12, 12)
    layout.setSpacing(8)
    return card, layout
