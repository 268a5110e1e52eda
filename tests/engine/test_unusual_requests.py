"""Requests that cannot be met, or are met otherwise than one expects: one sentence each.

A radius of 0, a network with one class, images outside [0, 1], a target that does not exist, fewer
images than asked for; through Python, plan files and the command line.
"""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from engine import api, specs
from engine.cli.main import main
from engine.jobs.events import Notice
from engine.networks.gradients import InputError
from engine.program import BAD_INPUT, FAILED, OK
from engine.specs.schema import SpecError, fields_of, kinds_of
from engine.tradeoff.robustness import robustness
from tests.engine.conftest import robust, training
from tests.engine.small_networks import short, small_network, some_images

NO_RADIUS = specs.PGD(eps=0.0, steps=2)
ATTACKS = pytest.mark.parametrize("kind", kinds_of(specs.AttackSpec), ids=lambda kind: kind.kind)
MAPS = pytest.mark.parametrize("kind", kinds_of(specs.AttributionSpec), ids=lambda kind: kind.kind)
TOWARDS_A_CLASS = pytest.mark.parametrize(
    "kind",
    [k for k in kinds_of(specs.AttackSpec) if any(f.name == "target" for f in fields_of(k))],
    ids=lambda kind: kind.kind,
)


@pytest.fixture
def noticed(study):
    """Compute specs in the study, as a notebook does; return the records and all notices."""

    def run(*wanted):
        notices = []

        def hear(event):
            if isinstance(event, Notice):
                notices.append(event.text)

        return api.compute(study, wanted, device="cpu", on_event=hear), notices

    return run


def plane():
    """Return a training on 50 points of each class."""
    images = specs.Gaussians2D(per_class=50)
    return training(images=images, network=specs.PaperMLP(), epochs=1, batch_size=10)


class OneClass(nn.Module):
    def forward(self, images):
        return images.flatten(1).sum(1, keepdim=True)


# A radius of 0


@pytest.mark.parametrize("norm", ["linf", "l2"])
@ATTACKS
def test_that_an_attack_of_radius_0_changes_nothing(kind, norm):
    images, labels = some_images()
    attacked = api.attack(small_network(), images, labels, short(kind, norm=norm, eps=0.0))
    assert torch.equal(attacked, images)
    assert attacked is not images


@pytest.mark.parametrize(
    ("metric", "sentence"),
    [
        (lambda: specs.StrongAccuracy(eps=0.0), "eps is 0.0, must be a number above 0"),
        (lambda: specs.AttackCheck(attack=NO_RADIUS), "attack.eps is 0, must be above 0"),
        (lambda: specs.RobustAccuracy(attack=NO_RADIUS), "attack.eps is 0, must be above 0"),
        (lambda: specs.RobustAccuracy(eps=()), r"eps is \[\], must hold at least one radius"),
        (lambda: specs.SmallestEps(eps=()), r"eps is \[\], must hold at least one radius"),
        (lambda: specs.SmallestEps(attack=NO_RADIUS), "attack.eps is 0, must be above 0"),
    ],
)
def test_that_a_metric_of_robustness_needs_a_radius(metric, sentence):
    with pytest.raises(SpecError, match=sentence):
        metric()


def test_that_training_against_radius_0_is_said_to_be_standard(noticed):
    spec = robust(epochs=1).replace("scheme.attack.eps", 0.0)
    (record, standard), notices = noticed(spec, training(epochs=1))
    assert notices == [
        "scheme.attack.eps is 0, so that no image is changed: "
        "this is standard training at the cost of an attack"
    ]
    assert record.numbers["loss"] == pytest.approx(standard.numbers["loss"], rel=1e-3)


def test_that_an_accuracy_at_radius_0_is_said_to_be_the_clean_one(study, noticed):
    spec = training(epochs=1, evaluation=NO_RADIUS)
    _, notices = noticed(spec)
    assert notices == [
        "evaluation.eps is 0, so that no image is changed: robust accuracy is the clean accuracy"
    ]
    found = robustness(study)[spec.key]
    assert found.verdict == "unchecked"
    assert found.findings[0].startswith("Not attacked: eps of the network's evaluation is 0")


def test_that_examples_and_boundaries_at_radius_0_are_said_to_be_clean(noticed):
    (examples, _), notices = noticed(
        specs.AdversarialExamples(classifier=training(epochs=1), attack=NO_RADIUS),
        specs.Boundary(classifier=plane(), attack=specs.PGD(norm="l2", eps=0.0), grid=10),
    )
    assert examples.numbers["success_rate"] == 0.0
    assert sorted(notices) == [
        f"attack.eps is 0, so that no image is changed: the attacked {what} are the clean ones"
        for what in ("images", "points")
    ]


# A network with one class


@ATTACKS
def test_that_a_network_with_one_class_cannot_be_attacked(kind):
    images, labels = some_images()
    with pytest.raises(InputError, match=r"shape \(\d, 1\), must be .* at least two classes"):
        api.attack(OneClass(), images, labels * 0, short(kind))


@MAPS
def test_that_a_network_with_one_class_cannot_be_explained(kind):
    wanted = {  # asked for before the classes are counted
        "expected_gradients": "compares with training images",
        "gradcam": "needs a convolution",
        "layercam": "needs a convolution",
    }.get(kind.kind, r"shape \(\d, 1\), must be .* at least two classes")
    with pytest.raises(InputError, match=wanted):
        api.explain(OneClass(), some_images()[0], kind())


def test_that_images_of_one_class_cannot_be_trained_on(tmp_path, study):
    for part in ("train", "test"):
        folder = tmp_path / "pictures" / part / "cat"
        folder.mkdir(parents=True)
        for number in range(12):
            pixels = np.full((8, 8, 3), 20 * number, np.uint8)
            Image.fromarray(pixels).save(folder / f"{part}{number}.png")
    images = api.folder(study, tmp_path / "pictures", image_size=8)
    with pytest.raises(api.ComputationError, match=r"one class only.*at least two classes"):
        api.compute(study, [training(images=images)], device="cpu")


# Images outside [0, 1]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda x: 255 * x, r"images reaches from .* to 2\d\d.*, must lie in \[0, 1\]"),
        (lambda x: 2 * x - 1, r"images reaches from -0.\d* to"),
        (lambda x: x * float("nan"), "images reaches from nan to nan"),
        (lambda x: (255 * x).long(), "torch.int64, must be .N, C, H, W., floating point"),
    ],
)
class TestImagesOutside:
    @ATTACKS
    def test_that_they_are_not_attacked(self, kind, change, sentence):
        images, labels = some_images()
        with pytest.raises(InputError, match=sentence):
            api.attack(small_network(), change(images), labels, short(kind))

    @MAPS
    def test_that_they_are_not_explained(self, kind, change, sentence):
        with pytest.raises(InputError, match=sentence):
            api.explain(small_network(), change(some_images()[0]), kind())


# A target that does not exist


@TOWARDS_A_CLASS
def test_that_an_attack_cannot_move_towards_a_class_that_is_not_there(kind):
    images, labels = some_images()
    with pytest.raises(InputError, match="target is 12, must be at most 4: the network has 5"):
        api.attack(small_network(), images, labels, short(kind, target=12))


@MAPS
def test_that_a_class_that_is_not_there_cannot_be_explained(kind):
    with pytest.raises(InputError, match="target is 12, must be at most 4: the network has 5"):
        api.explain(small_network(), some_images()[0], kind(target=12))


def test_that_computations_name_the_target_that_is_not_there(computed):
    towards = specs.PGD(eps=0.1, steps=2, target=12)
    network = training(epochs=1)
    wanted = [
        specs.AdversarialExamples(classifier=network, attack=towards),
        specs.Maps(classifier=network, attribution=specs.Gradient(target=12)),
        specs.Measurement(classifier=network, metric=specs.RobustAccuracy(attack=towards)),
        training(epochs=1, evaluation=towards),
        training(epochs=1, scheme=specs.Adversarial(attack=towards)),
    ]
    messages = computed(*wanted, expect_failure=True)
    assert messages == ["target is 12, must be at most 9: the network has 10 classes"] * 5


@pytest.mark.parametrize(
    ("attack", "sentence"),
    [
        (specs.PGD(target=0), "attack.target is 0, must be empty"),
        (specs.APGD(targets=3), "attack.targets is 3, must be 0"),
        (specs.FAB(), "attack is fab, must be another one"),
    ],
)
def test_that_trades_takes_no_attack_that_goes_towards_a_class(attack, sentence):
    with pytest.raises(SpecError, match=sentence):
        specs.TRADES(attack=attack)


# Fewer images than asked for


def test_that_fewer_images_than_asked_for_are_told_and_counted(noticed):
    network = training(epochs=1, evaluation_images=5000)
    generator = specs.VAEGAN(images=network.images, epochs=1, width=0.1, latent=2)
    measured = specs.Measurement(classifier=network, metric=specs.Alignment(), test_images=300)
    distance = specs.ManifoldDistance(generator=generator, test_images=400)
    boundary = specs.Boundary(classifier=plane(), attacked_points=500, grid=10)
    (*records, _), notices = noticed(network, measured, distance, boundary)
    assert records[0].numbers["robust_images"] == 100
    assert [record.numbers["test_images"] for record in records[1:]] == [100, 100]
    fewer = "but there are only 100: all of them are taken"
    assert sorted(notices) == [
        f"attacked_points is 500, {fewer}",
        f"evaluation_images is 5,000, {fewer}",
        f"test_images is 300, {fewer}",
        f"test_images is 400, {fewer}",
    ]


def test_that_a_limit_nobody_named_is_not_told(noticed):
    default = specs.Training(images=training().images, network=training().network, epochs=1)
    assert default.evaluation_images > 100
    quick = default.replace("evaluation.steps", 1)
    _, notices = noticed(quick, specs.Measurement(classifier=quick, metric=specs.Alignment()))
    assert notices == []


@pytest.mark.parametrize("kind", [specs.Maps, specs.AdversarialExamples])
def test_that_maps_and_examples_need_an_image(kind):
    with pytest.raises(SpecError, match=r"indices is \[\], must hold the number of"):
        kind(classifier=training(), indices=())


# The same through a plan file and the command line

PLAN = """
title = "small"
run = ["network", "measured"]
[specs.images]
kind = "glyphs"
train = 60
test = 40
[specs.network]
kind = "training"
images = "@images"
network = {kind = "small_cnn", width = 4, hidden = 8}
epochs = 1
evaluation = {kind = "pgd", eps = 0.1, steps = 2}
[specs.measured]
kind = "measurement"
classifier = "@network"
metric = {kind = "strong_accuracy", eps = 0.05}
test_images = 20
"""


@pytest.fixture
def run(tmp_path, capsys):
    """Run the plan with a setting; return the exit code and what was said."""
    plan = tmp_path / "small.toml"
    plan.write_text(PLAN)

    def go(setting):
        study = tmp_path / "s.isthmus"
        code = main(["run", str(plan), "--study", str(study), "--device", "cpu", "--set", setting])
        return code, capsys.readouterr().err

    return go


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("measured.metric.eps=0", "specs.measured.metric.eps is 0, must be a number above 0"),
        ("images.test=0", "specs.images.test is 0, must be a whole number at least 10"),
        ("measured.test_images=0", "specs.measured.test_images is 0, must be a whole number"),
        (
            'network.scheme={kind="trades", attack={kind="pgd", target=3}}',
            "specs.network.scheme.attack.target is 3, must be empty",
        ),
    ],
)
def test_that_a_plan_is_refused_in_one_line(run, setting, sentence):
    code, said = run(setting)
    assert code == BAD_INPUT
    assert sentence in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("setting", "wanted", "sentence"),
    [
        ("network.evaluation.target=12", FAILED, "target is 12, must be at most 9"),
        ("network.evaluation.eps=0", OK, "robust accuracy is the clean accuracy"),
        ("measured.test_images=5000", OK, "test_images is 5,000, but there are only 40"),
        ("network.evaluation_images=5000", OK, "evaluation_images is 5,000, but there are only 40"),
    ],
)
def test_that_a_run_says_what_is_not_as_asked(run, setting, wanted, sentence):
    code, said = run(setting)
    assert code == wanted
    assert sentence in said
