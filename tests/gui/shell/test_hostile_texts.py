"""Texts of strangers' files, in every widget of every page of the window."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PySide6.QtCore import QAbstractListModel, QModelIndex, QPoint, Qt
from PySide6.QtGui import Qt as QtGui
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QGraphicsTextItem,
    QGraphicsView,
    QLabel,
    QMenu,
    QTabBar,
    QTextEdit,
    QToolTip,
    QWidget,
)

from engine.data.image_set import ImageSet, Skipped
from engine.jobs.events import Ended, Notice, Queued, Started
from engine.specs import FolderImages, Imported, SmallCNN
from engine.store.study import Study
from gui.look import settings
from gui.pages import PAGES, RECORDS
from gui.shell.main_window import MainWindow
from tests import made_up_study as made_up

ROWS = 40
SIDE = 8
MARK = "zz9"  # is in every text of the study, and in none of ours
TEXTS = {
    "markup": f"<img src='{{pipe}}'> <b>{MARK}</b> <a href='x'>&amp; &lt;u&gt; <table>",
    "signs": f"&File {MARK} && %n %s {{0}} {{name}} [*] $x^$ \\frac \x1b[31m \u202e \u200f _",
    "lines": f"{MARK}\n\n<i>two</i>\r\n\tthree\u2028\x00\x07",
    "long": f"{MARK} <b>" + "long " * 2000,
    "word": f"{MARK}<b>" + "W" * 10_000,
}


WATCH = """
import os, sys, time
while True:
    try:
        os.close(os.open(sys.argv[1], os.O_WRONLY | os.O_NONBLOCK))
        print("read", flush=True)
    except OSError:
        time.sleep(0.002)
"""


class Pipe:
    """A pipe whose readers are noted, and let go on at once, by a process of its own.

    A thread cannot do it: the window holds Python's lock while it reads a file.
    """

    def __init__(self, folder):
        self.path, self._notes = folder / "pipe", folder / "read"
        os.mkfifo(self.path)
        with open(self._notes, "wb") as notes:
            command = [sys.executable, "-c", WATCH, str(self.path)]
            self._process = subprocess.Popen(command, stdout=notes)

    @property
    def reads(self):
        return self._notes.read_bytes().count(b"read")

    def stop(self):
        self._process.kill()
        self._process.wait()


@pytest.fixture
def pipe(tmp_path):
    found = Pipe(tmp_path)
    yield found
    found.stop()


def hostile_study(folder, text):
    """Return a study in which every text that a file brings is this one, and its images."""
    study = Study(folder / "s.isthmus", create=True)
    study.describe(name=text, notes=text)
    images = FolderImages(name=text, digest="0" * 64, image_size=SIDE, channels="grey")
    classes = [f"{text} {label}" for label in range(10)]
    documents = {"classes": classes, "skipped": [[text, text]], "notes": [text], "files": [text]}
    made_up.add(study, images, {"classes": 10}, documents=documents)
    standard = made_up.network(images=images)
    networks = [standard, *(made_up.network("linf", e, images=images) for e in (0.02, 0.04, 0.06))]
    for spec in networks:
        made_up.add_network(study, spec)
        made_up.add_maps(study, spec)
        made_up.add_attack(study, spec)
        made_up.add_metric(study, spec)
        made_up.add_score(study, made_up.scored(spec, standard), 0.1)
    imported = Imported(images=images, network=SmallCNN(), name=text, digest="1" * 64)
    made_up.add(study, imported, {"clean_accuracy": 0.5}, documents={text: text, "notes": text})
    plane = made_up.plane_network()
    made_up.add_network(study, plane)
    made_up.add_boundary(study, plane)
    made_up.add_generator(study)
    made_up.add_distances(study, made_up.distances_of(), np.linspace(0, 1, 40))
    for entry in study.entries[::2]:
        study.labels.set(entry.key, title=text, note=text)
    return study, images, classes


def image_set(text, classes):
    pixels = np.zeros((20, 1, SIDE, SIDE), np.uint8)
    labels = np.arange(20, dtype=np.int64) % 10
    files = tuple(f"{text}/{text} {n}" for n in range(20))
    return ImageSet(
        train_images=pixels,
        train_labels=labels,
        test_images=pixels,
        test_labels=labels,
        classes=tuple(classes),
        train_files=files,
        test_files=files,
        skipped=(Skipped(text, text),),
        notes=(text,),
    )


@pytest.fixture(params=TEXTS)
def window(qtbot, tmp_path, pipe, request):
    text = TEXTS[request.param].replace("{pipe}", str(pipe.path))
    study, images, classes = hostile_study(tmp_path, text)
    name = "".join(letter for letter in text if letter not in "/\x00")[:80]
    recent = tmp_path / name
    recent.mkdir()
    settings.add_recent(recent)
    found = MainWindow(PAGES)
    qtbot.addWidget(found)
    found.text, found.pipe = text, pipe
    found.workspace.runner.loaded = True
    found.show()
    qtbot.waitExposed(found)
    assert found.workspace.open_study(study.path)
    for host in found.pages.hosts:
        host.build()
    found.workspace.choose_images(images, image_set(text, classes))
    say_everything(found, text)
    yield found
    found.workspace.runner.cancel()
    found._closing = True


def say_everything(window, text):
    """Let the engine and the importer say the text in each way they can."""
    workspace = window.workspace
    for key, outcome in (("a", "failed"), ("b", "finished"), ("c", "")):
        workspace.engine_event.emit(Queued(key * 20, "training", text))
        workspace.engine_event.emit(Started(key * 20, "training", text))
        if outcome:
            ended = Ended(key * 20, outcome, message=text, details=text, seconds=1.0)
            workspace.engine_event.emit(ended)
    workspace.engine_event.emit(Notice("a" * 20, text))
    workspace.message.emit(text, False)
    workspace.message.emit(text, True)


def texts_of(widget):
    """Yield (what it is, the text, whether "&" makes a key of it) for all that a widget shows."""
    if isinstance(widget, QLabel):
        yield "label", widget.text(), widget.buddy() is not None
    if isinstance(widget, QAbstractButton):
        yield "button", widget.text(), True
    if isinstance(widget, QMenu):
        yield from (("menu", action.text(), True) for action in widget.actions())
    if isinstance(widget, QTabBar):
        yield from (("tab", widget.tabText(n), True) for n in range(widget.count()))
    yield "window title", widget.windowTitle(), False


def columns_of(model):
    return 1 if isinstance(model, QAbstractListModel) else model.columnCount(QModelIndex())


def tips_of(widget):
    yield widget.toolTip()
    yield widget.statusTip()
    yield widget.whatsThis()
    yield from (action.toolTip() for action in widget.actions())
    models = []
    if isinstance(widget, QAbstractItemView) and widget.model() is not None:
        models.append(widget.model())
    if isinstance(widget, QComboBox):
        models.append(widget.model())
    for model in models:
        for row in range(min(model.rowCount(), ROWS)):
            for column in range(columns_of(model)):
                yield str(model.index(row, column).data(Qt.ItemDataRole.ToolTipRole) or "")
        for column in range(columns_of(model)):
            role = Qt.ItemDataRole.ToolTipRole
            yield str(model.headerData(column, Qt.Orientation.Horizontal, role) or "")
    if isinstance(widget, QGraphicsView) and widget.scene() is not None:
        yield from (item.toolTip() for item in widget.scene().items())


def is_rich(label):
    guessed = label.textFormat() == Qt.TextFormat.AutoText and QtGui.mightBeRichText(label.text())
    return guessed or label.textFormat() in (Qt.TextFormat.RichText, Qt.TextFormat.MarkdownText)


def shown_by(rich):
    """Return what a rich text shows, and the names of the tags in it."""
    document = QTextDocument()
    document.setHtml(rich)
    return document.toPlainText()


def check_widget(widget, text):
    for what, shown, has_keys in texts_of(widget):
        if MARK not in shown:
            continue
        assert all(c.isprintable() or c in "\n\t\u200f" for c in shown), (what, shown[:200])
        if what == "label" and is_rich(widget):
            assert "<img" not in shown
            assert "<b>" not in shown
            assert MARK in shown_by(shown)
        if has_keys:
            assert "&" not in shown.replace("&&", ""), (what, shown[:200])
        if what in ("button", "menu", "tab", "window title"):
            assert len(shown) < 500, what
            assert "\n" not in shown, what
    for tip in tips_of(widget):
        if MARK in tip:
            assert "<img" not in tip
            assert "<b>" not in tip
            assert len(tip) < 20_000
            assert max(map(len, tip.split("\n"))) < 1500
    if isinstance(widget, QTextEdit):
        assert MARK not in widget.toHtml()
    if isinstance(widget, QGraphicsView) and widget.scene() is not None:
        for item in widget.scene().items():
            if isinstance(item, QGraphicsTextItem) and MARK in item.toPlainText():
                assert "<img" not in item.toHtml()
                assert ("<b>" in text) == ("<b>" in item.toPlainText())


def everything():
    for top in QApplication.topLevelWidgets():
        yield top
        yield from top.findChildren(QWidget)


def test_that_no_text_of_a_file_is_taken_for_anything_else(window, qtbot):
    seen = 0
    for index in range(len(PAGES)):
        window.pages.show_index(index)
        qtbot.wait(120)
        window.grab()
        for widget in everything():
            check_widget(widget, window.text)
            seen += any(MARK in shown for _, shown, _ in texts_of(widget))
            seen += any(MARK in tip for tip in tips_of(widget))
    assert seen > 20, "the texts are not shown at all"
    assert window.pipe.reads == 0, "a file was opened because a text named it"
    assert window.minimumSizeHint().width() <= 1920, "a text widens the window"


def test_that_menus_boxes_and_tooltips_show_it_as_it_is(window, qtbot):
    window.menus._fill_recent()
    window.menus._fill_export()
    records = window.pages.hosts[PAGES.index(RECORDS)].page
    window.pages.show_index(PAGES.index(RECORDS))
    qtbot.wait(120)
    for entry in window.workspace.entries():
        records.show_record(entry.key)
        qtbot.wait(30)
        for widget in everything():
            check_widget(widget, window.text)
    records._ask_to_delete()
    for widget in everything():
        check_widget(widget, window.text)
    records._question.reject()
    tips = {tip for widget in everything() for tip in tips_of(widget) if MARK in tip}
    assert tips
    shown = 0
    for tip in sorted(tips)[:10]:
        QToolTip.showText(QPoint(5, 5), tip, window)
        qtbot.wait(20)
        for label in QApplication.topLevelWidgets():
            if label.inherits("QTipLabel"):
                label.grab()
                assert MARK in (shown_by(label.text()) if is_rich(label) else label.text())
                shown += 1
    QToolTip.hideText()
    assert shown, "no tooltip was shown"
    assert window.pipe.reads == 0, "a file was opened because a text named it"


def test_that_the_pipe_notes_who_reads_it(pipe, qtbot):
    """The test of the test: a label of Qt opens what its text names."""
    label = QLabel(f"<img src='{pipe.path}'>")
    qtbot.addWidget(label)
    label.grab()
    assert pipe.reads > 0
