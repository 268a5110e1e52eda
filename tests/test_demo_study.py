"""The demo study that the program ships is what ``run demo`` computes, and shows what it should."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.plan.planfile import load_preset
from engine.plan.scheduler import missing
from engine.store.study import Study
from engine.tradeoff.points import networks

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
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*.h5")) < 5_000_000


def test_that_it_shows_the_robust_networks_and_the_standard_one_apart(demo):
    points = networks(demo)
    standard, *robust = sorted(points, key=lambda point: point.eps)
    assert len(robust) == 3
    assert standard.clean_accuracy >= 0.97
    best = max(robust, key=lambda point: point.robust_accuracy)
    assert best.robust_accuracy >= standard.robust_accuracy + 0.4
    for point in points:
        assert set(point.scores) == {"roar", "kar"}
        assert all(len(scores) == 2 for scores in point.scores.values())
