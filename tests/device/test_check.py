import json

import numpy as np
import pytest
import torch

from engine import specs
from engine.plan.bundles import BUNDLED
from engine.plan.slots import Slots
from engine.store.study import Study
from tests.device import check, figure, queued
from tests.device.report import Report
from tests.made_up_study import IMAGES, NETWORK, add, add_images


def told(path):
    return json.loads((path / "device.json").read_text())


def run(path, *more):
    return check.main(["--data", "none.tar.gz", "--out", str(path), *more])


def test_that_a_queue_short_of_memory_fails_one_job_and_goes_on(tmp_path, monkeypatch):
    assert run(tmp_path, "--device", "cpu", "--stages", "memory") == 0
    (row,) = told(tmp_path)["sections"]["memory"]
    assert row["ok"]
    assert "out of memory" in row["said"]
    assert told(tmp_path)["facts"]["device"] == "cpu"


def test_that_a_stage_that_fails_is_a_row_and_the_others_follow(tmp_path, capsys):
    assert run(tmp_path, "--device", "cpu", "--stages", "figure,nonsense") == 1
    sections = told(tmp_path)["sections"]
    assert {name: rows[0]["ok"] for name, rows in sections.items()} == {
        "figure": False,
        "nonsense": False,
    }
    assert "must be one of tensors" in sections["nonsense"][0]["error"]
    assert "2 rows are not as they should be" in capsys.readouterr().out


def test_that_a_machine_that_lacks_a_package_or_the_device_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert run(tmp_path, "--device", "cuda") == 2
    assert "device is 'cuda'" in capsys.readouterr().err
    monkeypatch.setattr(check, "NEEDED", ("torch", "no_such_package"))
    assert run(tmp_path) == 2
    assert "missing here: no_such_package" in capsys.readouterr().err


def test_that_the_report_is_whole_after_every_row(tmp_path):
    report = Report(tmp_path / "device.json", 60)
    report.add("one", "first", True, value=1.5)
    assert told(tmp_path)["sections"] == {"one": [{"name": "first", "ok": True, "value": 1.5}]}
    report.attempt("one", "second", lambda: 1 / 0)
    report.add("one", "third", left_out="no time left for it")
    assert told(tmp_path)["left_out"] == 1
    assert told(tmp_path)["failed"] == 1
    assert told(tmp_path)["sections"]["one"][1]["error"] == "ZeroDivisionError: division by zero"


def networks():
    attacks = [specs.PGD(eps=eps / 100) for eps in range(1, 6)]
    schemes = [specs.Standard(), *(specs.Adversarial(attack=attack) for attack in attacks)]
    return [specs.Training(images=IMAGES, network=NETWORK, scheme=one) for one in schemes]


def test_that_every_network_comes_with_its_scores_from_the_middle_outwards():
    found = networks()
    scores = [
        specs.Interpretability(classifier=one, attribution=specs.Gradient(), baseline=found[0])
        for one in found
    ]
    checks = [specs.Measurement(classifier=one) for one in found]
    order = figure.in_order([*found, *checks, *scores])
    assert sorted(spec.key for spec in order) == sorted(
        spec.key for spec in [*found, *checks, *scores]
    )
    assert order[:3] == [found[0], scores[0], checks[0]]
    strengths = [found.index(spec) for spec in order if isinstance(spec, specs.Training)]
    assert strengths[:2] == [0, 3]
    assert set(strengths[-2:]) == {1, 5}


@pytest.mark.parametrize("limit", [60_000, 1 << 20])
def test_that_what_came_back_is_gone_on_with(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(figure, "PART_BYTES", limit)
    study = Study(tmp_path / "study", create=True)
    add_images(study)
    for spec in networks():
        add(study, spec, {"clean_accuracy": 0.5}, {"weights/a": np.random.rand(5000)})
    parts = figure.packed(study, tmp_path / "parts", tmp_path)
    assert len(parts) == (1 if limit > 60_000 else 6)
    assert sum(parts.values()) == 7
    assert all(path.stat().st_size < max(limit, 60_000) for path in parts)
    again = Study(tmp_path / "again", create=True)
    for number, path in enumerate(parts):
        figure._take_over(again, path, tmp_path / f"resumed-{number}")
    again = Study(again.path)
    assert {entry.key for entry in again.entries} == {entry.key for entry in study.entries}
    for spec in networks():
        assert again.has(spec)
        np.testing.assert_array_equal(
            again.read(spec).arrays["weights/a"], study.read(spec).arrays["weights/a"]
        )


def test_that_every_way_of_a_gpu_is_timed_and_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(
        queued, "slots_on", lambda device, jobs: Slots(torch.device("cpu"), jobs, 1)
    )
    retrainings, adversarial = (
        queued._Retrainings(IMAGES, "cuda"),
        queued._Adversarial(IMAGES, "cuda"),
    )
    rows = queued._rows("cuda", retrainings, adversarial)
    names = [row.name for row in rows]
    assert len(set(names)) == len(names)
    for precision in ("float32", "tf32", "bfloat16"):
        for what in ("retrainings", "adversarial trainings"):
            ways = {row.way.split()[0] for row in rows
                    if (row.what.name, row.precision) == (what, precision)}  # fmt: skip
            assert ways >= {"captured", "stacked"}, (what, precision)
    for wanted in (
        "adversarial trainings, captured, 8 at once, float32",
        "retrainings, captured, 8 at once, bfloat16",
        "retrainings, captured, 4 at once, float32",
    ):
        assert wanted in names
    assert all((row.slots.width > 1) == row.way.startswith("stacked") for row in rows)
    for row in rows:
        wanted = row.what.more(row.slots.count * row.slots.width, row.epochs, row.precision)
        bundling = BUNDLED[wanted[0].kind]
        assert all(bundling.alike(wanted[0], other) for other in wanted)
    report = Report(tmp_path / "device.json", 60)
    queued._verdicts(report, {("a", "tf32", "captured"): 10.0, ("a", "tf32", "stacked"): 12.9,
                              ("a", "float32", "eager"): 10.0, ("a", "float32", "stacked"): 13.1,
                              ("b", "tf32", "captured"): 1.0})  # fmt: skip
    found = {row["name"]: row["pays"] for row in told(tmp_path)["sections"]["speed"]}
    assert found == {
        "a, stacked over captured, tf32": False,
        "a, stacked over eager, float32": True,
    }
