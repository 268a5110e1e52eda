"""The area of a form that is higher or lower than the form."""

from engine.specs import Glyphs, ImagesSpec
from gui.widgets.forms.form_area import FormArea
from gui.widgets.forms.spec_form import SpecForm


def test_that_a_form_keeps_its_height_in_a_higher_area_and_is_never_cut_sideways(qtbot):
    form = SpecForm(ImagesSpec)
    form.set_spec(Glyphs())
    area = FormArea(form)
    qtbot.addWidget(area)
    area.resize(100, 2000)
    area.show()
    qtbot.waitExposed(area)
    assert form.height() == form.sizeHint().height()
    assert area.widget().width() <= area.viewport().width()
