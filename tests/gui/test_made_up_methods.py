"""Methods of no file of ours stand in every form of the window that chooses a method."""

import pytest

from engine.specs import AttackSpec, AttributionSpec, MetricSpec, NetworkSpec
from engine.specs.proposals import Proposals
from gui.look.terms import glossary
from gui.pages.train.form import TrainForm
from gui.widgets.forms.method_picker import MethodPicker
from gui.widgets.forms.spec_form import SpecForm
from tests.engine.conftest import GLYPHS
from tests.made_up_methods import registered


@pytest.fixture(autouse=True)
def made_up():
    with registered():
        yield


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        (AttackSpec, "made_up_attack"),
        (AttributionSpec, "made_up_attribution"),
        (NetworkSpec, "made_up_network"),
        (MetricSpec, "made_up_metric"),
    ],
)
def test_that_the_form_of_a_family_has_it_with_its_fields(qtbot, family, kind):
    form = SpecForm(family)
    qtbot.addWidget(form)
    form.select_kind(kind)
    assert form.spec().kind == kind
    if kind == "made_up_attribution":
        assert form.edit_of("times").read() == 2.0


def test_that_the_maps_page_offers_it(qtbot):
    picker = MethodPicker(AttributionSpec)
    qtbot.addWidget(picker)
    assert picker.boxes["made_up_attribution"].text() == "Made-up attribution"


def test_that_the_train_page_trains_with_it(qtbot):
    form = TrainForm()
    qtbot.addWidget(form)
    form.propose(Proposals())
    for section in form.sections:
        section.box.setChecked(section.scheme.kind == "made_up_scheme")
    trainings = form.trainings(GLYPHS)
    assert {spec.scheme.kind for spec in trainings} == {"made_up_scheme"}
    assert {spec.scheme.threat.eps for spec in trainings} == set(Proposals().radii["linf"])


def test_that_the_glossary_explains_it():
    found = {term.name: term for term in glossary()}
    assert "Half the way from white, doubled." in found["Made-up attribution"].meaning
    assert found["Made-up attribution"].source == "made up, p. 2"
