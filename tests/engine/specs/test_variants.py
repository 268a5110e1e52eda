from dataclasses import replace

import pytest

from engine import specs
from engine.program import ROOT
from engine.specs.schema import KINDS, fields_of
from engine.specs.variants import faithful, switches, variant
from tests.engine.conftest import GLYPHS, robust, training

GENERATOR = specs.VAEGAN(images=GLYPHS)
WHOLE = specs.ManifoldDistance(
    generator=GENERATOR, classifier=robust(), baseline=training(), attack=specs.FGSM()
)
SWITCHES = {item.label: item for item, _ in switches(WHOLE)}


def test_that_defaults_are_the_corrected_variant():
    assert variant(training()) == "corrected"
    assert variant(specs.ManifoldDistance(generator=GENERATOR)) == "corrected"


def test_that_a_spec_without_switches_has_no_variant():
    assert variant(GLYPHS) == ""
    assert variant(specs.SmallCNN()) == ""


def test_that_every_switch_inside_becomes_faithful():
    spec = specs.ManifoldDistance(
        generator=GENERATOR, classifier=training(seed=1), baseline=training()
    )
    old = faithful(spec)
    assert variant(old) == "faithful"
    assert old.judged_by == "standard"
    assert old.reconstruction == "sampled"
    assert old.generator.order == "file"
    assert old.classifier.order == "file"
    assert old.baseline.order == "file"
    assert old.generator.form == "released"
    assert old.attack.form == "released"
    assert old.classifier.evaluation.form == "released"
    assert old.classifier.optimizer.form == "released"
    assert old.key != spec.key


def test_that_a_record_with_the_older_switches_alone_is_faithful_in_those():
    # What made a training wholly faithful before the formulas had a form.
    assert variant(training(order="file")) == "faithful in order of images"


@pytest.mark.parametrize("item", SWITCHES.values(), ids=SWITCHES)
def test_that_one_switch_left_off_is_enough_to_be_faithful_in_part(item):
    def without(spec):
        values = {}
        for field in fields_of(type(spec)):
            value = getattr(spec, field.name)
            if isinstance(value, specs.Spec):
                values[field.name] = without(value)
            elif field == item:
                values[field.name] = field.default
        return replace(spec, **values)

    assert variant(faithful(WHOLE)) == "faithful"
    assert variant(without(faithful(WHOLE))).startswith("faithful in ")


def test_that_every_switch_stands_in_the_table_of_differences():
    told = (ROOT / "docs" / "reproduction.md").read_text(encoding="utf-8")
    for cls in KINDS.values():
        for item in fields_of(cls):
            if item.is_switch and not cls.kind.startswith("test_"):
                assert f"`{cls.kind}.{item.name}`" in told, f"{cls.kind}.{item.name}"


def test_that_a_mixture_names_what_is_faithful():
    spec = specs.ManifoldDistance(
        generator=GENERATOR, classifier=training(order="file"), baseline=training()
    )
    assert variant(spec) == "faithful in order of images (partly)"


def test_that_a_new_switch_does_not_rename_older_results():
    # The key from before trainings knew an order of images.
    assert "order" not in training().canonical
