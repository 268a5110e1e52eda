"""Measures every page and dialog on one screen, in a process of its own; prints JSON.

    python -m tests.gui.shell.small_screen WIDTH HEIGHT FOLDER [PICTURES]

WIDTH and HEIGHT are the logical size that a maximised window has. Each fault is a sentence.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEventLoop, QPoint, QRect, Qt, QTimer
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDialogButtonBox,
    QLineEdit,
    QScrollArea,
    QSlider,
    QStyle,
    QStyleOptionComboBox,
    QStyleOptionFrame,
    QTabWidget,
    QWidget,
)

from engine.data.image_set import ImageSet
from engine.figures.charts import ChartData, Series
from engine.jobs.events import Ended, Queued, Started
from engine.specs import PGD, FolderImages
from engine.store.study import Study
from gui import app as gui_app
from gui.look import theme
from gui.pages import PAGES
from gui.shell.main_window import MainWindow
from gui.widgets.forms.elided_combo import ElidedCombo
from gui.widgets.forms.number_edit import NumberEdit
from gui.widgets.scrolled import ScrolledArea
from tests import made_up_study as made_up

CLASSES = 1000
NAME = "一个很长的类别名称 with Latin words after it, and then as many again"
LONG = "L-inf of a sweep with a name that is as long as a sentence " * 3
ROOMY = (1024, 640)
WANTED = (QAbstractButton, QComboBox, QLineEdit, QSlider)
SIDE = 8
SETTLED_MS = 1000  # in which a page whose texts have just changed is laid out, on a busy machine
FIRST_LOOK_MS = 500  # pages read the study 300 ms after they are shown first


def pause(milliseconds=60):
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def long_study(folder):
    """Return a study with long names and 1,000 classes, its images' spec and the images."""
    study = Study(folder / "long.isthmus", create=True)
    study.describe(name=LONG, notes=LONG)
    images = FolderImages(name=NAME * 3, digest="0" * 64, image_size=SIDE, channels="grey")
    classes = [f"{NAME} {label}" for label in range(CLASSES)]
    made_up.add(study, images, {"classes": CLASSES}, documents={"classes": classes})
    standard = made_up.network(images=images)
    networks = [standard, *(made_up.network("linf", e, images=images) for e in (0.02, 0.04, 0.06))]
    for spec in networks:
        made_up.add_network(study, spec)
        made_up.add_maps(study, spec)
        made_up.add_attack(study, spec)
        made_up.add_metric(study, spec)
        made_up.add_score(study, made_up.scored(spec, standard), 0.1)
    plane = made_up.plane_network()
    made_up.add_network(study, plane)
    made_up.add_boundary(study, plane)
    made_up.add_generator(study)
    for entry in study.entries:
        study.labels.set(entry.key, title=LONG, note=LONG)
    pixels = np.zeros((CLASSES, 1, SIDE, SIDE), np.uint8)
    labels = np.arange(CLASSES, dtype=np.int64)
    files = tuple(f"{NAME}/{n}.png" for n in range(CLASSES))
    image_set = ImageSet(
        train_images=pixels,
        train_labels=labels,
        test_images=pixels,
        test_labels=labels,
        classes=tuple(classes),
        train_files=files,
        test_files=files,
    )
    return study, images, image_set


def room_in(line):
    """Return the pixels between the borders of a line edit."""
    option = QStyleOptionFrame()
    line.initStyleOption(option)
    return line.style().subElementRect(QStyle.SubElement.SE_LineEditContents, option, line).width()


def room_of(combo):
    """Return the pixels in which a list draws its chosen entry."""
    option = QStyleOptionComboBox()
    combo.initStyleOption(option)
    part = QStyle.SubControl.SC_ComboBoxEditField
    control = QStyle.ComplexControl.CC_ComboBox
    return combo.style().subControlRect(control, option, part, combo).width()


def tabs_of(page):
    """Show each tab of a page in turn, the first one last, and yield its name."""
    found = [tabs for tabs in page.findChildren(QTabWidget) if tabs.isVisibleTo(page)]
    for tabs in found:
        for index in [*range(1, tabs.count()), 0]:
            tabs.setCurrentIndex(index)
            yield f", {tabs.tabText(index)}"
    if not found:
        yield ""


def cut_off(page):
    """Yield a sentence for each control of the page that no scrolling brings into sight whole."""
    for area in page.findChildren(QScrollArea):
        never = area.horizontalScrollBarPolicy() == Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        over = area.widget().width() - area.viewport().width()
        if never and over > 0 and area.isVisibleTo(page):
            yield f"{type(area.parentWidget()).__name__} cuts {over} pixels off"
    for edit in page.findChildren(NumberEdit):
        over = edit.line.fontMetrics().horizontalAdvance(edit.text()) - room_in(edit.line)
        if edit.isVisibleTo(page) and over > 0:
            yield f"{edit.text()!r} is {over} pixels too wide for its field"
    for combo in page.findChildren(QComboBox):
        over = combo.fontMetrics().horizontalAdvance(combo.currentText()) - room_of(combo)
        if combo.isVisibleTo(page) and over > 0 and not isinstance(combo, ElidedCombo):
            yield f"{combo.currentText()[:20]!r} is {over} pixels too wide for its list"
    for widget in page.findChildren(QWidget):
        parent = widget.parentWidget()
        if not isinstance(widget, WANTED) or not widget.isVisibleTo(page) or parent is None:
            continue
        if widget.objectName().startswith("qt_") or isinstance(parent, QComboBox | QLineEdit):
            continue
        inside = parent
        while inside is not page and not isinstance(inside.parentWidget(), QScrollArea):
            place = QRect(widget.mapTo(inside, QPoint(0, 0)), widget.size())
            if not inside.rect().contains(place) and place.isValid():
                name = widget.accessibleName() or getattr(widget, "text", str)()
                yield f"{type(widget).__name__} {name!r} {place} leaves {inside.size()}"
                break
            inside = inside.parentWidget()
            if inside.parentWidget() is None:
                break


def faults_of_pages(window, size, pictures):
    """Yield sentences on the window's own size and on each page, the queue open and closed."""
    for place in PAGES:
        window.pages.show_place(place)
        pause(FIRST_LOOK_MS)
    for queue in (False, True):
        window.dock.set_expanded(queue)
        for place, host in zip(PAGES, window.pages.hosts, strict=True):
            window.pages.show_place(place)
            pause()
            where = f"{place.title}, queue {'open' if queue else 'closed'}"
            if pictures is not None:
                name = f"{size[0]}x{size[1]}-{place.title}-{queue}.png"
                window.grab().save(str(pictures / name))
            if window.size().toTuple() != size:
                yield f"{where}: the window is {window.size().toTuple()}"
            least = window.minimumSizeHint()
            if least.width() > size[0] or least.height() > size[1]:
                yield f"{where}: the window needs {least.toTuple()}"
            for tab in tabs_of(host.page):
                pause()
                for area in host.findChildren(ScrolledArea):
                    over = area.widget().width() - area.width()
                    if size >= ROOMY and over > 0 and area.isVisibleTo(host):
                        yield f"{where}{tab}: {over} pixels too wide for {area.width()}"
                if any(cut_off(host.page)):
                    pause(SETTLED_MS)
                yield from (f"{where}{tab}: {text}" for text in cut_off(host.page))


def dialogs(window):
    """Return the dialogs of the program, with long texts."""
    from engine.plan.planfile import Head
    from gui.experiments.dialog import ExperimentsDialog
    from gui.network.dialog import NetworkDialog
    from gui.palette.commands import Command
    from gui.palette.dialog import PaletteDialog
    from gui.plugins.dialog import OwnMethodsDialog
    from gui.plugins.own_methods import OwnMethods
    from gui.queue.continuing import ContinueDialog
    from gui.queue.retry import RetryDialog
    from gui.shell.about import AboutDialog, ShortcutsDialog
    from gui.shell.glossary import GlossaryDialog
    from gui.shell.messages.dialog import MessagesDialog
    from gui.shell.messages.log import MessageLog
    from gui.shell.settings_dialog import SettingsDialog
    from gui.widgets.export.dialog import ExportDialog
    from gui.widgets.forms.method_picker import MethodDialog
    from gui.widgets.forms.name_search import NameDialog
    from gui.widgets.label import Question
    from gui.widgets.text_dialog import TextDialog

    page = window.pages.hosts[3].page
    question = Question("Quit?", LONG * 20, LONG * 20, window)
    question.addButton("Stay", Question.ButtonRole.RejectRole)
    chart = ChartData((Series(LONG, [0, 1], [2, 3]),), LONG, "x", "y", LONG)
    return [
        question,
        SettingsDialog(window),
        GlossaryDialog(window),
        ShortcutsDialog([(f"Ctrl+{n}", LONG[:50]) for n in range(60)], window),
        AboutDialog(LONG, window),
        TextDialog(LONG, LONG * 20, LONG * 20, window),
        ExportDialog(chart, "chart", page),
        MethodDialog(PGD(), page),
        NameDialog((LONG, "b"), {}, 32, page),
        ContinueDialog(window.workspace, "", window),
        RetryDialog(made_up.network(), [], window),
        NetworkDialog(Path(NAME * 3), window.workspace, window),
        PaletteDialog([Command(("View", LONG), "Ctrl+1", pause)], window),
        OwnMethodsDialog(OwnMethods(window.workspace, ()), window),
        ExperimentsDialog(
            [(Head(Path(NAME * 3), LONG, LONG * 20, (NAME * 3, NAME)), {NAME: Path(NAME * 3)})],
            window.workspace,
            window,
        ),
        MessagesDialog(MessageLog(window), window),
    ]


def faults_of_dialogs(window, pictures):
    """Yield sentences on dialogs that the screen has no room for."""
    room = window.screen().availableGeometry()
    for dialog in dialogs(window):
        dialog.show()
        pause()
        name = type(dialog).__name__
        if pictures is not None:
            dialog.grab().save(str(pictures / f"{room.width()}-{name}.png"))
        if dialog.width() > room.width() or dialog.height() > room.height():
            yield f"{name} is {dialog.size().toTuple()} on {room.size().toTuple()}"
        for box in dialog.findChildren(QDialogButtonBox):
            place = QRect(box.mapTo(dialog, QPoint(0, 0)), box.size())
            if not dialog.rect().contains(place) or not dialog.isVisible():
                yield f"{name}: its buttons at {place} leave {dialog.size().toTuple()}"
        dialog.close()


def main():
    """Measure everything once."""
    size, folder = (int(sys.argv[1]), int(sys.argv[2])), Path(sys.argv[3])
    pictures = Path(sys.argv[4]) if len(sys.argv) > 4 else None
    app = gui_app.make_application()
    theme.apply(app, "light")
    window = MainWindow(PAGES)
    study, images, image_set = long_study(folder)
    window.workspace.runner.loaded = True
    assert window.workspace.open_study(study.path)
    for host in window.pages.hosts:
        host.build()
        assert host.page is not None, host.place.title
    window.workspace.choose_images(images, image_set)
    for key, outcome in (("a", "failed"), ("b", "")):
        window.workspace.engine_event.emit(Queued(key * 20, "training", LONG))
        window.workspace.engine_event.emit(Started(key * 20, "training", LONG))
        if outcome:
            ended = Ended(key * 20, outcome, message=LONG, details=LONG, seconds=1.0)
            window.workspace.engine_event.emit(ended)
    window.workspace.message.emit(LONG, True)
    window.resize(*size)
    window.show()
    window.workspace.records_changed.emit()
    pause(300)
    found = [*faults_of_pages(window, size, pictures), *faults_of_dialogs(window, pictures)]
    print(json.dumps({"scale": window.devicePixelRatio(), "faults": found}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
