"""The list of training schemes: folded to what is in use, and found by a search."""

import pytest

from engine.specs import (
    PGD,
    Adversarial,
    FastAT,
    GaussianNoise,
    Glyphs,
    GuidedBackpropagation,
    SmallCNN,
    Standard,
)
from gui.pages.train.form import TrainForm


@pytest.fixture
def form(qtbot):
    form = TrainForm()
    qtbot.addWidget(form)
    return form


def shown(form):
    return [s.scheme.kind for s in form.schemes.rows if s.isVisibleTo(form)]


def section(form, kind):
    return next(s for s in form.sections if s.scheme.kind == kind)


def test_that_the_list_begins_with_the_usual_two_and_says_how_many_more_there_are(form):
    assert shown(form) == ["standard", "adversarial"]
    assert form.schemes.more.text() == f"{len(form.sections) - 2} more kinds of training…"
    assert not form.schemes.search.isVisibleTo(form)


def test_that_all_kinds_are_shown_in_groups_and_folded_again(form):
    form.schemes.more.click()
    assert shown(form) == [s.scheme.kind for s in form.schemes.rows]
    assert len(shown(form)) == len(form.sections)
    section(form, "mart").box.setChecked(True)
    section(form, "trades").box.setChecked(True)
    section(form, "trades").box.setChecked(False)
    form.schemes.more.click()
    assert shown(form) == ["standard", "adversarial", "mart"]


def test_that_a_scheme_chosen_while_the_list_is_folded_appears(form):
    section(form, "n_fgsm").box.setChecked(True)
    assert "n_fgsm" in shown(form)
    section(form, "n_fgsm").box.setChecked(False)
    assert "n_fgsm" in shown(form)  # does not vanish under the pointer


def test_that_the_search_finds_names_and_words_of_the_description(form):
    form.schemes.more.click()
    form.schemes.search.setText("grad ALIGN")
    assert shown(form) == ["aligned_gradients", "grad_align"]
    form.schemes.search.setText("shafahi")
    assert shown(form) == ["free_at"]
    form.schemes.search.setText("nothing like that")
    assert shown(form) == []
    form.schemes.more.click()
    assert shown(form) == ["standard", "adversarial"]


def test_that_one_step_schemes_take_the_balls_of_the_sweep_once_each(form):
    for part in form.sections:
        part.box.setChecked(part.scheme in (FastAT, GaussianNoise))
    form.attack.sweep.edit_of("linf").set_text("0.05, 0.1")
    schemes = [spec.scheme for spec in form.trainings(Glyphs())]
    warmup = section(form, "fast_at").form.spec().warmup
    assert GaussianNoise() in schemes
    assert {s for s in schemes if isinstance(s, FastAT)} == {
        FastAT(eps=eps, warmup=warmup) for eps in (0.05, 0.1)
    }
    assert form.counts()[:2] == (1, 2)


def test_that_awp_is_a_field_of_adversarial_schemes(form):
    for part in form.sections:
        part.box.setChecked(part.scheme in (Standard, Adversarial))
    section(form, "adversarial").set_field("awp", 0.01)
    attacked = [s.scheme for s in form.trainings(Glyphs()) if isinstance(s.scheme, Adversarial)]
    assert attacked
    assert {(scheme.awp, type(scheme.attack)) for scheme in attacked} == {(0.01, PGD)}


def test_that_live_maps_that_cannot_explain_the_network_are_refused_in_the_form(form):
    form.live_maps.set_spec(GuidedBackpropagation())
    assert form.error() == ""
    form.network.set_spec(SmallCNN(activation="softplus"))
    assert form.error() == (
        "The method of live maps is Guided back-propagation, which needs a network with ReLU, and "
        "this one has softplus; choose Gradient instead."
    )
    assert form.trainings(Glyphs(train=50, test=20)) == []
