from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.figures.charts import ChartData
from engine.figures.record_pictures import PICTURES, pictures_of
from engine.specs import ClassAccuracy, CorruptedAccuracy, Measurement
from engine.specs.schema import KINDS
from engine.store.study import Study, StudyError
from tests import made_up_study as made_up

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "v0.1.isthmus"


def kinds():
    return {cls.kind for cls in KINDS.values() if cls.recorded}


def test_that_every_kind_of_record_but_points_of_the_plane_may_have_pictures():
    assert kinds() - set(PICTURES) == {"gaussians_2d"}


@pytest.mark.parametrize("entry", Study(GOLDEN).entries, ids=lambda entry: entry.kind)
def test_that_every_kind_of_record_shows_what_it_has(entry):
    record, found = pictures_of(Study(GOLDEN), entry.key)
    assert record.entry == entry
    assert all(isinstance(chart, ChartData) and chart.title for chart in found.charts)
    if entry.kind not in ("gaussians_2d", "measurement"):
        assert found.charts or found.grid
    if found.grid is not None:
        assert found.grid.title == entry.title


def test_that_a_network_shows_its_curves_and_its_last_gradients(tmp_path):
    study = made_up.sweep(tmp_path)
    key = made_up.network("linf", 0.04).key
    found = pictures_of(study, key)[1]
    (chart,) = found.charts
    clean, robust = chart.series
    assert list(clean.y) == pytest.approx([0.76, 0.86])
    assert robust.name == "Robust test accuracy"
    assert found.grid.row_titles == ("image", "gradient")
    assert found.grid.columns == 2


def test_that_accuracy_by_class_shows_classes_confusions_and_the_worst_images(tmp_path):
    study = made_up.sweep(tmp_path)
    spec = Measurement(classifier=made_up.network(), metric=ClassAccuracy(), test_images=4)
    labels, images = np.array([0, 0, 1, 2]), np.zeros((4, 1, 8, 8), np.uint8)
    arrays = {
        "labels": labels,
        "confusion": np.array([[2, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]),
        "attacked_confusion": np.array([[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]),
        "margin": np.array([3.0, 1.0, 2.0, -1.0], np.float32),
        "attacked_margin": np.array([1.0, -1.0, 2.0, np.nan], np.float32),
        "worst/labels": np.array([2, 0]),
        "worst/predicted": np.array([0, -1]),
        "worst/images": images[:2],
    }
    made_up.add(study, spec, {"accuracy": 0.75}, arrays)
    found = pictures_of(study, spec.key)[1]
    clean, attacked = found.charts[0].series
    np.testing.assert_array_equal(clean.y, [1, 1, 0, np.nan])  # no image has the last class
    np.testing.assert_array_equal(attacked.y, [0.5, 1, 0, np.nan])
    assert [chart.x_label for chart in found.charts[1:]] == [
        "Margin, as they are",
        "Margin, under attack",
    ]
    assert found.grid.row_titles == ("Confusion", "Worst 1 to 2")
    assert found.grid.notes[1][:3] == ("2 → 0", "0 → no class", "")
    matrix = found.grid.images[0][0]
    half = len(matrix) // 2
    assert (matrix[-1] == 255).all()  # an empty row
    np.testing.assert_array_equal(matrix[0, 0], matrix[half, 0])  # 2 of 2 and 1 of 1 alike
    assert matrix[0, 0].sum() < 3 * 255


def test_that_corruptions_show_a_curve_each(tmp_path):
    study = made_up.sweep(tmp_path)
    spec = Measurement(classifier=made_up.network(), metric=CorruptedAccuracy(), test_images=4)
    table = np.linspace(1, 0, 30).reshape(5, 6)
    made_up.add(study, spec, {"mean_corrupted_accuracy": 0.5}, {"corruptions": table})
    (chart,) = pictures_of(study, spec.key)[1].charts
    assert [series.name for series in chart.series] == [
        "gaussian noise", "gaussian blur", "jpeg", "brightness", "contrast",
    ]  # fmt: skip
    np.testing.assert_array_equal(chart.series[2].y, table[2])


def test_that_a_score_shows_its_curve_under_the_name_of_the_network(tmp_path):
    study = made_up.sweep(tmp_path)
    network = made_up.network("linf", 0.04)
    spec = made_up.scored(network, made_up.network())
    (chart,) = pictures_of(study, spec.key)[1].charts
    assert chart.series[1].name.startswith(network.title)


def test_that_a_record_without_its_arrays_is_one_sentence(tmp_path):
    study = made_up.sweep(tmp_path)
    entry = made_up.add(study, made_up.GENERATOR, {"reconstruction": 1.0})
    with pytest.raises(StudyError, match="lacks a part"):
        pictures_of(study, entry.key)


@pytest.mark.parametrize(
    ("numbers", "part", "text"),
    [
        ({}, "Test", "choose a validation part of the images to select an epoch"),
        ({"validation_images": 20, "best_epoch": 1}, "Validation", "epoch 1 is the best"),
    ],
)
def test_that_curves_say_of_which_images_they_are(tmp_path, numbers, part, text):
    study = made_up.sweep(tmp_path)
    entry = next(entry for entry in study.entries if entry.kind == "training")
    record = study.read(entry.key)
    found = replace(record, entry=replace(entry, numbers={**entry.numbers, **numbers}))
    (chart,) = PICTURES["training"](study, found).charts
    assert chart.y_label == f"{part} accuracy"
    assert chart.series[0].name == f"Clean {part.lower()} accuracy"
    assert text in chart.caption
