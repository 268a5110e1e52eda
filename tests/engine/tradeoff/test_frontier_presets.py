"""The presets of the experiment: every network of theirs has every outcome, and a reference."""

import pytest

from engine.plan.planfile import find_plan, presets, read_plan
from engine.specs import Gradient, Interpretability, Measurement, StrongAccuracy, Training
from engine.tradeoff.frontier import Cell
from engine.tradeoff.frontier_outcomes import MATCHED, OF, OUTCOMES, attribution_of
from engine.tradeoff.frontier_verdicts import is_reference

FILES = {"kind": "idx", "name": "files", "digest": "abc", "max_train": None, "max_test": None}
NAMES = [name for name in presets() if name.startswith("frontier")]
SEEDS = {0, 1, 2, 3, 4}


def specs_of(name):
    return read_plan(find_plan(name), ingest=lambda path: FILES).specs


def holds(spec, outcome):
    """Return whether a record of this spec holds an outcome of the plain gradient."""
    if attribution_of(spec) != Gradient():
        return False
    if isinstance(spec, Measurement):
        return type(spec.metric) is outcome.metric
    return (spec.mode, spec.control) == outcome.score


def test_that_there_are_presets_of_glyphs_digits_and_photographs():
    assert NAMES == [
        "frontier-cifar10",
        "frontier-glyphs",
        "frontier-glyphs-lite",
        "frontier-mnist",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_that_every_network_is_measured_in_the_same_way(name):
    specs = specs_of(name)
    networks = {spec for spec in specs if isinstance(spec, Training)}
    cells = {spec.replace("seed", 0) for spec in networks}
    assert networks == {cell.replace("seed", seed) for cell in cells for seed in SEEDS}
    measured = [spec for spec in specs if isinstance(spec, Measurement | Interpretability)]
    assert {spec.classifier for spec in measured} == networks
    strong = [spec for spec in measured if isinstance(getattr(spec, "metric", 0), StrongAccuracy)]
    assert {spec.classifier for spec in strong} == networks
    for spec in strong:
        threat, evaluation = spec.metric, spec.classifier.evaluation
        assert (threat.norm, threat.eps) == (evaluation.norm, evaluation.eps)
    for outcome in OUTCOMES:
        of = {spec.classifier for spec in measured if holds(spec, outcome)}
        assert of in (set(), networks), outcome.name
    assert any(holds(spec, OF[MATCHED]) for spec in measured)


@pytest.mark.parametrize("name", NAMES)
def test_that_scores_compare_networks_of_one_seed(name):
    scores = [spec for spec in specs_of(name) if isinstance(spec, Interpretability)]
    assert {spec.seed for spec in scores} == SEEDS
    for spec in scores:
        assert spec.seed == spec.classifier.seed == spec.baseline.seed
        assert spec.baseline.network == spec.classifier.network


@pytest.mark.parametrize("name", NAMES)
def test_that_one_cell_is_the_reference_and_schemes_suffice_for_a_verdict(name):
    cells = {Cell(s.replace("seed", 0)) for s in specs_of(name) if isinstance(s, Training)}
    assert sum(is_reference(cell) for cell in cells) == 1
    assert len({cell.scheme for cell in cells}) >= 5
