"""Augmentation, averages, smoothed labels and starts with other classes, in whole trainings."""

import hashlib
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional

from engine import api, specs
from engine.jobs.context import Cancelled, Context
from engine.jobs.events import Scalars
from engine.networks import library
from engine.plan.cost import work_of
from engine.specs.schema import SpecError, from_dict
from engine.training import loop
from engine.training.loop import TrainingState, make_optimizer
from engine.training.schemes import SCHEMES, BatchContext
from engine.training.start import redraw
from engine.training.train import train
from tests.engine.conftest import training
from tests.engine.small_networks import initialised, seeded

AUGMENTATION = specs.Augmentation(padding=2, operations=1, brightness=0.2)
ATTACK = specs.PGD(eps=0.1, step_size=0.05, steps=2, random_start=True)
ALL = {
    "augmentation": AUGMENTATION,
    "averaging": 0.9,
    "label_smoothing": 0.1,
    "optimizer": specs.SGD(learning_rate=0.05, schedule="cosine", rate_warmup=0.5),
    "scheme": specs.Adversarial(attack=ATTACK),
}
RESNET = specs.CifarResNet()
HEAD = ("weights/network.linear.weight", "weights/network.linear.bias")


def run(spec, study, emit=lambda event: None):
    return train(spec, Context(spec, study, torch.device("cpu"), emit))


def weights(record):
    return {n: a for n, a in record.arrays.items() if n.startswith("weights/")}


def same(first, second):
    return all(np.array_equal(array, second[name]) for name, array in first.items())


def test_that_fields_at_their_defaults_leave_the_key_as_it_was():
    spec = training()
    fields = ("augmentation", "averaging", "label_smoothing", "precision", "start_head", "frozen")
    old = {name: value for name, value in spec.as_dict().items() if name not in fields}
    assert from_dict(old).key == spec.key
    assert len({training(**{n: v}).key for n, v in ALL.items()}) == len(ALL)


def test_that_the_same_seed_gives_the_same_bits(study):
    first, again = (run(training(epochs=1, **ALL), study) for _ in range(2))
    assert same(first.arrays, again.arrays)
    other = run(training(epochs=1, seed=1, **ALL), study)
    assert not same(weights(first), weights(other))


@pytest.mark.parametrize("name", ["augmentation", "averaging", "label_smoothing"])
def test_that_each_choice_changes_the_network(name, study):
    plain, changed = (run(training(epochs=1, **f), study) for f in ({}, {name: ALL[name]}))
    assert not same(weights(plain), weights(changed))


def test_that_a_killed_training_resumes_to_the_same_bits(study, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    spec = training(epochs=3, **ALL)
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
    assert whole.arrays.keys() == resumed.arrays.keys()
    assert same(whole.arrays, resumed.arrays)


def test_that_attacks_are_made_on_augmented_images(study, monkeypatch):
    """Every attacked image lies within eps of what augmentation gave, in the same order."""
    import engine.training.batch as batches
    import engine.training.schemes as schemes

    made, attacked = [], []
    augment, attack = batches.augment, schemes.attacked

    def augmenting(*args):
        made.append(augment(*args))
        return made[-1]

    def attacking(model, images, *args, **kwargs):
        attacked.append((images, attack(model, images, *args, **kwargs)))
        return attacked[-1][1]

    monkeypatch.setattr(batches, "augment", augmenting)
    monkeypatch.setattr(schemes, "attacked", attacking)
    scheme = specs.Adversarial(attack=ATTACK)
    run(training(epochs=1, scheme=scheme, augmentation=AUGMENTATION), study)
    assert len(made) == len(attacked) == 4
    for images, (given, adv_images) in zip(made, attacked, strict=True):
        assert torch.equal(images, given)
        assert float((adv_images - images).abs().max()) <= 0.1 + 1e-5


@pytest.mark.parametrize("scheme", [specs.Standard(), specs.TRADES(beta=0.0, attack=ATTACK)])
def test_that_smoothed_labels_give_torchs_loss(scheme):
    images, labels = torch.rand(16, 1, 4, 4, generator=seeded()), torch.arange(16) % 5
    model = initialised(nn.Sequential(nn.Flatten(), nn.Linear(16, 5)))
    expected = functional.cross_entropy(model(images), labels, label_smoothing=0.3)
    state = TrainingState(model, make_optimizer(specs.SGD(), model), {})
    batch = BatchContext(0.0, seeded(), lambda *_: None, smoothing=0.3)
    loss = SCHEMES[scheme.kind].step(state, images, labels, batch, **scheme.parameters())
    torch.testing.assert_close(loss, expected.detach())


def test_that_mixed_precision_is_of_the_step_and_its_loss_of_float32():
    """On a CPU, whose autocast has the same rules: the spec itself asks for CUDA."""
    images = torch.rand(8, 1, 4, 4, generator=seeded())
    model, inside = initialised(nn.Sequential(nn.Flatten(), nn.Linear(16, 5))), []
    model[1].register_forward_hook(lambda *a: inside.append(a[2].dtype))
    batch = BatchContext(0.0, seeded(), lambda *_: None, mixed=True)
    assert batch.logits(model, images).dtype == torch.float32
    state = TrainingState(model, make_optimizer(specs.SGD(), model), {})
    scheme = specs.Adversarial(attack=ATTACK)
    SCHEMES["adversarial"].step(state, images, torch.arange(8) % 5, batch, **scheme.parameters())
    assert inside[0] == inside[-1] == torch.bfloat16
    assert set(inside[1:-1]) == {torch.float32}  # the steps of the attack
    assert model[1].weight.dtype == torch.float32


def test_that_mixed_precision_without_cuda_is_refused(computed):
    (message,) = computed(training(precision="bfloat16"), expect_failure=True)
    assert message == "precision is bfloat16, which needs a CUDA device; this is cpu"


def test_that_augmentation_that_does_not_fit_is_refused(computed):
    spec = training(augmentation=specs.Augmentation(padding=40))
    (message,) = computed(spec, expect_failure=True)
    assert message.startswith("augmentation.padding is 40, must be at most 28")


# ------------------------------------------------------------------------- starts of other classes


def test_that_an_unchanged_start_says_what_replaces_its_last_layer():
    other = specs.Glyphs(train=300, test=100)
    with pytest.raises(SpecError, match=r"start.images"):
        training(start=training(images=other))
    assert training(start=training(images=other), start_head="replaced").key
    wide = training(network=specs.SmallCNN(width=8, hidden=16))
    with pytest.raises(SpecError, match=r"start.network"):
        training(start=wide, start_head="replaced")


@pytest.mark.parametrize("fields", [{"start_head": "replaced"}, {"frozen": True}])
def test_that_a_training_from_scratch_has_no_start_to_change(fields):
    with pytest.raises(SpecError, match="where start is empty"):
        training(**fields)


def test_that_going_on_after_a_replaced_head_keeps_the_head_that_was_learned():
    first = training(start=training(), start_head="replaced", frozen=True)
    more = first.continued(2)
    assert (more.start_head, more.frozen) == ("same", True)


def folders(place, names):
    """Write a folder of 16 images of 16x16 for each name, each class with a colour of its own."""
    draw = np.random.default_rng(0)
    for number, name in enumerate(names):
        (place / name).mkdir(parents=True)
        for index in range(16):
            noise = draw.integers(0, 120, (16, 16, 3))
            noise[..., number] += 100
            Image.fromarray(noise.astype(np.uint8)).save(place / name / f"{index}.png")
    return place


@pytest.fixture
def two(study, tmp_path):
    """A training on two classes."""
    images = api.folder(study, folders(tmp_path / "two", "ab"))
    return training(images=images, network=RESNET, epochs=1, evaluation_images=4, batch_size=8)


@pytest.fixture
def three(study, tmp_path):
    """Images of three classes."""
    return api.folder(study, folders(tmp_path / "three", "abc"))


def tuned(start, images, **changes):
    return replace(start, images=images, start=start, start_head="replaced", **changes)


def test_that_a_frozen_rest_stays_bit_for_bit_and_the_last_layer_learns(
    study, computed, two, three
):
    (first,) = computed(two)
    untouched, learned = (
        run(tuned(two, three, frozen=True, optimizer=optimizer), study)
        for optimizer in (specs.SGD(learning_rate=1e-12), specs.SGD(learning_rate=0.1))
    )
    for name, array in weights(first).items():
        if name in HEAD:
            assert (len(array), len(learned.arrays[name])) == (2, 3)
            assert not np.array_equal(learned.arrays[name], untouched.arrays[name])
        else:
            np.testing.assert_array_equal(learned.arrays[name], array, err_msg=name)


@pytest.mark.parametrize("name", ["efficientnet_b0", "squeezenet1_1"])
def test_that_a_new_last_layer_begins_with_small_weights(name):
    """A library's own range for three classes, 0.58, would spoil the features it stands on."""
    network = library.torchvision_network(specs.Torchvision(name=name), (3, 64, 64), 3)
    layer = network.requires_grad_(False).classifier[1]
    head = frozenset(("classifier.1.weight", "classifier.1.bias"))
    before = {n: v.clone() for n, v in network.state_dict().items() if n not in head}
    redraw(network, head, torch.Generator().manual_seed(0))
    bound = 1 / math.sqrt(layer.weight[0].numel())
    assert layer.weight.abs().max() <= bound
    assert layer.weight.std() == pytest.approx(bound / math.sqrt(3), rel=0.05)
    assert all(torch.equal(network.state_dict()[n], value) for n, value in before.items())
    first = layer.weight.clone()
    redraw(network, head, torch.Generator().manual_seed(0))
    assert torch.equal(layer.weight, first)


def test_that_all_but_the_normaliser_learns_where_nothing_is_frozen(study, computed, two, three):
    (first,) = computed(two)
    found = run(tuned(two, three, optimizer=specs.SGD(learning_rate=0.1)), study)
    same_names = {n for n, a in weights(first).items() if np.array_equal(a, found.arrays[n])}
    assert same_names == {"weights/normalize.mean", "weights/normalize.std"}


def test_that_a_start_without_its_images_is_enough(study, computed, two, three):
    computed(two)
    study.set_location(two.images.digest, study.path / "nowhere")
    assert run(tuned(two, three), study).numbers["clean_images"] > 0


def test_that_a_killed_start_with_other_classes_resumes_to_the_same_bits(
    study, computed, two, three, monkeypatch
):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    computed(two)
    spec = tuned(two, three, frozen=True, epochs=3, augmentation=AUGMENTATION)
    whole = run(spec, study)
    study.drop_checkpoint(spec)

    def stop_in_third_epoch(event):
        if isinstance(event, Scalars) and event.step > 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(spec, study, stop_in_third_epoch)
    assert study.checkpoint(spec).documents["fit"]["epoch"] == 2
    assert same(whole.arrays, run(spec, study).arrays)


def test_that_images_which_more_layers_depend_on_are_refused_in_a_sentence(
    study, computed, two, tmp_path
):
    start = replace(two, network=specs.SmallCNN(width=4, hidden=16))
    larger = api.folder(study, folders(tmp_path / "larger", "abc"), image_size=24)
    (message,) = computed(tuned(start, larger), expect_failure=True)
    assert "must be 16x288 for images of this size" in message
    assert "only the last layer is replaced" in message


def test_that_a_file_with_other_outputs_gets_a_new_last_layer(
    study, computed, two, three, tmp_path
):
    """An ImageNet network has more outputs than the images that it is opened for."""
    (first,) = computed(tuned(two, three))
    path = tmp_path / "three.safetensors"
    save_file({n.removeprefix("weights/"): np.array(a) for n, a in weights(first).items()}, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    study.set_location(digest, path)
    own = specs.Imported(
        images=two.images,
        network=two.network,
        evaluation=two.evaluation,
        evaluation_images=4,
        name="three",
        digest=digest,
        outputs=3,
    )
    computed(own)
    with pytest.raises(SpecError, match=r"outputs is 3, .* unless start_head is replaced"):
        replace(two, start=own)
    (found,) = computed(replace(two, start=own, start_head="replaced", frozen=True))
    assert found.arrays[HEAD[0]].shape[0] == 2
    name = "weights/network.conv1.weight"
    np.testing.assert_array_equal(found.arrays[name], first.arrays[name])


def test_that_training_the_last_layer_alone_is_expected_to_cost_less(two, three):
    free, frozen = (work_of(tuned(two, three, frozen=value)) for value in (False, True))
    assert frozen.batches == pytest.approx(free.batches / 3)
