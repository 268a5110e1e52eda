"""How much memory computations need, and how much is there."""

import gc
import weakref

import torch

from engine import specs
from engine.plan import room
from engine.plan.room import Needs, Room, count, free_memory
from tests import made_up_study as made_up


def test_that_weights_and_kept_activations_are_counted():
    network = specs.SmallCNN(width=8)
    weights, kept = count(network, (1, 28, 28), 10)
    _, twice = count(network, (1, 56, 56), 10)
    assert weights > 1000
    assert kept > 28 * 28 * 4  # at least the image, float32
    assert 3 < twice / kept < 5  # four times the pixels


def test_that_a_network_that_was_counted_is_freed(monkeypatch):
    """Nodes that keep their own outputs through hooks are never freed."""
    built = []

    def building(*args, **kwargs):
        model = build(*args, **kwargs)
        built.extend(weakref.ref(weight) for weight in model.parameters())
        return model

    build = room.build
    monkeypatch.setattr(room, "build", building)
    for network in (specs.SmallCNN(), specs.PreActResNet18(), specs.SmallCNN(activation="gelu")):
        count(network, (1, 28, 28), 10)
    gc.collect()
    assert len(built) > 50
    assert [weight for weight in built if weight() is not None] == []


def test_that_a_training_needs_more_with_a_larger_batch_and_images_need_nothing(tmp_path):
    study = room.Study(tmp_path / "s.isthmus", create=True)
    made_up.add_images(study)
    needs = Needs(study)
    training = made_up.network("linf", 0.1)
    assert needs.of(made_up.IMAGES) == 0
    small = needs.of(training.replace("batch_size", 300))
    assert small > 0
    assert 1.9 < needs.of(training.replace("batch_size", 600)) / small < 2.01


def test_that_one_always_fits_and_others_only_beside_it():
    found = Room(1000)
    assert found.fits(5000)
    found.take("a", 500)
    assert found.fits(300)
    assert not found.fits(301)
    found.give_back("a")
    assert found.fits(5000)
    assert Room(None).fits(1 << 60)


def test_that_the_least_of_what_is_left_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "_left_of_address_space", lambda system: None)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("MemTotal: 8000 kB\nMemAvailable: 4000 kB\n")
    (tmp_path / "proc/self/cgroup").write_text("0::/job\n")
    cpu = torch.device("cpu")
    assert free_memory(cpu, tmp_path) == 4000 * 1024
    group = tmp_path / "sys/fs/cgroup/job"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("max\n")
    (group / "memory.current").write_text("500000\n")
    assert free_memory(cpu, tmp_path) == 4000 * 1024
    (group / "memory.max").write_text("2000000\n")
    (group / "memory.stat").write_text("anon 1\ninactive_file 100000\n")
    assert free_memory(cpu, tmp_path) == 1_600_000
