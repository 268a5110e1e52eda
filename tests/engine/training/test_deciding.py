import dataclasses

import numpy as np
import pytest
import torch
from scipy.stats import binom

from engine import specs
from engine.data.image_set import ImageSet
from engine.networks.architectures import build
from engine.networks.opening.finding import find, open_file
from engine.networks.opening.outputs import completed, orders, reorder_outputs
from engine.specs.schema import SpecError
from engine.training.deciding import FOUND_ORDER, Choice, _is_chance, decide
from engine.training.proposing import imported, sentences

CLASSES = ("ant", "bee", "cow", "dog")
SHAPE = (3, 16, 16)
SPEC = specs.SmallCNN(width=4, hidden=8)


def network(normalization="signed", classes=4, **fields):
    generator = torch.Generator().manual_seed(1)
    spec = dataclasses.replace(SPEC, normalization=normalization, **fields)
    model = build(spec, shape=SHAPE, classes=classes, generator=generator).eval()
    with torch.no_grad():
        # So that no output is always the largest.
        model[1].dense2.bias -= model(torch.from_numpy(random_pixels(200)) / 255).median(0).values
    return model


def random_pixels(count):
    """Return images whose channels have different brightness, (N, 3, 16, 16) uint8."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (count, *SHAPE), dtype=np.uint8)
    return (pixels * random.uniform(0.1, 1, (count, 3, 1, 1))).astype(np.uint8)


def labelled_by(model, count=120, order=None, classes=CLASSES):
    """Return random images with the labels that a network gives them, so that it is always right.

    ``order`` is the output that stands for each class.
    """
    pixels = random_pixels(count)
    with torch.no_grad():
        outputs = model(torch.from_numpy(pixels) / 255).argmax(1).tolist()
    places = {output: label for label, output in enumerate(order or range(len(classes)))}
    labels = np.array([places[output] for output in outputs])
    return ImageSet(
        train_images=pixels[:0],
        train_labels=labels[:0],
        test_images=pixels,
        test_labels=labels,
        classes=classes,
    )


def found_in(tmp_path, state, **more):
    torch.save({"model": state, **more}, tmp_path / "w.pt")
    return find(open_file(tmp_path / "w.pt"), shape=SHAPE)


def weights(model):
    return model[1].state_dict()


@pytest.mark.parametrize("normalization", ["none", "signed", "imagenet"])
def test_that_the_normaliser_that_was_trained_with_is_proposed(normalization, tmp_path):
    model = network(normalization)
    decision = decide(found_in(tmp_path, weights(model)), labelled_by(model))
    assert decision.proposed.network.normalization == normalization
    assert decision.proposed.accuracy == 1
    assert [choice.normalizer for choice in decision.choices] == [
        "none",
        "signed",
        "data set",
        "ImageNet",
    ]
    assert not decision.near_chance


def test_that_the_file_s_own_normaliser_is_measured_too(tmp_path):
    own = {"mean": (0.1, 0.2, 0.7), "std": (0.3, 0.2, 0.1)}
    model = network("given", **own)
    state = {**weights(model), "mu": torch.tensor(own["mean"]), "sigma": torch.tensor(own["std"])}
    decision = decide(found_in(tmp_path, state), labelled_by(model))
    assert decision.choices[0].normalizer == decision.proposed.normalizer == "file"
    assert decision.proposed.network.mean == own["mean"]
    assert decision.proposed.accuracy == 1


def test_that_the_order_named_in_the_file_is_used(tmp_path):
    model = network()
    order = (2, 0, 3, 1)
    names = ["bee", "dog", "ant", "cow"]
    found = found_in(tmp_path, weights(model), classes=names)
    decision = decide(found, labelled_by(model, order=order))
    assert decision.proposed.class_order == "as in the file"
    assert (decision.proposed.order, decision.proposed.accuracy) == (order, 1)


def test_that_an_order_that_nothing_names_is_found_in_the_images(tmp_path):
    model = network()
    order = (2, 0, 3, 1)
    decision = decide(found_in(tmp_path, weights(model)), labelled_by(model, 400, order))
    assert decision.proposed.class_order == FOUND_ORDER
    assert (decision.proposed.order, decision.proposed.accuracy) == (order, 1)


def test_that_a_network_of_other_images_is_said_to_be_near_chance(tmp_path):
    images = labelled_by(network())
    labels = np.random.default_rng(1).integers(0, 4, len(images.test_images))
    images = ImageSet(
        train_images=images.train_images,
        train_labels=images.train_labels,
        test_images=images.test_images,
        test_labels=labels,
        classes=CLASSES,
    )
    found = found_in(tmp_path, weights(network()))
    decision = decide(found, images)
    assert decision.near_chance
    assert any(
        "No choice is better than guessing (25.0 %)" in s
        for s in sentences(found, images, decision)
    )


@pytest.mark.parametrize("classes", [2, 10, 100])
@pytest.mark.parametrize("images", [50, 500])
def test_that_a_guessing_network_passes_for_another_in_5_percent_at_most(images, classes):
    """Exact for 5 normalisers, as many as there are, whose answers are taken for independent."""
    chance, spec = 1 / classes, specs.SmallCNN()
    told_apart = [
        not _is_chance(Choice(spec, "none", "file", (), right, images), chance)
        for right in range(images + 1)
    ]
    alone = binom.pmf(np.arange(images + 1), images, chance)[told_apart].sum()
    assert 0 < 1 - (1 - alone) ** 5 <= 0.05


def test_that_progress_is_told_and_measuring_can_be_cancelled(tmp_path):
    model = network()
    found, images = found_in(tmp_path, weights(model)), labelled_by(model, 60)
    told = []
    decide(found, images, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (240, 240)
    assert [done for done, _ in told] == sorted(done for done, _ in told)

    class Stop(Exception):
        pass

    def check():
        raise Stop

    with pytest.raises(Stop):
        decide(found, images, check_cancelled=check)


def test_that_fewer_outputs_than_classes_are_refused(tmp_path):
    found = found_in(tmp_path, weights(network(classes=3)))
    with pytest.raises(SpecError, match="the network has 3 outputs, the images have 4 classes"):
        decide(found, labelled_by(network()))


def test_that_orders_are_listed_once_and_numbers_stand_for_outputs():
    assert orders(("a", "b"), 2, ()) == {"as in the folders": (0, 1)}
    assert orders(("10", "9"), 11, ())["by number"] == (10, 9)
    assert orders(("b", "a"), 2, ()) == {"as in the folders": (0, 1), "by name": (1, 0)}
    assert orders(("Tree Frog", "kite"), 1000, ())["as in ImageNet"] == (31, 21)
    assert orders(("a", "b", "c"), 2, ()) == {}
    assert completed((2, 0), 4) == [2, 0, 1, 3]


def test_that_outputs_are_moved_to_the_order_of_the_classes():
    model, moved = network(), network()
    reorder_outputs(moved, SPEC, SHAPE, (2, 0))
    images = torch.rand(3, *SHAPE)
    with torch.no_grad():
        torch.testing.assert_close(moved(images), model(images)[:, [2, 0, 1, 3]])


def test_that_the_choice_is_in_the_spec_of_the_import(tmp_path):
    model = network("none", classes=6)
    images = labelled_by(model, order=(5, 0, 3, 1, 2, 4), classes=("a", "b", "c", "d", "e", "f"))
    found = found_in(tmp_path, weights(model), class_names=["b", "d", "e", "c", "f", "a"])
    spec = imported(found, decide(found, images).proposed, specs.Glyphs(), images, "0" * 64)
    assert (spec.entry, spec.normalizer, spec.outputs) == ("model", "network", None)
    assert spec.network == SPEC.replace("normalization", "none")
    assert spec.class_order == (5, 0, 3, 1, 2, 4)
