"""A training may go on from another network's weights: the user's own, or one of the study."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from engine import specs
from engine.jobs.context import Cancelled, Context
from engine.jobs.events import Notice, Scalars
from engine.plan.planfile import read_plan
from engine.plan.scheduler import missing
from engine.specs.schema import SpecError, from_dict
from engine.training import loop
from engine.training.train import train
from tests.engine.conftest import EVALUATION, GLYPHS, NETWORK, robust, training

DEMO = Path(__file__).resolve().parents[3] / "resources" / "demo.isthmus"
FIRST = "weights/network.conv1.weight"
# A step so short that the weights stay where they were.
STILL = specs.SGD(learning_rate=1e-12, momentum=0.0)


def run(spec, study, emit=lambda event: None):
    return train(spec, Context(spec, study, torch.device("cpu"), emit))


def test_that_the_keys_of_trainings_from_scratch_are_as_they_were():
    assert training().key == from_dict({**training().as_dict(), "start": None}).key
    assert specs.Training(images=specs.Glyphs(), network=specs.SmallCNN()).key == (
        "2f8c0dc1ec6d59154a03"
    )


def test_that_every_training_of_the_demo_keeps_its_key():
    lines = (DEMO / "index.jsonl").read_text().splitlines()
    stored = [entry for entry in map(json.loads, lines) if entry["kind"] == "training"]
    assert len(stored) == 7
    for entry in stored:
        assert entry["spec"].get("start") is None
        assert from_dict(entry["spec"]).key == entry["key"]


def test_that_a_title_says_how_far_it_went_on():
    first = training(epochs=5)
    second = first.continued(3)
    assert second.title == "Standard, seed 0, +3 epochs"
    assert second.continued(1).title == "Standard, seed 0, +3 epochs, +1 epoch"
    assert robust(start=first, epochs=2).title.endswith(", seed 0, 2 epochs on Standard, seed 0")
    assert (first.earlier_epochs, second.continued(1).earlier_epochs) == (0, 8)


def test_that_going_on_leaves_the_warm_up_out():
    scheme = specs.Adversarial(attack=specs.PGD(), warmup=2)
    spec = training(scheme=scheme).continued(4)
    assert spec.scheme.warmup == 0
    assert spec.start.scheme.warmup == 2
    assert spec.epochs == 4


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"network": specs.SmallCNN(width=8, hidden=16)}, r"start.network .* width is 8, not 4"),
        ({"images": specs.Glyphs(train=300, test=100)}, r"start.images .* train is 300, not 200"),
        ({"network": specs.PaperMnistCNN()}, r"start.network .* kind is paper_mnist_cnn"),
    ],
)
def test_that_another_network_or_other_images_are_refused(changes, sentence):
    with pytest.raises(SpecError, match=sentence):
        training(start=training(**changes))


def test_that_a_deep_chain_is_computed_from_its_beginning(study):
    spec = training()
    chain = [spec]
    for _ in range(40):
        spec = spec.continued(1)
        chain.append(spec)
    assert spec.requires() == (GLYPHS, chain[-2])
    assert missing([spec], study) == [GLYPHS, *chain]
    assert from_dict(spec.as_dict()) == spec


def test_that_what_needs_it_requires_the_whole_chain(study):
    child = training().continued(1)
    maps = specs.Maps(classifier=child)
    assert missing([maps], study) == [GLYPHS, training(), child, maps]


def test_that_a_plan_file_can_say_it(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(
        """
        run = ["longer"]
        [specs.images]
        kind = "glyphs"
        train = 200
        test = 100
        [specs.network]
        kind = "small_cnn"
        width = 4
        hidden = 16
        [specs.first]
        kind = "training"
        images = "@images"
        network = "@network"
        [specs.longer]
        kind = "training"
        images = "@images"
        network = "@network"
        start = "@first"
        epochs = 3
        """
    )
    (spec,) = read_plan(path).specs
    assert spec.epochs == 3
    assert spec.start == specs.Training(images=GLYPHS, network=NETWORK)


def test_that_it_begins_with_its_parents_weights(study, computed):
    (parent,) = computed(training())
    still = training(optimizer=STILL, start=training(), epochs=1)
    (record,) = computed(still)
    np.testing.assert_allclose(record.arrays[FIRST], parent.arrays[FIRST], atol=1e-9)
    np.testing.assert_array_equal(
        record.arrays["probes/attributions"][0], parent.arrays["probes/attributions"][-1]
    )
    assert record.numbers["clean_accuracy"] == parent.numbers["clean_accuracy"]


def test_that_it_learns_more_and_leaves_its_parent_alone(study, computed):
    (parent,) = computed(training())
    before = parent.arrays[FIRST].copy()
    (record,) = computed(training().continued(3))
    assert record.numbers["loss"] < parent.numbers["loss"]
    np.testing.assert_array_equal(study.read(training()).arrays[FIRST], before)


def test_that_it_sees_other_batches_than_its_parent(study, computed):
    seen = []

    def draw(spec):
        context = Context(spec, study, torch.device("cpu"), seen.append)
        from engine.training.train import _generators

        return torch.randperm(
            50, generator=_generators(spec, context, nn.Identity())["shuffle"]
        ).tolist()

    first = training()
    second = first.continued(2)
    assert draw(first) != draw(second) != draw(second.continued(2))
    assert draw(second) == draw(first.continued(2))


def test_that_the_users_own_weights_can_be_trained_on(study, computed, tmp_path):
    (parent,) = computed(training())
    state = {
        name.removeprefix("weights/"): torch.from_numpy(np.array(array))
        for name, array in parent.arrays.items()
        if name.startswith("weights/")
    }
    path = tmp_path / "own.pt"
    torch.save(state, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    study.set_location(digest, path)
    own = specs.Imported(
        images=GLYPHS, network=NETWORK, evaluation=EVALUATION, evaluation_images=50,
        name="own.pt", digest=digest,
    )  # fmt: skip
    still = robust(optimizer=STILL, start=own, epochs=1)
    assert still.title.endswith("1 epoch on own.pt")
    (record,) = computed(still)
    np.testing.assert_allclose(record.arrays[FIRST], parent.arrays[FIRST], atol=1e-9)


def test_that_a_killed_continuation_resumes_to_the_same_bits(study, computed, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    computed(robust())
    spec = robust().continued(3)
    whole = run(spec, study)
    study.drop_checkpoint(spec)
    points = 0

    def stop_in_second_epoch(event):
        nonlocal points
        points += isinstance(event, Scalars) and "loss" in event.values
        if points == 6:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(spec, study, stop_in_second_epoch)
    assert study.checkpoint(spec).documents["fit"]["epoch"] == 1
    resumed = run(spec, study)
    assert whole.numbers == resumed.numbers
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(array, resumed.arrays[name], err_msg=name)


def test_that_a_training_says_so_where_it_does_not_learn(study, computed):
    events = []
    run(training(optimizer=STILL, epochs=3), study, events.append)
    texts = [event.text for event in events if isinstance(event, Notice)]
    assert len(texts) == 1
    assert texts[0].startswith("not learning: the training loss of epoch 2")


def test_that_a_network_trained_on_from_another_is_no_baseline():
    tuned = training().continued(2)
    with pytest.raises(SpecError, match="must be a standard training from scratch"):
        specs.Interpretability(classifier=robust(), baseline=tuned, attribution=specs.Gradient())
    assert specs.Interpretability(
        classifier=tuned, baseline=training(), attribution=specs.Gradient()
    )
