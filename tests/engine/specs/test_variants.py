from engine import specs
from engine.specs.variants import faithful, variant
from tests.engine.conftest import GLYPHS, training

GENERATOR = specs.VAEGAN(images=GLYPHS)


def test_that_defaults_are_the_corrected_variant():
    assert variant(training()) == "corrected"
    assert variant(specs.ManifoldDistance(generator=GENERATOR)) == "corrected"


def test_that_a_spec_without_switches_has_no_variant():
    assert variant(specs.PGD()) == ""


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
    assert old.key != spec.key


def test_that_a_mixture_names_what_is_faithful():
    spec = specs.ManifoldDistance(
        generator=GENERATOR, classifier=training(order="file"), baseline=training()
    )
    assert variant(spec) == "faithful in order of images (partly)"


def test_that_a_new_switch_does_not_rename_older_results():
    # The key from before trainings knew an order of images.
    assert "order" not in training()._canonical
