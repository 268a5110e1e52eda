"""Records and studies whose texts a stranger wrote, and archives that were made to do harm."""

import json
import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.data.images import ingest
from engine.specs import PGD
from engine.specs.schema import SpecError, from_dict
from engine.store.study import Study, StudyError
from tests.image_files import png
from tests.made_up_study import IMAGES, add_images
from tests.reliability.sealing import DOCUMENTS, HEADER, forge, place_of, with_images

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "s.isthmus", create=True)


def changed(document, **fields):
    return {**DOCUMENTS, document: {**DOCUMENTS[document], **fields}}


def without(document, field):
    kept = {name: value for name, value in DOCUMENTS[document].items() if name != field}
    return {**DOCUMENTS, document: kept}


BAD_DOCUMENTS = {
    "a newer schema": changed("header", schema=2),
    "a schema that is a text": changed("header", schema="1"),
    "a schema that is true": changed("header", schema=True),
    "a key of another record": changed("header", key="0" * 20),
    "a key that is a number": changed("header", key=5),
    "a kind that is a path": changed("header", kind="../../x"),
    "a kind that is a list": changed("header", kind=["glyphs"]),
    "a title that is a table": changed("header", title={}),
    "a time that is a number": changed("header", created=5),
    "seconds that are a text": changed("header", seconds="long"),
    "seconds that are a list": changed("header", seconds=[1]),
    "parents that are a text": changed("header", parents="abc"),
    "parents that are numbers": changed("header", parents=[1]),
    "a field too many": changed("header", more=1),
    "numbers that are nested": changed("numbers", classes={"a": 1}),
    "a number beyond floats": changed("numbers", classes=10**400),
    "a spec of another kind": {**DOCUMENTS, "spec": PGD().as_dict()},
    "a spec with a field too many": changed("spec", evil=1),
    "a spec with a wrong value": changed("spec", train=-1),
    "a spec that is a list": {**DOCUMENTS, "spec": []},
    "numbers that are a list": {**DOCUMENTS, "numbers": []},
    "a header that is a text": {**DOCUMENTS, "header": "x"},
    "provenance that is a text": {**DOCUMENTS, "provenance": "x"},
    **{f"no {name} in the header": without("header", name) for name in HEADER},
    **{
        f"no {name}": {other: DOCUMENTS[other] for other in DOCUMENTS if other != name}
        for name in DOCUMENTS
    },
}


@pytest.mark.parametrize("what", BAD_DOCUMENTS)
def test_that_documents_are_checked_field_by_field(study, what):
    forge(place_of(study), documents=BAD_DOCUMENTS[what])
    opened = Study(study.path)
    assert [problem for _, problem in opened.check() if "\n" not in problem], what
    assert opened.entries == [] or what.startswith("a spec")
    assert main(["list", "--study", str(study.path)]) == 0
    assert main(["check", "--study", str(study.path)]) == 1


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"classes": NaN}',
        b'{"classes": -Infinity}',
        b'{"classes": 1e999}',
        b'{"classes": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda text: text[:20].decode(errors="replace"),
)
def test_that_a_text_that_is_no_json_of_finite_numbers_is_refused(study, text):
    forge(place_of(study), texts={"numbers": text})
    assert len(list(Study(study.path).check())) == 1
    assert Study(study.path).entries == []


def test_that_a_newer_record_is_refused_with_a_sentence(study):
    forge(place_of(study), documents=changed("header", schema=2))
    ((_, problem),) = study.check()
    assert problem.endswith("has schema 2, newer than 1")


@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000,
        "5",
        "null",
        '{"key": "x"}',
        '{"key": 1, "kind": [], "parents": 7}',
        "\0" * 1000,
        "9" * 5000,
    ],
    ids=lambda line: line[:20],
)
def test_that_a_hostile_index_is_only_a_cache(study, line):
    add_images(study)
    (study.path / "index.jsonl").write_text(line + "\n")
    assert [entry.key for entry in Study(study.path).entries] == [IMAGES.key]


def test_that_an_index_cannot_put_wrong_kinds_of_values_into_lists(study):
    add_images(study)
    text = (study.path / "index.jsonl").read_text()
    for field, value in {"created": 5, "title": [], "numbers": {"a": []}, "spec": 3}.items():
        (study.path / "index.jsonl").write_text(json.dumps({**json.loads(text), field: value}))
        (entry,) = Study(study.path).entries
        assert (entry.title, entry.numbers) == (IMAGES.title, {"classes": 10})


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="needs links that are not followed")
def test_that_a_link_in_place_of_the_index_leads_nowhere(study, tmp_path):
    victim = tmp_path / "profile"
    victim.write_text("mine\n")
    (study.path / "index.jsonl").symlink_to(victim)
    opened = Study(study.path)
    add_images(opened)
    assert opened.has(IMAGES)
    assert victim.read_text() == "mine\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_that_pipes_and_links_in_place_of_records_are_named_and_not_opened(study, tmp_path):
    path = place_of(study)
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    os.mkfifo(study.path / "index.jsonl")
    path.with_name("0" * 20 + ".h5").symlink_to("/dev/zero")
    opened = Study(study.path)
    assert opened.entries == []
    assert [problem for _, problem in opened.check()] == ["it is no plain file"] * 2


@pytest.mark.parametrize("schema", [0, -1, 2, 99, True, "1", 1.0, [], 10**30])
def test_that_a_study_of_another_schema_is_refused(study, schema):
    (study.path / "study.json").write_text(json.dumps({"schema": schema}))
    with pytest.raises(StudyError, match="this version reads up to 1"):
        Study(study.path)


def test_that_a_study_without_a_schema_is_said_to_be_damaged(study):
    (study.path / "study.json").write_text(json.dumps({"schema": None}))
    with pytest.raises(StudyError, match="lost or damaged; check --repair writes it"):
        Study(study.path)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, "\ud800", "9" * 5000, "5"])
def test_that_a_study_with_a_damaged_description_is_refused_in_a_sentence(study, text):
    (study.path / "study.json").write_text(text, errors="surrogatepass")
    with pytest.raises(StudyError):
        Study(study.path)


@pytest.mark.parametrize("places", [5, [], {"absolute": 5}, {"relative": "../x"}, {}])
def test_that_hostile_locations_are_not_found(study, places):
    (study.path / "locations.json").write_text(json.dumps({"abc": places}))
    with pytest.raises(StudyError, match="are not found"):
        study.locate("abc")


@pytest.mark.parametrize(
    "form",
    [
        {"eps": 10**400},
        {"steps": 10**400},
        {"steps": 1 << 100_000},
        {"eps": "__import__('os').system('true')"},
        {"norm": ["linf"] * 100_000},
        {"eps": float("nan")},
        {"x" * 100_000: 1},
    ],
    ids=lambda form: str(next(iter(form)))[:20],
)
def test_that_absurd_values_give_a_short_sentence(form):
    with pytest.raises(SpecError) as caught:
        from_dict({"kind": "pgd", **form})
    assert len(str(caught.value)) < 1000
    assert "\n" not in str(caught.value)


PLANS = {
    "deep": "x = " + "[" * 5000,
    "long number": "x = " + "9" * 5000,
    "no text": b"\xff\xfe\x00",
    "specs is a number": "specs = 5",
    "a spec is a number": "[specs]\nimages = 5",
    "kind is a list": '[specs.images]\nkind = ["glyphs"]',
    "run is a number": "run = 5\n[specs.images]\nkind = 'glyphs'",
    "run has lists": "run = [[1]]\n[specs.images]\nkind = 'glyphs'",
    "sweeps of sweeps": "[specs.a]\nkind = 'glyphs'\n"
    + "\n".join(f"f{k} = {{ each = [1,2,3,4,5,6,7,8,9,10] }}" for k in range(30)),
}


@pytest.mark.parametrize("options", [[], ["--images", "none"], ["--seed", "3"]], ids=len)
@pytest.mark.parametrize("plan", PLANS)
def test_that_a_hostile_plan_is_one_line(tmp_path, capsys, plan, options):
    text = PLANS[plan]
    path = tmp_path / "plan.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert main(["run", str(path), "--study", str(tmp_path / "s"), *options]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "s").exists()


# ------------------------------------------------------------------------------------- archives


def test_that_a_zip_that_points_outside_writes_and_reads_nothing_there(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in ("../evil.png", "/etc/evil.png", "C:/evil.png", "a/../../evil.png"):
            archive.writestr(name, png(1))
        for k in range(4):
            archive.writestr(f"c{k % 2}/{k}.png", png(k))
    _, found = ingest(tmp_path / "x.zip")
    assert sum("outside" in item.reason for item in found.skipped) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["x.zip"]


def test_that_a_zip_bomb_is_refused_in_bounded_memory(tmp_path):
    """Each member is 200 MB of zeros that claim to be a picture of 64 bytes."""
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for k in range(2):
            with archive.open(f"c{k}/x.png", "w") as member:
                for _ in range(200):
                    member.write(bytes(1 << 20))
    data = path.read_bytes().replace(struct.pack("<I", 200 << 20), struct.pack("<I", 64))
    path.write_bytes(data)
    ask = (
        "import resource, sys; from engine.data.images import ingest;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: ingest(sys.argv[1])\nexcept ValueError as error: print(error)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", ask, str(path)], cwd=ROOT, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stderr.split()[-1]) < 100_000


def test_that_any_flipped_byte_of_any_record_is_found_and_named(study, capsys):
    path = with_images(study)
    whole = path.read_bytes()
    for position in range(0, len(whole), 211):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x10]) + whole[position + 1 :])
        ((name, problem),) = Study(study.path).check()
        assert name.endswith(path.name)
        assert problem
