"""Class folders and files whose names could become one, in folders and archives."""

import io
import os
import tarfile
import unicodedata
import zipfile

import pytest

from engine.data.images import ingest, load
from engine.store.study import Study
from tests.image_files import png

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")

PAIRS = {
    "Latin-1": ("B\udce4r", "B\udcf6r"),
    "bytes and the same letters": ("B\udce4r", r"B\xe4r"),
    "composed and decomposed": ("\u00e9t\u00e9", "e\u0301te\u0301"),
    "two decompositions": ("\u0061\u0323\u0302", "\u0061\u0302\u0323"),
    "case": ("cat", "Cat"),
    "bidirectional": ("cat", "cat\u202e"),
    "unseen": ("cat", "c\u200bat"),
    "variation": ("❤", "❤\ufe0f"),
    "space at the end": ("cat", "cat "),
    "full stop at the end": ("cat", "cat."),
    "tab and newline": ("a\tb", "a\nb"),
    "wide letters": ("cat", "ｃａｔ"),
}
ALIKE = set(PAIRS) - {"Latin-1", "bytes and the same letters"}


def files(pair, count=5):
    """Return pictures in two class folders; those of the first are darker."""
    return {
        f"{name}/{k}.png": png(100 * which + k)
        for which, name in enumerate(pair)
        for k in range(count)
    }


def folder_of(root, found):
    for path, data in found.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return root


def tar_of(path, found):
    with tarfile.open(path, "w", encoding="utf-8", errors="surrogateescape") as archive:
        for name, data in found.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture(params=PAIRS)
def kind(request):
    return request.param


def test_that_two_class_folders_stay_two(kind, tmp_path):
    found = files(PAIRS[kind])
    spec, images = ingest(folder_of(tmp_path / "set", found))
    assert images.class_count == 2
    assert len(set(images.train_files + images.test_files)) == 10
    assert not images.skipped
    assert [name for name in images.classes if not name.isprintable()] == []
    assert any("look alike" in note for note in images.notes) == (kind in ALIKE)
    in_tar, same = ingest(tar_of(tmp_path / "set.tar", found))
    assert in_tar.digest == spec.digest
    assert same.classes == images.classes


def test_that_two_files_stay_two(kind, tmp_path):
    one, other = PAIRS[kind]
    found = {f"{c}/{name}.png": png(k) for k, c in enumerate("ab") for name in (one, other, "z")}
    _, images = ingest(folder_of(tmp_path / "set", found))
    assert len(set(images.train_files + images.test_files)) == 6
    assert not images.skipped


def test_that_such_images_are_found_again_by_a_study(kind, tmp_path):
    place = folder_of(tmp_path / PAIRS[kind][1], files(PAIRS[kind]))
    spec, images = ingest(place)
    study = Study(tmp_path / "s", create=True)
    study.set_location(spec.digest, place)
    again = load(spec, Study(study.path).locate)
    assert again.train_files == images.train_files
    assert (again.train_images == images.train_images).all()


@pytest.mark.parametrize("kind", [k for k in PAIRS if "Latin-1" not in k and "bytes" not in k])
def test_that_a_zip_keeps_its_members_apart(kind, tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for name, data in files(PAIRS[kind]).items():
            archive.writestr(name, data)
    _, images = ingest(tmp_path / "set.zip")
    assert images.class_count == 2
    assert len(set(images.train_files + images.test_files)) == 10


def test_that_a_zero_byte_does_not_end_a_name_in_a_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for name, data in files(("a?b", "a?c")).items():
            archive.writestr(name, data)
    data = (tmp_path / "set.zip").read_bytes().replace(b"a?", b"a\0")
    (tmp_path / "set.zip").write_bytes(data)
    _, images = ingest(tmp_path / "set.zip")
    assert images.classes == (r"a\u0000b", r"a\u0000c")
    assert images.counts.startswith("8 training")


def test_that_a_member_that_comes_twice_is_listed(tmp_path):
    with tarfile.open(tmp_path / "set.tar", "w") as archive:
        for seed, name in enumerate(("a/0.png", "a/1.png", "b/0.png", "b/1.png", "a/0.png")):
            member = tarfile.TarInfo(name)
            data = png(seed)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    _, images = ingest(tmp_path / "set.tar")
    assert [(item.path, "follows" in item.reason) for item in images.skipped] == [("a/0.png", True)]


def test_that_letters_composed_otherwise_in_the_test_part_are_the_same_class(tmp_path):
    composed, other = PAIRS["composed and decomposed"]
    found = {f"train/{name}/{k}.png": png(k) for name in (composed, "b") for k in range(2)}
    found |= {f"test/{name}/{k}.png": png(9 + k) for name in (other, "b") for k in range(2)}
    _, images = ingest(folder_of(tmp_path / "set", found))
    assert images.classes == ("b", unicodedata.normalize("NFC", other))


def test_that_classes_that_differ_by_case_between_the_parts_are_listed(tmp_path):
    found = {f"train/{name}/{k}.png": png(k) for name in ("cat", "dog") for k in range(2)}
    found |= {f"test/{name}/{k}.png": png(9 + k) for name in ("Cat", "dog") for k in range(2)}
    _, images = ingest(folder_of(tmp_path / "set", found))
    assert images.classes == ("Cat", "cat", "dog")
    assert any("look alike" in note and "'Cat', 'cat'" in note for note in images.notes)
