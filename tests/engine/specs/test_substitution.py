"""One spec takes the place of another wherever it stands inside a third."""

import pytest

from engine import specs
from engine.specs.schema import SpecError
from engine.specs.substitution import dependants, substituted
from tests.engine.conftest import training

OLD = training(batch_size=100)
NEW = OLD.replace("batch_size", 50)
OTHER = training(seed=7)


def score(classifier=OLD, baseline=OLD):
    return specs.Interpretability(
        classifier=classifier, attribution=specs.Gradient(), baseline=baseline, repeats=1
    )


def test_that_every_place_is_changed_at_once():
    found = substituted(score(), OLD, NEW)
    assert found == score(NEW, NEW)
    assert found.key != score().key


def test_that_deep_places_are_reached():
    chain = training(start=training(start=OLD, epochs=1), epochs=3)
    assert substituted(chain, OLD, NEW).start.start == NEW


def test_that_places_in_lists_are_reached():
    ranking = specs.AttributionRanking(classifier=OLD, attribution=specs.Gradient())
    found = substituted(specs.Occlusion(ranking=ranking), OLD, NEW)
    assert found.ranking.classifier == NEW


def test_that_a_spec_without_it_is_returned_as_it_is():
    spec = specs.Maps(classifier=OTHER)
    assert substituted(spec, OLD, NEW) is spec
    assert substituted(OLD, OLD, NEW) is NEW


def test_that_a_spec_that_cannot_be_is_refused():
    with pytest.raises(SpecError, match="baseline"):
        substituted(score(OTHER, OLD), OLD, OLD.replace("scheme", specs.Adversarial()))


def test_that_dependants_are_found_through_others():
    child = training(start=OLD, epochs=1)
    grandchild = specs.Maps(classifier=child)
    free = specs.Maps(classifier=OTHER)
    assert dependants(OLD, [OLD, child, free, grandchild, score()]) == [child, grandchild, score()]
