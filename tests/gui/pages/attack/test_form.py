"""The form of an attack."""

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QScrollArea

from engine.specs import FAB, FGSM, PGD, AttackSpec, SquareAttack
from engine.specs.schema import kinds_of
from gui.look import theme
from gui.pages.attack.form import STEPS, AttackForm
from gui.widgets.forms.field_edit import FieldEdit
from gui.widgets.forms.side_panel import SidePanel


@pytest.fixture
def form(qtbot):
    form = AttackForm()
    qtbot.addWidget(form)
    qtbot.addWidget(form.eps)
    form.show()
    return form


def test_that_it_starts_with_ten_steps_of_a_quarter_of_the_radius(form):
    spec = form.spec()
    assert isinstance(spec, PGD)
    assert (spec.norm, spec.eps, spec.steps) == ("linf", 8 / 255, 10)
    assert spec.step_size == pytest.approx(2.5 * 8 / 255 / 10, rel=1e-5)


def test_that_the_step_follows_eps(form):
    form.eps.set_value(0.1)
    assert form.spec().step_size == pytest.approx(0.025)
    assert form.step_size.value() == form.spec().step_size


def test_that_the_step_follows_the_number_of_steps(form):
    form.eps.set_value(0.1)
    form.steps_slider.setValue(STEPS.index(50))
    assert form.spec().steps == 50
    assert form.spec().step_size == pytest.approx(0.005)


def test_that_an_own_step_stays(form):
    form.follows.setChecked(False)
    form.step_size.set_text("1/255")
    form.eps.set_value(0.2)
    assert form.spec().step_size == pytest.approx(1 / 255)


def test_that_a_wrong_step_is_named_and_gives_no_attack(form):
    form.follows.setChecked(False)
    form.step_size.set_text("zero")
    assert form.spec() is None
    assert "step size is zero" in form.error()


def test_that_an_attack_of_radius_0_is_possible(form):
    form.eps.set_value(0.0)
    assert form.spec().eps == 0
    assert form.error() == ""


def test_that_each_norm_keeps_its_own_radius(form):
    form.eps.set_value(0.1)
    form.form.edit_of("norm").show_value("l2")
    assert (form.spec().norm, form.spec().eps) == ("l2", 0.5)
    form.eps.set_value(2.0)
    form.form.edit_of("norm").show_value("linf")
    assert (form.spec().norm, form.spec().eps) == ("linf", 0.1)


def test_that_an_attack_of_one_step_has_no_steps_to_choose(form):
    form.form.select_kind("fgsm")
    assert form.spec() == FGSM(eps=form.eps.value)
    assert not form.steps.isEnabled()
    form.form.select_kind("pgd")
    assert form.steps.isEnabled()


def test_that_a_target_can_be_chosen_and_is_forgotten_with_its_class(qtbot, form):
    form.set_classes(["cat", "dog"])
    form.target.setCurrentIndex(2)
    assert form.spec().target == 1
    form.set_classes(["cat", "dog", "cow"])
    assert form.spec().target == 1
    with qtbot.waitSignal(form.changed, timeout=1000):
        form.set_classes(["cat"])
    assert form.spec().target is None


def test_that_every_move_says_so(qtbot, form):
    for move in (
        lambda: form.eps.slider.setValue(50),
        lambda: form.steps.setValue(3),
        lambda: form.follows.setChecked(False),
        lambda: form.step_size.set_text("0.5"),
    ):
        with qtbot.waitSignal(form.changed, timeout=1000):
            move()


def test_that_the_attack_of_a_curve_does_not_depend_on_the_slider(form):
    form.set_classes(["cat", "dog"])
    first = form.untargeted_at(0.2)
    form.eps.set_value(0.01)
    form.target.setCurrentIndex(1)
    assert form.untargeted_at(0.2) == first
    assert first.eps == 0.2
    assert first.step_size == pytest.approx(0.05)
    assert first.target is None


@pytest.mark.parametrize("kind", kinds_of(AttackSpec), ids=lambda kind: kind.kind)
def test_that_every_attack_has_a_curve_and_the_fields_that_it_has(form, kind):
    form.set_classes(["cat", "dog"])
    form.set_spec(kind())
    attack, names = form.untargeted_at(0.2), kind().parameters()
    assert (type(attack), attack.eps, attack.target) == (kind, 0.2, None)
    assert form.steps.isEnabled() == form.steps_slider.isEnabled() == ("steps" in names)
    assert form.follows.isEnabled() == ("step_size" in names)
    assert form.target.isEnabled() == ("target" in names)
    form.follows.setChecked(False)
    assert form.step_size.isEnabled() == ("step_size" in names)


def test_that_an_own_step_is_scaled_along_a_curve(form):
    form.follows.setChecked(False)
    form.eps.set_value(0.1)
    form.step_size.set_text("0.02")
    assert form.untargeted_at(0.3).step_size == pytest.approx(0.06)


@pytest.mark.parametrize("attack", [PGD(), FGSM(), FAB(), SquareAttack()])
def test_that_the_fields_of_every_attack_stand_below_each_other(form, attack, qtbot):
    form.set_spec(attack)
    form.resize(300, 500)
    qtbot.wait(50)

    def left(widget):
        return widget.mapTo(form, QPoint(0, 0)).x()

    own = form.form.findChildren(FieldEdit)
    fields = [edit for edit in own if edit.isVisible() and not edit.wide]
    assert fields
    assert {left(field) for field in fields} == {left(form.steps)}
    assert left(form.target) == left(form.steps)


@pytest.mark.parametrize("eps", [8 / 255, 0.05, 0.2, 127.5 / 255])
def test_that_the_step_in_255ths_is_not_cut_off(qtbot, eps):
    panel, form = SidePanel(), AttackForm()
    panel.add(form)
    theme.dress(panel)
    qtbot.addWidget(panel)
    panel.resize(panel.width(), 200)
    panel.show()
    form.eps.set_value(eps)
    form.step_size.set_value(eps)
    qtbot.waitUntil(lambda: panel.findChild(QScrollArea).verticalScrollBar().isVisible())
    area = panel.findChild(QScrollArea)
    assert area.widget().width() <= area.viewport().width()
    note = form.step_size.note
    assert note.fontMetrics().horizontalAdvance(note.text()) <= note.width()
