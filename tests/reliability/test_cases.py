"""The small inputs that failed once, made by the script beside the checkout, go right now."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.cli.main import main
from engine.data.image_set import ImageSet
from engine.data.images import ingest
from engine.networks.opening.finding import open_file
from engine.networks.opening.naming import views_of
from engine.program import BAD_INPUT, OK
from engine.store.study import Study

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT.parent / "shared" / "cases" / "make_cases.py"
MARKUP = "<img src='picture.png'><b>bold</b>"
PLAN = """
title = "Two classes"
run = ["net"]

[specs.images]
kind = "glyphs"

[specs.net]
kind = "training"
epochs = 1
batch_size = 4
evaluation_images = 2
images = "@images"
network = { kind = "small_cnn", width = 2, hidden = 4 }
"""


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    if not SCRIPT.exists():
        missing = "make_cases.py is not in shared/cases beside the checkout"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("cases")
    subprocess.run([sys.executable, SCRIPT, folder], check=True, stdout=subprocess.DEVNULL)
    return folder


def set_of(folder: Path, *files: Path) -> ImageSet:
    """Read copies of files as two classes, of two images a file each."""
    for label in ("a", "b"):
        (folder / label).mkdir(parents=True)
        for file in files:
            for number in range(2):
                shutil.copy(file, folder / label / f"{number}-{file.name}")
    return ingest(folder, image_size=64)[1]


def pixels(images: ImageSet) -> np.ndarray:
    return np.concatenate([images.train_images, images.test_images])


def test_that_a_float_image_beyond_1_looks_like_the_one_within(cases, tmp_path):
    unit, beyond = (cases / "images" / f"{name}.tif" for name in ("unit", "unit_overshoot"))
    wanted = pixels(set_of(tmp_path / "unit", unit))
    assert len(np.unique(wanted[0])) == 64
    for name, files in (("beyond", (beyond,)), ("both", (unit, beyond))):
        images = set_of(tmp_path / name, *files)
        assert all(np.array_equal(one, wanted[0]) for one in pixels(images))
        assert any("beyond the range were clipped" in note for note in images.notes)


def test_that_white_is_light_where_zero_stands_for_it(cases, tmp_path):
    images = set_of(tmp_path / "x", cases / "images" / "white_is_zero_16.tif")
    assert np.unique(pixels(images)).tolist() == [230]


def test_that_a_jpeg_with_two_headers_is_read_as_libjpeg_does_or_refused(cases, tmp_path):
    images = set_of(tmp_path / "x", cases / "images" / "two_headers.jpg")
    assert any("600x16 pixels" in note for note in images.notes)


def test_that_a_large_animation_is_refused_with_its_need(cases, tmp_path):
    with pytest.raises(ValueError, match=r"needs 1,510 MB of memory, more than 768 MB"):
        set_of(tmp_path / "x", cases / "images" / "large_animation.webp")


@pytest.mark.parametrize(("name", "place"), [("net_key.pth", "net"), ("model_prefix.pt", "")])
def test_that_weights_are_unwrapped_and_renamed(name, place, cases, tmp_path, capsys):
    opened = open_file(cases / "weights" / name)
    assert opened.places == (place,)
    wanted = {"conv1.weight", "conv1.bias", "fc.weight", "fc.bias"}
    assert any(set(view.names) == wanted for view in views_of(opened.states[0].entries))
    # The network itself is of two layers and of no known kind.
    assert imported(cases, name, tmp_path) == BAD_INPUT
    assert "which are of no network that is known here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nan.pt", "has NaN or infinity in 216 of 216 numbers under 'conv1.weight'"),
        ("page.pt", "is a web page, not a weights file"),
    ],
)
def test_that_other_files_are_refused_with_what_they_are(name, words, cases, tmp_path, capsys):
    assert imported(cases, name, tmp_path) == BAD_INPUT
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not (tmp_path / "s").exists()


def imported(cases: Path, name: str, folder: Path) -> int:
    file, images = cases / "weights" / name, cases / "names"
    study = folder / "s"
    return main(["import", str(file), "--study", str(study), "--images", str(images)])


@pytest.mark.skipif(os.name == "nt", reason="the file system has Unicode names only")
def test_that_two_names_of_other_letters_stay_two_classes_in_a_run(cases, tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN)
    command = ["run", str(tmp_path / "plan.toml"), "--images", str(cases / "names")]
    assert main([*command, "--study", str(tmp_path / "s"), "--device", "cpu"]) == OK
    study = Study(tmp_path / "s")
    (images,) = [entry for entry in study.entries if entry.kind == "folder"]
    classes = study.read(images.key).documents["classes"]
    assert len(set(classes)) == 2
    assert all(name.isprintable() and name.encode() for name in classes)


def test_that_a_name_of_markup_is_letters(cases, capsys):
    assert Study(cases / "names").about["name"] == MARKUP
    assert main(["show", "--study", str(cases / "names")]) == OK
    assert main(["list", "--study", str(cases / "names"), "--json"]) == OK
    out = capsys.readouterr().out
    assert "\x1b" not in out
    json.loads(out[out.index("[") :] if "[" in out else "[]")
