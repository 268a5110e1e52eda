"""Somebody drops own pictures on the pages Attack and Maps, by mouse, on the demo study."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.gui.desktop import until
from tests.gui.person import Person, middle, own_desktop
from tests.heic_files import crashing, photograph

DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo.isthmus"
DROP = (640, 500)
OWN = 1000  # test images of the demo


def test_that_a_picture_dropped_on_attack_is_attacked_there(tmp_path: Path) -> None:
    ring = drawn(tmp_path / "ring.png")
    with own_desktop(tmp_path) as desktop, Person(desktop) as person:
        person.press_text("Open the demo study")
        until(lambda: person.look("window.workspace.image_set.class_count") == 10, "the images")
        person.go_to("Attack")
        until(lambda: person.look("page.columns.0.result") is not None, "an attacked picture")
        desktop.drag_folder(ring, onto=middle(person.where("page.original")))
        person.sees("page._heading.text", "Original: ring.png")
        until(lambda: person.look("page.columns.0.attack") is not None, "an attack")
        assert person.shown() == "Attack"
        assert list(person.look("page.strip.chosen")) == [OWN]
        assert "28 x 28" in person.look("page.images.origin.text")
        desktop.shoot("ring attacked")
        person.press("page.strip.view")  # the study's images are still there: the one in the middle
        until(lambda: person.look("page.strip.chosen")[0] < OWN, "an image of the study")
        person.go_to("Maps")
        until(lambda: len(person.look("page._table.rows") or ()) > 1, "maps")
        assert OWN in person.look("page.strip.chosen")
        assert person.look("window.workspace.images.kind") == "glyphs"
        desktop.shoot("ring on Maps")
        person.quit()


def test_that_heic_photographs_are_attacked_where_they_are_dropped_and_read_as_a_set(
    tmp_path: Path,
) -> None:
    photo, damaged = tmp_path / "phone.heic", tmp_path / "damaged.heic"
    photo.write_bytes(photograph("turned.heic"))
    damaged.write_bytes(crashing())
    with own_desktop(tmp_path) as desktop, Person(desktop) as person:
        person.press_text("Open the demo study")
        until(lambda: person.look("window.workspace.image_set.class_count") == 10, "the images")
        person.go_to("Attack")
        until(lambda: person.look("page.columns.0.result") is not None, "an attacked picture")
        before = person.picture("page.columns.0.adversarial")
        desktop.drag_folder(photo, onto=middle(person.where("page.original")))
        person.sees("page._heading.text", "Original: phone.heic")
        until(lambda: person.picture("page.columns.0.adversarial") != before, "an attack on it")
        assert list(person.look("page.strip.chosen")) == [OWN]
        assert "28 x 28" in person.look("page.images.origin.text")
        desktop.shoot("phone attacked")
        desktop.drag_folder(damaged, onto=middle(person.where("page.original")))
        until(
            lambda: "damaged holds no readable" in str(person.look("window.messages.errors")),
            "the refusal",
        )
        desktop.shoot("damaged refused")
        person.go_to("Data")
        desktop.drag_folder(folder_of_heic(tmp_path / "phones"), onto=DROP)
        until(lambda: person.look("window.workspace.images.name") == "phones", "the set")
        until(lambda: person.look("window.workspace.image_set.classes") == ["a", "b"], "its pixels")
        person.picture("page.browser")
        desktop.shoot("phones on Data")
        person.quit()


def folder_of_heic(folder: Path) -> Path:
    """Write photographs of two classes, three of each."""
    classes = {"a": ("colour", "turned", "ten"), "b": ("grey", "seethrough", "colour")}
    for name, files in classes.items():
        (folder / name).mkdir(parents=True)
        for number, file in enumerate(files):
            (folder / name / f"{number}.heic").write_bytes(photograph(f"{file}.heic"))
    return folder


def drawn(path: Path) -> Path:
    """Draw a bright ring, wider than high, as a photograph would be."""
    rows, columns = np.mgrid[:120, :200]
    distance = np.hypot(rows - 60, columns - 100)
    Image.fromarray(np.where(np.abs(distance - 35) < 9, 240, 15).astype(np.uint8)).save(path)
    return path
