"""What Ctrl+Z takes back, one row each; a drop is undone on the page where it was made."""

import numpy as np
import pytest

from engine.specs import FolderImages, Glyphs
from gui.pages.attack.page import AttackPage
from gui.pages.maps.page import MapsPage
from tests.gui.synthetic_networks import image_set, networks, open_workspace

OTHERS = Glyphs(train=50, test=40)


@pytest.fixture
def workspace(tmp_path):
    found, _ = open_workspace(tmp_path)
    yield found
    found.runner.shutdown()


def drop_guest(workspace, name="one"):
    """Take an image as a drop on Attack or Maps does, once it was read."""
    spec = FolderImages(name=name, digest="d" * 64)
    answer = spec, image_set(test=1), 1, ""
    workspace.guests._take(workspace.study, workspace.images, answer)
    return spec


def drop_images(workspace):
    """Take other images as the importer does; those before are read again on a lane, not here."""
    workspace.runner.ask = lambda *_, **__: None
    workspace.importer.choose(OTHERS, image_set())


def first(workspace):
    return networks()[0].key


ROWS = {
    "title of a record": (
        lambda w: w.edits.rename(first(w), "mine"),
        lambda w: w.study.entry(first(w)).title,
    ),
    "note of a record": (
        lambda w: w.edits.note(first(w), "look"),
        lambda w: w.study.labels.of(first(w)).note,
    ),
    "name of the study": (
        lambda w: w.edits.describe(name="other"),
        lambda w: w.study.about.get("name"),
    ),
    "notes of the study": (
        lambda w: w.edits.describe(notes="some"),
        lambda w: w.study.about.get("notes", ""),
    ),
    "deletion": (
        lambda w: w.edits.delete([first(w)]),
        lambda w: sorted(entry.key for entry in w.study.entries),
    ),
    "images dropped on Data": (
        drop_images,
        lambda w: w.images,
    ),
    "images dropped on Attack or Maps": (
        drop_guest,
        lambda w: [guest.spec.name for guest in w.guests.shown.guests],
    ),
}


@pytest.mark.parametrize("what", ROWS)
def test_that_undo_takes_it_back_and_redo_does_it_again(workspace, what):
    act, state = ROWS[what]
    before = state(workspace)
    act(workspace)
    after = state(workspace)
    assert after != before
    assert workspace.edits.stack.undoText()
    said = []
    workspace.message.connect(lambda text, error: said.append((text, error)))
    what = workspace.edits.stack.undoText()
    workspace.edits.stack.undo()
    assert state(workspace) == before
    assert said[-1][0].startswith(f"Undone: {what}.")
    workspace.edits.stack.redo()
    assert state(workspace) == after
    assert said[-1] == (f"Done again: {what}.", False)


def test_that_undo_of_a_drop_of_images_names_those_that_are_back(workspace):
    said, before = [], workspace.images.title
    workspace.message.connect(lambda text, error: said.append(text))
    drop_images(workspace)
    workspace.edits.stack.undo()
    assert said[-1] == f"Undone: choice of “{OTHERS.title}”. “{before}” is chosen again."


@pytest.mark.parametrize("kind", [AttackPage, MapsPage])
def test_that_undo_of_a_drop_shows_the_images_that_it_replaced(qtbot, workspace, kind):
    page = kind(workspace)
    qtbot.addWidget(page)
    page.resize(1200, 760)
    page.show()
    chosen = (7,) if kind is AttackPage else (7, 3)  # Maps shows several
    page.strip.choose(chosen)
    count = len(page.images.shown)
    drop_guest(workspace)
    assert page.strip.chosen[0] == count
    workspace.edits.stack.undo()
    assert page.strip.chosen == chosen
    assert len(page.images.shown) == count
    np.testing.assert_array_equal(page.images.shown[7], workspace.image_set.test_images[7])


def test_that_dropping_the_same_twice_is_undone_to_once(workspace):
    drop_guest(workspace)
    drop_guest(workspace)
    workspace.edits.stack.undo()
    assert len(workspace.guests.shown.guests) == 1
    workspace.edits.stack.undo()
    assert not workspace.guests.shown.guests
