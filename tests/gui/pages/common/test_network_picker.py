"""The list of networks."""

import dataclasses

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea

from engine.specs import Glyphs, PaperMLP, Training
from engine.store.study import Result
from gui.pages.common.check_all import CheckAll
from gui.pages.common.network_picker import NetworkPicker, lines_of
from gui.pages.train.runs import Runs
from gui.widgets.forms.side_panel import SidePanel
from tests.gui.synthetic_networks import GLYPHS, add_network, image_set, networks, open_workspace


@pytest.fixture
def workspace(qtbot, tmp_path):
    workspace, _ = open_workspace(tmp_path, count=6)
    yield workspace
    workspace.runner.shutdown()


@pytest.fixture
def picker(qtbot, workspace):
    picker = NetworkPicker(workspace, most=3)
    qtbot.addWidget(picker)
    picker.show()
    return picker


def keys(picker):
    return [network.key for network in picker.networks]


KEYS = [spec.key for spec in networks(6)]


def test_that_the_first_and_the_last_are_chosen_at_first(picker):
    assert keys(picker) == [KEYS[0], KEYS[5]]


def test_that_networks_of_the_open_images_are_chosen_before_others(workspace, picker):
    other = Glyphs(train=100, test=40, seed=1)
    spec = Training(images=other, network=networks(1)[0].network)
    add_network(workspace, spec)
    assert keys(picker) == [KEYS[0], KEYS[5]]
    workspace.choose_images(other, image_set())
    assert keys(picker) == [spec.key]


def test_that_checking_a_box_chooses(qtbot, picker):
    with qtbot.waitSignal(picker.changed, timeout=1000):
        picker.list.item(2).setCheckState(Qt.CheckState.Checked)
    assert keys(picker) == [KEYS[0], KEYS[2], KEYS[5]]


def test_that_beyond_the_limit_the_first_chosen_goes(picker):
    picker.choose(KEYS[1])
    picker.choose(KEYS[2])
    assert keys(picker) == [KEYS[1], KEYS[2], KEYS[5]]
    assert picker.list.item(0).checkState() == Qt.CheckState.Unchecked


def test_that_a_network_clicked_elsewhere_is_chosen(workspace, picker):
    workspace.selected.emit(KEYS[3])
    assert KEYS[3] in keys(picker)
    before = keys(picker)
    workspace.selected.emit("no network")
    assert keys(picker) == before


def test_that_chosen_networks_never_share_a_colour(qtbot, tmp_path):
    workspace, _ = open_workspace(tmp_path, count=12)
    picker = NetworkPicker(workspace, most=4)
    qtbot.addWidget(picker)
    picker.show()
    chosen = [spec.key for spec in networks(12)]
    for key in (chosen[0], chosen[8], chosen[1], chosen[9]):
        picker.choose(key)
    assert len({picker.series(key) for key in keys(picker)}) == 4
    workspace.runner.shutdown()


def test_that_networks_have_one_colour_on_every_page_and_after_reopening(qtbot, tmp_path):
    workspace, _ = open_workspace(tmp_path, count=12)
    pickers = [NetworkPicker(workspace, most) for most in (4, 1000)]
    for made in pickers:
        qtbot.addWidget(made)
    runs = Runs(workspace.colours.series)
    wanted = [spec.key for spec in networks(12)]
    for key in (wanted[8], wanted[0]):
        pickers[0].choose(key)
    found = [[made.series(key) for key in wanted] for made in pickers]
    found.append([runs.add(key, key).series for key in reversed(wanted)][::-1])
    assert found == [list(range(12))] * 3
    workspace.runner.shutdown()


def test_that_the_list_is_as_tall_as_its_rows_where_there_is_room(qtbot, tmp_path):
    workspace, _ = open_workspace(tmp_path, count=6)
    panel, picker = SidePanel(), NetworkPicker(workspace, most=4)
    qtbot.addWidget(panel)
    panel.lead(picker, "Networks")
    panel.resize(300, 900)
    panel.show()
    # Lines are broken for the width that the list has when it is shown.
    qtbot.waitUntil(lambda: not picker.list.verticalScrollBar().isVisible(), timeout=5000)
    assert picker.list.maximumHeight() == picker.list.height()
    qtbot.waitUntil(lambda: picker.height() - picker.list.height() < 60, timeout=5000)
    outer = picker.parentWidget()
    while outer is not None and not isinstance(outer, QScrollArea):
        outer = outer.parentWidget()
    assert outer is None
    workspace.runner.shutdown()


def test_that_a_network_keeps_its_colour(picker):
    before = picker.series(KEYS[5])
    picker.choose(KEYS[1])
    picker.refresh()
    assert picker.series(KEYS[5]) == before


def test_that_a_new_network_appears(qtbot, workspace, picker):
    count = picker.available
    add_network(workspace, networks(7)[6])
    assert picker.available == count + 1


def test_that_what_the_user_chose_stays_when_a_network_is_added(workspace, picker):
    picker.choose(KEYS[1])
    before = keys(picker)
    add_network(workspace, networks(7)[6])
    assert keys(picker) == before


def test_that_networks_of_other_images_stand_last_and_say_so(workspace, picker):
    other = Training(images=Glyphs(train=200), network=PaperMLP())
    add_network(workspace, other)
    last = picker.list.item(picker.list.count() - 1)
    assert "trained on Glyphs, 200" in last.text()


def test_that_networks_of_images_of_another_shape_are_left_out(workspace, picker):
    images = Glyphs(train=300)
    workspace.study.write(
        images, Result({"channels": 3, "height": 28, "width": 28}), seconds=0, provenance={}
    )
    count = picker.available
    add_network(workspace, Training(images=images, network=PaperMLP()))
    assert picker.available == count
    workspace.choose_images(GLYPHS, image_set(channels=3))
    assert picker.available == count + 1


def test_that_networks_of_one_title_are_told_apart(workspace, picker):
    first = networks(1)[0]
    add_network(workspace, dataclasses.replace(first, epochs=9))
    titles = [picker.list.item(row).text().splitlines()[0] for row in range(picker.list.count())]
    assert [title for title in titles if title.startswith(first.title)] == [
        f"{first.title} (epochs {first.epochs})",
        f"{first.title} (epochs 9)",
    ]


def test_that_pointing_at_a_network_highlights_it_everywhere(qtbot, workspace, picker):
    with qtbot.waitSignal(workspace.highlighted, timeout=1000) as said:
        picker.list.itemEntered.emit(picker.list.item(1))
    assert said.args == [KEYS[1]]
    assert picker.list.item(1).isSelected()
    workspace.highlighted.emit("")
    assert not picker.list.selectedItems()


def test_that_many_networks_can_be_searched(qtbot, workspace, picker):
    for spec in networks(12)[6:]:
        add_network(workspace, spec)
    picker.search.setText("standard")
    hidden = [picker.list.item(row).isHidden() for row in range(picker.list.count())]
    assert hidden.count(False) == 1


def test_that_an_empty_study_says_so(qtbot, tmp_path):
    workspace, _ = open_workspace(tmp_path / "none", count=0)
    picker = NetworkPicker(workspace)
    qtbot.addWidget(picker)
    picker.show()
    picker.show()
    assert picker.networks == []
    assert picker.empty.isVisible()
    workspace.runner.shutdown()


@pytest.mark.parametrize("room", [10, 22, 29, 60])
def test_that_a_line_never_ends_between_a_number_and_its_radius(room):
    parts = ["99.8 % clean", "65.0 % robust at L-inf 25.5/255 (one attack)", "trained on Glyphs"]
    lines = lines_of(parts, room, len)
    assert ", ".join(parts).split() == " ".join(lines).split()
    for whole in ("99.8 % clean", "65.0 % robust", "at L-inf 25.5/255"):
        assert sum(whole in line for line in lines) == 1
    longest = max(len("at L-inf 25.5/255"), room)
    assert all(len(line) <= longest for line in lines)


def test_that_the_list_breaks_its_lines_anew_for_another_width(picker):
    counts = {}
    for width in (150, 600):
        picker.resize(width, 400)
        texts = [picker.list.item(row).text() for row in range(picker.list.count())]
        counts[width] = max(text.count("\n") for text in texts)
        metrics, room = picker.list.fontMetrics(), picker.list.viewport().width()
        facts = [line for text in texts for line in text.split("\n")[1:] if "L-inf" in line]
        assert facts
        assert all(metrics.horizontalAdvance(line) <= room for line in facts)
    assert counts[150] > counts[600]


def test_that_check_all_is_offered_while_a_network_is_left_to_choose(qtbot, picker):
    button = CheckAll(picker)
    qtbot.addWidget(button)
    assert button.isEnabled()
    button.click()
    assert keys(picker) == KEYS[:3]
    assert not button.isEnabled()
    picker.choose_only(KEYS[1])
    assert button.isEnabled()


def test_that_check_all_takes_new_networks_in(qtbot, picker, workspace):
    picker.most = 10
    button = CheckAll(picker)
    qtbot.addWidget(button)
    button.click()
    assert not button.isEnabled()
    add_network(workspace, networks(7)[6])
    qtbot.waitUntil(button.isEnabled)


def test_that_check_all_speaks_of_the_networks_that_are_found(qtbot, picker):
    button = CheckAll(picker)
    qtbot.addWidget(button)
    picker.search.setText("no network is called so")
    assert not button.isEnabled()
