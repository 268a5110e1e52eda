"""Forms come from the declaration of specs alone, so every spec there is has one that works."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QLabel, QLineEdit, QToolButton

from engine.specs import (
    FGSM,
    PGD,
    SGD,
    Adam,
    Adversarial,
    AttackSpec,
    Boundary,
    FolderImages,
    Gaussians2D,
    Glyphs,
    ImagesSpec,
    Maps,
    NetworkSpec,
    OptimizerSpec,
    PaperMLP,
    RobustAccuracy,
    SmallCNN,
    Training,
)
from engine.specs.schema import KINDS, SpecError, fields_of
from gui.widgets.forms.field_edit import help_words
from gui.widgets.forms.nested_field import default_spec
from gui.widgets.forms.spec_form import SpecForm

# Specs of which the fields' first values do not go together.
WHOLE = {
    "boundary": lambda: Boundary(classifier=Training(images=Gaussians2D(), network=PaperMLP())),
}


def a_spec(kind):
    made = WHOLE[kind]() if kind in WHOLE else default_spec(KINDS[kind])
    assert made is not None, f"{kind} has no spec that the form could start with"
    return made


def others(item, value):
    """Return values that a field might take besides the one it has."""
    if item.choices and not item.many:
        return [choice for choice in item.choices if choice != value]
    if item.is_spec:
        return []
    if item.many:
        return [(*value, *value[-1:]), value[:1], (3,)]
    if item.type is bool:
        return [not value]
    if item.type is str:
        return ["other", "0" * 64]
    number = value or 0
    return [number + 1, number / 2 + 0.013, number + 0.0123456789, number - 1, 1 / 3]


def varied(spec):
    """Return a spec that differs in as many fields as it can."""
    for item in fields_of(type(spec)):
        if item.only and getattr(spec, item.only[0]) != item.only[1]:
            continue  # it has no effect, and the form leaves it at its default
        before = getattr(spec, item.name)
        for value in others(item, before):
            try:
                spec = spec.replace(item.name, int(value) if item.type is int else value)
            except (SpecError, TypeError):
                continue
            break
    return spec


@pytest.fixture
def form_of(qtbot):
    def make(family, **options):
        form = SpecForm(family, **options)
        qtbot.addWidget(form)
        form.show()
        return form

    return make


def said(form):
    """Return the sentences about errors that are to be seen."""
    return [
        label.text()
        for label in form.findChildren(QLabel)
        if label.property("role") == "error" and label.isVisible() and label.text()
    ]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_that_a_form_gives_back_the_spec_it_shows(kind, form_of):
    form = form_of(KINDS[kind])
    spec = a_spec(kind)
    for shown in (spec, varied(spec), spec):
        form.set_spec(shown)
        assert form.spec() == shown
        assert form.error() == ""
        assert said(form) == []


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_that_every_field_of_a_spec_has_an_editor_with_its_help(kind, form_of):
    form = form_of(KINDS[kind])
    form.set_spec(a_spec(kind))
    for item in fields_of(KINDS[kind]):
        assert help_words(item) in form.edit_of(item.name).toolTip()


def test_that_varied_specs_do_differ():
    spec = a_spec("training")
    other = varied(spec)
    names = {i.name for i in fields_of(Training) if getattr(spec, i.name) != getattr(other, i.name)}
    assert names == {
        "averaging", "batch_size", "epoch_images", "epochs", "evaluation_images", "label_smoothing",
        "order", "precision", "seed",
    }  # fmt: skip


def test_that_a_family_of_one_kind_has_no_choice_of_kind(form_of):
    form = form_of(Adam)
    assert form.spec() == Adam()
    assert not any(
        combo.isVisible() and combo.findData("adam") >= 0 for combo in form.findChildren(QComboBox)
    )


def test_that_switching_the_kind_keeps_what_was_chosen_but_not_defaults(form_of):
    form = form_of(OptimizerSpec)
    form.set_spec(Adam(weight_decay=0.5))
    form.select_kind("sgd")
    # The learning rate was Adam's default, so it becomes SGD's.
    assert form.spec() == SGD(weight_decay=0.5)
    form.edit_of("momentum").show_value(0.3)
    form.select_kind("adam")
    form.select_kind("sgd")
    assert form.spec() == SGD(weight_decay=0.5, momentum=0.3)


def test_that_an_impossible_value_is_said_beside_its_field_until_it_is_mended(form_of, qtbot):
    form = form_of(AttackSpec)
    form.set_spec(PGD())
    with qtbot.waitSignal(form.changed, timeout=1000):
        form.edit_of("eps").findChild(QLineEdit).setText("65")
    assert form.spec() is None
    assert form.error() == "eps is 65.0, must be a number at least 0 and at most 64"
    assert said(form) == [form.error()]
    assert form.edit_of("eps").findChild(QLineEdit).property("invalid") is True
    form.edit_of("eps").findChild(QLineEdit).setText("8/255")
    assert form.error() == ""
    assert said(form) == []
    assert form.spec() == PGD(eps=8 / 255)


def test_that_a_text_that_is_no_number_is_said_too(form_of):
    form = form_of(PGD)
    form.edit_of("step_size").findChild(QLineEdit).setText("2/")
    assert form.spec() is None
    assert form.error().startswith("step_size: '2/' is no number")


def test_that_a_fault_of_two_fields_is_said_beside_the_one_it_names(form_of):
    form = form_of(PGD)
    form.edit_of("restarts").show_value(3)
    assert form.error().startswith("restarts is 3, must be 1 without random_start")
    form.edit_of("random_start").show_value(True)
    assert form.spec() == PGD(restarts=3, random_start=True)


def test_that_a_fault_in_a_nested_spec_is_named_with_its_path_and_said_once(form_of):
    form = form_of(Adversarial)
    form.edit_of("attack").form.edit_of("eps").findChild(QLineEdit).setText("-1")
    assert form.error() == "attack.eps is -1.0, must be a number at least 0 and at most 64"
    assert len(said(form)) == 1


def test_that_an_optional_field_is_none_until_it_is_checked(form_of, qtbot):
    form = form_of(PGD)
    assert form.spec().target is None
    qtbot.mouseClick(form.edit_of("target")._box, Qt.MouseButton.LeftButton)
    assert form.spec().target == 0
    form.edit_of("target").findChild(QDoubleSpinBox).setValue(3)
    assert form.spec().target == 3
    qtbot.mouseClick(form.edit_of("target")._box, Qt.MouseButton.LeftButton)
    assert form.spec().target is None


def test_that_a_list_may_be_typed_as_a_range(form_of):
    form = form_of(RobustAccuracy)
    form.edit_of("eps").findChild(QLineEdit).setText("0:0.4:5")
    assert form.spec().eps == (0.0, 0.1, 0.2, 0.3, 0.4)


def test_that_a_nested_form_is_made_when_it_is_first_opened(form_of, qtbot):
    form = form_of(Maps)
    form.set_spec(Maps(classifier=Training(images=Glyphs(), network=SmallCNN())))
    inner = form.edit_of("classifier").form.edit_of("images")
    assert inner._form is None
    qtbot.mouseClick(inner.findChild(QToolButton), Qt.MouseButton.LeftButton)
    inner.form.edit_of("train").show_value(77)
    assert form.spec().classifier.images.train == 77


def test_that_a_closed_nested_form_says_what_is_in_it(form_of):
    form = form_of(Maps)
    form.set_spec(
        Maps(classifier=Training(images=Glyphs(), network=SmallCNN(), scheme=Adversarial()))
    )
    texts = [label.text() for label in form.findChildren(QLabel)]
    assert Adversarial().title in texts


def test_that_excluded_fields_come_from_outside(form_of, qtbot):
    form = form_of(ImagesSpec, exclude={"name", "digest"})
    form.select_kind("folder")
    assert form.spec() is None
    assert "name is missing" in form.error()
    form.set_fixed("name", "cats")
    with qtbot.waitSignal(form.changed, timeout=1000):
        form.set_fixed("digest", "12ab")
    assert form.spec() == FolderImages(name="cats", digest="12ab")
    form.select_kind("glyphs")
    assert form.spec() == Glyphs()


def test_that_excluded_fields_of_a_shown_spec_are_kept(form_of):
    form = form_of(AttackSpec, exclude={"eps", "norm"})
    spec = FGSM(norm="l2", eps=0.7)
    form.set_spec(spec)
    assert form.spec() == spec
    with pytest.raises(KeyError):
        form.set_fixed("loss", "cw")


def test_that_a_form_says_that_it_changed_once(form_of):
    form = form_of(NetworkSpec)
    heard = []
    form.changed.connect(lambda: heard.append(form.spec()))
    form.set_spec(SmallCNN(width=8, hidden=32))
    assert heard == [SmallCNN(width=8, hidden=32)]


def test_that_labels_are_replaced(form_of):
    form = form_of(Adversarial, labels={"attack": "enemy", "attack.eps": "radius"})
    texts = [label.text() for label in form.findChildren(QLabel)]
    assert "Radius" in texts
    assert any(button.text() == "Enemy" for button in form.findChildren(QToolButton))
