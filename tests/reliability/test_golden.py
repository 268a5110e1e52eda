"""Studies as released versions wrote them: every later version must open them."""

import json
import shutil

import pytest

from engine.cli.main import main
from engine.plan.computations import COMPUTATIONS
from engine.specs.schema import KINDS
from engine.store.packing import pack, unpack
from engine.store.study import SCHEMA, Study, StudyError
from tests.golden.make import HERE

GOLDEN = sorted(HERE.glob("*.isthmus"))
FIGURES = ("tradeoff", "roar", "curves", "maps", "attacks", "boundary", "reconstructions")


@pytest.fixture(params=GOLDEN, ids=lambda path: path.name)
def golden(request, tmp_path):
    """Return a copy: opening a study may write its index."""
    return shutil.copytree(request.param, tmp_path / request.param.name)


def test_that_there_is_a_study_of_every_released_version():
    assert [path.name for path in GOLDEN] == ["v0.1.isthmus"]


def test_that_the_first_release_holds_every_kind_of_record():
    kinds = {entry.kind for entry in Study(HERE / "v0.1.isthmus").entries}
    assert kinds == set(COMPUTATIONS) - {"idx", "mask_tuning"}


def test_that_it_opens_with_and_without_its_index(golden):
    whole = Study(golden).entries
    (golden / "index.jsonl").unlink()
    assert Study(golden).entries == whole
    assert len(whole) == len(list(golden.glob("records/*/*.h5")))


def test_that_every_record_is_whole_and_its_spec_has_the_same_key(golden, capsys):
    assert main(["check", "--study", str(golden)]) == 0
    for entry in Study(golden).entries:
        record = Study(golden).read(entry.key)
        assert record.spec.key == entry.key
        assert record.provenance["isthmus"]
        assert type(record.spec) is KINDS[entry.kind]


def test_that_it_is_listed_and_shown(golden, capsys):
    assert main(["list", "--study", str(golden), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert main(["show", "--study", str(golden), "--json"]) == 0
    for entry in listed:
        assert main(["show", "--study", str(golden), entry["key"]]) == 0


@pytest.mark.parametrize("figure", FIGURES)
def test_that_its_figures_are_drawn(golden, tmp_path, figure):
    out = tmp_path / "figure.csv"
    assert main(["export", "--study", str(golden), figure, "--out", str(out)]) == 0
    assert out.stat().st_size > 20


def test_that_it_is_packed_and_unpacked(golden, tmp_path):
    study = Study(golden)
    pack(study, tmp_path / "one.h5")
    back = unpack(tmp_path / "one.h5", tmp_path / "back.isthmus")
    assert {entry.key for entry in back.entries} == {entry.key for entry in study.entries}
    assert list(back.check()) == []


def test_that_a_newer_one_is_refused_with_a_sentence(golden, capsys):
    about = json.loads((golden / "study.json").read_text())
    (golden / "study.json").write_text(json.dumps({**about, "schema": SCHEMA + 1}))
    with pytest.raises(StudyError, match="this version reads up to"):
        Study(golden)
    assert main(["list", "--study", str(golden)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
