"""The demo study that the program ships is what ``run demo`` computes, and shows what it should."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.plan.planfile import load_preset
from engine.plan.scheduler import missing
from engine.store.study import Study
from engine.tradeoff.points import networks
from gui.shell.tour.facts import facts_of
from gui.shell.tour.steps import steps

SHIPPED = Path(__file__).resolve().parent.parent / "resources" / "demo.isthmus"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    copy = tmp_path_factory.mktemp("demo") / "demo.isthmus"
    shutil.copytree(SHIPPED, copy)
    return Study(copy)


def test_that_nothing_of_the_preset_is_missing_or_damaged(demo):
    assert missing(load_preset("demo").specs, demo) == []
    assert list(demo.check()) == []


def test_that_it_is_small_enough_to_ship():
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*.h5")) < 8_000_000


def test_that_it_shows_the_robust_networks_and_the_standard_one_apart(demo):
    points = [point for point in networks(demo) if point.norm != "l2" and point.scores]
    standard, *robust = sorted(points, key=lambda point: point.eps)
    assert len(robust) == 3
    assert standard.clean_accuracy >= 0.97
    best = max(robust, key=lambda point: point.robust_accuracy)
    assert best.robust_accuracy >= standard.robust_accuracy + 0.4
    for point in points:
        assert set(point.scores) == {"roar", "kar"}
        assert all(len(scores) == 2 for scores in point.scores.values())


def test_that_no_step_of_the_tour_is_over_an_empty_page(demo):
    facts = facts_of(demo)
    assert all(step.there(facts) for step in steps())
    assert facts.example.falls
    assert facts.example.holds
    plain, robust = facts.standard.key, facts.robust.key
    for found in (facts.cosines, facts.tangent):
        (low, low_half), (high, high_half) = found[plain], found[robust]
        assert low + low_half < high - high_half, "the numbers speak for what the tour says"
    assert facts.tilt[0] > facts.tilt[1]
