"""The yardstick of a whole training: its plain loop does the program's steps."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from engine import specs
from engine.jobs.context import Cache, Context
from engine.store.study import Study
from engine.training.train import train
from tests.benchmarks import airbench_style
from tests.benchmarks.airbench_style import Pair, Size, asked, pair_of, plain, summary
from tests.device import check, yardstick

COLOURED = specs.Glyphs(train=70, test=40)


@pytest.fixture
def spec():
    size = Size(specs.WideResNet(depth=10, width=1), 2, 30, "float32")
    return asked(COLOURED, 3, size)


def test_that_the_plain_loop_does_the_same_steps(spec, tmp_path):
    study = Study(tmp_path / "s", create=True)
    context = Context(spec, study, torch.device("cpu"), lambda event: None)
    model, accuracy = plain(spec, context)
    ours = train(spec, context)
    for name, tensor in model.state_dict().items():
        expected = ours.arrays[f"weights/{name}"]
        apart = np.linalg.norm(tensor.numpy() - expected)
        assert apart <= 1e-3 * np.linalg.norm(expected) + 1e-6, name
    assert accuracy == pytest.approx(ours.numbers["clean_accuracy"], abs=1.5 / 40)


def test_that_a_pair_is_measured_in_both_ways_and_leaves_nothing(spec, tmp_path):
    study = Study(tmp_path / "s", create=True)
    found = pair_of(spec, study, torch.device("cpu"), Cache())
    assert min(*found.ours, *found.plain) > 0
    assert study.checkpoint(spec) is None
    assert study.entries == []


def test_what_pairs_say_together():
    pairs = [Pair((3.0, 0.5), (2.0, 0.4)), Pair((2.0, 0.5), (2.0, 0.6))]
    found = summary(pairs)
    assert (found["ratio"], found["ratio_least"], found["ratio_most"]) == (1.25, 1.0, 1.5)
    assert found["accuracy_apart"] == pytest.approx(0.0)
    assert found["n"] == 2


def test_that_the_check_of_a_device_has_a_row_of_pairs(tmp_path, monkeypatch):
    monkeypatch.setattr(yardstick, "PAIRS", 2)
    monkeypatch.setattr(
        yardstick, "asked", lambda images, seed, size: replace(asked(images, seed, size), epochs=1)
    )
    few = {"max_train": 40, "max_test": 20}
    monkeypatch.setattr(yardstick, "IMAGES", {"cpu": few})
    archive = tmp_path / "archive"
    write_images(archive)
    assert check.main(["--data", str(archive), "--out", str(tmp_path), "--device", "cpu",
                       "--stages", "yardstick"]) == 0  # fmt: skip
    (row,) = json.loads((tmp_path / "device.json").read_text())["sections"]["yardstick"]
    assert row["name"] == "WideResNet-10-1, 2 epochs, float32"
    assert row["n"] == 2
    assert row["ratio_least"] <= row["ratio"] <= row["ratio_most"]


def write_images(folder):
    draw = np.random.default_rng(0)
    for part, count in (("train", 40), ("test", 20)):
        for index in range(count):
            place = folder / part / str(index % 2)
            place.mkdir(parents=True, exist_ok=True)
            pixels = draw.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(place / f"{index}.png")


def test_that_both_sizes_are_of_networks_that_there_are():
    for size in airbench_style.SIZES.values():
        assert asked(COLOURED, 0, size).network == size.network
