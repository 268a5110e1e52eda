"""Saving a study as one file, and opening such a file, as the window does it."""

from pathlib import Path

import pytest

from engine.store import trash
from engine.store.packing import pack, unpack
from engine.store.study import Study
from gui.session.files import packed
from gui.session.workspace import Workspace
from tests import made_up_study as made_up


@pytest.fixture
def workspace(qtbot):
    found = Workspace()
    found.runner.load_engine()
    qtbot.waitUntil(lambda: found.runner.loaded, timeout=120_000)
    yield found
    found.runner.shutdown()


def said(workspace):
    texts = []
    workspace.message.connect(lambda text, problem: texts.append((text, problem)))
    return texts


def test_that_a_copy_can_be_dropped_and_is_opened(workspace, qtbot, tmp_path):
    study = made_up.manifold(tmp_path)
    assert workspace.open_study(study.path)
    path = tmp_path / "elsewhere" / "copy.h5"
    path.parent.mkdir()
    texts = said(workspace)
    packed.save_copy(workspace, path)
    qtbot.waitUntil(lambda: len(texts) == 2, timeout=20_000)
    assert texts[-1][0].startswith("The study was copied to copy.h5")
    workspace.importer.take([path])
    folder = path.with_suffix(".isthmus")
    qtbot.waitUntil(lambda: workspace.study.path == folder, timeout=20_000)
    assert len(workspace.study.entries) == len(study.entries)


def test_that_a_file_that_was_unpacked_before_is_opened_again(workspace, qtbot, tmp_path):
    study = made_up.manifold(tmp_path)
    path = tmp_path / "copy.h5"
    pack(study, path)
    mine = unpack(path, path.with_suffix(".isthmus"))
    mine.describe(notes="mine")
    trash.delete(mine, [mine.entries[-1].key])
    texts = said(workspace)
    packed.open_packed(workspace, path, workspace.importer.open_study)
    qtbot.waitUntil(lambda: any("not unpacked again" in text for text, _ in texts), timeout=20_000)
    qtbot.waitUntil(lambda: workspace.study is not None, timeout=20_000)
    assert workspace.study.about["notes"] == "mine"
    assert not any("lacks" in text for text, _ in texts)


def test_that_a_file_that_was_replaced_since_it_was_unpacked_is_said(workspace, qtbot, tmp_path):
    path = tmp_path / "copy.h5"
    other = Study(tmp_path / "other.isthmus", create=True)
    pack(other, path)
    unpack(path, path.with_suffix(".isthmus"))
    made_up.add_images(other)
    made_up.add_network(other, made_up.network())
    pack(other, path)
    texts = said(workspace)
    packed.open_packed(workspace, path, workspace.importer.open_study)
    words = "The folder copy.isthmus beside copy.h5 was opened; the file was not unpacked again, "
    words += "and the folder lacks 2 records of it. Move the folder to unpack the file."
    qtbot.waitUntil(lambda: (words, True) in texts, timeout=20_000)
    qtbot.waitUntil(lambda: workspace.study is not None, timeout=20_000)
    assert not workspace.study.entries


def test_that_another_hdf5_file_is_refused_with_a_sentence(workspace, qtbot, tmp_path):
    path = tmp_path / "other.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(1000))
    texts = said(workspace)
    packed.open_packed(workspace, path, workspace.importer.open_study)
    qtbot.waitUntil(lambda: any(problem for _, problem in texts), timeout=20_000)
    assert texts[-1] == ("other.h5 is not a file that Isthmus wrote", True)
    assert workspace.study is None


def test_that_without_a_study_there_is_nothing_to_copy(workspace):
    texts = said(workspace)
    packed.save_copy(workspace, Path("x.h5"))
    assert texts == [("Open a study first: there is none to copy.", True)]
