"""From dropped or pasted data to paths, each known by what it is."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PySide6.QtCore import QMimeData, QUrl
from PySide6.QtGui import QImage
from safetensors.torch import save_file

from engine.data.image_set import ImageSet
from engine.data.scan import IDX_NAMES
from engine.specs import FolderImages, Glyphs
from engine.store.study import Study
from gui.session import dropping


def mime_of(*paths: Path) -> QMimeData:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return mime


@pytest.mark.parametrize("name", ["plain", "with space", "日本語", "100 % #1 ü̈", "🐟"])
def test_that_a_dropped_path_comes_through_whatever_its_name(tmp_path, name):
    assert dropping.paths_of(mime_of(tmp_path / name)) == [tmp_path / name]


def test_that_a_picture_takes_the_form_of_the_present_images_and_an_archive_its_own():
    spec = FolderImages(
        name="x", digest="", fit="crop", bit_depth=12, black=-1, white=1, beyond="skip"
    )
    images = ImageSet(
        train_images=np.zeros((0, 3, 8, 8), np.uint8),
        train_labels=np.zeros(0, np.int64),
        test_images=np.zeros((1, 3, 8, 8), np.uint8),
        test_labels=np.zeros(1, np.int64),
    )
    shape = {"image_size": 8, "channels": "rgb"}
    rule = {"fit": "crop", "bit_depth": 12, "black": -1, "white": 1, "beyond": "skip"}
    assert dropping.form_like(spec, images, Path("x.tif")) == shape | rule
    assert dropping.form_like(spec, images, Path("x.zip")) == {}
    assert dropping.form_like(Glyphs(), images, Path("x.tif")) == shape
    assert dropping.form_like(None, None, Path("x.tif")) == {}


def test_that_remote_addresses_are_left_out(tmp_path):
    mime = QMimeData()
    mime.setUrls([QUrl("https://host.example/cat.png"), QUrl.fromLocalFile(str(tmp_path))])
    assert dropping.paths_of(mime) == [tmp_path]


def test_that_files_copied_in_a_file_manager_are_understood(tmp_path):
    path = tmp_path / "a b.png"
    mime = QMimeData()
    mime.setData(
        dropping.COPIED_FILES, b"copy\n" + bytes(QUrl.fromLocalFile(str(path)).toEncoded())
    )
    assert dropping.can_take(mime)
    assert dropping.paths_of(mime) == [path]


def test_that_plain_text_is_not_taken():
    mime = QMimeData()
    mime.setText("/etc/hosts")
    assert not dropping.can_take(mime)
    assert dropping.paths_of(mime) == []
    assert dropping.picture_of(mime) is None


def test_that_a_copied_picture_is_found():
    picture = QImage(3, 2, QImage.Format.Format_RGB32)
    picture.fill(0xFF8800)
    mime = QMimeData()
    mime.setImageData(picture)
    assert dropping.can_take(mime)
    assert dropping.picture_of(mime).size() == picture.size()


def test_that_paths_are_sorted_by_what_they_are(tmp_path):
    study = Study(tmp_path / "one.isthmus", create=True).path
    weights, image, folder = tmp_path / "net.PTH", tmp_path / "cat.png", tmp_path / "cats"
    weights.touch()
    image.touch()
    folder.mkdir()
    missing = tmp_path / "gone.png"
    found = dropping.sort_paths([image, study, weights, folder, missing])
    assert found.studies == [study]
    assert found.weights == [weights]
    assert found.images == [image, folder]
    assert found.problems == [f"{missing} does not exist."]


def test_that_weights_are_told_by_their_content_where_the_name_tells_nothing(tmp_path):
    state = {"conv1.weight": torch.ones(2, 1, 3, 3)}
    for name in ("pytorch_model", "0a1b2c", "best.weights", "model.v2"):
        torch.save(state, tmp_path / name)
    torch.save(state, tmp_path / "old", _use_new_zipfile_serialization=False)
    save_file(state, tmp_path / "blob")
    files = sorted(tmp_path.iterdir())
    assert dropping.sort_paths(files).weights == files
    others = [tmp_path / name for name in ("notes", "train-images-idx3-ubyte", "page.html")]
    for path in others:
        path.write_bytes(b"\x00\x00\x08\x03" + bytes(20))
    torch.save(state, tmp_path / "weights.zip")  # archives are opened as such
    found = dropping.sort_paths([*others, tmp_path / "weights.zip"])
    assert (found.weights, found.images) == ([], [*others, tmp_path / "weights.zip"])


def test_that_what_may_not_be_read_is_said_so(tmp_path, monkeypatch):
    path = tmp_path / "secret.png"
    path.touch()
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = dropping.sort_paths([path])
    assert "may not be read" in found.problems[0]
    assert found.images == []


def test_that_a_free_path_avoids_what_is_there(tmp_path):
    assert dropping.free_path(tmp_path, "cats", ".isthmus") == tmp_path / "cats.isthmus"
    (tmp_path / "cats.isthmus").mkdir()
    (tmp_path / "cats 2.isthmus").mkdir()
    assert dropping.free_path(tmp_path, "cats", ".isthmus") == tmp_path / "cats 3.isthmus"


@pytest.mark.parametrize("name", ["", ".gz"])
@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ((7, 2, 1, 0, 4, 1, 4, 9, 5, 9), "MNIST"),
        ((9, 2, 1, 1, 6, 1, 4, 6, 5, 7), "Fashion-MNIST"),
        ((0,) * 10, "MNIST files"),
        ((), "MNIST files"),
    ],
)
def test_that_mnist_is_named_by_what_it_holds_and_not_by_one_of_its_files(
    tmp_path, labels, wanted, name
):
    files = [tmp_path / f"{part}{name}" for part in IDX_NAMES]
    content = bytes(8) + bytes(labels)
    for file in files:
        file.write_bytes(gzip.compress(content) if name else content)
    assert dropping.name_of(files[::-1]) == wanted
    assert dropping.name_of([tmp_path / "cat.png", tmp_path / "dog.png"]) == "cat and 1 more"
    assert dropping.name_of([tmp_path / "cat.png"]) == "cat"


def test_that_archives_and_the_files_of_mnist_are_no_pictures_of_a_page(tmp_path):
    names = ("a.png", "b.zip", "t10k-labels-idx1-ubyte.gz", "weights.pt")
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / IDX_NAMES[0]).write_bytes(b"x")
    paths = [tmp_path / name for name in (*names, "folder", "mnist", "gone.png")]
    assert dropping.guests_among(paths) == [tmp_path / "a.png", tmp_path / "folder"]
