import os
import shutil

import pytest

from engine.cli.main import main
from engine.store.study import Study, StudyError
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


ABOUTS = {
    "lost": None,
    "empty": b"",
    "cut": b'{"schema": 1, "name": "My \\"study\\"", "notes": "as',
    "no JSON": bytes(range(256)),
    "another program's": b'{"title": "x"}',
    "a list": b"[1, 2]",
    "a text for a schema": b'{"schema": "1", "name": "N", "notes": "n"}',
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("about", ABOUTS)
def test_that_a_lost_or_damaged_study_json_is_written_anew(study, capsys, about):
    entries = Study(study).entries
    path, content = study / "study.json", ABOUTS[about]
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StudyError):
        Study(study)
    assert main(["check", "--study", str(study)]) == 2
    capsys.readouterr()
    assert main(["check", "--study", str(study), "--repair"]) == 0
    assert "written anew" in capsys.readouterr().out
    again = Study(study)
    assert again.entries == entries
    names = {"cut": 'My "study"', "a text for a schema": "N"}
    assert again.about["name"] == names.get(about, "s")
    assert again.about["notes"] == ("n" if about == "a text for a schema" else "")
    if content is not None:
        assert (study / "damaged" / "study.json").read_bytes() == content
    assert main(["check", "--study", str(study), "--repair"]) == 0
    assert "nothing is damaged" in capsys.readouterr().err


def test_that_study_json_and_a_record_are_repaired_at_once(study):
    flip(place(study, "gaussians_2d"), -1)
    (study / "study.json").unlink()
    assert main(["check", "--study", str(study), "--repair"]) == 0
    assert main(["check", "--study", str(study)]) == 0


@pytest.mark.skipif(os.name == "nt", reason="needs pipes")
@pytest.mark.parametrize("what", ["pipe", "link", "folder"])
def test_that_what_stands_in_place_of_study_json_is_moved_aside(study, tmp_path, what):
    path, mine = study / "study.json", tmp_path / "mine.json"
    path.rename(mine)
    before = mine.read_bytes()
    {
        "pipe": lambda: os.mkfifo(path),
        "link": lambda: path.symlink_to(mine),
        "folder": path.mkdir,
    }[what]()
    assert main(["check", "--study", str(study), "--repair"]) == 0
    assert path.is_file()
    assert not path.is_symlink()
    assert mine.read_bytes() == before


def test_that_a_newer_study_is_left_alone(study, capsys):
    (study / "study.json").write_text('{"schema": 99}')
    assert main(["check", "--study", str(study), "--repair"]) == 2
    assert "schema 99" in capsys.readouterr().err
    assert (study / "study.json").read_text() == '{"schema": 99}'


def test_that_nothing_is_moved_out_of_the_study_through_a_link(study, tmp_path, capsys):
    (tmp_path / "elsewhere").mkdir()
    (study / "damaged").symlink_to(tmp_path / "elsewhere")
    path = place(study, "gaussians_2d")
    flip(path, -1)
    assert main(["check", "--study", str(study), "--repair"]) == 2
    assert "is a link" in capsys.readouterr().err
    assert path.exists()


def test_that_a_folder_that_is_no_study_is_not_made_one(tmp_path, capsys):
    assert main(["check", "--study", str(tmp_path), "--repair"]) == 2
    assert "not a study" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
