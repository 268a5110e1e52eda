import shutil

import pytest

from engine.cli.main import main
from engine.store.study import Study
from tests.golden.make import HERE


@pytest.fixture
def study(tmp_path):
    return shutil.copytree(HERE / "v0.1.isthmus", tmp_path / "s.isthmus")


def place(study, kind):
    return sorted((study / "records" / kind).glob("*.h5"))[0]


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_that_nothing_is_done_where_nothing_is_damaged(study):
    before = sorted(study.rglob("*"))
    assert main(["check", "--study", str(study), "--repair"]) == 0
    assert sorted(study.rglob("*")) == before


@pytest.mark.parametrize("how", ["flipped", "cut", "emptied"])
def test_that_a_damaged_record_is_kept_aside_and_computed_again(study, how, capsys):
    path = place(study, "gaussians_2d")
    whole = Study(study).read(path.stem)
    if how == "flipped":
        flip(path, -1)
    else:
        path.write_bytes(path.read_bytes()[: 700 if how == "cut" else 0])
    damaged = path.read_bytes()
    assert main(["check", "--study", str(study), "--repair"]) == 0
    assert "moved to damaged/" in capsys.readouterr().out
    assert (study / "damaged" / "gaussians_2d" / path.name).read_bytes() == damaged
    again = Study(study).read(path.stem)
    # An earlier version wrote the record; this one counts the validation images too.
    assert {**again.numbers, **whole.numbers} == again.numbers
    for name, array in whole.arrays.items():
        assert (again.arrays[name] == array).all()
    assert main(["check", "--study", str(study)]) == 0


def test_that_images_that_are_missing_are_said_and_the_plan_is_kept(study, capsys):
    path = place(study, "folder")
    flip(path, 600)
    assert main(["check", "--study", str(study), "--repair"]) == 1
    assert "FAILED" in capsys.readouterr().err
    assert (study / "damaged" / "repair.toml").exists()
    assert main(["check", "--study", str(study)]) == 0


def test_that_a_record_of_which_nothing_is_known_is_only_moved(study, capsys):
    stranger = study / "records" / "maps" / ("0" * 20 + ".h5")
    stranger.write_bytes(b"nothing")
    assert main(["check", "--study", str(study), "--repair"]) == 1
    assert "run its plan again" in capsys.readouterr().out
    assert main(["check", "--study", str(study)]) == 0
    assert (study / "damaged" / "maps" / stranger.name).exists()
