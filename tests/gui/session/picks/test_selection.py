"""Images picked in one place are those of all others, visibly, until the selection is cleared."""

import numpy as np
import pytest

from engine.specs import Glyphs
from gui.session.workspace import Workspace
from gui.shell.status_line import StatusLine
from gui.widgets.images.image_browser import ImageBrowser
from gui.widgets.images.image_strip import ImageStrip
from tests.gui.pages.train.test_page import IMAGES, image_set


@pytest.fixture
def workspace(qapp):
    found = Workspace()
    found.choose_images(IMAGES, image_set())
    return found


def test_that_the_selection_is_sorted_announced_once_and_cleared(workspace):
    heard = []
    workspace.selection.changed.connect(lambda: heard.append(workspace.selection.indices))
    for _ in range(2):
        workspace.selection.choose([7, 3, 3], "picked")
    workspace.selection.clear()
    assert heard == [(3, 7), ()]
    assert workspace.selection.words == ""


def test_that_other_images_clear_it(workspace):
    workspace.selection.choose([1], "picked")
    workspace.choose_images(IMAGES, image_set())
    assert workspace.selection.indices == (1,)
    workspace.choose_images(Glyphs(train=30, test=20), image_set(train=30))
    assert workspace.selection.indices == ()


def test_that_the_status_line_shows_and_clears_it(workspace, qtbot):
    line = StatusLine(workspace)
    qtbot.addWidget(line)
    assert line.selection.isHidden()
    workspace.selection.choose([1, 4], "picked on the page Data")
    assert not line.selection.isHidden()
    assert line.selection.text().startswith("2 selected")
    assert "picked on the page Data" in line.selection.toolTip()
    line.selection.click()
    assert workspace.selection.indices == ()
    assert line.selection.isHidden()


def test_that_a_strip_lists_the_selected_images_and_those_with_names(qtbot):
    strip = ImageStrip(3)
    qtbot.addWidget(strip)
    strip.set_images(np.zeros((6, 1, 2, 2), np.uint8), np.arange(6), list("abcdef"), {5: "own"})
    strip.narrow([1, 3])
    assert strip._model.order.tolist() == [5, 1, 3]
    strip.classes.setCurrentIndex(1 + 3)
    assert strip._model.order.tolist() == [3]
    strip.classes.setCurrentIndex(0)
    strip.narrow(None)
    assert sorted(strip._model.order.tolist()) == [0, 1, 2, 3, 4, 5]


def test_that_marked_test_images_are_picked_and_training_images_are_not(qtbot):
    browser = ImageBrowser()
    qtbot.addWidget(browser)
    browser.show_set(image_set())
    browser.show_class(1)
    assert not browser.pick.isEnabled()
    heard = []
    browser.picked.connect(heard.append)
    browser.grid.selectAll()
    browser.pick.click()
    assert heard == [[index for index in range(20) if index % 2 == 1]]
    browser.part.setCurrentIndex(browser.part.findData("train"))
    browser.grid.selectAll()
    assert not browser.pick.isEnabled()
    assert "test images" in browser.pick.toolTip()


def test_that_the_button_that_picks_is_whole_beside_long_orders_and_names(qtbot):
    browser = ImageBrowser()
    qtbot.addWidget(browser)
    browser.show_set(image_set())
    browser.label.addItem("a very long name of a class" * 3)
    browser.offer_orders([("Accuracy by class: the loss, under attack" * 2, 1)])
    browser.resize(browser.minimumSizeHint())
    with qtbot.waitExposed(browser):
        browser.show()
    pick = browser.pick
    assert browser.order.isVisible()
    assert pick.width() >= pick.fontMetrics().horizontalAdvance(pick.text())
