"""A radius typed as 8 is refused everywhere: it reads as 2,040/255, and 8/255 was meant."""

import pytest

from engine.plan.planfile import find_plan, read_plan
from engine.specs import (
    FAB,
    PGD,
    FreeAT,
    RobustAccuracy,
    SmallestEps,
    StrongAccuracy,
)
from engine.specs.attacks import AttackSpec, radius_fault
from engine.specs.schema import SpecError, fields_of, kinds_of
from engine.specs.schemes.base import SchemeSpec

BALLS = [
    cls
    for family in (AttackSpec, SchemeSpec, StrongAccuracy)
    for cls in kinds_of(family)
    if {"norm", "eps"} <= {item.name for item in fields_of(cls)}
]
SAID = "eps is 8, must be at most 1 in L-inf, as pixels are in [0, 1]; write 8/255 for 8 of 255"


def test_that_every_kind_with_a_ball_is_tried():
    assert {PGD, FAB, FreeAT, StrongAccuracy} <= set(BALLS)


@pytest.mark.parametrize("cls", BALLS, ids=lambda cls: cls.__name__)
def test_that_a_radius_beyond_all_images_is_refused(cls):
    with pytest.raises(SpecError, match="eps is 8, must be at most 1 in L-inf") as raised:
        cls(norm="linf", eps=8.0)
    assert str(raised.value).startswith(SAID)
    assert cls(norm="linf", eps=1.0).eps == 1.0
    assert cls(norm="l2", eps=8.0).eps == 8.0


@pytest.mark.parametrize("cls", [RobustAccuracy, SmallestEps])
def test_that_lists_of_radii_are_looked_through(cls):
    with pytest.raises(SpecError, match="eps is 2, must be at most 1"):
        cls(attack=PGD(), eps=(1 / 255, 2.0))
    assert cls(attack=PGD(norm="l2", eps=0.5), eps=(1.0, 2.0)).eps == (1.0, 2.0)


def test_that_a_scaled_attack_may_be_off_by_rounding():
    assert radius_fault("linf", 1 + 1e-9) == ""
    assert "write" not in radius_fault("linf", 300)


def test_that_a_plan_with_such_a_radius_is_refused():
    path = find_plan("demo")
    assert read_plan(path).specs
    with pytest.raises(SpecError, match="eps is 8, must be at most 1 in L-inf"):
        read_plan(path, settings=["evaluation.eps=8"])


@pytest.mark.parametrize(
    ("loss", "title"),
    [
        ("xent", "L-inf 8/255 PGD-10"),
        ("cw", "L-inf 8/255 PGD-10 margin"),
        ("cw_capped", "L-inf 8/255 PGD-10 capped margin"),
        ("dlr", "L-inf 8/255 PGD-10 difference of logits ratio"),
    ],
)
def test_that_the_title_of_an_attack_says_its_loss_in_words(loss, title):
    assert PGD(loss=loss).title == title
