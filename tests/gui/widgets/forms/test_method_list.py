"""Attributions in groups: folded to the usual ones, found by a search, reached by keys."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QCheckBox

from engine.specs import AttributionSpec, Gradient, Rise
from engine.specs.attributions import GROUPS, OF_THE_PAPER
from engine.specs.methods import in_short
from engine.specs.schema import kinds_of
from gui.look.plain import plain_tip
from gui.widgets.forms.kinds import kinds
from gui.widgets.forms.method_picker import MethodPicker
from gui.widgets.label import Label
from tests.made_up_methods import registered


@pytest.fixture
def picker(qtbot):
    made = MethodPicker(AttributionSpec, groups=GROUPS, usual=OF_THE_PAPER)
    qtbot.addWidget(made)
    made.show()
    return made


def shown(picker):
    return [row.cls.kind for row in picker.list.rows if row.isVisible()]


def headings(picker):
    return [label.text() for label in picker.findChildren(Label) if label.isVisible()]


def test_that_the_list_begins_with_the_two_of_the_paper_and_no_heading(picker):
    assert shown(picker) == ["gradient", "gradient_x_input"]
    assert picker.list.more.text() == f"{len(picker.boxes) - 2} more methods…"
    assert headings(picker) == []


def test_that_all_stand_under_the_heading_of_their_group(picker):
    picker.list.more.click()
    assert shown(picker) == [cls.kind for cls in kinds_of(AttributionSpec)]
    column = picker.list.layout().itemAt(1).layout()
    texts, under = "", {}
    for place in range(column.count()):
        widget = column.itemAt(place).widget()
        if isinstance(widget, Label):
            texts = widget.text()
        elif hasattr(widget, "cls"):
            under[widget.cls.kind] = texts
    assert under == {cls.kind: GROUPS[cls.group] for cls in kinds_of(AttributionSpec)}


def test_that_the_search_finds_names_and_sources_and_hides_empty_groups(picker):
    picker.list.more.click()
    picker.list.search.setText("petsiuk")
    assert shown(picker) == ["rise"]
    assert headings(picker) == ["By hiding pixels"]
    picker.list.search.setText("smooth GRAD squared")
    assert shown(picker) == ["smoothgrad_squared"]
    picker.list.more.click()
    assert shown(picker) == ["gradient", "gradient_x_input"]


def test_that_what_is_chosen_by_a_record_or_a_session_is_shown_while_folded(picker):
    picker.choose_only(Rise(masks=10))
    assert shown(picker) == ["gradient", "gradient_x_input", "rise"]
    assert picker.chosen == [Rise(masks=10)]
    state = picker.remembered()
    picker.choose_only(Gradient())
    picker.list.more.click()
    picker.list.more.click()
    assert "rise" not in shown(picker)
    picker.recall(state)
    assert picker.chosen == [Rise(masks=10)]
    assert "rise" in shown(picker)


def test_that_keys_alone_unfold_it_search_and_choose(qtbot, picker):
    picker.boxes["gradient_x_input"].setFocus()
    for _ in range(5):
        if picker.list.more.hasFocus():
            break
        qtbot.keyClick(picker.window().focusWidget(), Qt.Key.Key_Tab)
    assert picker.list.more.hasFocus()
    qtbot.keyClick(picker.list.more, Qt.Key.Key_Space)
    assert picker.list.search.hasFocus()
    qtbot.keyClicks(picker.list.search, "deeplift")
    qtbot.keyClick(picker.list.search, Qt.Key.Key_Tab)
    assert picker.boxes["deeplift"].hasFocus()
    qtbot.keyClick(picker.boxes["deeplift"], Qt.Key.Key_Space)
    assert [spec.kind for spec in picker.chosen] == ["gradient", "deeplift"]


def test_that_every_part_has_a_name_and_every_method_one_sentence(picker):
    picker.list.more.click()
    for row in picker.list.rows:
        found = QAccessible.queryAccessibleInterface(row.box)
        assert found.text(QAccessible.Text.Name) == row.cls.label
        assert found.text(QAccessible.Text.Description) == plain_tip(in_short(row.cls))
        assert in_short(row.cls).endswith("."), row.cls.kind
    assert len(picker.list.findChildren(QCheckBox)) == len(picker.list.rows)
    assert picker.list.search.accessibleName() == "Find methods"


def test_that_a_method_declared_later_comes_into_its_group_and_is_shown(picker):
    with registered():
        kinds.grown.emit()
        assert picker.list.rows[-1].cls.kind == "rise"
        order = [row.cls.kind for row in picker.list.rows]
        assert order.index("made_up_attribution") == order.index("expected_gradients") + 1
        assert "made_up_attribution" in shown(picker)
        assert not picker.boxes["made_up_attribution"].isChecked()
