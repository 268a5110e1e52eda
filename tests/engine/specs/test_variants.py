import re
from dataclasses import replace

import pytest

from engine import specs
from engine.program import ROOT
from engine.specs.schema import KINDS, fields_of
from engine.specs.variants import faithful, switches, variant
from tests.engine.conftest import GLYPHS, robust, training

GENERATOR = specs.VAEGAN(images=GLYPHS)
WHOLE = specs.ManifoldDistance(
    generator=GENERATOR, classifier=robust(), baseline=training(), attack=specs.FGSM()
)
SWITCHES = {item.label: item for item, _ in switches(WHOLE)}


def test_that_defaults_are_the_corrected_variant():
    assert variant(training()) == "corrected"
    assert variant(specs.ManifoldDistance(generator=GENERATOR)) == "corrected"


def test_that_a_spec_without_switches_has_no_variant():
    assert variant(GLYPHS) == ""
    assert variant(specs.SmallCNN()) == ""


def test_that_every_switch_inside_becomes_faithful():
    spec = specs.ManifoldDistance(
        generator=GENERATOR, classifier=training(seed=1), baseline=training()
    )
    old = faithful(spec)
    assert variant(old) == "faithful"
    assert old.judged_by == "standard"
    assert old.reconstruction == "sampled"
    assert old.generator.order == "file"
    assert old.classifier.order == "file"
    assert old.baseline.order == "file"
    assert old.generator.form == "released"
    assert old.attack.form == "released"
    assert old.classifier.evaluation.form == "released"
    assert old.classifier.optimizer.form == "released"
    assert old.key != spec.key


def test_that_a_record_with_the_older_switches_alone_is_faithful_in_those():
    # What made a training wholly faithful before the formulas had a form.
    assert variant(training(order="file")) == "faithful in order of images"


@pytest.mark.parametrize("item", SWITCHES.values(), ids=SWITCHES)
def test_that_one_switch_left_off_is_enough_to_be_faithful_in_part(item):
    def without(spec):
        values = {}
        for field in fields_of(type(spec)):
            value = getattr(spec, field.name)
            if isinstance(value, specs.Spec):
                values[field.name] = without(value)
            elif field == item:
                values[field.name] = field.default
        return replace(spec, **values)

    assert variant(faithful(WHOLE)) == "faithful"
    assert variant(without(faithful(WHOLE))).startswith("faithful in ")


def test_that_every_switch_stands_in_the_table_of_differences():
    told = (ROOT / "docs" / "reproduction.md").read_text(encoding="utf-8")
    for cls in KINDS.values():
        for item in fields_of(cls):
            if item.is_switch and not cls.kind.startswith("test_"):
                assert f"`{cls.kind}.{item.name}`" in told, f"{cls.kind}.{item.name}"


POINTS = (
    "order of images",
    "MNIST and Fashion-MNIST training images",
    "Adam's epsilon",
    "margin loss cw",
    "gradient of the cross-entropy in attacks",
    "the same in attributions",
    "L2 step",
    "L2 projection",
    "L2 random start (an option)",
    "layers of the VAE-GAN",
    "batch norm of the VAE-GAN",
    "its running statistics",
    "first layer of the CIFAR-10 decoder",
    "spectral norm of the CIFAR-10 discriminator",
    "GAN losses",
    "batches of a VAE-GAN epoch",
    "latent behind a distance",
    "whose prediction an attack must change",
    "ties in a ranking",
    "random baseline",
    "threshold",
    "fill of test images",
    "ends of the curves",
    "seeds of the repeats",
    "running variance of dense layers in the VAE-GAN",
    "pooling before ReLU",
    "scale of pixels",
    'Fashion-MNIST panel "L2 xent"',
    "L-inf radii of CIFAR-10",
)
"""Every point in which the engine and the released code were found to differ."""


@pytest.mark.parametrize("point", POINTS)
def test_that_a_point_of_difference_is_a_switch_or_has_a_reason(point):
    told = (ROOT / "docs" / "reproduction.md").read_text(encoding="utf-8")
    (row,) = (line for line in told.splitlines() if line.startswith(f"| {point}"))
    assert row.count(" | ") == 3
    switch = row.rsplit(" | ", 1)[1].removesuffix(" |")
    named = re.findall(r"`(\w+)\.(\w+)`", switch)
    assert named or re.match(r"none: \w+", switch), point
    for kind, field in named:
        assert field in {item.name for item in fields_of(KINDS[kind])}, f"{kind}.{field}"


def test_that_the_table_of_differences_has_no_other_point():
    told = (ROOT / "docs" / "reproduction.md").read_text(encoding="utf-8")
    table = told.split("| point | released code | default here | switch |\n")[1].split("\n\n")[0]
    rows = table.splitlines()[1:]
    assert len(rows) == len(POINTS)
    assert all(any(row.startswith(f"| {point}") for point in POINTS) for row in rows)


def test_that_a_mixture_names_what_is_faithful():
    spec = specs.ManifoldDistance(
        generator=GENERATOR, classifier=training(order="file"), baseline=training()
    )
    assert variant(spec) == "faithful in order of images (partly)"


def test_that_a_new_switch_does_not_rename_older_results():
    # The key from before trainings knew an order of images.
    assert "order" not in training().canonical
