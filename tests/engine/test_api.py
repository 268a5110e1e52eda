"""The names for notebooks: a study, specs, a run, records, figures, one network looked at."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from engine import api, specs
from engine.program import ROOT
from tests.engine.conftest import EVALUATION, GLYPHS, NETWORK


def small(**changes):
    return specs.Training(
        images=GLYPHS,
        network=NETWORK,
        evaluation=EVALUATION,
        evaluation_images=20,
        epochs=1,
        batch_size=50,
        **changes,
    )


def test_that_a_study_is_opened_computed_read_and_drawn(tmp_path):
    study = api.open_study(tmp_path / "s.isthmus")
    network, metric = small(), specs.Measurement(classifier=small(), metric=specs.Alignment())
    heard = []
    record, measured = api.compute(study, [network, metric], device="cpu", on_event=heard.append)
    assert 0 <= record.numbers["clean_accuracy"] <= 1
    assert measured.numbers["alignment"] > 0
    assert heard
    (point,) = api.summary(study)["tradeoff"]
    assert point["key"] == network.key
    api.save_figure(study, "curves", tmp_path / "curves.svg")
    assert (tmp_path / "curves.svg").stat().st_size > 1000


def test_that_a_network_is_attacked_and_explained(tmp_path):
    study = api.open_study(tmp_path / "s.isthmus")
    api.compute(study, [small()], device="cpu")
    model, found = api.network(study, small()), api.images(study, GLYPHS)
    images = torch.from_numpy(np.array(found.test_images[:6])).float() / 255
    labels = torch.from_numpy(np.array(found.test_labels[:6]))
    attack = specs.PGD(eps=0.1, step_size=0.05, steps=2, random_start=True)
    adv_images = api.attack(model, images, labels, attack, seed=3)
    assert float((adv_images - images).abs().max()) == pytest.approx(0.1, abs=1e-6)
    assert torch.equal(adv_images, api.attack(model, images, labels, attack, seed=3))
    assert api.explain(model, images).shape == images.shape
    assert api.explain(model, images, specs.IntegratedGradients(steps=4)).isfinite().all()


def test_that_a_failure_is_raised_with_its_sentence(tmp_path):
    study = api.open_study(tmp_path / "s.isthmus")
    small_images = specs.Gaussians2D(per_class=10)
    too_small = small().replace("images", small_images)
    with pytest.raises(api.ComputationError, match="images are 1x1 px, Small CNN needs") as caught:
        api.compute(study, [too_small], device="cpu")
    assert "Traceback" in caught.value.details


def test_that_presets_are_specs(tmp_path):
    assert {spec.kind for spec in api.plan("demo")} >= {"training", "maps"}
    with pytest.raises(api.SpecError, match="did you mean 'demo'"):
        api.plan("demmo")
    with pytest.raises(ValueError, match="did you mean 'tradeoff'"):
        api.save_figure(api.open_study(tmp_path / "s"), "tradeof", tmp_path / "x.pdf")


def test_that_an_image_folder_becomes_a_spec(tmp_path):
    from PIL import Image

    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(5):
            Image.new("RGB", (8, 8), (40 * number, 0, 0)).save(
                tmp_path / "pets" / name / f"{number}.png"
            )
    study = api.open_study(tmp_path / "s.isthmus")
    spec = api.folder(study, tmp_path / "pets", image_size=8)
    assert api.images(study, spec).classes == ("cat", "dog")


def test_that_importing_the_interface_loads_nothing_heavy():
    code = (
        "import sys, engine.api; assert not {'torch', 'matplotlib', 'PySide6'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_that_the_surroundings_of_an_image_and_a_painted_class_are_returned(tmp_path):
    study = api.open_study(tmp_path / "s.isthmus")
    api.compute(study, [small()], device="cpu")
    attack = specs.PGD(eps=0.1, step_size=0.05, steps=2, target=3)
    spec = specs.AdversarialExamples(classifier=small(), attack=attack, indices=(1,))
    found = api.around(study, spec, grid=5, way="gradient")
    assert found.arrays["loss"].shape == (5, 5)
    assert found.arrays["loss"][2, 2] == pytest.approx(found.numbers["loss"], rel=1e-4, abs=1e-7)
    painted = api.paint(study, spec, start="grey", frames=2)
    assert painted.arrays["frames"].shape[0] == 3
    assert (painted.arrays["frames"][0] == 0.5).all()
