"""The smoke test knows the window by its keys alone; here they meet a window that can be asked."""

from __future__ import annotations

import importlib
from pathlib import Path

import h5py
import numpy as np
from safetensors.numpy import load_file

from tests.gui.desktop import until
from tests.gui.person import CORNER, Person, own_desktop, records


def test_that_the_keys_lead_where_the_smoke_test_believes(tmp_path: Path) -> None:
    smoke = importlib.import_module("smoke_window")
    with own_desktop(tmp_path) as desktop, Person(desktop) as person:
        until(lambda: person.look("page.demo.isEnabled"), "the first page")
        desktop.keys(*["Tab"] * smoke.TABS_TO_DEMO)
        person.sees("page.demo.hasFocus", True)
        desktop.keys("space")
        until(lambda: desktop.windows("^demo "), "the demo study being open")
        keep_an_attack(smoke, person)
        desktop.keys("ctrl+2")
        until(lambda: person.shown() == "Data", "the page Data")
        desktop.drag_folder(smoke.image_folder(tmp_path / "images"), onto=smoke.DROP)
        person.sees("window.workspace.images.kind", "folder")
        desktop.keys("ctrl+3")
        until(lambda: person.shown() == "Train", "the page Train")
        person.sees("page.obstacle", "")  # the images are there, and what is proposed for them
        desktop.keys(*["Tab"] * smoke.TABS_TO_EPOCHS)
        desktop.write("2")
        person.sees("page.form.epochs.value", 2)
        person.quit()


def keep_an_attack(smoke, person: Person) -> None:
    """See that the slider is where it is looked for, and that the palette keeps the attack."""
    person.desktop.keys("ctrl+4")
    until(lambda: person.shown() == "Attack", "the page Attack")
    until(lambda: person.look("page.columns.0.result") is not None, "an attacked picture")
    left, top, right, bottom = smoke.SLIDER
    x, y, width, height = person.where("page.form.eps.slider")
    assert x - CORNER[0] < left < right < x - CORNER[0] + width
    # A line above the slider tells how a dropped picture was made to fit.
    line = person.look("page.images.origin.sizeHint.height") + 8
    assert top < y - CORNER[1] < y - CORNER[1] + height + line < bottom
    study = Path(person.look("window.workspace.study.path"))
    before = len(records(study, "adversarial_examples"))
    smoke.command(person.desktop, "Save adversarial examples")
    until(lambda: len(records(study, "adversarial_examples")) > before, "the attack being kept")


def test_that_the_weights_file_of_the_smoke_test_holds_the_networks_weights(tmp_path: Path) -> None:
    smoke = importlib.import_module("smoke_window")
    weights = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "b.count": np.array(7)}
    with h5py.File(tmp_path / "record.h5", "w") as file:
        for name, values in weights.items():
            file[f"arrays/weights/{name}"] = values
    found = load_file(smoke.weights_file(tmp_path / "record.h5", tmp_path / "own.safetensors"))
    assert sorted(found) == sorted(weights)
    for name, values in weights.items():
        np.testing.assert_array_equal(found[name], values)
