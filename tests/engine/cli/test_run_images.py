"""A command reads a folder of images once, at the size of the plan, and not at all if it can."""

import os

import pytest

from engine.cli.main import main
from engine.data import images
from engine.data.kept import known
from engine.data.sources import FolderSource
from engine.store.study import Study
from tests.image_files import png

PLAN = """
title = "Photographs"
run = ["net"]

[specs.images]
kind = "folder"
path = "{path}"
image_size = 10
test_fraction = 0.5

[specs.net]
kind = "training"
images = "@images"
network = {{ kind = "small_cnn", width = 2, hidden = 4 }}
evaluation = {{ kind = "pgd", eps = 0.1, step_size = 0.05, steps = 1 }}
evaluation_images = 4
epochs = 1
"""


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "photographs"
    for k in range(12):
        place = path / ("cats", "dogs")[k % 2] / f"{k}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(png(k))
    return path


@pytest.fixture
def run(folder, tmp_path, monkeypatch):
    """Return a function that runs the plan; it returns how often files were opened, by path."""
    monkeypatch.setattr(known, "SETTLED_SECONDS", -60.0)
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN.format(path=folder.as_posix()))
    opened = []
    real = FolderSource.read

    def read(self, entry):
        opened.append(entry.path)
        return real(self, entry)

    monkeypatch.setattr(FolderSource, "read", read)

    def start(*more):
        opened.clear()
        code = main(
            ["run", str(plan), "--study", str(tmp_path / "study"), "--device", "cpu", *more]
        )
        return code, len(opened)

    return start


def test_that_images_are_read_once_at_the_size_of_the_plan(run, tmp_path, monkeypatch):
    sizes, real = [], images.read_new
    monkeypatch.setattr(
        images, "read_new", lambda *given: sizes.append(given[2].image_size) or real(*given)
    )
    code, opened = run()
    assert code == 0
    assert sizes == [10]
    # Once for the pixels; the channels are chosen from the headers of a sample.
    assert opened == 2 * 12
    (entry,) = (one for one in Study(tmp_path / "study").entries if one.kind == "folder")
    assert (entry.numbers["height"], entry.numbers["train_images"]) == (10, 6)


def test_that_no_file_is_opened_to_see_that_nothing_is_missing(run, capsys):
    run()
    capsys.readouterr()
    assert run() == (0, 0)
    assert "nothing to compute" in capsys.readouterr().err


def test_that_what_is_missing_later_is_computed_from_the_files(run):
    run()
    code, opened = run("--set", "net.seed=1")
    assert (code, opened) == (0, 12)


def test_that_a_file_that_changed_is_read(run, folder):
    run()
    (folder / "cats" / "0.png").write_bytes(png(99))
    code, opened = run("--set", "images.max_train=4")
    assert code == 0
    assert opened >= 12


def test_that_a_damaged_memory_of_folders_is_not_used(run, tmp_path):
    run()
    (tmp_path / "study" / known.FILE).write_text('{"a": [')
    code, opened = run()
    assert code == 0
    assert opened > 0


def test_that_what_changed_a_moment_ago_is_not_remembered(run, tmp_path, monkeypatch):
    monkeypatch.setattr(known, "SETTLED_SECONDS", 3.0)
    run()
    assert not (tmp_path / "study" / known.FILE).exists()


@pytest.mark.parametrize("share", ["0", "91", "-5", "much"])
def test_that_a_share_of_memory_beyond_its_limits_is_refused(run, share, capsys):
    code, opened = run(f"--image-memory={share}")
    assert code != 0
    assert opened == 0
    assert "must be a whole number from 1 to 90" in capsys.readouterr().err


def test_that_a_set_beyond_the_share_is_trained_on_from_a_file(run, monkeypatch, tmp_path):
    monkeypatch.setattr("engine.memory.image_memory", lambda: 0)
    assert run()[0] == 0
    left = [name for _, _, names in os.walk(tmp_path / "study") for name in names]
    assert all(name.endswith((".h5", ".json", ".jsonl")) for name in left), left
