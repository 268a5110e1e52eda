"""One spec, one function and one row: everything else follows, for methods of no file of ours."""

import json
import subprocess

import numpy as np
import pytest
import torch

from engine import specs
from engine.attribution.table import attribute
from engine.cli.main import main, parser
from engine.figures.record_pictures import pictures_of
from engine.figures.report import write_report
from engine.measures.map_numbers import completeness_gap
from engine.plan.cost import work_of
from engine.plan.planfile import read_plan
from engine.specs.methods import as_markdown
from engine.specs.passes import FORWARD, TO_PIXELS
from engine.specs.schema import from_dict
from engine.store.study import Study
from engine.training import loop
from engine.training.alarms import Curves, catastrophic_overfitting
from tests.engine.conftest import EVALUATION, GLYPHS, computed, study
from tests.made_up_methods import registered

__all__ = ["computed", "study"]  # fixtures

KINDS = [f"made_up_{family}" for family in ("attack", "attribution", "scheme", "network", "metric")]
PLAN = """
run = ["network", "maps", "examples", "measured"]
[specs.images]
kind = "glyphs"
train = 200
test = 100
[specs.network]
kind = "training"
images = "@images"
network = { kind = "made_up_network" }
epochs = 2
batch_size = 50
evaluation_images = 20
evaluation = { kind = "made_up_attack", eps = 0.1 }
scheme = { kind = "made_up_scheme", attack = { kind = "made_up_attack", eps = 0.05 } }
[specs.maps]
kind = "maps"
classifier = "@network"
attribution = { kind = "made_up_attribution", quantity = "logit", times = 3.0 }
[specs.examples]
kind = "adversarial_examples"
classifier = "@network"
attack = { kind = "made_up_attack", eps = 0.2 }
[specs.measured]
kind = "measurement"
classifier = "@network"
metric = { kind = "made_up_metric" }
test_images = 50
"""


@pytest.fixture(autouse=True)
def made_up():
    with registered():
        yield


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return path


def of_plan(plan, name):
    return read_plan(plan).named[name][0]


def test_that_a_plan_file_computes_all_of_them_and_a_study_tells_of_them(plan, tmp_path, capsys):
    study = str(tmp_path / "study.isthmus")
    assert main(["run", str(plan), "--study", study, "--device", "cpu"]) == 0
    assert main(["show", "--study", study]) == 0
    shown = capsys.readouterr().out
    assert "Made-up metric" in shown
    assert main(["show", "--study", study, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (metric,) = found["metrics"]
    assert metric["metric"] == "made_up_metric"
    assert 0.1 < metric["value"] <= 1
    assert [row["scheme"] for row in found["tradeoff"]] == ["made_up_scheme"]
    out = tmp_path / "figure.svg"
    assert main(["export", "made_up_figure", "--study", study, "--out", str(out)]) == 0
    assert out.read_bytes().startswith(b"<?xml")
    write_report(Study(tmp_path / "study.isthmus"), tmp_path / "report.pdf")
    text = subprocess.run(
        ["pdftotext", str(tmp_path / "report.pdf"), "-"], capture_output=True, text=True, check=True
    ).stdout
    for words in ("A made-up figure", "Made-up metric", "Made-up attribution", "Made-up attack"):
        assert words in text, f"the report does not say {words}"


def test_that_every_record_of_theirs_has_pictures(plan, tmp_path):
    main(["run", str(plan), "--study", str(tmp_path / "s"), "--device", "cpu"])
    study = Study(tmp_path / "s")
    for name in ("network", "maps", "examples", "measured"):
        _, found = pictures_of(study, of_plan(plan, name).key)
        assert found.charts or found.grid is not None, name


def test_that_the_list_of_methods_and_the_help_name_them(capsys):
    text = as_markdown()
    for kind in KINDS:
        assert f"`{kind}`" in text
    assert "Half the way from white, doubled." in text
    assert "Source: made up, p. 3." in text
    assert main(["methods", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {*KINDS, "made_up_figure"} <= {entry["kind"] for entry in listed["methods"]}
    with pytest.raises(SystemExit):
        parser().parse_args(["export", "--help"])
    assert "made_up_figure" in "".join(capsys.readouterr().out.split())


def test_that_their_work_is_what_they_say_it_is(plan):
    train, test = GLYPHS.train, GLYPHS.test
    network = work_of(of_plan(plan, "network"))
    # The made-up attack costs nothing, so what is left are two passes an image and the evaluations,
    # and one step and ten against 20 images after each of the two epochs.
    # In the end the answers are looked at, and a gradient of 20 images.
    evaluated = 3 * FORWARD * test + (2 * 20 * (1 + 10) + 20) * TO_PIXELS
    assert network.passes == pytest.approx(2 * 2 * train + evaluated)
    assert work_of(of_plan(plan, "maps")).passes == pytest.approx(8 * (FORWARD + TO_PIXELS))
    assert work_of(of_plan(plan, "measured")).passes == pytest.approx(50 * FORWARD)


def test_that_the_alarms_know_a_scheme_by_its_threat(plan):
    loss, clean = np.array([1.0, 0.5]), np.array([0.9, 0.9])
    unknown = np.full(2, np.nan)
    curves = Curves(loss, clean, np.array([0.6, 0.0]), 200, unknown, unknown)
    assert "catastrophic overfitting" in catastrophic_overfitting(
        of_plan(plan, "network"), curves, 10
    )


def test_that_the_completeness_of_an_attribution_follows_its_reference():
    """The way from white through one gradient is exact for a linear network."""
    weight = torch.randn(3, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    model = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(16, 3, bias=False, dtype=torch.float64)
    )
    model[1].weight.data = weight
    images = torch.rand(5, 1, 4, 4, generator=torch.Generator().manual_seed(1)).double()
    spec = from_dict(
        {"kind": "made_up_attribution", "quantity": "logit", "times": 3.0}, specs.AttributionSpec
    )
    gap = completeness_gap(model, images, attribute(model, images, spec), spec)
    assert gap.max() < 1e-9


def test_that_the_average_of_weights_is_what_is_stored(computed, study):
    spec = specs.Training(
        images=GLYPHS,
        network=from_dict({"kind": "made_up_network"}),
        scheme=from_dict({"kind": "made_up_scheme"}),
        epochs=1,
        batch_size=50,
        evaluation=EVALUATION,
        evaluation_images=10,
    )
    plain = spec.replace("scheme", specs.Standard())
    averaged, last = computed(spec, plain)
    weight = "weights/network.1.weight"
    assert np.linalg.norm(averaged.arrays[weight]) != np.linalg.norm(last.arrays[weight])


def test_that_what_a_scheme_keeps_survives_a_stop(tmp_path, monkeypatch):
    """A training that is cut after its first epoch ends with the bits of one that was not."""
    from engine.jobs.context import Cancelled, Context
    from engine.training.train import train

    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    spec = specs.Training(
        images=GLYPHS,
        network=from_dict({"kind": "made_up_network"}),
        scheme=from_dict({"kind": "made_up_scheme"}),
        epochs=3,
        batch_size=50,
        evaluation=EVALUATION,
        evaluation_images=10,
    )

    def context(study, emit):
        return Context(spec, study, torch.device("cpu"), emit)

    whole = train(spec, context(Study(tmp_path / "whole", create=True), lambda _: None))
    study = Study(tmp_path / "cut", create=True)
    first = context(study, lambda _: None)
    checks = 0

    def stop_in_the_second_epoch():
        nonlocal checks
        checks += 1
        if checks > 40 and study.checkpoint(spec) is not None:
            raise Cancelled

    monkeypatch.setattr(first, "check_cancelled", stop_in_the_second_epoch)
    with pytest.raises(Cancelled):
        train(spec, first)
    resumed = train(spec, context(study, lambda _: None))
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(resumed.arrays[name], array, err_msg=name)
