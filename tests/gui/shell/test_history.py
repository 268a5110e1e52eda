"""A click on a network opens its record, and there is a way back to where the user was."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence

from gui.pages import DATA, MANIFOLD, RECORDS, RETRAIN, TRADEOFF
from gui.shell.main_window import MainWindow
from tests import made_up_study as made_up

WAIT_MS = 30_000


@pytest.fixture
def window(qtbot, tmp_path):
    study = made_up.sweep(tmp_path, eps=(0.02, 0.04, 0.06), norms=("linf",))
    found = MainWindow()
    qtbot.addWidget(found)
    found.workspace.runner.loaded = True
    found.show()
    qtbot.waitExposed(found)
    assert found.workspace.open_study(study.path)
    yield found
    found._closing = True


def network(eps=0.04):
    return made_up.network("linf", eps)


def shown(window, qtbot, key):
    qtbot.waitUntil(lambda: window.pages.page().shown_key == key, timeout=WAIT_MS)


def test_that_a_dot_of_the_trade_off_opens_its_record_and_alt_left_leads_back(window, qtbot):
    window.pages.show_place(TRADEOFF)
    page = window.pages.page()
    qtbot.waitUntil(lambda: bool(page.correlation.clouds), timeout=WAIT_MS)
    page.correlation.clouds[0].clicked.emit(network().key)
    assert window.pages.page().title == "Records"
    shown(window, qtbot, network().key)
    assert window.pages.page().view.title.text() == network().title
    back = window.menus.actions["back"]
    assert back.shortcut() == QKeySequence("Alt+Left")
    assert back.isEnabled()
    back.trigger()
    assert window.pages.page() is page


def test_that_a_row_of_the_trade_off_opens_its_record(window, qtbot):
    window.pages.show_place(TRADEOFF)
    table = window.pages.page().table
    qtbot.waitUntil(lambda: table.rowCount() > 0, timeout=WAIT_MS)
    table.choose(network().key)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    shown(window, qtbot, network().key)


def test_that_a_curve_of_the_retrain_page_opens_the_record_of_its_network(window, qtbot):
    window.pages.show_place(RETRAIN)
    window.pages.page().plot.clicked.emit(network().key)
    shown(window, qtbot, network().key)


def test_that_a_row_of_the_manifold_page_opens_the_record_of_its_network(window, qtbot):
    window.pages.show_place(MANIFOLD)
    window.pages.page().distances.opened.emit(network().key)
    shown(window, qtbot, network().key)


def test_that_links_between_records_are_walked_back_one_by_one(window, qtbot):
    window.pages.show_place(TRADEOFF)
    window.workspace.record_asked.emit(network().key)
    shown(window, qtbot, network().key)
    records = window.pages.page()
    records.view.origin.parents.linkActivated.emit(made_up.IMAGES.key)
    shown(window, qtbot, made_up.IMAGES.key)
    window.history.back()
    shown(window, qtbot, network().key)
    window.history.back()
    assert window.pages.page().title == "Trade-off"


def test_that_the_record_that_was_chosen_by_hand_is_found_again(window, qtbot):
    window.pages.show_place(RECORDS)
    page = window.pages.page()
    qtbot.waitUntil(lambda: page.table.model.total > 0, timeout=WAIT_MS)
    page.table.choose(network(0.02).key)
    page.view.to_page.click()
    assert window.pages.page().title == "Train"
    window.history.back()
    shown(window, qtbot, network(0.02).key)


def test_that_there_is_no_way_back_in_a_new_study(window, qtbot, tmp_path):
    window.pages.show_place(DATA)
    assert window.menus.actions["back"].isEnabled()
    assert window.workspace.open_study(tmp_path / "other.isthmus", create=True)
    assert not window.menus.actions["back"].isEnabled()
    window.history.back()
    assert window.pages.page().title == "Data"


def test_that_undo_and_redo_stand_in_the_menu_with_what_they_undo(window):
    undo, redo = (window.menus.actions[name] for name in ("undo", "redo"))
    assert undo.shortcut() == QKeySequence("Ctrl+Z")
    assert redo.shortcut() == QKeySequence("Ctrl+Shift+Z")
    assert not undo.isEnabled()
    window.workspace.edits.describe(name="For the talk")
    assert window.windowTitle().startswith("For the talk")
    assert "name of the study" in undo.text()
    undo.trigger()
    assert window.windowTitle().startswith("sweep")
    assert redo.isEnabled()


def test_that_a_renamed_network_has_its_name_in_pickers_and_tables(window, qtbot):
    window.pages.show_place(TRADEOFF)
    page = window.pages.page()
    qtbot.waitUntil(lambda: page.table.rowCount() > 0, timeout=WAIT_MS)
    window.workspace.edits.rename(network().key, "the strong one")
    names = lambda: [page.table.item(row, 0).text() for row in range(page.table.rowCount())]  # noqa: E731
    qtbot.waitUntil(lambda: "the strong one" in names(), timeout=WAIT_MS)
    window.pages.show_place(RETRAIN)
    listed = window.pages.page().form.picker.list
    assert any("the strong one" in listed.item(row).text() for row in range(listed.count()))


def test_that_a_deleted_network_leaves_pickers_and_tables(window, qtbot):
    window.pages.show_place(TRADEOFF)
    page = window.pages.page()
    qtbot.waitUntil(lambda: page.table.rowCount() == 4, timeout=WAIT_MS)
    assert window.workspace.edits.delete([network().key])
    qtbot.waitUntil(lambda: page.table.rowCount() == 3, timeout=WAIT_MS)
    window.workspace.edits.stack.undo()
    qtbot.waitUntil(lambda: page.table.rowCount() == 4, timeout=WAIT_MS)
