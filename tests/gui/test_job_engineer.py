"""The engineer's job: own images and an own network, dropped on the window and trained robust."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from engine.networks.architectures import build
from engine.specs import Adversarial, SmallCNN
from tests.gui.desktop import Desktop, until
from tests.gui.person import Person, own_desktop, records

CLASSES = ("bolt", "nut", "washer")
EACH = 60
EPOCHS = 2
EPS = 0.05
DROP = (640, 500)


def test_that_an_engineer_makes_an_own_network_robust_on_own_images(tmp_path: Path) -> None:
    images = image_folder(tmp_path / "parts")
    weights = weights_file(tmp_path / "production.safetensors")
    with own_desktop(tmp_path) as desktop, Person(desktop) as engineer:
        study = drop_images(engineer, images)
        drop_weights(engineer, weights, study)
        train_from(engineer, study)
        engineer.sees("window.workspace.runner.busy", False)  # the check of the network follows
        engineer.quit()


def image_folder(path: Path) -> Path:
    """Write grey images of three classes: a bright bar, disc or ring at a place of its own."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:28, :28]
    for label, name in enumerate(CLASSES):
        (path / name).mkdir(parents=True)
        for index in range(EACH):
            y, x = random.integers(10, 18, 2)
            radius = np.hypot(rows - y, columns - x)
            shape = (np.abs(columns - x) < 3, radius < 7, np.abs(radius - 7) < 2)[label]
            pixels = np.where(shape, 200, 40) + random.integers(-30, 30, (28, 28))
            Image.fromarray(pixels.astype(np.uint8)).save(path / name / f"{index:02d}.png")
    return path


def weights_file(path: Path) -> Path:
    """Save a small network as an engineer's own program would."""
    generator = torch.Generator().manual_seed(0)
    network = build(SmallCNN(), shape=(1, 28, 28), classes=len(CLASSES), generator=generator)
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, path)
    return path


def drop(desktop: Desktop, path: Path) -> None:
    """Drag a file or folder out of another program onto the window."""
    desktop.drag_folder(path, onto=DROP)


def drop_images(engineer: Person, images: Path) -> Path:
    """Return the study that the dropped folder began."""
    drop(engineer.desktop, images)
    until(lambda: engineer.look("window.workspace.image_set.classes"), "the images being read")
    assert engineer.look("window.workspace.image_set.classes") == list(CLASSES)
    engineer.sees("window.isActiveWindow", True)  # keys go here now, not to the other program
    assert engineer.shown() == "Data"
    assert "28 × 28 px grey" in engineer.look("page.facts.text")
    engineer.picture("page.browser")
    engineer.desktop.shoot("data")
    return Path(engineer.look("window.workspace.study.path"))


def drop_weights(engineer: Person, weights: Path, study: Path) -> None:
    """Import what the window finds out about the file, without naming or setting anything."""
    drop(engineer.desktop, weights)
    engineer.desktop.window("^Open network$")
    engineer.sees("dialog.accept_button.isEnabled", True)
    assert "3 classes, a normaliser in the file" in engineer.look("dialog.facts.text")
    engineer.desktop.shoot("import")
    engineer.press("dialog.accept_button")
    (network,) = until(lambda: list(records(study, "imported").values()), "the network")
    assert network.name == weights.name
    assert isinstance(network.network, SmallCNN)


def train_from(engineer: Person, study: Path) -> None:
    """Train it further against an attack, and watch the curves."""
    (network,) = records(study, "imported").values()
    engineer.go_to("Train")
    until(lambda: engineer.look("page.form.start.count") == 2, "the network being offered")
    engineer.choose("page.form.start", network.title)
    engineer.tick(f"page.form.sections.{section_of(engineer, 'standard')}.box", False)
    engineer.fill("page.form.attack.sweep._edits.linf.line", str(EPS))
    engineer.fill("page.form.epochs", str(EPOCHS))
    engineer.desktop.shoot("before training")
    assert engineer.look("page.footer.train.text") == "Train 1 network"
    engineer.press("page.footer.train")
    (training,) = until(lambda: list(records(study, "training").values()), "the training")
    assert training.start == network
    assert training.epochs == EPOCHS
    assert isinstance(training.scheme, Adversarial)
    assert training.scheme.attack.eps == EPS
    until(lambda: len(curve(engineer)) == EPOCHS, "the accuracy after each epoch")
    engineer.picture("page.curves")
    engineer.desktop.shoot("after training")


def section_of(engineer: Person, kind: str) -> int:
    """Return the place of a training scheme in the form."""
    kinds = [engineer.look(f"page.form.sections.{place}.scheme.kind") for place in range(20)]
    return kinds.index(kind)


def curve(engineer: Person) -> list[float]:
    """Return the accuracies that the chart shows."""
    shown = engineer.look("page.curves.accuracy._items.1.y")
    return list(shown or ())
