import gzip

import numpy as np
import pytest
from torchvision import datasets

from engine.data import downloads
from engine.data.downloads import fetch, find_data
from engine.data.images import ingest
from engine.specs.schema import SpecError


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(downloads, "own_folder", lambda: tmp_path / "own")
    monkeypatch.chdir(tmp_path)


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes())


class Downloader:
    """Writes what torchvision's MNIST class leaves behind, without a network."""

    def __init__(self, root, download):
        assert download
        raw = root / "MNIST" / "raw"
        raw.mkdir(parents=True)
        for part, count in (("train", 20), ("t10k", 10)):
            (raw / f"{part}-images-idx3-ubyte").write_bytes(b"unpacked")
            images = np.zeros((count, 28, 28))
            (raw / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(images))
            (raw / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(np.arange(count) % 10))


class Cifar:
    """What torchvision's CIFAR10 class holds, without a network."""

    classes = ("cat", "dog")

    def __init__(self, root, train, download):
        (root / "cifar-10-python.tar.gz").write_bytes(b"archive")
        self.data = np.full((4, 32, 32, 3), 7, np.uint8)
        self.targets = [0, 1, 0, 1]


def test_that_mnist_is_fetched_into_the_folder_of_data_and_read(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "MNIST", Downloader)
    place = find_data("mnist", download=True)
    assert place == tmp_path / "data" / "mnist"
    _, found = ingest(place)
    assert len(found.train_images) == 20
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["mnist"]
    assert find_data("mnist") == place


def test_that_cifar_is_written_as_a_folder_of_images(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "CIFAR10", Cifar)
    spec, found = ingest(find_data("cifar10", download=True))
    assert found.classes == ("cat", "dog")
    assert (len(found.train_images), len(found.test_images)) == (4, 4)
    assert (found.train_images == 7).all()
    assert spec.kind == "folder"


def test_that_a_failed_download_leaves_nothing_and_says_why(tmp_path, monkeypatch):
    def fail(root, download):
        raise RuntimeError("no route to host")

    monkeypatch.setattr(datasets, "MNIST", fail)
    with pytest.raises(SpecError, match=r"mnist cannot be downloaded to .*: no route to host"):
        fetch("mnist", tmp_path / "data")
    assert not list((tmp_path / "data").iterdir())


def test_that_only_known_names_are_fetched(tmp_path):
    with pytest.raises(SpecError, match="path is 'imagenet'; only mnist, fashion-mnist, cifar10"):
        fetch("imagenet", tmp_path)


def test_that_nothing_is_fetched_unless_it_is_asked_for():
    with pytest.raises(SpecError, match="or let --download fetch it"):
        find_data("mnist")


@pytest.mark.parametrize("name", ["cifar10", "cifar10.zip", "cifar10-images.tar.gz"])
def test_that_an_archive_of_that_name_will_do(tmp_path, name):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).touch()
    assert find_data("cifar10").name == name
