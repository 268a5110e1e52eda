"""How certain a finding is follows from a written rule."""

from engine.tradeoff.robustness import UNCHECKED, sentence
from engine.tradeoff.verdicts import CHECKS, LIKELY, SIGNS, findings


def test_that_a_failed_check_is_measured_or_likely_and_a_passed_one_says_neither():
    found = findings({"zero_pixel_share": 0.97, "nonfinite_images": 3, "passes_differ": 0.0})
    said = {one.name: sentence(one) for one in found}
    assert said["zero pixels"].endswith("(likely)")
    assert said["finite answers"].endswith("(measured)")
    assert (
        said["repeatable"] == "Repeatable: yes. Passes over the same images give the same outputs."
    )


def test_that_what_was_not_checked_is_suspected():
    assert UNCHECKED.endswith("(suspected)")


def test_that_signs_that_are_only_likely_are_checks():
    assert {*CHECKS, *SIGNS} >= LIKELY
