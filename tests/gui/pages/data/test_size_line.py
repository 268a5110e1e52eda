"""What images will take stands below their size, before they are read."""

import pytest

from engine import memory
from engine.specs import FolderImages, Glyphs, SmallCNN, Training
from gui.pages.data.page import DataPage
from gui.pages.data.size_line import needed
from gui.session.workspace import Workspace
from tests.gui.pages.data.test_page import labelled

SPEC = FolderImages(name="animals", digest="0123456789abcdef")
LARGE = SPEC.replace("image_size", 224)


@pytest.mark.parametrize(
    ("spec", "count", "allowed", "text"),
    [
        (LARGE, 20_000, 6 << 30, "20,000 images of 224 × 224 px take 3.0 GB of memory"),
        (
            LARGE,
            20_000,
            2 << 30,
            "20,000 images of 224 × 224 px take 3.0 GB: more than the 2.1 GB they may take in "
            "memory, so they are kept on the disk",
        ),
        (
            LARGE.replace("channels", "grey"),
            0,
            1_003_520_000,
            "20,000 images of 224 × 224 px fit into the 1.0 GB that images may take",
        ),
    ],
)
def test_that_size_and_place_are_said(spec, count, allowed, text):
    assert needed(spec, count, allowed) == text


@pytest.fixture
def page(qtbot):
    workspace = Workspace()
    workspace.runner.loaded = True
    found = DataPage(workspace)
    qtbot.addWidget(found)
    found.show()
    return found


def test_that_the_line_follows_the_form_while_it_is_edited(page, monkeypatch):
    monkeypatch.setattr(memory, "usable_memory", lambda: 4 << 30)
    monkeypatch.setenv(memory.SHARE, "25")
    page.workspace.choose_images(SPEC, labelled(100, 50))
    assert page.size_line.text() == "150 images of 32 × 32 px take 461 kB of memory"
    page.form.set_spec(LARGE.replace("image_size", 1024))
    assert page.size_line.text() == "150 images of 1024 × 1024 px take 472 MB of memory"
    page.form.set_spec(SPEC.replace("max_train", 10))
    assert "fit into the 1.1 GB" in page.size_line.text()
    page.form.set_spec(Glyphs())
    assert not page.size_line.isVisibleTo(page)


def test_that_the_train_page_says_what_large_images_and_evaluations_take(page, monkeypatch):
    pace = page.workspace.pace
    page.workspace.choose_images(SPEC, labelled(100, 50))
    monkeypatch.setattr("gui.session.pace.LARGE_BYTES", 1000)
    monkeypatch.setattr("gui.session.pace.image_memory", lambda: 1 << 30)
    training = Training(images=SPEC, network=SmallCNN())
    watched = "of the time measuring after each epoch"
    assert pace.needs([training]).startswith("images of 7 kB in memory; ")
    assert pace.needs([training]).endswith(watched)
    assert watched not in pace.needs([training.replace("epoch_images", 1)])
    monkeypatch.setattr("gui.session.pace.image_memory", lambda: 10)
    assert "in a file, beyond memory" in pace.needs([training])
    assert pace.needs([]) == ""
