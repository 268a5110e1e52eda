"""Plans are read together with the images that they name by path."""

import numpy as np
import pytest
from PIL import Image

from engine.plan.plan_images import found_images, read_with_images
from engine.plan.planfile import find_plan, head_of, presets
from engine.specs.schema import SpecError
from tests.data_sources import real_data

PLAN = """
title = "Two kinds of animals"
about = "Cats and dogs."

[specs.images]
path = "animals"
max_train = 4

[specs.standard]
kind = "training"
images = "@images"
network = { kind = "small_cnn" }
"""


@pytest.fixture
def plan(tmp_path):
    draw = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "animals" / name).mkdir(parents=True)
        for number in range(6):
            pixels = draw.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "animals" / name / f"{number}.png")
    path = tmp_path / "animals.toml"
    path.write_text(PLAN)
    return path


def read(path, places):
    return read_with_images(
        path, places, progress=lambda done, total: None, check_cancelled=lambda: None
    )


def test_that_a_plan_says_what_it_is_for_and_what_it_reads(plan):
    head = head_of(plan)
    assert (head.title, head.about) == ("Two kinds of animals", "Cats and dogs.")
    assert head.images == ("animals",)


@pytest.mark.parametrize("name", presets())
def test_that_every_preset_says_what_it_is_for(name):
    head = head_of(find_plan(name))
    assert head.about[-1] in ".?"
    assert len(head.about) > 40
    assert "command" not in head.about  # the window shows it too


def test_that_images_beside_the_plan_are_found(plan, tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_DATA", str(tmp_path / "empty"))
    assert found_images(head_of(plan)) == {"animals": plan.parent / "animals"}
    (plan.parent / "animals").rename(plan.parent / "moved")
    assert found_images(head_of(plan)) == {}


def test_that_images_are_read_at_the_plan_s_size_and_handed_on(plan):
    found = read(plan, {"animals": plan.parent / "animals"})
    (spec,) = found.plan.named["standard"]
    assert spec.images.max_train == 4
    assert found.places == {spec.images.digest: plan.parent / "animals"}
    assert found.shown is not None
    assert len(found.shown.train_images) == 4


def test_that_a_plan_whose_images_lie_nowhere_is_refused(plan):
    with pytest.raises(SpecError, match="path is 'animals', and where that lies was not said"):
        read(plan, {})


def test_that_real_digits_are_read_for_the_preset_of_them():
    found = read(find_plan("frontier-mnist"), {"mnist": real_data("mnist")})
    assert len(found.plan.specs) > 300
    assert found.shown is not None
    assert found.shown.shape == (1, 28, 28)
