"""The dialog that opens a network: what it finds, measures and imports."""

from threading import Event

import pytest
import shiboken6
import torch
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QApplication

from engine import specs
from engine.data.images import ingest
from engine.networks.architectures import build
from engine.specs import Glyphs, Imported
from engine.training import proposing
from gui.network.dialog import NO_IMAGES, NetworkDialog
from gui.session.workspace import Workspace
from tests import image_files
from tests.gui.fakes import WAIT_MS

SMALL = specs.SmallCNN(width=4, hidden=8)
GLYPHS = Glyphs(train=30, test=40)
NONE = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def workspace(qtbot, tmp_path):
    found = Workspace()
    found.runner.loaded = True
    assert found.open_study(tmp_path / "s.isthmus", create=True)
    yield found
    found.runner.shutdown()


@pytest.fixture
def file(tmp_path):
    return saved(tmp_path / "mine.pt")


def saved(path, classes=10, **more):
    generator = torch.Generator().manual_seed(0)
    made = build(SMALL, shape=(1, 28, 28), classes=classes, generator=generator)
    state = {f"module.{name}": value for name, value in made[1].state_dict().items()}
    torch.save({"net": state, **more}, path)
    return path


@pytest.fixture
def dialog(qtbot, workspace, file):
    return shown(qtbot, workspace, file)


def shown(qtbot, workspace, path):
    found = NetworkDialog(path, workspace)
    qtbot.addWidget(found)
    found.show()
    return found


def choose(qtbot, workspace, images=GLYPHS):
    with qtbot.waitSignals([workspace.images_changed] * 2, timeout=WAIT_MS):
        workspace.choose_images(images)


def decided(qtbot, dialog):
    qtbot.waitUntil(lambda: dialog.search.decision is not None, timeout=WAIT_MS)
    return dialog.search.decision


def test_that_what_was_found_is_shown_and_waits_for_images(qtbot, workspace, dialog):
    qtbot.waitUntil(lambda: dialog.search.found is not None, timeout=WAIT_MS)
    assert dialog.heading.text() == "mine.pt holds Small CNN."
    assert "10 classes" in dialog.facts.text()
    assert dialog.measured.text() == NO_IMAGES
    assert not dialog.accept_button.isEnabled()
    choose(qtbot, workspace)
    decided(qtbot, dialog)
    assert dialog.accept_button.isEnabled()


def test_that_the_best_row_is_selected_and_another_can_be_chosen(
    qtbot, workspace, file, monkeypatch
):
    choose(qtbot, workspace)
    dialog = shown(qtbot, workspace, file)
    decision = decided(qtbot, dialog)
    assert dialog.table.choice() == decision.proposed
    assert dialog.table.rowCount() == len(decision.choices) >= 3
    row = next(
        row for row in range(dialog.table.rowCount()) if dialog.table.item(row, 0).text() == "none"
    )
    dialog.table.selectRow(row)
    queued = []
    monkeypatch.setattr(workspace, "run", queued.extend)
    dialog.accept()
    qtbot.waitUntil(lambda: bool(queued), timeout=WAIT_MS)
    (spec,) = queued
    assert isinstance(spec, Imported)
    assert spec.network == SMALL.replace("normalization", "none")
    assert (spec.entry, spec.images, spec.outputs) == ("net", GLYPHS, None)
    assert workspace.study.locate(spec.digest) == file


def test_that_measuring_can_be_stopped_and_the_dialog_stays(qtbot, workspace, file):
    choose(qtbot, workspace)
    dialog = shown(qtbot, workspace, file)
    qtbot.waitUntil(lambda: dialog.search.measuring, timeout=WAIT_MS)
    assert not dialog.stop_button.isHidden()
    dialog.stop_button.click()
    assert not dialog.search.measuring
    assert "stopped" in dialog.measured.text()
    assert dialog.search.found is not None
    assert not dialog.accept_button.isEnabled()


def test_that_the_place_in_the_file_can_be_chosen(qtbot, workspace, tmp_path):
    generator = torch.Generator().manual_seed(1)
    other = build(SMALL, shape=(1, 28, 28), classes=10, generator=generator)[1].state_dict()
    choose(qtbot, workspace)
    dialog = shown(qtbot, workspace, saved(tmp_path / "two.pt", best=other))
    decided(qtbot, dialog)
    assert [dialog.places.itemText(row) for row in range(2)] == ["net", "best"]
    dialog.places.setCurrentIndex(1)
    dialog.places.activated.emit(1)
    qtbot.waitUntil(lambda: dialog.search.found is not None, timeout=WAIT_MS)
    assert dialog.search.found.place == "best"
    decided(qtbot, dialog)


def test_that_another_architecture_can_be_named(qtbot, workspace, file):
    choose(qtbot, workspace)
    dialog = shown(qtbot, workspace, file)
    decided(qtbot, dialog)
    dialog.other.click()
    assert dialog.form.spec().kind == "small_cnn"
    dialog.form.set_spec(specs.PaperMnistCNN())
    qtbot.waitUntil(lambda: bool(dialog.search.problem), timeout=WAIT_MS)
    assert "does not fit Paper's MNIST network" in dialog.heading.text()
    assert not dialog.accept_button.isEnabled()
    dialog.form.set_spec(SMALL)
    decided(qtbot, dialog)


def test_that_images_of_another_shape_are_named(qtbot, workspace, file):
    choose(qtbot, workspace, specs.Gaussians2D(per_class=20))
    dialog = shown(qtbot, workspace, file)
    qtbot.waitUntil(lambda: bool(dialog.search.fault), timeout=WAIT_MS)
    assert "for grey images such as 28x28 px" in dialog.measured.text()
    assert not dialog.accept_button.isEnabled()


def test_that_a_name_is_shown_as_letters(qtbot, workspace, tmp_path):
    path = saved(tmp_path / "<b>bold<.pt")
    dialog = shown(qtbot, workspace, path)
    qtbot.waitUntil(lambda: dialog.search.found is not None, timeout=WAIT_MS)
    assert dialog.heading.textFormat().name == "PlainText"
    assert dialog.heading.text().startswith("<b>bold<.pt holds")


def test_that_closing_stops_everything(qtbot, workspace, file):
    choose(qtbot, workspace)
    dialog = shown(qtbot, workspace, file)
    dialog.reject()
    assert not dialog.search.measuring
    assert workspace.entries() == []


# --------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<!DOCTYPE html><title>Virus scan warning</title>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "is a Git LFS pointer"),
        (b"\x80\x04\x95\x10\x00\x00\x00", "is a Python pickle"),
    ],
)
def test_that_what_is_no_weights_file_is_said_and_no_architecture_asked_for(
    qtbot, workspace, tmp_path, content, words
):
    path = tmp_path / "net.pth"
    path.write_bytes(content)
    dialog = shown(qtbot, workspace, path)
    qtbot.waitUntil(lambda: bool(dialog.search.problem), timeout=WAIT_MS)
    assert dialog.heading.text().startswith(f"net.pth {words}")
    assert dialog.other.isHidden()
    assert not dialog.accept_button.isEnabled()


def test_that_a_whole_object_is_named_and_weights_of_no_network_can_be_named(
    qtbot, workspace, tmp_path
):
    whole, odd = tmp_path / "whole.pth", tmp_path / "odd.pth"
    torch.save(torch.nn.Linear(2, 2), whole)
    dialog = shown(qtbot, workspace, whole)
    qtbot.waitUntil(lambda: bool(dialog.search.problem), timeout=WAIT_MS)
    assert "of class torch.nn.modules.linear.Linear" in dialog.heading.text()
    assert dialog.other.isHidden()
    torch.save({"unknown.weight": torch.ones(3, 3)}, odd)
    dialog = shown(qtbot, workspace, odd)
    qtbot.waitUntil(lambda: bool(dialog.search.problem), timeout=WAIT_MS)
    assert not dialog.other.isHidden()


# ------------------------------------------------------------------------------------- going back


def undo(qtbot, dialog):
    dialog.activateWindow()
    qtbot.keyClick(dialog, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)


def test_that_another_row_is_taken_back_and_import_takes_what_is_shown(qtbot, workspace, file):
    choose(qtbot, workspace)
    dialog = shown(qtbot, workspace, file)
    proposed = decided(qtbot, dialog).proposed
    assert dialog.back.isHidden()
    dialog.table.selectRow(dialog.table.rowCount() - 1)
    dialog.table.selectRow(1)
    middle = dialog.table.choice()
    dialog.table.selectRow(0)
    assert len({id(proposed), id(middle), id(dialog.table.choice())}) >= 2
    dialog.go_back()
    assert dialog.table.choice() is middle
    dialog.go_back()
    dialog.go_back()
    assert dialog.table.choice() is proposed
    assert dialog.back.isHidden()
    dialog.go_back()
    assert dialog.accept_button.isEnabled()


def test_that_what_is_found_after_the_dialog_was_deleted_is_dropped(
    qtbot, workspace, tmp_path, monkeypatch
):
    choose(qtbot, workspace)
    go_on, found = Event(), []
    real = proposing.sentences

    def slow(*given):
        assert go_on.wait(WAIT_MS / 1000)
        found.append(given)
        return real(*given)

    monkeypatch.setattr(proposing, "sentences", slow)
    dialog = NetworkDialog(saved(tmp_path / "net.pt"), workspace)
    shiboken6.delete(dialog)
    go_on.set()
    qtbot.waitUntil(lambda: bool(found), timeout=WAIT_MS)
    answered = []
    workspace.runner.ask("behind it", lambda _: None, answered.append, answered.append, long=True)
    qtbot.waitUntil(lambda: bool(answered), timeout=WAIT_MS)  # a fault would fail the test


def test_that_a_named_architecture_and_a_place_are_taken_back(qtbot, workspace, tmp_path):
    generator = torch.Generator().manual_seed(1)
    other = build(SMALL, shape=(1, 28, 28), classes=10, generator=generator)[1].state_dict()
    choose(qtbot, workspace)
    dialog = shown(qtbot, workspace, saved(tmp_path / "two.pt", best=other))
    decided(qtbot, dialog)
    dialog.places.setCurrentIndex(1)
    dialog.places.activated.emit(1)
    qtbot.waitUntil(lambda: dialog.search.found is not None, timeout=WAIT_MS)
    decided(qtbot, dialog)
    dialog.other.click()
    dialog.form.set_spec(specs.PaperMnistCNN())
    qtbot.waitUntil(lambda: bool(dialog.search.problem), timeout=WAIT_MS)
    dialog.go_back()
    decided(qtbot, dialog)
    assert not dialog.other.isChecked()
    assert dialog.form.isHidden()
    assert (dialog.search.found.network, dialog.search.found.place) == (SMALL, "best")
    assert dialog.form.spec().kind == SMALL.kind
    dialog.back.click()
    decided(qtbot, dialog)
    assert dialog.search.found.place == dialog.places.currentText() == "net"
    assert dialog.back.isHidden()


def test_that_folding_the_form_takes_the_found_architecture_again(qtbot, workspace, file):
    choose(qtbot, workspace)
    dialog = shown(qtbot, workspace, file)
    decided(qtbot, dialog)
    dialog.other.click()
    dialog.form.set_spec(specs.PaperMnistCNN())
    qtbot.waitUntil(lambda: bool(dialog.search.problem), timeout=WAIT_MS)
    dialog.other.click()
    decided(qtbot, dialog)
    assert dialog.heading.text() == "mine.pt holds Small CNN."


def test_that_ctrl_z_goes_back_and_enter_never_cancels(qtbot, workspace, file):
    dialog = shown(qtbot, workspace, file)
    qtbot.waitUntil(lambda: dialog.search.found is not None, timeout=WAIT_MS)
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    assert dialog.isVisible()
    choose(qtbot, workspace)
    proposed = decided(qtbot, dialog).proposed
    assert dialog.accept_button.isDefault()
    dialog.table.selectRow(dialog.table.rowCount() - 1)
    assert not dialog.back.isHidden()
    undo(qtbot, dialog)
    assert dialog.table.choice() is proposed


# ----------------------------------------------------------------------------------------- dropping


def test_that_images_dropped_on_the_dialog_are_read(qtbot, workspace, dialog, tmp_path):
    taken = []
    workspace.importer.take = taken.extend
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    for kind in (QDragEnterEvent, QDragMoveEvent):
        event = kind(QPoint(5, 5), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, NONE)
        event.ignore()
        QApplication.sendEvent(dialog, event)
        assert event.isAccepted()
    drop = QDropEvent(
        QPointF(5, 5), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, NONE
    )
    QApplication.sendEvent(dialog, drop)
    assert not taken, "nothing opens during a drop"
    qtbot.waitUntil(lambda: taken == [tmp_path], timeout=WAIT_MS)


def test_that_a_text_is_not_taken(qtbot, dialog):
    mime = QMimeData()
    mime.setText("words")
    event = QDragEnterEvent(
        QPoint(5, 5), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, NONE
    )
    event.ignore()
    QApplication.sendEvent(dialog, event)
    assert not event.isAccepted()


def test_that_few_test_images_are_offered_to_be_read_all_for_tests(
    qtbot, workspace, file, tmp_path, monkeypatch
):
    few = image_files.write(
        tmp_path / "few", image_files.classes({"a": 20, "b": 20, **{str(k): 1 for k in range(8)}})
    )
    spec, images = ingest(few, image_size=28, channels="grey")
    workspace.study.set_location(spec.digest, few)
    workspace.choose_images(spec, images)
    dialog = shown(qtbot, workspace, file)
    decided(qtbot, dialog)
    assert not dialog.read_so.isHidden()
    asked = []
    monkeypatch.setattr(workspace.importer, "read_folder", lambda *given: asked.append(given))
    dialog.read_so.click()
    assert asked == [(few, {"image_size": 28, "channels": "grey", "test_fraction": 1.0})]
