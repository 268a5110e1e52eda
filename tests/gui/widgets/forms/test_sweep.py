"""A sweep is a list of norm balls, whatever way its radii were typed."""

import pytest

from gui.widgets.forms.sweep import SweepEdit


@pytest.fixture
def sweep(qtbot):
    edit = SweepEdit()
    qtbot.addWidget(edit)
    edit.show()
    edit.set_values({"linf": (0.05, 8 / 255), "l2": (1.0,)}, ["linf"])
    return edit


def test_that_radii_are_a_list_of_floats_in_pixel_units(sweep):
    assert sweep.values("linf") == [0.05, 8 / 255]
    assert sweep.balls() == [("linf", 0.05), ("linf", 8 / 255)]


def test_that_radii_are_shown_back_in_both_conventions(sweep):
    sweep.edit_of("linf").set_text("0.1, 8/255")
    assert sweep.edit_of("linf").note.text() == "= 0.1, 0.03137  (25.5, 8 /255)"
    sweep.edit_of("linf").set_text("2/255, 4/255, 8 / 255")
    assert sweep.edit_of("linf").note.text() == "= 0.007843, 0.01569, 0.03137"


def test_that_a_range_becomes_its_radii(sweep, qtbot):
    with qtbot.waitSignal(sweep.changed, timeout=1000):
        sweep.edit_of("linf").set_text("0.1:0.3:3")
    assert sweep.values("linf") == [0.1, 0.2, 0.3]


def test_that_both_norms_may_be_swept_each_with_its_own_radii(sweep):
    assert not sweep.edit_of("l2").isVisible()
    sweep.box_of("l2").setChecked(True)
    assert sweep.edit_of("l2").isVisible()
    assert sweep.balls() == [("linf", 0.05), ("linf", 8 / 255), ("l2", 1.0)]


def test_that_a_radius_that_is_named_twice_counts_once(sweep):
    sweep.edit_of("linf").set_text("0.1, 0.2, 0.1")
    assert sweep.values("linf") == [0.1, 0.2]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "eps (L-inf) is empty"),
        ("0.1, x", "eps (L-inf): 'x' is no number"),
        ("0", "eps (L-inf) is 0, which is the standard network"),
        ("-0.1", "eps (L-inf) is -0.1, must be above 0 and at most 64"),
        ("8", "eps (L-inf) is 8, must be at most 1 in L-inf, as pixels are in [0, 1]; write 8/255"),
        ("65", "eps (L-inf) is 65, must be above 0 and at most 64"),
    ],
)
def test_that_a_wrong_list_is_said_and_gives_no_balls(sweep, text, fault):
    sweep.edit_of("linf").set_text(text)
    assert sweep.error().startswith(fault)
    assert sweep.balls() == []
    assert sweep._fault.isVisible()
    sweep.edit_of("linf").set_text("0.1")
    assert sweep.error() == ""
    assert not sweep._fault.isVisible()


def test_that_what_is_wrong_for_a_norm_that_is_off_does_not_matter(sweep):
    sweep.edit_of("l2").set_text("x")
    assert sweep.error() == ""
    sweep.box_of("l2").setChecked(True)
    assert sweep.error().startswith("eps (L2)")


def test_that_one_norm_has_to_be_on(sweep):
    sweep.box_of("linf").setChecked(False)
    assert sweep.error() == "Choose at least one norm."
    assert sweep.balls() == []
