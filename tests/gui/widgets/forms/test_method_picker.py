"""Check boxes for every kind of a family."""

import pytest

from engine.specs import FGSM, PGD, AttackSpec
from gui.widgets.forms.method_picker import MethodDialog, MethodPicker


@pytest.fixture
def picker(qtbot):
    picker = MethodPicker(AttackSpec)
    qtbot.addWidget(picker)
    return picker


def test_that_the_first_kind_is_chosen_at_first(picker):
    assert picker.chosen == [FGSM()]


def test_that_checked_kinds_come_in_the_order_of_the_list(qtbot, picker):
    with qtbot.waitSignal(picker.changed, timeout=1000):
        picker.boxes["pgd"].setChecked(True)
    assert picker.chosen == [FGSM(), PGD()]


def test_that_settings_are_kept(qtbot, picker):
    with qtbot.assertNotEmitted(picker.changed):
        picker.set_settings(PGD(steps=3))
    picker.boxes["pgd"].setChecked(True)
    assert picker.chosen[1] == PGD(steps=3)


def test_that_wrong_settings_cannot_be_accepted(qtbot, picker):
    dialog = MethodDialog(PGD(steps=3), picker)
    qtbot.addWidget(dialog)
    dialog.form.edit_of("steps").show_value(7)
    assert dialog.spec == PGD(steps=7)
    dialog.form.edit_of("restarts").show_value(5)
    ok = dialog._buttons.button(dialog._buttons.StandardButton.Ok)
    assert not ok.isEnabled()
