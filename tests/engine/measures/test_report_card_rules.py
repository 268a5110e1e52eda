"""The signs of a hidden gradient, on networks of the demo and on the same made to hide theirs.

``tests/benchmarks/report_card.py`` takes more networks, and docs/benchmarks.md has what came out.
"""

import shutil
from dataclasses import replace

import pytest

from engine.store.study import Study
from tests.benchmarks.report_card import DEMO, HIDDEN, SIGNS_OF_HIDING, card_of, of_study

IMAGES = 10
FOUND_BY = {
    "logits x 1000": "zero gradients",
    "8 levels of grey": "large eps",
    "sigmoid of slope 10,000": "zero pixels",
    "ripples of 0.0126": "misled gradients",
    "another gradient": "misled gradients",
    "gradient of half the pixels": "misled gradients",
    "statistics of the batch": "each by itself",
    "a sigmoid a class": "outputs",
    "probabilities": "outputs",
    "noise of 0.1": "repeatable",
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    copy = tmp_path_factory.mktemp("demo") / "demo.isthmus"
    shutil.copytree(DEMO, copy)
    return Study(copy)


@pytest.fixture(scope="module")
def cases(study):
    """The standard network and the one trained at L-inf 0.1."""
    known = {case.name: case for case in of_study(study, IMAGES)}
    return [known["Standard, seed 0"], known["L-inf 25.5/255 PGD-5, seed 0"]]


def test_that_networks_which_show_their_gradient_have_no_sign_of_hiding_it(cases, study):
    for case in cases:
        numbers, failed = card_of(case, study)
        assert not failed & SIGNS_OF_HIDING, case.name
        assert numbers["zero gradients"] == numbers["no gradient"] == numbers["large eps"] == 0


@pytest.mark.parametrize(("hiding", "sign"), FOUND_BY.items())
def test_that_the_same_networks_are_marked_where_they_hide_it(hiding, sign, cases, study):
    for case in cases:
        _, failed = card_of(replace(case, model=HIDDEN[hiding](case.model).eval()), study)
        assert sign in failed, case.name
